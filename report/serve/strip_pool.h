/* Thumbnails on demand: a few decoders, a bounded queue, and the last strips made. */
#ifndef HEDON_REPORT_SERVE_STRIP_POOL_H
#define HEDON_REPORT_SERVE_STRIP_POOL_H

#include <limits.h>

#include "decode/worker.h"
#include "report/peaks.h"

typedef struct HedonStripPool HedonStripPool;

typedef struct HedonStripJob {
    char path[PATH_MAX];
    char name[64]; /* of the strip: changes with the content */
    double times[HEDON_MOST_PEAKS];
    int count;
    /** Called once, on a pool's thread, when png is there (or NULL: not to be had). */
    void (*finished)(struct HedonStripJob *job);
    void *opaque;
    uint8_t *png; /* the job owner's; free with hedon_free */
    size_t size;
} HedonStripJob;

int hedon_strip_pool_new(HedonContext *ctx, HedonStripPool **out, int threads,
                         const HedonWorkerOptions *worker);
/** A copy of a strip made before, into job->png: 1, or 0 when it is not there (any more). */
int hedon_strip_pool_find(HedonStripPool *pool, HedonStripJob *job);
/** Queue a job, calling `before` first when there is room: 1; 0 when the queue is full. The job
 * must live until `finished`. */
int hedon_strip_pool_add(HedonStripPool *pool, HedonStripJob *job, void (*before)(void *),
                         void *opaque);
int64_t hedon_strip_pool_made(HedonStripPool *pool);
/** Finish what waits without pictures, stop decoders, join the threads; jobs added later are
 * refused. */
void hedon_strip_pool_stop(HedonStripPool *pool);
void hedon_strip_pool_free(HedonStripPool *pool);

#endif
