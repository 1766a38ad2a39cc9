/* One video's way from logits to a result: sums over views and clips, then intensities, percentile,
 * top emotions, spread. */
#ifndef HEDON_SCORE_TALLY_H
#define HEDON_SCORE_TALLY_H

#include "hedon.h"

enum {
    HEDON_TALLY_VALUES = HEDON_EMOTIONS + 1, /* the emotions, then the utility */
    HEDON_MAX_VIEWS = 3                      /* of a clip */
};

/* Which of a video's clips are for what: rows of the timeline, or the model's own sampling, which
 * makes the overall result. */
typedef struct HedonClipRoles {
    int64_t timeline;   /* rows */
    const int64_t *row; /* by clip: its row; HEDON_NO_ROW for a clip of the model's own. NULL: clip
                           c is row c, and all are the model's own too */
} HedonClipRoles;

enum { HEDON_NO_ROW = -1 };

typedef struct HedonTally {
    HedonClipRoles roles;
    int64_t clip_count, views_per_clip;
    int64_t taken; /* views added */
    HedonScoreClip *clips;
    int has_emotions, has_utility;
    float last[HEDON_MAX_VIEWS][HEDON_TALLY_VALUES]; /* logits of the clip under way */
    double sum[HEDON_TALLY_VALUES];      /* logits of the model's own clips */
    int64_t views;                       /* in sum */
    double mean[HEDON_TALLY_VALUES],
        square[HEDON_TALLY_VALUES]; /* Welford's, of the views' values */
    int not_finite;
} HedonTally;

/** Start (again): what was added before is void. roles.row is borrowed until the last view. */
int hedon_tally_start(HedonContext *ctx, HedonTally *tally, HedonClipRoles roles,
                      int64_t clip_count, int64_t views_per_clip);
/** The times of a clip, before its views. */
void hedon_tally_clip(HedonTally *tally, int64_t clip, double start_s, double end_s);
/** The logits of one view; views come in order. emotions or utility NULL: the model has no such
 * head. */
void hedon_tally_view(HedonTally *tally, int64_t clip, int64_t view, const float *emotions,
                      const float *utility);
/** The logits of a view that was added last for its place; NULL as they were given. Borrowed. */
void hedon_tally_last(const HedonTally *tally, int64_t view, const float **emotions,
                      const float **utility);
int hedon_tally_complete(const HedonTally *tally);
/** Fill the predictions of score; its timeline stays the tally's. HEDON_EDATA when the model gave
 *  something that is not a number. */
int hedon_tally_result(HedonContext *ctx, const HedonTally *tally, const HedonModelInfo *model,
                       HedonScore *score);
void hedon_tally_free(HedonTally *tally);

/** 0..100: how many of count ascending values lie below x. */
double hedon_percentile(const double *ascending, int64_t count, double x);

#endif
