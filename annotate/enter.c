/* The thread that finds files and enters them into the store, in batches. */
#include <string.h>

#include "annotate/pipeline.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

enum { BATCH = 1000 };
static const double FLUSH_S = .5; /* so that work begins while more is being found */

typedef struct Batch {
    HedonStoreFile files[BATCH];
    uint8_t unsure[BATCH]; /* as hedon_source_next */
    int count;
    double begun_s;
} Batch;

static void drop(const HedonStoreFile *file)
{
    hedon_free((char *)file->path);
    hedon_free((char *)file->root);
}

static void clear(Batch *batch)
{
    for (int i = 0; i < batch->count; i++) drop(&batch->files[i]);
    batch->count = 0;
}

static int add(HedonContext *ctx, Batch *batch, const HedonStoreFile *file, int unsure)
{
    if (!batch->count) batch->begun_s = hedon_clock_s();
    batch->unsure[batch->count] = (uint8_t)unsure;
    HedonStoreFile *copy = &batch->files[batch->count++];
    *copy = *file;
    copy->path = hedon_strdup(file->path);
    copy->root = hedon_strdup(file->root);
    return copy->path && copy->root ? 0 : hedon_fail_memory(ctx);
}

/* Looks into the files whose name does not tell, and which the store does not know; those that are
 * no videos leave the batch. */
static int settle(HedonContext *ctx, HedonPipeline *pipeline, HedonStore *store, Batch *batch)
{
    if (!memchr(batch->unsure, 1, (size_t)batch->count)) return 0;
    uint8_t known[BATCH];
    const int code =
        hedon_store_known(ctx, store, pipeline->run, batch->files, batch->count, known);
    if (code) return code;
    int kept = 0;
    for (int i = 0; i < batch->count; i++) {
        const HedonStoreFile file = batch->files[i];
        if (!batch->unsure[i] || hedon_source_settle(ctx, pipeline->source, file.path, known[i]))
            batch->files[kept++] = file;
        else
            drop(&file);
    }
    batch->count = kept;
    return 0;
}

static int flush(HedonContext *ctx, HedonPipeline *pipeline, HedonStore *store, Batch *batch)
{
    HedonStoreEntered entered = {0};
    int code = settle(ctx, pipeline, store, batch);
    if (!code && batch->count)
        code = hedon_store_enter(ctx, store, pipeline->run, batch->files, batch->count, &entered);
    clear(batch);
    pthread_mutex_lock(&pipeline->lock);
    HedonAnnotateState *state = &pipeline->state;
    state->entered.added += entered.added;
    state->entered.changed += entered.changed;
    state->entered.known += entered.known;
    state->found = *hedon_source_counts(pipeline->source);
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    return code;
}

static int enter_all(HedonContext *ctx, HedonPipeline *pipeline, HedonStore *store, Batch *batch)
{
    HedonStoreFile file;
    int code, unsure;
    HedonStretch stretch = hedon_stretch_begin();
    while (!(code = hedon_source_next(ctx, pipeline->source, &file, &unsure))) {
        code = add(ctx, batch, &file, unsure);
        if (!code && (batch->count == BATCH || hedon_clock_s() - batch->begun_s > FLUSH_S)) {
            code = flush(ctx, pipeline, store, batch);
            hedon_stretch_end(pipeline, HEDON_ANNOTATE_DISCOVER, stretch);
            stretch = hedon_stretch_begin();
        }
        if (code) return code;
        if (hedon_pipeline_stopped(pipeline)) return HEDON_ECANCELLED;
    }
    code = code < 0 ? code : flush(ctx, pipeline, store, batch);
    hedon_stretch_end(pipeline, HEDON_ANNOTATE_DISCOVER, stretch);
    return code;
}

void *hedon_pipeline_enter(void *opaque)
{
    HedonPipeline *pipeline = opaque;
    HedonContext *ctx = hedon_context_new();
    HedonStore *store = NULL;
    Batch *batch = hedon_calloc(1, sizeof(*batch));
    int code = ctx && batch ? 0 : HEDON_ENOMEM;
    if (!code) code = hedon_pipeline_open_store(ctx, pipeline, &store);
    if (!code) code = enter_all(ctx, pipeline, store, batch);
    if (code) hedon_pipeline_fail(pipeline, code, ctx ? hedon_last_error(ctx) : "out of memory");
    if (batch) clear(batch);
    hedon_free(batch);
    hedon_store_close(store);
    hedon_context_free(ctx);
    pthread_mutex_lock(&pipeline->lock);
    pipeline->entering = 0;
    pipeline->entering_s = hedon_clock_s() - pipeline->started_s;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
}
