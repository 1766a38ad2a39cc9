#include "tools/pipeline_store.h"

#include <pthread.h>
#include <stdio.h>

#include "annotate/identity.h"
#include "annotate/pipeline.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "tools/pipeline_set.h"

enum { BATCH = 64, ENTERED_AT_ONCE = 1000 };
static const double COMMIT_S = .25; /* at most so long between a result and its commit */

struct HedonPipelineStore {
    char folder[HEDON_PIPELINE_FOLDER];
    HedonStore *store; /* the writer's, once that is started */
    HedonStoreRun run;
    int64_t worker;
    HedonStoreJob *jobs; /* which of them a result is written to makes no difference to its cost */
    HedonWork **results; /* put so far */
    int64_t count, job_count, result_count;
    HedonQueue queue;
    pthread_t thread;
    int started;
    int put_code;
    /* the writer's, until it is joined */
    HedonContext *ctx;
    HedonStoreResult batch[BATCH];
    int batched;
    HedonStageStats lane;
    int64_t written;
    int code;
};

/* ---- The writer */

typedef struct Work {
    double wall_s, cpu_s;
} Work;

static Work begin_work(void)
{
    return (Work){hedon_clock_s(), hedon_thread_cpu_s()};
}

static void end_work(HedonPipelineStore *store, Work begun)
{
    store->lane.busy_s += hedon_clock_s() - begun.wall_s;
    store->lane.cpu_s += hedon_thread_cpu_s() - begun.cpu_s;
}

static int commit(HedonPipelineStore *store)
{
    const Work begun = begin_work();
    const int code = hedon_store_finish(store->ctx, store->store, store->worker, store->batch,
                                        store->batched, NULL);
    end_work(store, begun);
    store->batched = 0;
    return code;
}

static void add_to_batch(HedonPipelineStore *store, const HedonWork *work)
{
    store->batch[store->batched++] =
        (HedonStoreResult){.job = &store->jobs[work->number],
                           .outcome = work->outcome,
                           .score = &work->score,
                           .hash = store->run.model_sha256, /* as long as a content's */
                           .size = 1,
                           .mtime_ns = 1};
}

static int write_all(HedonPipelineStore *store)
{
    double first_s = 0;
    int code = 0;
    while (!code) {
        const double now = hedon_clock_s();
        const double wait_s = store->batched ? first_s + COMMIT_S - now : COMMIT_S;
        const HedonWork *work =
            store->batched < BATCH && wait_s > 0 ? hedon_queue_take(&store->queue, wait_s) : NULL;
        store->lane.starved_s += hedon_clock_s() - now;
        if (work) {
            if (!store->batched) first_s = hedon_clock_s();
            add_to_batch(store, work);
            continue;
        }
        if (store->batched)
            code = commit(store);
        else if (hedon_queue_is_stopped(&store->queue))
            return 0;
    }
    return code;
}

static void *write_results(void *opaque)
{
    HedonPipelineStore *store = opaque;
    HedonStoreRun counts = {0};
    store->code = write_all(store);
    if (!store->code)
        store->code = hedon_store_progress(store->ctx, store->store, store->run.id, &counts);
    store->written = counts.done + counts.failed;
    if (store->code) hedon_queue_stop(&store->queue); /* nobody will take from it any more */
    const Work begun = begin_work();
    hedon_store_close(store->store); /* moves what is in the log into the file */
    store->store = NULL;
    end_work(store, begun);
    return NULL;
}

/* ---- Opening */

static int enter(HedonContext *ctx, HedonPipelineStore *store, const char *const *paths)
{
    HedonStoreFile files[ENTERED_AT_ONCE];
    HedonStoreEntered entered = {0};
    int code = 0;
    for (int64_t done = 0; done < store->count && !code;) {
        int count = 0;
        for (; count < ENTERED_AT_ONCE && done < store->count; count++)
            files[count] =
                (HedonStoreFile){.path = paths[done++], .root = "/", .size = 1, .mtime_ns = 1};
        code = hedon_store_enter(ctx, store->store, store->run.id, files, count, &entered);
    }
    return code;
}

/* The lease may run out meanwhile: nobody else claims. */
static int claim(HedonContext *ctx, HedonPipelineStore *store)
{
    int code = hedon_store_worker_begin(ctx, store->store, store->run.id, &store->worker);
    while (!code && store->job_count < store->count) {
        const int64_t left = store->count - store->job_count;
        int taken = 0;
        code = hedon_store_claim(ctx, store->store, store->run.id, store->worker,
                                 left < BATCH ? (int)left : BATCH, store->jobs + store->job_count,
                                 &taken);
        store->job_count += taken;
        if (!code && !taken) code = hedon_fail(ctx, HEDON_EINVAL, "a video is listed twice");
    }
    return code;
}

static int prepare(HedonContext *ctx, HedonPipelineStore *store, const HedonScorer *scorer,
                   const char *const *paths)
{
    char place[HEDON_PIPELINE_FOLDER + 16];
    int code = hedon_pipeline_folder_make(ctx, store->folder);
    if (code) return code;
    snprintf(place, sizeof(place), "%s/results.db", store->folder);
    code = hedon_store_open(ctx, &store->store, place, NULL);
    if (!code) code = hedon_identity(ctx, scorer, &store->run);
    if (!code) code = hedon_store_run(ctx, store->store, &store->run);
    if (!code) code = enter(ctx, store, paths);
    if (!code) code = claim(ctx, store);
    if (!code) code = hedon_queue_open(ctx, &store->queue, HEDON_PIPELINE_RESULTS);
    return code;
}

int hedon_pipeline_store_open(HedonContext *ctx, HedonPipelineStore **out,
                              const HedonScorer *scorer, const char *const *paths, int64_t count)
{
    HedonPipelineStore *store = *out = hedon_calloc(1, sizeof(*store));
    if (!store) return hedon_fail_memory(ctx);
    store->count = count;
    store->lane.lanes = 1;
    store->jobs = hedon_calloc((size_t)count, sizeof(*store->jobs));
    store->results = hedon_calloc((size_t)count, sizeof(*store->results));
    store->ctx = hedon_context_new();
    int code = store->jobs && store->results && store->ctx ? 0 : hedon_fail_memory(ctx);
    if (!code) code = prepare(ctx, store, scorer, paths);
    if (!code) {
        store->started = !pthread_create(&store->thread, NULL, write_results, store);
        if (!store->started) code = hedon_fail(ctx, HEDON_ENOMEM, "cannot start another thread");
    }
    if (code) {
        hedon_pipeline_store_close(store);
        *out = NULL;
    }
    return code;
}

/* ---- What comes */

int hedon_pipeline_store_put(HedonPipelineStore *store, const HedonScore *score)
{
    HedonWork *work = hedon_work_new(&(HedonStoreJob){0});
    if (!work || hedon_work_score(work, score)) {
        hedon_work_free(work);
        return store->put_code = HEDON_ENOMEM;
    }
    work->number = store->result_count;
    store->results[store->result_count++] = work;
    return hedon_queue_put(&store->queue, work) ? HEDON_ECANCELLED : 0;
}

int hedon_pipeline_store_put_all(HedonPipelineStore *store, const HedonPipelineStore *other)
{
    int code = 0;
    for (int64_t i = 0; i < other->result_count && !code; i++)
        code = hedon_pipeline_store_put(store, &other->results[i]->score);
    return code;
}

/* ---- The end */

static void join(HedonPipelineStore *store)
{
    if (!store->started) return;
    hedon_queue_stop(&store->queue);
    pthread_join(store->thread, NULL);
    store->started = 0;
}

int hedon_pipeline_store_end(HedonContext *ctx, HedonPipelineStore *store, HedonStageStats *lane,
                             int64_t *written)
{
    join(store);
    *lane = store->lane;
    *written = store->written;
    if (store->put_code) return hedon_fail_memory(ctx);
    return store->code ? hedon_fail(ctx, store->code, "%s", hedon_last_error(store->ctx)) : 0;
}

void hedon_pipeline_store_close(HedonPipelineStore *store)
{
    if (!store) return;
    join(store);
    hedon_store_close(store->store);
    hedon_queue_close(&store->queue);
    for (int64_t i = 0; i < store->result_count; i++) hedon_work_free(store->results[i]);
    for (int64_t i = 0; i < store->job_count; i++) hedon_store_job_clear(&store->jobs[i]);
    hedon_free(store->results);
    hedon_free(store->jobs);
    hedon_identity_clear(&store->run);
    hedon_context_free(store->ctx);
    if (store->folder[0]) hedon_pipeline_folder_remove(store->folder);
    hedon_free(store);
}
