/* Putting the threads of an annotation run together, and taking them down in an order that loses
 * nothing. */
#include "annotate/annotate.h"

#include <stdio.h>
#include <string.h>

#include "annotate/identity.h"
#include "annotate/pipeline.h"
#include "base/clock.h"
#include "base/error.h"
#include "score/scorer.h"

typedef struct Session {
    HedonContext *ctx;
    const HedonModel *model;
    const HedonAnnotateOptions *options;
    HedonStore *store;
    HedonScorer *scorer;
    HedonStoreRun run;
    HedonPipeline pipeline;
    pthread_t threads[3 + HEDON_PIPELINE_HASHERS]; /* the writer first: it ends last */
    int thread_count;
} Session;

void hedon_annotate_options_default(HedonAnnotateOptions *options)
{
    *options = (HedonAnnotateOptions){.store = "results.db"};
    hedon_scorer_options_default(&options->scorer);
}

/* ---- Threads */

static int start_thread(Session *session, void *(*function)(void *opaque))
{
    const int error = pthread_create(&session->threads[session->thread_count], NULL, function,
                                     &session->pipeline);
    if (error) return hedon_fail(session->ctx, HEDON_ENOMEM, "cannot start a thread");
    session->thread_count++;
    return 0;
}

static int start_threads(Session *session)
{
    const int cores = session->scorer->cores;
    const int hashers = cores / 4 < 1                        ? 1
                        : cores / 4 < HEDON_PIPELINE_HASHERS ? cores / 4
                                                             : HEDON_PIPELINE_HASHERS;
    int code = start_thread(session, hedon_pipeline_write);
    if (!code) code = start_thread(session, hedon_pipeline_enter);
    if (!code) code = start_thread(session, hedon_pipeline_claim);
    for (int i = 0; i < hashers && !code; i++) code = start_thread(session, hedon_pipeline_hash);
    HedonAnnotateStageTime *stages = session->pipeline.state.stages;
    stages[HEDON_ANNOTATE_DISCOVER].lanes = stages[HEDON_ANNOTATE_WRITE].lanes = 1;
    stages[HEDON_ANNOTATE_HASH].lanes = hashers;
    return code;
}

/* All but the writer, which then writes what is left. */
static void stop_threads(Session *session)
{
    HedonPipeline *pipeline = &session->pipeline;
    hedon_pipeline_fail(pipeline, HEDON_ECANCELLED, "");
    for (int i = 1; i < session->thread_count; i++) pthread_join(session->threads[i], NULL);
    for (HedonWork *work; (work = hedon_queue_take(&pipeline->jobs, 0));) hedon_work_free(work);
    for (HedonWork *work; (work = hedon_queue_take(&pipeline->ready, 0));) hedon_work_free(work);
    hedon_pipeline_ground(pipeline);
}

static void stop_writer(Session *session)
{
    hedon_queue_stop(&session->pipeline.results);
    if (session->thread_count) pthread_join(session->threads[0], NULL);
}

/* ---- Scoring */

/* Until there is something to score: 1; 0 when there is nothing left or the run has stopped. */
static int wait_for_work(HedonPipeline *pipeline)
{
    for (;;) {
        if (hedon_pipeline_stopped(pipeline)) return 0;
        const int ready = hedon_queue_count(&pipeline->ready);
        pthread_mutex_lock(&pipeline->lock);
        const int some = ready > 0 || pipeline->upstream > 0;
        const int finished = pipeline->finished;
        pthread_mutex_unlock(&pipeline->lock);
        if (some || finished) return some;
        hedon_pipeline_nap(pipeline, .1);
    }
}

/* The first videos have shown what they cost: a scorer with as many lanes as that asks for. */
static int reopen_scorer(Session *session)
{
    HedonPipeline *pipeline = &session->pipeline;
    HedonScorerOptions options = session->options->scorer;
    options.decode_workers = pipeline->share.workers;
    options.streams = pipeline->share.streams;
    pipeline->reopen = 0;
    hedon_scorer_close(session->scorer);
    const int code = hedon_scorer_open(session->ctx, &session->scorer, session->model, &options);
    pipeline->scorer = session->scorer;
    return code;
}

static int score_all(Session *session)
{
    HedonPipeline *pipeline = &session->pipeline;
    const HedonScoreCallbacks callbacks = {.opaque = pipeline,
                                           .unordered = 1,
                                           .next = hedon_pipeline_next,
                                           .finished = hedon_pipeline_finished};
    int code = 0;
    while (!code && wait_for_work(pipeline)) {
        pipeline->next_number = 0;
        code = hedon_scorer_run(session->ctx, session->scorer, &callbacks);
        HedonScorerStats stats;
        hedon_scorer_stats(session->scorer, &stats);
        hedon_pipeline_scored(pipeline, &stats, 1);
        if (!code && pipeline->reopen) code = reopen_scorer(session);
    }
    return code;
}

/* ---- The whole */

static int open_pipeline(Session *session, const HedonAnnotateCallbacks *callbacks)
{
    HedonPipeline *pipeline = &session->pipeline;
    HedonStoreOptions defaults;
    hedon_store_options_default(&defaults);
    pipeline->options = session->options;
    pipeline->callbacks = callbacks;
    pipeline->lease_s = defaults.lease_s;
    pipeline->entering = 1;
    pipeline->state.left = -1;
    pipeline->started_s = hedon_clock_s();
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pipeline->lock, NULL);
    pthread_mutex_init(&pipeline->telling, NULL);
    pthread_cond_init(&pipeline->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    const int cores = hedon_cpu_count();
    const int ready = cores > HEDON_PIPELINE_READY ? cores : HEDON_PIPELINE_READY;
    int code = hedon_queue_open(session->ctx, &pipeline->jobs, ready);
    if (!code) code = hedon_queue_open(session->ctx, &pipeline->ready, ready);
    if (!code) code = hedon_queue_open(session->ctx, &pipeline->results, HEDON_PIPELINE_RESULTS);
    return code;
}

static void close_pipeline(HedonPipeline *pipeline)
{
    hedon_queue_close(&pipeline->jobs);
    hedon_queue_close(&pipeline->ready);
    hedon_queue_close(&pipeline->results);
    pthread_cond_destroy(&pipeline->changed);
    pthread_mutex_destroy(&pipeline->telling);
    pthread_mutex_destroy(&pipeline->lock);
}

static void trouble(void *opaque, const char *path, const char *sentence)
{
    HedonPipeline *pipeline = opaque;
    if (!pipeline->callbacks->trouble) return;
    pthread_mutex_lock(&pipeline->telling);
    pipeline->callbacks->trouble(pipeline->callbacks->opaque, path, sentence);
    pthread_mutex_unlock(&pipeline->telling);
}

/* Says which file is no store; a database's address may hold a password. */
static int open_store(Session *session)
{
    const char *place = session->options->store;
    const int code = hedon_store_open(session->ctx, &session->store, place, NULL);
    if (!code || code == HEDON_ECANCELLED || strstr(place, "://")) return code;
    char sentence[512];
    snprintf(sentence, sizeof(sentence), "%s", hedon_last_error(session->ctx));
    return hedon_fail(session->ctx, code, "%s: %s", place, sentence);
}

static int open_run(Session *session)
{
    HedonContext *ctx = session->ctx;
    HedonPipeline *pipeline = &session->pipeline;
    int code = hedon_scorer_open(ctx, &session->scorer, session->model, &session->options->scorer);
    if (!code) code = hedon_identity(ctx, session->scorer, &session->run);
    if (!code)
        code =
            hedon_source_open(ctx, &pipeline->source, &session->options->source, trouble, pipeline);
    if (!code) code = open_store(session);
    if (!code) code = hedon_store_run(ctx, session->store, &session->run);
    pipeline->run = session->run.id;
    int64_t again = 0;
    if (!code && session->options->retry_failed)
        code = hedon_store_retry(ctx, session->store, pipeline->run, &again);
    if (!code)
        code = hedon_store_worker_begin(ctx, session->store, pipeline->run, &pipeline->worker);
    return code;
}

/* What was computed is written even after an interruption; the store would not answer while it
 * stands. */
static int wind_up(Session *session, int code)
{
    HedonPipeline *pipeline = &session->pipeline;
    stop_threads(session);
    const int cancelled = hedon_is_cancelled();
    hedon_cancel_reset();
    stop_writer(session);
    if (pipeline->worker) {
        const int ended = hedon_store_worker_end(session->ctx, session->store, pipeline->worker);
        if (ended && !pipeline->code)
            hedon_pipeline_fail(pipeline, ended, hedon_last_error(session->ctx));
    }
    if (cancelled) hedon_cancel();
    if (pipeline->code) return hedon_fail(session->ctx, pipeline->code, "%s", pipeline->message);
    return cancelled ? hedon_check_cancelled(session->ctx) : code;
}

int hedon_annotate(HedonContext *ctx, const HedonModel *model, const HedonAnnotateOptions *options,
                   const HedonAnnotateCallbacks *callbacks, HedonAnnotateState *state)
{
    Session session = {.ctx = ctx, .model = model, .options = options};
    HedonPipeline *pipeline = &session.pipeline;
    int code = open_pipeline(&session, callbacks);
    if (!code) code = open_run(&session);
    if (code) goto done;
    pipeline->state.cores = session.scorer->cores;
    pipeline->scorer = session.scorer;
    const char *backend = session.scorer->backend->name;
    pipeline->measuring =
        !strcmp(backend, "cpu") || !strcmp(backend, "ref"); /* they share the cores */
    if (callbacks->started) callbacks->started(callbacks->opaque, &session.run, session.scorer);
    code = start_threads(&session);
    if (!code) code = score_all(&session);
    if (code) hedon_pipeline_fail(pipeline, code, hedon_last_error(ctx));
    code = wind_up(&session, code);
    pipeline->state.found = *hedon_source_counts(pipeline->source);

done:
    if (state) hedon_pipeline_state(pipeline, state);
    hedon_store_close(session.store);
    hedon_source_close(pipeline->source);
    hedon_identity_clear(&session.run);
    hedon_scorer_close(session.scorer);
    close_pipeline(pipeline);
    return code;
}
