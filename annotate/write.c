/* The thread that writes results, keeps the leases alive and tells the caller how things stand. */
#include <string.h>
#include <time.h>

#include "annotate/pipeline.h"
#include "base/clock.h"
#include "base/error.h"

enum { BATCH = 64 };
static const double COMMIT_S = .25; /* at most so long between a result and its commit */
static const double TELL_S = .25;

typedef struct Writer {
    HedonPipeline *pipeline;
    HedonContext *ctx;
    HedonStore *store;
    HedonWork *batch[BATCH];
    int count;
    double first_s, beat_s, told_s, counted_s, count_cost_s;
} Writer;

/* ---- After a commit */

static void count_result(HedonPipeline *pipeline, const HedonWork *work)
{
    HedonAnnotateState *state = &pipeline->state;
    pipeline->held--;
    if (work->outcome == HEDON_STORE_GIVEN_BACK) {
        state->changing++;
        return;
    }
    if (work->outcome == HEDON_STORE_UNCHANGED)
        state->unchanged++;
    else if (work->score.code)
        state->failed++;
    else
        state->done++;
    state->bytes += work->content.size;
    if (state->left > 0) state->left--;
}

static void tell_result(HedonPipeline *pipeline, const HedonWork *work)
{
    const HedonAnnotateCallbacks *callbacks = pipeline->callbacks;
    if (!callbacks->video || work->outcome == HEDON_STORE_GIVEN_BACK) return;
    pthread_mutex_lock(&pipeline->telling);
    callbacks->video(callbacks->opaque, work->job.path,
                     work->outcome == HEDON_STORE_SCORED ? &work->score : NULL);
    pthread_mutex_unlock(&pipeline->telling);
}

static void settle(Writer *writer, int64_t lost)
{
    HedonPipeline *pipeline = writer->pipeline;
    pthread_mutex_lock(&pipeline->lock);
    for (int i = 0; i < writer->count; i++) count_result(pipeline, writer->batch[i]);
    pipeline->state.lost += lost;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    for (int i = 0; i < writer->count; i++) {
        tell_result(pipeline, writer->batch[i]);
        hedon_work_free(writer->batch[i]);
    }
    writer->count = 0;
}

/* ---- Writing */

/* An interruption may end a transaction half-way: then it is tried again once the interruption has
 * been dealt with, since what is computed is kept. */
static int commit(Writer *writer)
{
    HedonStoreResult results[BATCH];
    for (int i = 0; i < writer->count; i++) {
        const HedonWork *work = writer->batch[i];
        results[i] = (HedonStoreResult){.job = &work->job,
                                        .outcome = work->outcome,
                                        .score = &work->score,
                                        .hash = work->hashed ? work->content.hash : NULL,
                                        .size = work->content.size,
                                        .mtime_ns = work->content.mtime_ns};
    }
    const HedonStretch stretch = hedon_stretch_begin();
    int64_t lost = 0;
    const int code = hedon_store_finish(writer->ctx, writer->store, writer->pipeline->worker,
                                        results, writer->count, &lost);
    hedon_stretch_end(writer->pipeline, HEDON_ANNOTATE_WRITE, stretch);
    if (code == HEDON_ECANCELLED) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        return 0;
    }
    if (!code) settle(writer, lost);
    return code;
}

static int beat(Writer *writer, double now)
{
    if (now - writer->beat_s < writer->pipeline->lease_s / 4) return 0;
    writer->beat_s = now;
    const int code = hedon_store_heartbeat(writer->ctx, writer->store, writer->pipeline->worker);
    return code == HEDON_ECANCELLED ? 0 : code;
}

/* How much is left is asked as often as the answer is cheap. */
static int count_left(Writer *writer, double now)
{
    HedonPipeline *pipeline = writer->pipeline;
    const double every_s = writer->count_cost_s < .05 ? 1 : 20 * writer->count_cost_s;
    if (now - writer->counted_s < every_s) return 0;
    HedonStoreRun counts = {0};
    const int code = hedon_store_progress(writer->ctx, writer->store, pipeline->run, &counts);
    writer->counted_s = hedon_clock_s();
    writer->count_cost_s = writer->counted_s - now;
    if (code) return code == HEDON_ECANCELLED ? 0 : code;
    pthread_mutex_lock(&pipeline->lock);
    pipeline->state.left = counts.todo + counts.leased;
    const int64_t elsewhere = counts.leased - pipeline->held;
    pipeline->state.elsewhere = elsewhere > 0 ? elsewhere : 0;
    pthread_mutex_unlock(&pipeline->lock);
    return 0;
}

static int tell_progress(Writer *writer, double now)
{
    HedonPipeline *pipeline = writer->pipeline;
    if (now - writer->told_s < TELL_S) return 0;
    writer->told_s = now;
    const int code = count_left(writer, now);
    if (code || !pipeline->callbacks->progress) return code;
    HedonAnnotateState state;
    hedon_pipeline_state(pipeline, &state);
    pthread_mutex_lock(&pipeline->telling);
    pipeline->callbacks->progress(pipeline->callbacks->opaque, &state);
    pthread_mutex_unlock(&pipeline->telling);
    return 0;
}

static int write_all(Writer *writer)
{
    HedonPipeline *pipeline = writer->pipeline;
    writer->beat_s = hedon_clock_s();
    for (int code = 0; !code;) {
        double now = hedon_clock_s();
        const double wait_s = writer->count ? writer->first_s + COMMIT_S - now : COMMIT_S;
        HedonWork *work = writer->count < BATCH && wait_s > 0
                              ? hedon_queue_take(&pipeline->results, wait_s)
                              : NULL;
        now = hedon_clock_s();
        if (work) {
            if (!writer->count) writer->first_s = now;
            writer->batch[writer->count++] = work;
        }
        const int draining = !work && hedon_queue_is_stopped(&pipeline->results);
        if (!writer->count && draining) return 0;
        if (writer->count &&
            (draining || writer->count == BATCH || now - writer->first_s >= COMMIT_S))
            code = commit(writer);
        if (!code) code = beat(writer, now);
        if (!code) code = tell_progress(writer, now);
        if (code) return code;
    }
    return 0;
}

void *hedon_pipeline_write(void *opaque)
{
    HedonPipeline *pipeline = opaque;
    Writer writer = {.pipeline = pipeline, .ctx = hedon_context_new()};
    int code =
        writer.ctx ? hedon_pipeline_open_store(writer.ctx, pipeline, &writer.store) : HEDON_ENOMEM;
    if (!code) code = write_all(&writer);
    if (code) {
        hedon_pipeline_fail(pipeline, code,
                            writer.ctx ? hedon_last_error(writer.ctx) : "out of memory");
        hedon_queue_stop(&pipeline->results); /* nobody will take from it any more */
    }
    for (int i = 0; i < writer.count; i++) hedon_work_free(writer.batch[i]);
    for (HedonWork *work; (work = hedon_queue_take(&pipeline->results, 0));) hedon_work_free(work);
    hedon_store_close(writer.store);
    hedon_context_free(writer.ctx);
    return NULL;
}
