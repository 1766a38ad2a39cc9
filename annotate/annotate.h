/* Annotating folders: every video found is scored once per model and settings, results go to a
 * store, and whoever is stopped goes on where it was.
 *
 * One thread finds files and enters them into the store, one claims work, a few hash contents,
 * hedon_scorer_run decodes and computes, one writes results; between them are bounded queues, so
 * that memory grows neither with the number of files nor with their length.
 */
#ifndef HEDON_ANNOTATE_ANNOTATE_H
#define HEDON_ANNOTATE_ANNOTATE_H

#include "annotate/source.h"
#include "hedon.h"
#include "store/store.h"

typedef enum HedonAnnotateStage {
    HEDON_ANNOTATE_DISCOVER, /* walking, looking into files, entering them */
    HEDON_ANNOTATE_HASH,
    HEDON_ANNOTATE_DECODE, /* opening included */
    HEDON_ANNOTATE_PREPROCESS,
    HEDON_ANNOTATE_INFERENCE,
    HEDON_ANNOTATE_WRITE,
    HEDON_ANNOTATE_STAGES
} HedonAnnotateStage;

/** "discover", "hash", "decode", "pre-process", "inference", "write". */
const char *hedon_annotate_stage_name(HedonAnnotateStage stage);

typedef struct HedonAnnotateStageTime {
    double busy_s;  /* wall time at work, summed over its lanes */
    double cpu_s;   /* processor time */
    int lanes;      /* threads or processes that work at it; decode and pre-process share theirs */
    double use;     /* busy_s / (lanes * the seconds that it could have worked), 0..1 */
    double use_now; /* the same over the last few seconds */
} HedonAnnotateStageTime;

/* Where an annotation run stands. */
typedef struct HedonAnnotateState {
    HedonSourceCounts found;
    HedonStoreEntered entered;
    int discovering;
    int64_t done, failed; /* by this process: results, error rows */
    int64_t unchanged;    /* looked changed, but the content was the same: results kept */
    int64_t changing;     /* given back because they changed while they were read */
    int64_t lost;         /* results that came after the lease was given to another worker */
    int64_t left;         /* to be done, by anybody; -1 while unknown */
    int64_t elsewhere;    /* of these, held by other workers */
    int64_t bytes;        /* of the files that this process has dealt with */
    double elapsed_s;
    double per_s; /* videos dealt with, over the last half minute or so */
    HedonAnnotateStageTime stages[HEDON_ANNOTATE_STAGES];
    HedonAnnotateStage bottleneck; /* the stage to give more, or faster, hardware to */
    double cores_use;              /* processor time of all stages / (cores * elapsed_s) */
    int cores, workers, streams;
    int measured; /* workers and streams were chosen by measurement */
} HedonAnnotateState;

/* Called one at a time, from several threads. Each may be NULL. */
typedef struct HedonAnnotateCallbacks {
    void *opaque;
    /** Before the first video. */
    void (*started)(void *opaque, const HedonStoreRun *run, const HedonScorer *scorer);
    /** A result or error that is in the store now. score NULL: its content was unchanged. */
    void (*video)(void *opaque, const char *path, const HedonScore *score);
    /** A folder or file that could not be read while looking for videos. */
    void (*trouble)(void *opaque, const char *path, const char *sentence);
    /** Some four times a second. */
    void (*progress)(void *opaque, const HedonAnnotateState *state);
} HedonAnnotateCallbacks;

typedef struct HedonAnnotateOptions {
    const char *store; /* as hedon_store_open */
    HedonSourceOptions source;
    HedonScorerOptions scorer; /* decode_workers and streams 0: chosen by measurement */
    int retry_failed;          /* do videos again that failed before */
} HedonAnnotateOptions;

void hedon_annotate_options_default(HedonAnnotateOptions *options);
/**
 * Annotate until nothing is left to do for this model and these settings, in this store, by
 * anybody.
 *
 * @param state  may be NULL; how it ended, also after a failure
 * @return 0, also when videos failed; HEDON_ECANCELLED after hedon_cancel: what was computed is
 *         written, the rest given back; errors of the store, the source and the scorer
 */
int hedon_annotate(HedonContext *ctx, const HedonModel *model, const HedonAnnotateOptions *options,
                   const HedonAnnotateCallbacks *callbacks, HedonAnnotateState *state);

#endif
