/* Training: from datasets to a model file, resumable at any moment. */
#ifndef HEDON_TRAIN_TRAINER_H
#define HEDON_TRAIN_TRAINER_H

#include "train/config.h"
#include "train/process_group.h"

typedef struct HedonTrainProgress {
    int64_t epoch, epochs; /* the one under way, from 1 */
    int64_t step, steps;
    double loss;             /* mean over the epoch so far */
    const char *metric_name; /* "top-3", "pairs"; NULL before the first validation */
    double metric;
    double clips_per_s, left_s; /* of this process's time so far */
    double waiting;             /* share of the time that steps waited for decoding */
    int validating;
} HedonTrainProgress;

typedef struct HedonTrainCallbacks {
    void *opaque;
    /** A line of JSON without its newline, as it also goes to log.jsonl; "event" says what: start,
     *  resume, options, step, broken, short, epoch, interrupted, done. */
    void (*event)(void *opaque, const char *line);
    void (*progress)(void *opaque, const HedonTrainProgress *progress);
    /** Nonzero: stop at the next step, with the state saved. */
    int (*stop)(void *opaque);
} HedonTrainCallbacks; /* each may be NULL */

typedef struct HedonTrainOptions {
    int resume; /* go on with the run in `out` */
    int force;  /* ... although threads, ranks, configuration or build are not the saved state's */
    HedonProcessGroup *group; /* NULL: this process alone */
} HedonTrainOptions;

/**
 * Train in the folder `out`.
 *
 * A run that is resumed with the same configuration, threads and build ends, on the cpu backend,
 * with the bits of one that was never interrupted: the order of items, augmentation and dropout are
 * pure functions of seed and step.
 *
 * The processes of a group train as one with the batches of all of them, and return together, with
 * one code and sentence, unless the group is broken then: see process_group.h. Only rank 0 writes
 * to `out`, and only there are event and progress called.
 *
 * @return 0; HEDON_ECANCELLED after `stop` (the state is saved); HEDON_EINVAL (configuration, a
 * folder that is in use, a state that does not fit); HEDON_EDATA (datasets, a loss or gradient that
 * is not finite, too many broken videos; the sentence says where and what to do); HEDON_EIO,
 *         HEDON_EDEVICE, HEDON_ENOMEM
 */
int hedon_train(HedonContext *ctx, const char *out, const HedonTrainConfig *config,
                const HedonTrainOptions *options, const HedonTrainCallbacks *callbacks);

#endif
