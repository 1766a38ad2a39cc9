/* hedon bench train: a training step's time by phase, on random clips or on a dataset's videos. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "tools/bench.h"
#include "train/clip_feed.h"
#include "train/data.h"
#include "train/engine.h"
#include "train/sequence.h"

typedef struct Arguments {
    const char *model, *data, *augment;
    int64_t batch, frames, size, repeats, workers;
    int ops, json;
    HedonDeviceArguments device;
} Arguments;

typedef struct Running {
    HedonContext *ctx;
    HedonTrainConfig config;
    HedonModel *model;
    HedonEngine *engine;
    HedonTrainBatch batch;
    float *clips;
    int64_t batch_clips;
    /* with --data */
    HedonTrainData data;
    HedonSequence sequence;
    HedonClipFeed *feed;
    HedonFedClip *fed;
    int64_t workers;

    int64_t steps;
    double wait_s, compute_s, update_s; /* since the steps that count began */
    double forward_s, backward_s;       /* of the profile then */
} Running;

/* ---- A step */

/* The next clips of the dataset; a broken one is replaced by random numbers. */
static int take_clips(Running *running)
{
    const int code = hedon_clip_feed_take(running->ctx, running->feed, running->fed,
                                          running->batch_clips, &running->wait_s);
    const HedonModelInfo *info = hedon_model_info(running->model);
    const int64_t size = 3 * info->clip_frames * info->clip_height * info->clip_width;
    for (int64_t i = 0; i < running->batch_clips && !code; i++)
        running->batch.pixels[i] =
            running->fed[i].pixels ? running->fed[i].pixels : running->clips + i * size;
    return code;
}

static int once(void *opaque)
{
    Running *running = opaque;
    HedonTrainLosses losses;
    HedonOptimiserResult result;
    if (running->steps == HEDON_BENCH_WARMUP) { /* those are not counted */
        running->wait_s = running->compute_s = running->update_s = 0;
        hedon_engine_phases(running->engine, &running->forward_s, &running->backward_s);
    }
    int code = running->feed ? take_clips(running) : 0;
    const double start_s = hedon_clock_s();
    if (!code)
        code = hedon_engine_batch(running->ctx, running->engine, &running->batch,
                                  hedon_random_key(1, 0, (uint64_t)running->steps),
                                  HEDON_BATCH_FIRST, &losses);
    const double computed_s = hedon_clock_s();
    if (!code)
        code = hedon_engine_update(running->ctx, running->engine, running->steps, 1e-4, &result);
    running->compute_s += computed_s - start_s;
    running->update_s += hedon_clock_s() - computed_s;
    running->steps++;
    return code;
}

/* ---- Getting ready */

static int fill_batch(Running *running)
{
    const HedonModelInfo *info = hedon_model_info(running->model);
    const size_t n = (size_t)running->batch_clips;
    const size_t size = 3 * (size_t)(info->clip_frames * info->clip_height * info->clip_width);
    const HedonRandomKey key = hedon_random_key_name(1, "bench clips");
    HedonTrainBatch *batch = &running->batch;
    running->clips = hedon_malloc_aligned(n * size, sizeof(float));
    batch->pixels = hedon_calloc(n, sizeof(*batch->pixels));
    batch->targets = hedon_calloc(n, HEDON_EMOTIONS * sizeof(float));
    batch->clip_weights = hedon_calloc(n, sizeof(float));
    running->fed = hedon_calloc(n, sizeof(*running->fed));
    if (!running->clips || !batch->pixels || !batch->targets || !batch->clip_weights ||
        !running->fed)
        return hedon_fail_memory(running->ctx);
    for (size_t i = 0; i < n * size; i++)
        running->clips[i] = (float)(4 * hedon_random_uniform(key, i) - 2);
    for (size_t i = 0; i < n * HEDON_EMOTIONS; i++)
        batch->targets[i] = (float)hedon_random_uniform(key, n * size + i);
    for (size_t i = 0; i < n; i++) {
        batch->pixels[i] = running->clips + i * size;
        batch->clip_weights[i] = 1;
    }
    return 0;
}

static int open_data(Running *running, const Arguments *arguments)
{
    HedonContext *ctx = running->ctx;
    running->config.vce = arguments->data;
    int code = hedon_train_data_open(ctx, &running->data, &running->config);
    if (code) return code;
    hedon_sequence_init(&running->sequence, &running->data, &running->config, 0, 1);
    const int cores = hedon_cpu_count();
    HedonClipFeedOptions options = {
        .preprocessing = *hedon_model_preprocessing(running->model),
        .sampling = running->config.recipe.sampling,
        .clip_rate = running->config.recipe.clip_rate,
        .device = running->config.device.device,
        .augment = arguments->augment,
        .workers = arguments->workers ? (int)arguments->workers
                   : cores < 8        ? cores
                                      : 8,
        .end = -1,
        .place = hedon_sequence_place,
        .opaque = &running->sequence,
    };
    running->workers = options.workers;
    options.window = 3 * running->batch_clips + 2 * options.workers;
    return hedon_clip_feed_open(ctx, &running->feed, &options);
}

static int prepare(Running *running, const Arguments *arguments)
{
    HedonContext *ctx = running->ctx;
    HedonTrainConfig *config = &running->config;
    hedon_train_config_default(config, &hedon_recipe_vce);
    hedon_device_arguments(&arguments->device, &config->device);
    config->recipe.clips = running->batch_clips = arguments->batch;
    config->recipe.drop_path = 0; /* the peers have none */
    int code = hedon_model_open_fresh(ctx, &running->model, arguments->model, 1, "emotions");
    if (!code) code = hedon_model_set_clip(ctx, running->model, arguments->frames, arguments->size);
    if (!code) code = hedon_engine_open(ctx, &running->engine, running->model, config, NULL, 1);
    if (!code) code = fill_batch(running);
    if (!code && arguments->data) code = open_data(running, arguments);
    return code;
}

static void clean_up(Running *running)
{
    hedon_clip_feed_close(running->feed);
    hedon_train_data_close(&running->data);
    hedon_engine_close(running->engine);
    hedon_model_close(running->model);
    hedon_free(running->clips);
    hedon_free(running->batch.pixels);
    hedon_free(running->batch.targets);
    hedon_free(running->batch.clip_weights);
    hedon_free(running->fed);
}

/* ---- Reports */

typedef struct Phases {
    double wait_s, forward_s, backward_s, update_s, other_s; /* of a step; their sum is its mean */
} Phases;

/* What forward and backward don't take of the computing is uploading and losses' downloads. */
static Phases phases_of(const Running *running)
{
    const double steps = (double)(running->steps - HEDON_BENCH_WARMUP);
    double forward_s, backward_s;
    hedon_engine_phases(running->engine, &forward_s, &backward_s);
    Phases phases = {.wait_s = running->wait_s / steps,
                     .forward_s = (forward_s - running->forward_s) / steps,
                     .backward_s = (backward_s - running->backward_s) / steps,
                     .update_s = running->update_s / steps};
    phases.other_s = running->compute_s / steps - phases.forward_s - phases.backward_s;
    if (phases.other_s < 0) phases.other_s = 0;
    return phases;
}

/* Of the mean step: 0 when decoding is hidden behind computing. */
static double wait_share(const Phases *phases)
{
    const double step_s = phases->wait_s + phases->forward_s + phases->backward_s +
                          phases->update_s + phases->other_s;
    return step_s > 0 ? phases->wait_s / step_s : 0;
}

static double rate_of(const HedonOpProfile *op)
{
    return op->seconds > 0 ? op->flops * (double)op->runs / op->seconds : 0;
}

static void print_text(const Running *running, const Arguments *arguments,
                       const HedonTimings *timings)
{
    const HedonModelInfo *info = hedon_model_info(running->model);
    const Phases phases = phases_of(running);
    const double clips = (double)running->batch_clips, flops = hedon_engine_flops(running->engine);
    HedonPlanInfo plan;
    hedon_engine_info(running->engine, &plan);
    printf("training %s, batch %lld of 3x%lldx%lldx%lld, %s, %d threads, AdamW\n\n",
           arguments->model, (long long)running->batch_clips, (long long)info->clip_frames,
           (long long)info->clip_height, (long long)info->clip_width,
           hedon_engine_backend(running->engine), hedon_engine_threads(running->engine));
    printf("  step           min %.2f ms, median %.2f ms, p90 %.2f ms (%d steps)\n",
           1e3 * timings->min_s, 1e3 * timings->median_s, 1e3 * timings->p90_s, timings->count);
    printf("  phases         waiting for data %.2f ms, forward %.2f, backward %.2f, update %.2f, "
           "other %.2f\n",
           1e3 * phases.wait_s, 1e3 * phases.forward_s, 1e3 * phases.backward_s,
           1e3 * phases.update_s, 1e3 * phases.other_s);
    if (running->feed)
        printf("  waiting        %.2f%% of the step, for %lld decoders\n",
               100 * wait_share(&phases), (long long)running->workers);
    printf("  rate           %.2f clips/s at best, %.2f at the median\n", clips / timings->min_s,
           clips / timings->median_s);
    printf("  arithmetic     %.2f GFLOP a clip, %.1f GFLOP/s at best (direct arithmetic)\n",
           flops / clips / 1e9, flops / timings->min_s / 1e9);
    printf("  memory         %.0f MB at most, of which activations and scratch %.0f MB\n",
           (double)hedon_bench_peak_memory() / 1e6, (double)plan.arena_bytes / 1e6);
    if (!arguments->ops) return;
    printf("\n%-40s %-20s %-24s %8s %8s\n", "node", "operation", "kernel", "ms", "GFLOP/s");
    for (int i = 0; i < plan.op_count; i++) {
        const HedonOpProfile *op = &plan.ops[i];
        printf("%-40.40s %-20.20s %-24.24s %8.3f %8.1f\n", op->name, op->operation,
               op->kernel ? op->kernel : "", op->runs ? 1e3 * op->seconds / (double)op->runs : 0,
               rate_of(op) / 1e9);
    }
}

static void ops_as_json(HedonJson *json, const HedonPlanInfo *plan)
{
    hedon_json_array(json, "ops");
    for (int i = 0; i < plan->op_count; i++) {
        const HedonOpProfile *op = &plan->ops[i];
        hedon_json_object(json, NULL);
        hedon_json_string(json, "name", op->name);
        hedon_json_string(json, "operation", op->operation);
        hedon_json_string(json, "kernel", op->kernel);
        hedon_json_number(json, "mean_s", op->runs ? op->seconds / (double)op->runs : 0);
        hedon_json_number(json, "gflops_per_s", rate_of(op) / 1e9);
        hedon_json_end_object(json);
    }
    hedon_json_end_array(json);
}

static void print_json(const Running *running, const Arguments *arguments,
                       const HedonTimings *timings)
{
    const HedonModelInfo *info = hedon_model_info(running->model);
    const Phases phases = phases_of(running);
    HedonPlanInfo plan;
    hedon_engine_info(running->engine, &plan);
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.bench/1");
    hedon_json_string(&json, "kind", "train");
    hedon_json_integer(&json, "threads", hedon_engine_threads(running->engine));
    hedon_json_array(&json, "cases");
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "name", arguments->model);
    hedon_json_integer(&json, "batch", running->batch_clips);
    hedon_json_integer(&json, "frames", info->clip_frames);
    hedon_json_integer(&json, "size", info->clip_height);
    hedon_json_string(&json, "backend", hedon_engine_backend(running->engine));
    hedon_timings_json(&json, timings);
    hedon_json_number(&json, "clips_per_s", (double)running->batch_clips / timings->median_s);
    hedon_json_object(&json, "phases");
    hedon_json_number(&json, "wait_s", phases.wait_s);
    hedon_json_number(&json, "forward_s", phases.forward_s);
    hedon_json_number(&json, "backward_s", phases.backward_s);
    hedon_json_number(&json, "update_s", phases.update_s);
    hedon_json_number(&json, "other_s", phases.other_s);
    hedon_json_end_object(&json);
    if (running->feed) {
        hedon_json_number(&json, "wait_share", wait_share(&phases));
        hedon_json_integer(&json, "workers", running->workers);
    }
    hedon_json_number(&json, "gflops", hedon_engine_flops(running->engine) / 1e9);
    hedon_json_integer(&json, "peak_bytes", hedon_bench_peak_memory());
    hedon_json_integer(&json, "arena_bytes", plan.arena_bytes);
    if (arguments->ops) ops_as_json(&json, &plan);
    hedon_json_end_object(&json);
    hedon_json_end_array(&json);
    hedon_json_end_object(&json);
    putchar('\n');
}

/* ---- Running */

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.model = "r2plus1d_18", .augment = "none", .batch = 2};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count)
        return hedon_wrong_usage(command, "'%s' is not an option; the model goes after --model",
                                 argv[0]);
    if (!strncmp(arguments.model, "random:", 7)) arguments.model += 7; /* as bench infer has it */
    Running running = {.ctx = ctx};
    HedonTimings timings = {0};
    int code = prepare(&running, &arguments);
    if (!code) code = hedon_timings_make(ctx, &timings, arguments.repeats, once, &running);
    if (!code) (arguments.json ? print_json : print_text)(&running, &arguments, &timings);
    hedon_timings_free(&timings);
    clean_up(&running);
    return code ? hedon_report(arguments.model, code, hedon_last_error(ctx)) : EXIT_GOOD;
}

static const HedonOption options[] = {
    {"model", OPTION_TEXT, offsetof(Arguments, model), "ARCH",
     "architecture, with fresh weights (default r2plus1d_18)"},
    {"batch", OPTION_INTEGER, offsetof(Arguments, batch), "N", "clips in a step (default 2)"},
    {"frames", OPTION_INTEGER, offsetof(Arguments, frames), "T",
     "of a clip (default: the model's)"},
    {"size", OPTION_INTEGER, offsetof(Arguments, size), "S",
     "height and width of a clip (default: the model's)"},
    {"data", OPTION_TEXT, offsetof(Arguments, data), "DIR",
     "decode this VCE folder's videos meanwhile (default:\n"
     "                                  random clips, nothing to wait for)"},
    {"augment", OPTION_TEXT, offsetof(Arguments, augment), "NAME",
     "with --data: vce or none (default none)"},
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N", "with --data: decoders"},
    {"ops", OPTION_FLAG, offsetof(Arguments, ops), NULL, "every operation too"},
    {"repeats", OPTION_INTEGER, offsetof(Arguments, repeats), "N",
     "measurements (default: 10, and a second's worth)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_bench_train = {
    .name = "bench train",
    .summary = "a training step's time, by phase",
    .parameters = "[OPTION...]",
    .description = "Times whole optimiser steps of the VCE recipe (binary cross-entropy on 27 "
                   "outputs, AdamW)\n"
                   "without drop path: waiting for data, forward, backward, update.\n",
    .examples = "  hedon bench train --model r2plus1d_18 --batch 2\n"
                "  hedon bench train --model r2plus1d_tiny --batch 8 --data vce_dataset --json\n",
    .options = options,
    .run = run,
};
