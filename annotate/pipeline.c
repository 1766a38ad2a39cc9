#include "annotate/pipeline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

const char *hedon_annotate_stage_name(HedonAnnotateStage stage)
{
    static const char *const names[] = {"discover",    "hash",      "decode",
                                        "pre-process", "inference", "write"};
    return names[stage];
}

int hedon_pipeline_open_store(HedonContext *ctx, const HedonPipeline *pipeline, HedonStore **store)
{
    HedonStoreOptions options;
    hedon_store_options_default(&options);
    options.known = 1;
    return hedon_store_open(ctx, store, pipeline->options->store, &options);
}

void hedon_pipeline_fail(HedonPipeline *pipeline, int code, const char *message)
{
    pthread_mutex_lock(&pipeline->lock);
    if (!pipeline->code && code != HEDON_ECANCELLED) {
        pipeline->code = code;
        snprintf(pipeline->message, sizeof(pipeline->message), "%s", message);
    }
    pipeline->stop = 1;
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    hedon_queue_stop(&pipeline->jobs);
    hedon_queue_stop(&pipeline->ready);
}

int hedon_pipeline_stopped(HedonPipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->lock);
    const int stop = pipeline->stop;
    pthread_mutex_unlock(&pipeline->lock);
    return stop || hedon_is_cancelled();
}

void hedon_pipeline_nap(HedonPipeline *pipeline, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t ns = until.tv_nsec + (int64_t)(seconds * 1e9);
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&pipeline->lock);
    if (!pipeline->stop) pthread_cond_timedwait(&pipeline->changed, &pipeline->lock, &until);
    pthread_mutex_unlock(&pipeline->lock);
}

void hedon_pipeline_wake(HedonPipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->lock);
    pthread_cond_broadcast(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
}

/* ---- What stages took */

HedonStretch hedon_stretch_begin(void)
{
    return (HedonStretch){hedon_clock_s(), hedon_thread_cpu_s()};
}

void hedon_stretch_end(HedonPipeline *pipeline, HedonAnnotateStage stage, HedonStretch begun)
{
    const HedonStretch now = hedon_stretch_begin();
    pthread_mutex_lock(&pipeline->lock);
    pipeline->state.stages[stage].busy_s += now.wall_s - begun.wall_s;
    pipeline->state.stages[stage].cpu_s += now.cpu_s - begun.cpu_s;
    pthread_mutex_unlock(&pipeline->lock);
}

void hedon_pipeline_scored(HedonPipeline *pipeline, const HedonScorerStats *stats, int ended)
{
    static const HedonAnnotateStage ours[HEDON_STAGES] = {
        [HEDON_STAGE_OPEN] = HEDON_ANNOTATE_DECODE,
        [HEDON_STAGE_DECODE] = HEDON_ANNOTATE_DECODE,
        [HEDON_STAGE_PREPROCESS] = HEDON_ANNOTATE_PREPROCESS,
        [HEDON_STAGE_INFERENCE] = HEDON_ANNOTATE_INFERENCE,
    };
    HedonAnnotateStageTime sum[HEDON_ANNOTATE_STAGES];
    pthread_mutex_lock(&pipeline->lock);
    memcpy(sum, pipeline->earlier, sizeof(sum));
    for (int i = HEDON_STAGE_OPEN; i <= HEDON_STAGE_INFERENCE; i++) {
        sum[ours[i]].busy_s += stats->stage[i].busy_s;
        sum[ours[i]].cpu_s += stats->stage[i].cpu_s;
        sum[ours[i]].lanes = stats->stage[i].lanes;
    }
    if (ended) memcpy(pipeline->earlier, sum, sizeof(sum));
    for (int i = HEDON_ANNOTATE_DECODE; i <= HEDON_ANNOTATE_INFERENCE; i++)
        pipeline->state.stages[i] = sum[i];
    pipeline->state.cores = stats->cores;
    pipeline->state.workers = stats->workers;
    pipeline->state.streams = stats->streams;
    pthread_mutex_unlock(&pipeline->lock);
}

/* Where the cores are busy, what takes most of their time; where they are not, the stage whose
 * lanes are the busiest: others wait for it. Decoding and pre-processing are done by the same
 * lanes: together they are one candidate, and the larger part gives it its name. */
static HedonAnnotateStage find_bottleneck(const HedonAnnotateState *state)
{
    const HedonAnnotateStageTime *stages = state->stages;
    const int by_cpu = state->cores_use > .8;
    double weight[HEDON_ANNOTATE_STAGES];
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++)
        weight[i] = by_cpu ? stages[i].cpu_s : stages[i].use;
    const HedonAnnotateStage larger =
        weight[HEDON_ANNOTATE_DECODE] >= weight[HEDON_ANNOTATE_PREPROCESS]
            ? HEDON_ANNOTATE_DECODE
            : HEDON_ANNOTATE_PREPROCESS;
    weight[larger] = weight[HEDON_ANNOTATE_DECODE] + weight[HEDON_ANNOTATE_PREPROCESS];
    HedonAnnotateStage worst = larger;
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++)
        if (weight[i] > weight[worst]) worst = (HedonAnnotateStage)i;
    return worst;
}

/* With the lock: what each stage did since a mark of five to ten seconds ago. */
static void use_of_late(HedonPipeline *pipeline, double now, HedonAnnotateState *state)
{
    if (!pipeline->marks[0].time_s || now - pipeline->marks[0].time_s > 5) {
        pipeline->marks[1] = pipeline->marks[0];
        pipeline->marks[0].time_s = now;
        for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++)
            pipeline->marks[0].busy_s[i] = state->stages[i].busy_s;
    }
    const struct HedonUseMark *since = &pipeline->marks[1];
    const double since_s = since->time_s ? since->time_s : pipeline->started_s;
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++) {
        HedonAnnotateStageTime *stage = &state->stages[i];
        const double lanes_s = stage->lanes * (now - since_s);
        stage->use_now = lanes_s > 0 ? (stage->busy_s - since->busy_s[i]) / lanes_s : 0;
        if (stage->use_now > 1) stage->use_now = 1; /* a video's work is counted at its end */
    }
}

void hedon_pipeline_state(HedonPipeline *pipeline, HedonAnnotateState *state)
{
    const double now = hedon_clock_s();
    pthread_mutex_lock(&pipeline->lock);
    *state = pipeline->state;
    state->discovering = pipeline->entering;
    const int64_t dealt = state->done + state->failed + state->unchanged;
    hedon_rate_mark(&pipeline->rate, now, dealt);
    state->per_s = hedon_rate_per_s(&pipeline->rate, now, dealt);
    state->elapsed_s = now - pipeline->started_s;
    use_of_late(pipeline, now, state);
    const double entering_s = pipeline->entering ? state->elapsed_s : pipeline->entering_s;
    pthread_mutex_unlock(&pipeline->lock);
    double cpu_s = 0;
    for (int i = 0; i < HEDON_ANNOTATE_STAGES; i++) {
        HedonAnnotateStageTime *stage = &state->stages[i];
        cpu_s += stage->cpu_s;
        const double could_s = i == HEDON_ANNOTATE_DISCOVER ? entering_s : state->elapsed_s;
        const double lanes_s = stage->lanes * could_s;
        stage->use = lanes_s > 0 ? stage->busy_s / lanes_s : 0;
        if (stage->use > 1) stage->use = 1;
    }
    const double cores_s = state->cores * state->elapsed_s;
    state->cores_use = cores_s > 0 ? cpu_s / cores_s : 0;
    state->bottleneck = find_bottleneck(state);
}
