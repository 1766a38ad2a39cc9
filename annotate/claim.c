/* The threads before scoring: one claims work from the store, a few hash contents.
 *
 * What is claimed is leased, and what a killed process had leased waits for somebody to notice:
 * only a few jobs are taken ahead.
 */
#include <string.h>

#include "annotate/pipeline.h"
#include "base/clock.h"
#include "base/error.h"

enum { MOST_CLAIMED = 64 }; /* at once */

/* ---- Claiming */

static int put_jobs(HedonPipeline *pipeline, HedonStoreJob *jobs, int count)
{
    pthread_mutex_lock(&pipeline->lock);
    pipeline->upstream += count;
    pipeline->held += count;
    pipeline->dry = count ? 0 : pipeline->dry;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    int code = 0;
    for (int i = 0; i < count; i++) {
        HedonWork *work = hedon_work_new(&jobs[i]);
        if (!work) {
            hedon_store_job_clear(&jobs[i]);
            code = HEDON_ENOMEM;
        } else if (hedon_queue_put(&pipeline->jobs, work)) {
            hedon_work_free(work); /* stopped: given back with the worker */
        }
    }
    return code;
}

typedef struct Held {
    int64_t held;
    int entering;
} Held;

static Held held_by_us(HedonPipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->lock);
    const Held held = {pipeline->held, pipeline->entering};
    pthread_mutex_unlock(&pipeline->lock);
    return held;
}

/* Nothing could be claimed: whether there will be something. */
static int look_around(HedonContext *ctx, HedonPipeline *pipeline, HedonStore *store, Held before,
                       double *wait_s)
{
    const double start_s = hedon_clock_s();
    HedonStoreRun counts = {0};
    const int code = hedon_store_progress(ctx, store, pipeline->run, &counts);
    if (code) return code;
    *wait_s = 20 * (hedon_clock_s() - start_s);
    *wait_s = *wait_s < .5 ? .5 : *wait_s > 10 ? 10 : *wait_s;
    const Held after = held_by_us(pipeline);
    const int64_t elsewhere = counts.leased - after.held;
    pthread_mutex_lock(&pipeline->lock);
    pipeline->dry = 1;
    pipeline->finished =
        !before.held && !after.held && !before.entering && !counts.todo && !counts.leased;
    pipeline->state.elsewhere = elsewhere > 0 ? elsewhere : 0;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    return 0;
}

static int claim_all(HedonContext *ctx, HedonPipeline *pipeline, HedonStore *store)
{
    HedonStoreJob jobs[MOST_CLAIMED];
    double dry_since_s = hedon_clock_s();
    while (!hedon_pipeline_stopped(pipeline)) {
        int count = hedon_queue_room(&pipeline->jobs, .2);
        if (!count) continue;
        const Held before = held_by_us(pipeline);
        int code = hedon_store_claim(ctx, store, pipeline->run, pipeline->worker,
                                     count < MOST_CLAIMED ? count : MOST_CLAIMED, jobs, &count);
        if (!code && count) code = put_jobs(pipeline, jobs, count);
        if (code) return code;
        if (count) {
            dry_since_s = hedon_clock_s();
            continue;
        }
        double wait_s = .05;
        /* while files are being found, there is soon something again */
        if (!before.entering || hedon_clock_s() - dry_since_s > 2)
            code = look_around(ctx, pipeline, store, before, &wait_s);
        if (code) return code;
        pthread_mutex_lock(&pipeline->lock);
        const int finished = pipeline->finished;
        pthread_mutex_unlock(&pipeline->lock);
        if (finished) return 0;
        hedon_pipeline_nap(pipeline, wait_s);
    }
    return 0;
}

void *hedon_pipeline_claim(void *opaque)
{
    HedonPipeline *pipeline = opaque;
    HedonContext *ctx = hedon_context_new();
    HedonStore *store = NULL;
    int code = ctx ? hedon_pipeline_open_store(ctx, pipeline, &store) : HEDON_ENOMEM;
    if (!code) code = claim_all(ctx, pipeline, store);
    if (code) hedon_pipeline_fail(pipeline, code, ctx ? hedon_last_error(ctx) : "out of memory");
    hedon_store_close(store);
    hedon_context_free(ctx);
    return NULL;
}

/* ---- Hashing */

/* 0: to be scored; 1: already a result. */
static int hash(HedonContext *ctx, HedonPipeline *pipeline, HedonWork *work)
{
    const HedonStretch stretch = hedon_stretch_begin();
    int code = hedon_content_hash(ctx, work->job.path, &work->content);
    hedon_stretch_end(pipeline, HEDON_ANNOTATE_HASH, stretch);
    if (code == HEDON_ECANCELLED || code == HEDON_ENOMEM) return code;
    if (code) {
        work->content.size = work->job.size;
        work->content.mtime_ns = work->job.mtime_ns;
        code = hedon_work_fail(work, code, hedon_last_error(ctx));
        return code ? code : 1;
    }
    work->hashed = 1;
    if (!work->job.known_hash || strcmp(work->job.known_hash, work->content.hash)) return 0;
    work->outcome = HEDON_STORE_UNCHANGED;
    return 1;
}

static void pass_on(HedonPipeline *pipeline, HedonWork *work, int is_result)
{
    const int stopped = hedon_queue_put(is_result ? &pipeline->results : &pipeline->ready, work);
    if (stopped) hedon_work_free(work);
    pthread_mutex_lock(&pipeline->lock);
    pipeline->upstream--; /* after it arrived: whoever sees none upstream sees it there */
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
}

void *hedon_pipeline_hash(void *opaque)
{
    HedonPipeline *pipeline = opaque;
    HedonContext *ctx = hedon_context_new();
    if (!ctx) hedon_pipeline_fail(pipeline, HEDON_ENOMEM, "out of memory");
    while (ctx && !hedon_pipeline_stopped(pipeline)) {
        HedonWork *work = hedon_queue_take(&pipeline->jobs, .2);
        if (!work) continue;
        const int code = hash(ctx, pipeline, work);
        if (code >= 0) {
            pass_on(pipeline, work, code);
            continue;
        }
        hedon_work_free(work);
        hedon_pipeline_fail(pipeline, code, hedon_last_error(ctx));
    }
    hedon_context_free(ctx);
    return NULL;
}
