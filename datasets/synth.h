/* Synthetic datasets in the layouts of VCE and V2V: what a video's viewers feel is known.
 *
 *   (seed, number) -> latent: pleasure, arousal, dominance
 *       -> raters (synth_raters.c)        -> intensities, comparisons
 *       -> scene (synth_scene.h)          -> frames
 *
 * A universe is a seed and a number of videos. Both datasets of a universe show the same videos
 * under the same numbers: VCE has them all, V2V some of them, in other splits, as with the real
 * ones. Everything here is a pure function of the universe. */
#ifndef HEDON_DATASETS_SYNTH_H
#define HEDON_DATASETS_SYNTH_H

#include "base/random.h"
#include "hedon.h"
#include "models/emotion_words.h"

typedef struct HedonSynthUniverse {
    uint64_t seed;
    int64_t videos; /* HEDON_SYNTH_LEAST to 999,999 */
} HedonSynthUniverse;

/* Enough for every split of V2V to have something in it. */
enum { HEDON_SYNTH_LEAST = 24 };

/* What is drawn for what: the epoch of base/random.h's keys. Numbers are never reused. */
typedef enum HedonSynthDraw {
    HEDON_SYNTH_DRAW_LATENT = 1,
    HEDON_SYNTH_DRAW_RATERS,
    HEDON_SYNTH_DRAW_SCENE,
    HEDON_SYNTH_DRAW_VCE_SPLIT,
    HEDON_SYNTH_DRAW_V2V_SPLIT,
    HEDON_SYNTH_DRAW_PAIRS,
    HEDON_SYNTH_DRAW_PAIR_ORDER,
    HEDON_SYNTH_DRAW_JUDGES,
    HEDON_SYNTH_DRAW_LISTS,
    HEDON_SYNTH_DRAW_PANEL,
} HedonSynthDraw;

/* In standard deviations of the emotion words' norms; 0 is the mean word. */
typedef struct HedonSynthLatent {
    double at[HEDON_PAD];
} HedonSynthLatent;

HedonSynthLatent hedon_synth_latent(uint64_t seed, int64_t video);

/* ---- VCE: ratings of single videos ---------------------------------------------------------- */

typedef struct HedonSynthRating {
    int intensity[HEDON_EMOTIONS]; /* in 1/120; never all zero */
    int top[3];                    /* most intense first; ties broken by chance, as VCE has them */
    int label;                     /* the first maximum in class order */
} HedonSynthRating;

/** The mean of several raters, who each perceive the latent with an error of their own. */
HedonSynthRating hedon_synth_rate(uint64_t seed, int64_t video);

/** The emotions from the nearest word to the farthest: what raters without any error would say. */
void hedon_synth_nearest(const HedonSynthLatent *latent, int order[HEDON_EMOTIONS]);

/* ---- V2V: comparisons ----------------------------------------------------------------------- */

enum { HEDON_SYNTH_LIST = 4 };

/* Numbers of videos, least to most pleasant as the judges had it. */
typedef struct HedonSynthComparison {
    int count; /* 2 for pairs, 2 to 4 for lists */
    int32_t video[HEDON_SYNTH_LIST];
} HedonSynthComparison;

typedef struct HedonSynthComparisons {
    HedonSynthComparison *at;
    int64_t count;
} HedonSynthComparisons;

/* Which video is where, and who was compared with whom. */
typedef struct HedonSynthPlan {
    HedonSynthUniverse universe;
    uint8_t *vce_test; /* by number: 1 in VCE's test split, 0 in train */
    uint8_t *in_v2v;   /* by number */
    int64_t vce_train, v2v_videos;
    HedonSynthComparisons pairs_train, pairs_test, lists;
} HedonSynthPlan;

/**
 * Draw the splits and comparisons, in the proportions of the real datasets.
 *
 * Pairs of a split form trees: no pair twice, no contradiction, no cycle. Lists share videos.
 *
 * @return 0; HEDON_EINVAL for too few or too many videos; HEDON_ENOMEM. Free with
 *         hedon_synth_plan_free, also after a failure.
 */
int hedon_synth_plan(HedonContext *ctx, HedonSynthPlan *plan, HedonSynthUniverse universe);
void hedon_synth_plan_free(HedonSynthPlan *plan);

/* ---- What can be scored on the labels ------------------------------------------------------- */

/* Shares from 0 to 1, on test videos, pairs and lists. The ceiling knows the latents but not the
 * raters' errors; the floor knows nothing of the videos. */
typedef struct HedonSynthVceBounds {
    double oracle_top1, oracle_top3;
    double majority_top1, majority_top3; /* always the most frequent labels of train */
    double chance_top1, chance_top3;
} HedonSynthVceBounds;

typedef struct HedonSynthV2vBounds {
    double oracle_pairs, oracle_lists; /* a list counts when wholly in order */
    double chance_pairs, chance_lists; /* mean of 1 / length! */
} HedonSynthV2vBounds;

HedonSynthVceBounds hedon_synth_vce_bounds(const HedonSynthPlan *plan);
HedonSynthV2vBounds hedon_synth_v2v_bounds(const HedonSynthPlan *plan);

/* ---- Files ---------------------------------------------------------------------------------- */

typedef enum HedonSynthKind { HEDON_SYNTH_VCE, HEDON_SYNTH_V2V } HedonSynthKind;

enum { HEDON_SYNTH_ID = 8 };
/** The id of a video: five digits, leading zeros; six in universes of more than 100,000. */
void hedon_synth_id(char id[HEDON_SYNTH_ID], const HedonSynthUniverse *universe, int64_t video);
/** Whether a dataset shows that video. */
int hedon_synth_shows(const HedonSynthPlan *plan, HedonSynthKind kind, int64_t video);
const char *hedon_synth_kind_name(HedonSynthKind kind); /* "vce", "v2v" */

/** Write labels, metadata.json and latents.json into dir, each atomically; metadata.json, without
 *  which the folder is no dataset, last. HEDON_EIO, HEDON_ENOMEM. */
int hedon_synth_write_labels(HedonContext *ctx, const HedonSynthPlan *plan, HedonSynthKind kind,
                             const char *dir);
/** The text of synth.json: what the folder is and, with `complete`, what can be scored on it, as
 * one JSON object and a newline; the same text for the same arguments. Release with free(). */
int hedon_synth_card(HedonContext *ctx, const HedonSynthPlan *plan, HedonSynthKind kind,
                     int complete, char **text);

#endif
