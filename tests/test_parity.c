/* Logits against torchvision in double (tests/golden/parity.json, made by tools/golden/parity.py):
 * the same hash-made weights and clips on both sides. The measure of an error is the spread of the
 * logits over different clips: the root mean square, over a head's outputs, of their standard
 * deviation over the golden clips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hedon.h"
#include "kernels/backend.h"
#include "models/model.h"
#include "tests/scenes.h"

enum { CLIPS = 4, HEADS = 2 };
static const char *const head_names[HEADS] = {"emotions", "utility"};
static const int head_sizes[HEADS] = {HEDON_EMOTIONS, 1};
static const double tolerance = 1e-4;

/* Under the address sanitizer the same code runs on samples: full size would take half an hour. */
#ifdef __SANITIZE_ADDRESS__
enum { SLOW = 1 };
#else
enum { SLOW = 0 };
#endif

static json_t *golden;
static HedonContext *ctx;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

static HedonTensor make_clips(uint64_t seed, int64_t frames, int64_t size)
{
    HedonTensor clips;
    check(hedon_tensor_alloc(&clips, HEDON_F32,
                             &(HedonShape){.rank = 5, .dim = {CLIPS, 3, frames, size, size}}));
    for (uint64_t n = 0; n < CLIPS; n++)
        render_clip((float *)clips.data + (int64_t)n * 3 * frames * size * size, seed, n, frames,
                    size);
    return clips;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static const json_t *golden_case(const char *architecture, int frames, int size)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(golden, "cases"), i, one)
    {
        if (!strcmp(json_string_value(json_object_get(one, "architecture")), architecture) &&
            json_integer_value(json_object_get(one, "frames")) == frames &&
            json_integer_value(json_object_get(one, "size")) == size)
            return one;
    }
    fail_msg("no golden logits of %s for %d frames of %d", architecture, frames, size);
    return NULL;
}

static double golden_logit(const json_t *one, int head, int clip, int output)
{
    const json_t *rows = json_object_get(one, head_names[head]);
    return json_real_value(json_array_get(json_array_get(rows, (size_t)clip), (size_t)output));
}

static double golden_spread(const json_t *one, int head)
{
    double variance = 0;
    for (int k = 0; k < head_sizes[head]; k++) {
        double mean = 0, square = 0;
        for (int n = 0; n < CLIPS; n++) mean += golden_logit(one, head, n, k) / CLIPS;
        for (int n = 0; n < CLIPS; n++) {
            const double off = golden_logit(one, head, n, k) - mean;
            square += off * off;
        }
        variance += square / (CLIPS - 1) / head_sizes[head];
    }
    return sqrt(variance);
}

/* The greatest error of any logit of the first clips, as a share of its head's spread. */
static double greatest_error(const json_t *one, int clips, const HedonTensor logits[HEADS])
{
    double greatest = 0;
    for (int head = 0; head < HEADS; head++) {
        const double spread = golden_spread(one, head);
        const float *values = logits[head].data;
        for (int n = 0; n < clips; n++)
            for (int k = 0; k < head_sizes[head]; k++) {
                const double error =
                    fabs(values[n * head_sizes[head] + k] - golden_logit(one, head, n, k)) / spread;
                if (!(error <= greatest)) greatest = error; /* a NaN sticks */
            }
    }
    return greatest;
}

static void make_logits(HedonTensor logits[HEADS], int64_t clips)
{
    for (int head = 0; head < HEADS; head++)
        check(hedon_tensor_alloc(&logits[head], HEDON_F32,
                                 &(HedonShape){.rank = 2, .dim = {clips, head_sizes[head]}}));
}

static void free_logits(HedonTensor logits[HEADS])
{
    for (int head = 0; head < HEADS; head++) hedon_tensor_free(&logits[head]);
}

static HedonModel *open_model(const char *architecture)
{
    HedonModel *model;
    const uint64_t seed = (uint64_t)json_integer_value(json_object_get(golden, "weight_seed"));
    check(hedon_model_open_random(ctx, &model, architecture, seed, "emotions,utility"));
    return model;
}

static HedonTensor golden_clips(int frames, int size)
{
    const uint64_t seed = (uint64_t)json_integer_value(json_object_get(golden, "clip_seed"));
    return make_clips(seed, frames, size);
}

static HedonPredictor *open_predictor(const HedonModel *model, const HedonDeviceOptions *device,
                                      int64_t batch, int frames, int size)
{
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device = *device;
    options.batch = batch;
    options.frames = frames;
    options.height = options.width = size;
    HedonPredictor *predictor;
    check(hedon_predictor_open(ctx, &predictor, model, &options));
    return predictor;
}

/* The first golden clips of a case through a predictor of that batch. */
static double parity(const char *architecture, int frames, int size, HedonDeviceOptions device,
                     int64_t batch, int count)
{
    const json_t *one = golden_case(architecture, frames, size);
    HedonModel *model = open_model(architecture);
    HedonTensor clips = golden_clips(frames, size), logits[HEADS];
    make_logits(logits, count);
    HedonPredictor *predictor = open_predictor(model, &device, batch, frames, size);
    HedonTensor first = clips;
    first.shape.dim[0] = count;
    check(hedon_predictor_run(ctx, predictor, &first, logits));
    const double error = greatest_error(one, count, logits);
    print_message("%-12s %2d x %3d x %3d  batch %lld  %s %s: greatest error %.1e of the spread\n",
                  architecture, frames, size, size, (long long)batch, device.device,
                  hedon_dtype_name(device.precision), error);
    hedon_predictor_close(predictor);
    free_logits(logits);
    hedon_tensor_free(&clips);
    hedon_model_close(model);
    return error;
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static const HedonDeviceOptions cpu = {.device = "cpu", .precision = HEDON_F32};

static void full_size_on_cpu(void **state)
{
    (void)state;
    if (SLOW) {
        assert_true(parity("r2plus1d_18", 8, 112, cpu, 1, 1) <= tolerance);
        return;
    }
    for (int frames = 8; frames <= 16; frames += 8)
        for (int size = 112; size <= 128; size += 16)
            for (int64_t batch = 1; batch <= 4; batch += 3)
                assert_true(parity("r2plus1d_18", frames, size, cpu, batch, CLIPS) <= tolerance);
}

static void small_clips_on_cpu(void **state)
{
    (void)state;
    assert_true(parity("r2plus1d_18", 4, 32, cpu, 4, CLIPS) <= tolerance);
    assert_true(parity("mc3_18", 4, 32, cpu, 4, CLIPS) <= tolerance);
    assert_true(parity("mc3_18", 8, 64, cpu, 1, CLIPS) <= tolerance);
    assert_true(parity("r3d_18", 4, 32, cpu, 4, CLIPS) <= tolerance);
    assert_true(parity("r3d_18", 8, 64, cpu, 1, CLIPS) <= tolerance);
}

/* One clip each: ref is slow. In double only the rounding of the logits to float32 is left. */
static void small_clips_on_ref(void **state)
{
    (void)state;
    const HedonDeviceOptions single = {.device = "ref", .precision = HEDON_F32};
    const HedonDeviceOptions wide = {.device = "ref", .precision = HEDON_F64};
    assert_true(parity("r2plus1d_18", 4, 32, wide, 1, 1) <= 1e-5);
    if (SLOW) return;
    assert_true(parity("r2plus1d_18", 4, 32, single, 1, 1) <= tolerance);
    assert_true(parity("mc3_18", 4, 32, wide, 1, 1) <= 1e-5);
    assert_true(parity("r3d_18", 4, 32, wide, 1, 1) <= 1e-5);
}

/* N = 1, 2, 3, 4 through a batch of three: padded, exactly full, and a second batch. */
static void bits_of_a_clip_do_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    HedonModel *model = open_model("r2plus1d_18");
    const int frames = SLOW ? 4 : 8, size = SLOW ? 32 : 112;
    HedonTensor clips = golden_clips(frames, size), all[HEADS], some[HEADS];
    make_logits(all, CLIPS);
    HedonPredictor *predictor = open_predictor(model, &cpu, 3, frames, size);
    check(hedon_predictor_run(ctx, predictor, &clips, all));
    const int64_t clip_size = hedon_shape_count(&clips.shape) / CLIPS;
    for (int64_t first = 0; first < CLIPS; first++)
        for (int64_t count = 1; first + count <= CLIPS; count += 2) {
            HedonTensor part = clips;
            part.shape.dim[0] = count;
            part.data = (float *)clips.data + first * clip_size;
            make_logits(some, count);
            check(hedon_predictor_run(ctx, predictor, &part, some));
            for (int head = 0; head < HEADS; head++)
                assert_memory_equal(some[head].data,
                                    (float *)all[head].data + first * head_sizes[head],
                                    (size_t)(count * head_sizes[head]) * sizeof(float));
            free_logits(some);
        }
    hedon_predictor_close(predictor);
    free_logits(all);
    hedon_tensor_free(&clips);
    hedon_model_close(model);
}

/* Logits of one clip with the parameters as they are in state. Compiled afresh: a plan for
 * inference packs the weights of its moment. */
static void logits_of_state(HedonState *params, HedonBuffer *clip,
                            HedonBuffer *const outputs[HEADS], HedonTensor logits[HEADS])
{
    const HedonBackend *backend = params->device->backend;
    HedonPlan *plan;
    check(backend->compile(ctx, params, &(HedonCompileOptions){0}, &plan));
    check(backend->execute(ctx, plan, &(HedonExecution){.inputs = &clip, .outputs = outputs}));
    for (int head = 0; head < HEADS; head++)
        check(backend->download(ctx, logits[head].data, outputs[head], 0,
                                (size_t)head_sizes[head] * sizeof(float), NULL));
    backend->plan_free(plan);
}

/* All of one tensor times a factor, in state. */
static void write_scaled(HedonState *params, int parameter, const HedonTensor *values, float factor)
{
    HedonTensor scaled;
    check(hedon_tensor_alloc(&scaled, HEDON_F32, &values->shape));
    const int64_t count = hedon_shape_count(&values->shape);
    for (int64_t i = 0; i < count; i++)
        ((float *)scaled.data)[i] = ((float *)values->data)[i] * factor;
    check(params->device->backend->state_write(ctx, params, HEDON_STATE_PARAMETER, parameter,
                                               &scaled));
    hedon_tensor_free(&scaled);
}

/* The comparison is only worth something if a slightly wrong weight fails it: each tensor in turn,
 * running statistics too, is changed by one percent. */
static void one_percent_of_any_tensor_is_noticed(void **state)
{
    (void)state;
    const int step = SLOW ? 24 : 1;
    const double started = hedon_clock_s();
    const json_t *one = golden_case("r2plus1d_18", 4, 32);
    HedonModel *model = open_model("r2plus1d_18");
    HedonTensor clips = golden_clips(4, 32), logits[HEADS];
    make_logits(logits, 1);
    HedonGraph *graph;
    check(hedon_model_build(ctx, model, 1, 4, 32, 32, &graph));
    const int count = graph->parameter_count;
    HedonTensor *parameters = calloc((size_t)count, sizeof(*parameters));
    for (int i = 0; i < count; i++)
        parameters[i] = *hedon_model_parameter(
            model, graph->values[hedon_graph_parameter_value(graph, i)].name);

    const HedonBackend *backend;
    HedonDevice *device;
    HedonState *params;
    HedonBuffer *clip, *outputs[HEADS];
    check(hedon_backend_find(ctx, "cpu", &backend));
    /* one thread: at this size more would only wait for each other */
    check(backend->open(ctx, &device, &(HedonDeviceOptions){"cpu", HEDON_F32, 1}));
    check(backend->state_new(ctx, device, graph, parameters, &params));
    const size_t clip_bytes = (size_t)hedon_shape_count(&clips.shape) / CLIPS * sizeof(float);
    check(backend->buffer_new(ctx, device, clip_bytes, &clip));
    check(backend->upload(ctx, clip, 0, clips.data, clip_bytes, NULL));
    for (int head = 0; head < HEADS; head++)
        check(backend->buffer_new(ctx, device, (size_t)head_sizes[head] * sizeof(float),
                                  &outputs[head]));

    logits_of_state(params, clip, outputs, logits);
    assert_true(greatest_error(one, 1, logits) <= tolerance);
    double least = INFINITY;
    int changed = 0;
    for (int i = 0; i < count; i += step, changed++) {
        write_scaled(params, i, &parameters[i], 1.01f);
        logits_of_state(params, clip, outputs, logits);
        write_scaled(params, i, &parameters[i], 1);
        const double error = greatest_error(one, 1, logits);
        if (error < least) least = error;
        if (!(error > tolerance))
            fail_msg("1%% of %s moved the logits by only %.1e of the spread",
                     graph->values[hedon_graph_parameter_value(graph, i)].name, error);
    }
    print_message(
        "%d of %d tensors changed by 1%%: the least moves the logits by %.1e of the spread; "
        "%.0f s\n",
        changed, count, least, hedon_clock_s() - started);

    for (int head = 0; head < HEADS; head++) backend->buffer_free(outputs[head]);
    backend->buffer_free(clip);
    backend->state_free(params);
    backend->close(device);
    free(parameters);
    hedon_graph_free(graph);
    free_logits(logits);
    hedon_tensor_free(&clips);
    hedon_model_close(model);
}

static int open_golden(void **state)
{
    (void)state;
    json_error_t reason;
    golden = json_load_file(HEDON_SOURCE_DIR "/tests/golden/parity.json", 0, &reason);
    ctx = hedon_context_new();
    if (!golden) fprintf(stderr, "tests/golden/parity.json: %s\n", reason.text);
    return golden && ctx ? 0 : -1;
}

static int close_golden(void **state)
{
    (void)state;
    json_decref(golden);
    hedon_context_free(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_clips_on_ref),
        cmocka_unit_test(small_clips_on_cpu),
        cmocka_unit_test(full_size_on_cpu),
        cmocka_unit_test(bits_of_a_clip_do_not_depend_on_its_neighbours),
        cmocka_unit_test(one_percent_of_any_tensor_is_noticed),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
