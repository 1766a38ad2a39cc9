/* Every video of a dataset, opened through decode workers, several at once. */
#ifndef HEDON_DATASETS_VIDEOS_H
#define HEDON_DATASETS_VIDEOS_H

#include "datasets/dataset.h"
#include "decode/worker.h"

typedef struct HedonVisitOptions {
    int workers;               /* processes; 0: one for each core */
    HedonWorkerOptions worker; /* budgets of one video */
    /** Which items; NULL: all. */
    int (*wanted)(void *opaque, int64_t item);
    /**
     * An item's video; called from several threads, each item once. code 0: it is open in worker;
     * otherwise why not (hedon_last_error(ctx)). What it returns stops everything when it is not 0;
     * a video that is no good is not a reason.
     */
    int (*visit)(void *opaque, HedonContext *ctx, HedonWorker *worker, int64_t item, int code);
    /** May be NULL; from several threads, one at a time. */
    void (*progress)(void *opaque, int64_t done, int64_t total);
    void *opaque;
} HedonVisitOptions;

void hedon_visit_options_default(HedonVisitOptions *options);
/** 0; HEDON_EDECODER when there is no worker program, HEDON_ECANCELLED, HEDON_ENOMEM, or what visit
 *  returned. */
int hedon_visit_videos(HedonContext *ctx, const HedonDataset *dataset,
                       const HedonVisitOptions *options);
/** Ask for frames of the video open in worker; when that shows damage, count is cut to the frames
 * that are left and asked for again. *damaged may be NULL. */
int hedon_visit_frames(HedonContext *ctx, HedonWorker *worker, const int64_t *indices, size_t count,
                       HedonFrameSink sink, void *opaque, int *damaged);

#endif
