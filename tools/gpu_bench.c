/* gpu_bench: R(2+1)D-18 on the cuda backend, on synthetic tensors, for tools/gpu-check.
 *
 *   gpu_bench infer|train PRECISION BATCH SECONDS
 *
 * Prints one JSON object: clips a second over the steady part, the milliseconds of a batch (median,
 * least), operations a clip. Clips are uploaded while the batch before is computed, as a program
 * would; in training every step has its optimiser. PRECISION: fp32, tf32, bf16, fp16.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "kernels/backend.h"
#include "kernels/graph/autodiff.h"
#include "models/model.h"

enum { FRAMES = 16, SIZE = 112, CLIP = 3 * FRAMES * SIZE * SIZE, WARM_UP = 5, MOST_STEPS = 100000 };

typedef struct Bench {
    HedonContext *ctx;
    const HedonBackend *backend;
    HedonDevice *device;
    HedonGraph *graph;
    HedonState *state;
    HedonPlan *plan;
    HedonStream *copies, *work;
    HedonBuffer *clips[2], *targets, *output;
    HedonEvent *used[2]; /* the batch in buffer i has been read */
    float *pixels;
    int train;
    int64_t batch;
} Bench;

static void check(const Bench *b, int code)
{
    if (!code) return;
    fprintf(stderr, "gpu_bench: %s\n", hedon_last_error(b->ctx));
    exit(1);
}

/* The model with a head of 27 emotions; for training its loss and gradients. */
static void build(Bench *b, const HedonModel *model)
{
    if (!b->train) {
        check(b, hedon_model_build(b->ctx, model, b->batch, FRAMES, SIZE, SIZE, &b->graph));
        return;
    }
    HedonGraph *graph = b->graph = hedon_graph_new();
    graph->training = 1;
    const HedonValueId clips =
        hedon_graph_input(graph, "clips", &(HedonShape){5, {b->batch, 3, FRAMES, SIZE, SIZE}});
    const HedonValueId targets =
        hedon_graph_input(graph, "targets", &(HedonShape){2, {b->batch, HEDON_EMOTIONS}});
    const HedonValueId features = hedon_model_architecture(model)->build(graph, clips);
    const HedonValueId w = hedon_graph_parameter(
        graph, "head.emotions.weight",
        &(HedonShape){2, {HEDON_EMOTIONS, hedon_model_architecture(model)->feature_size}});
    const HedonValueId bias =
        hedon_graph_parameter(graph, "head.emotions.bias", &(HedonShape){1, {HEDON_EMOTIONS}});
    const HedonValueId logits = hedon_linear(graph, "head", features, w, bias);
    const HedonValueId loss = hedon_loss_bce(graph, "loss", logits, targets, HEDON_NONE);
    const HedonValueId seed = hedon_graph_sibling(graph, loss, 1);
    hedon_graph_output(graph, "loss", loss);
    check(b, hedon_graph_backward(b->ctx, graph, &logits, &seed, 1, NULL, NULL));
    check(b, hedon_graph_finish(b->ctx, graph));
}

static void open_state(Bench *b, const HedonModel *model)
{
    const int count = b->graph->parameter_count;
    HedonTensor *parameters = calloc((size_t)count, sizeof(*parameters));
    for (int i = 0; i < count; i++)
        parameters[i] = *hedon_model_parameter(
            model, b->graph->values[hedon_graph_parameter_value(b->graph, i)].name);
    check(b, b->backend->state_new(b->ctx, b->device, b->graph, parameters, &b->state));
    free(parameters);
}

static void open_buffers(Bench *b)
{
    const size_t bytes = (size_t)b->batch * CLIP * sizeof(float);
    b->pixels = malloc(bytes);
    const HedonRandomKey key = hedon_random_key(1, 0, 0);
    for (int64_t i = 0; i < b->batch * CLIP; i++)
        b->pixels[i] = (float)(2 * hedon_random_uniform(key, (uint64_t)i) - 1);
    for (int i = 0; i < 2; i++) {
        check(b, b->backend->buffer_new(b->ctx, b->device, bytes, &b->clips[i]));
        check(b, b->backend->upload(b->ctx, b->clips[i], 0, b->pixels, bytes, NULL));
    }
    const size_t heads = (size_t)b->batch * HEDON_EMOTIONS * sizeof(float);
    check(b, b->backend->buffer_new(b->ctx, b->device, heads, &b->targets));
    check(b, b->backend->buffer_new(b->ctx, b->device, heads, &b->output));
    check(b, b->backend->stream_new(b->ctx, b->device, &b->copies));
    check(b, b->backend->stream_new(b->ctx, b->device, &b->work));
}

/* Start copying the next batch into buffer i, once the one there has been read. */
static void feed(Bench *b, int i)
{
    if (b->used[i]) check(b, b->backend->event_await(b->ctx, b->copies, b->used[i]));
    b->backend->event_free(b->used[i]);
    b->used[i] = NULL;
    check(b, b->backend->upload(b->ctx, b->clips[i], 0, b->pixels,
                                (size_t)b->batch * CLIP * sizeof(float), b->copies));
}

static void compute(Bench *b, int i, int64_t step)
{
    HedonEvent *there;
    check(b, b->backend->event_record(b->ctx, b->copies, &there));
    check(b, b->backend->event_await(b->ctx, b->work, there));
    b->backend->event_free(there);
    HedonBuffer *inputs[2] = {b->clips[i], b->targets};
    const HedonExecution execution = {.inputs = inputs,
                                      .outputs = &b->output,
                                      .random = hedon_random_key(1, 0, (uint64_t)step),
                                      .stream = b->work};
    check(b, b->backend->execute(b->ctx, b->plan, &execution));
    check(b, b->backend->event_record(b->ctx, b->work, &b->used[i]));
}

static void one_step(Bench *b, int64_t step)
{
    const int i = (int)(step % 2);
    compute(b, i, step);
    feed(b, 1 - i); /* the host copies into pinned memory while the device computes */
    if (!b->train) {
        check(b, b->backend->stream_wait(b->ctx, b->work));
        return;
    }
    const HedonOptimiserStep update = {.kind = HEDON_SGD,
                                       .number = step + 1,
                                       .learning_rate = 1e-4,
                                       .momentum = .9,
                                       .gradient_scale = 1};
    HedonOptimiserResult result;
    check(b, b->backend->optimise(b->ctx, b->state, &update, &result));
    if (!result.finite) {
        fprintf(stderr, "gpu_bench: a gradient is not finite at step %lld\n", (long long)step);
        exit(1);
    }
}

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(Bench *b, const char *precision, double *times, int64_t steps, time_t began)
{
    HedonPlanInfo info;
    double total = 0, flops = 0;
    b->backend->plan_info(b->plan, &info);
    for (int64_t i = 0; i < steps; i++) total += times[i];
    for (int i = 0; i < b->graph->node_count; i++)
        flops += hedon_node_flops(b->graph, &b->graph->nodes[i]);
    qsort(times, (size_t)steps, sizeof(*times), by_time);
    printf("{\"what\": \"%s\", \"precision\": \"%s\", \"batch\": %lld, \"steps\": %lld, "
           "\"clips_per_s\": %.2f, \"median_ms\": %.3f, \"least_ms\": %.3f, "
           "\"gflop_per_clip\": %.2f, \"arena_mb\": %.1f, \"from\": %lld, \"to\": %lld}\n",
           b->train ? "train" : "infer", precision, (long long)b->batch, (long long)steps,
           (double)(b->batch * steps) / total, times[steps / 2] * 1e3, times[0] * 1e3,
           flops / (double)b->batch / 1e9, (double)info.arena_bytes / 1e6, (long long)began,
           (long long)time(NULL));
}

static HedonDeviceOptions device_of(const char *precision)
{
    HedonDeviceOptions options;
    hedon_device_options_default(&options);
    options.device = "cuda";
    options.tf32 = !strcmp(precision, "tf32");
    options.precision = !strcmp(precision, "bf16")   ? HEDON_BF16
                        : !strcmp(precision, "fp16") ? HEDON_F16
                                                     : HEDON_F32;
    return options;
}

int main(int argc, char **argv)
{
    if (argc != 5 || (strcmp(argv[1], "infer") && strcmp(argv[1], "train")) || atoi(argv[3]) < 1) {
        fprintf(stderr, "gpu_bench infer|train fp32|tf32|bf16|fp16 BATCH SECONDS\n");
        return 2;
    }
    Bench b = {
        .ctx = hedon_context_new(), .train = !strcmp(argv[1], "train"), .batch = atoi(argv[3])};
    const HedonDeviceOptions options = device_of(argv[2]);
    HedonModel *model;
    check(&b, hedon_backend_find(b.ctx, "cuda", &b.backend));
    check(&b, b.backend->open(b.ctx, &b.device, &options));
    check(&b, hedon_model_open_random(b.ctx, &model, "r2plus1d_18", 1, "emotions"));
    build(&b, model);
    open_state(&b, model);
    check(&b, b.backend->compile(b.ctx, b.state, NULL, &b.plan));
    open_buffers(&b);
    double *times = malloc(MOST_STEPS * sizeof(*times));
    const double seconds = atof(argv[4]);
    int64_t steps = 0;
    for (int64_t i = 0; i < WARM_UP; i++) one_step(&b, i);
    const time_t began = time(NULL);
    for (const double start = hedon_clock_s();
         steps < MOST_STEPS && hedon_clock_s() - start < seconds;) {
        const double before = hedon_clock_s();
        one_step(&b, steps);
        times[steps++] = hedon_clock_s() - before;
    }
    report(&b, argv[2], times, steps, began);
    return 0;
}
