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
#include "base/random.h"
#include "hedon.h"
#include "kernels/backend.h"
#include "models/model.h"

enum { CLIPS = 4, HEADS = 2 };
static const char *const head_names[HEADS] = {"emotions", "utility"};
static const int head_sizes[HEADS] = {HEDON_EMOTIONS, 1};
static const double tolerance = 1e-4;

static json_t *golden;
static HedonContext *ctx;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

/* The scenes of tools/golden/weights.py's clips(), bit for bit. */
static double symmetric(HedonRandomKey key, uint64_t i)
{
    return 2 * hedon_random_uniform(key, i) - 1;
}

/* One channel of one frame: a base, a slope, a blob that moves and changes, noise. */
static void render(float *out, const double scene[32], int channel, double time, int64_t size,
                   HedonRandomKey noise, uint64_t first_pixel)
{
    const double cx = 0.5 + 0.4 * scene[0] + 0.5 * scene[1] * time;
    const double cy = 0.5 + 0.4 * scene[2] + 0.5 * scene[3] * time;
    const double *s = scene + 8 + 8 * channel;
    for (int64_t i = 0; i < size * size; i++) {
        const double x = (double)(i % size) / (double)size, y = (double)(i / size) / (double)size;
        const double distance = (x - cx) * (x - cx) + (y - cy) * (y - cy);
        const double blob = 1 / (1 + distance * (20 + 15 * scene[4]));
        const double smooth = s[0] + s[1] * x + s[2] * y + (2 * s[3] + s[4] * time) * blob;
        out[i] = (float)(smooth + (0.3 + 0.2 * scene[5]) * symmetric(noise, first_pixel + (uint64_t)i));
    }
}

static HedonTensor make_clips(uint64_t seed, int64_t frames, int64_t size)
{
    HedonTensor clips;
    check(hedon_tensor_alloc(&clips, HEDON_F32,
                             &(HedonShape){.rank = 5, .dim = {CLIPS, 3, frames, size, size}}));
    float *out = clips.data;
    for (uint64_t n = 0; n < CLIPS; n++) {
        double scene[32];
        for (uint64_t i = 0; i < 32; i++) scene[i] = symmetric(hedon_random_key(seed, 1, n), i);
        const HedonRandomKey noise = hedon_random_key(seed, 2, n);
        for (int64_t plane = 0; plane < 3 * frames; plane++) {
            const double time = (double)(plane % frames) / (double)frames;
            render(out, scene, (int)(plane / frames), time, size, noise,
                   (uint64_t)(plane * size * size));
            out += size * size;
        }
    }
    return clips;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static const json_t *golden_case(const char *architecture, int frames, int size)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(golden, "cases"), i, one) {
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

/* The greatest error of any logit of either head, as a share of its head's spread. */
static double greatest_error(const json_t *one, const HedonTensor logits[HEADS])
{
    double greatest = 0;
    for (int head = 0; head < HEADS; head++) {
        const double spread = golden_spread(one, head);
        const float *values = logits[head].data;
        for (int n = 0; n < CLIPS; n++)
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

static HedonPredictor *open_predictor(const HedonModel *model, const char *device,
                                      HedonDtype precision, int64_t batch, int frames, int size)
{
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device.device = device;
    options.device.precision = precision;
    options.batch = batch;
    options.frames = frames;
    options.height = options.width = size;
    HedonPredictor *predictor;
    check(hedon_predictor_open(ctx, &predictor, model, &options));
    return predictor;
}

static void predict(const HedonModel *model, const char *device, HedonDtype precision, int64_t batch,
                    const HedonTensor *clips, HedonTensor logits[HEADS])
{
    HedonPredictor *predictor = open_predictor(model, device, precision, batch,
                                               (int)clips->shape.dim[2], (int)clips->shape.dim[3]);
    check(hedon_predictor_run(ctx, predictor, clips, logits));
    hedon_predictor_close(predictor);
}

static double parity(const char *architecture, int frames, int size, const char *device,
                     HedonDtype precision, int64_t batch)
{
    const json_t *one = golden_case(architecture, frames, size);
    HedonModel *model = open_model(architecture);
    HedonTensor clips = golden_clips(frames, size), logits[HEADS];
    make_logits(logits, CLIPS);
    predict(model, device, precision, batch, &clips, logits);
    const double error = greatest_error(one, logits);
    print_message("%-12s %2d x %3d x %3d  batch %lld  %s %s: greatest error %.1e of the spread\n",
                  architecture, frames, size, size, (long long)batch, device,
                  hedon_dtype_name(precision), error);
    free_logits(logits);
    hedon_tensor_free(&clips);
    hedon_model_close(model);
    return error;
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void full_size_on_cpu(void **state)
{
    (void)state;
    for (int frames = 8; frames <= 16; frames += 8)
        for (int size = 112; size <= 128; size += 16)
            for (int64_t batch = 1; batch <= 4; batch += 3)
                assert_true(parity("r2plus1d_18", frames, size, "cpu", HEDON_F32, batch) <= tolerance);
}

static void other_architectures_on_cpu(void **state)
{
    (void)state;
    assert_true(parity("r2plus1d_18", 4, 32, "cpu", HEDON_F32, 4) <= tolerance);
    assert_true(parity("mc3_18", 4, 32, "cpu", HEDON_F32, 4) <= tolerance);
    assert_true(parity("mc3_18", 8, 64, "cpu", HEDON_F32, 1) <= tolerance);
    assert_true(parity("r3d_18", 4, 32, "cpu", HEDON_F32, 4) <= tolerance);
    assert_true(parity("r3d_18", 8, 64, "cpu", HEDON_F32, 1) <= tolerance);
}

/* In double the reference must follow torch to float32's rounding of the logits it hands out. */
static void small_on_ref(void **state)
{
    (void)state;
    assert_true(parity("r2plus1d_18", 4, 32, "ref", HEDON_F64, 4) <= 1e-5);
    assert_true(parity("r2plus1d_18", 4, 32, "ref", HEDON_F32, 1) <= tolerance);
    assert_true(parity("mc3_18", 4, 32, "ref", HEDON_F64, 4) <= 1e-5);
    assert_true(parity("r3d_18", 4, 32, "ref", HEDON_F64, 4) <= 1e-5);
}

/* N = 1, 2, 3, 4 through a batch of three: padded, exactly full, and a second batch. */
static void bits_of_a_clip_do_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    HedonModel *model = open_model("r2plus1d_18");
    HedonTensor clips = golden_clips(8, 112), all[HEADS], some[HEADS];
    make_logits(all, CLIPS);
    HedonPredictor *predictor = open_predictor(model, "cpu", HEDON_F32, 3, 8, 112);
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
                assert_memory_equal(some[head].data, (float *)all[head].data + first * head_sizes[head],
                                    (size_t)(count * head_sizes[head]) * sizeof(float));
            free_logits(some);
        }
    hedon_predictor_close(predictor);
    free_logits(all);
    hedon_tensor_free(&clips);
    hedon_model_close(model);
}

/* The comparison is only worth something if a slightly wrong weight fails it: each tensor in turn,
 * running statistics too, is changed by one percent. */
static void one_percent_of_any_tensor_is_noticed(void **state)
{
    (void)state;
    const double started = hedon_clock_s();
    const json_t *one = golden_case("r2plus1d_18", 4, 32);
    HedonModel *model = open_model("r2plus1d_18");
    HedonTensor clips = golden_clips(4, 32), logits[HEADS];
    make_logits(logits, CLIPS);
    HedonGraph *graph;
    check(hedon_model_build(ctx, model, 1, 4, 32, 32, &graph));
    double least = 1e9;
    for (int i = 0; i < graph->parameter_count; i++) {
        const char *name = graph->values[hedon_graph_parameter_value(graph, i)].name;
        const HedonTensor *values = hedon_model_parameter(model, name);
        const int64_t count = hedon_shape_count(&values->shape);
        float *original = malloc((size_t)count * sizeof(float)), *changed = values->data;
        memcpy(original, changed, (size_t)count * sizeof(float));
        for (int64_t k = 0; k < count; k++) changed[k] *= 1.01f;
        predict(model, "cpu", HEDON_F32, 4, &clips, logits);
        memcpy(changed, original, (size_t)count * sizeof(float));
        free(original);
        const double error = greatest_error(one, logits);
        if (error < least) least = error;
        if (!(error > tolerance)) fail_msg("1%% of %s moved the logits by only %.1e", name, error);
    }
    print_message("%d tensors changed by 1%%: the least moved the logits by %.1e of the spread; %.0f s\n",
                  graph->parameter_count, least, hedon_clock_s() - started);
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
        cmocka_unit_test(small_on_ref),
        cmocka_unit_test(other_architectures_on_cpu),
        cmocka_unit_test(full_size_on_cpu),
        cmocka_unit_test(bits_of_a_clip_do_not_depend_on_its_neighbours),
        cmocka_unit_test(one_percent_of_any_tensor_is_noticed),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
