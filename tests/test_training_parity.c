/* Ten steps of training against PyTorch in double (tests/golden/training.json, made by
 * tools/golden/training.py): the trainer's engine on ref in double, the same hash-made weights,
 * clips and targets on both sides.
 *
 * All numbers of a tensor are compared without storing them: a product of the difference with a
 * vector of independent entries of variance 1 has the squared distance as its expected square, so
 * that the root mean square of a few products estimates the distance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tests/scenes.h"
#include "train/engine.h"

enum { STEPS = 10, CLIPS = 4, FRAMES = 3, SIZE = 17, CLIP = 3 * FRAMES * SIZE * SIZE, VECTORS = 4 };
enum { WEIGHT_SEED = 1, CLIP_SEED = 7, VECTOR_SEED = 5 };

/* What is promised is 1e-6 of the loss and 1e-3 of a tensor's norm; both sides compute in double,
 * so that anything but rounding is a mistake. */
static const double loss_tolerance = 1e-9, weight_tolerance = 1e-6;

static json_t *golden;
static HedonContext *ctx;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

/* ---- A run ---------------------------------------------------------------------------------- */

typedef struct Run {
    HedonTrainConfig config;
    HedonModel *model;
    HedonEngine *engine;
    double losses[STEPS];
} Run;

static void open_run(Run *run, const HedonRecipe *recipe, const char *head)
{
    hedon_train_config_default(&run->config, recipe);
    run->config.device = (HedonDeviceOptions){.device = "ref", .precision = HEDON_F64};
    run->config.recipe.clips = CLIPS;
    run->config.recipe.pairs = CLIPS / 2;
    run->config.recipe.drop_path = 0;
    check(hedon_model_open_random(ctx, &run->model, "r2plus1d_tiny", WEIGHT_SEED, head));
    check(hedon_model_set_clip(ctx, run->model, FRAMES, SIZE));
    check(hedon_engine_open(ctx, &run->engine, run->model, &run->config, NULL, 0));
    assert_int_equal(hedon_engine_batch_clips(run->engine), CLIPS);
}

static void close_run(Run *run)
{
    hedon_engine_close(run->engine);
    hedon_model_close(run->model);
    hedon_train_config_free(&run->config);
}

static double train_step(Run *run, int step, double rate)
{
    static float clips[CLIPS][CLIP];
    float targets[CLIPS * HEDON_EMOTIONS], clip_weights[CLIPS], pair_weights[CLIPS / 2];
    float *pixels[CLIPS];
    for (int n = 0; n < CLIPS; n++) {
        pixels[n] = clips[n];
        clip_weights[n] = pair_weights[n / 2] = 1;
        render_clip(clips[n], CLIP_SEED + (uint64_t)step, (uint64_t)n, FRAMES, SIZE);
    }
    const HedonRandomKey key = hedon_random_key(CLIP_SEED, 3, (uint64_t)step);
    for (int i = 0; i < CLIPS * HEDON_EMOTIONS; i++)
        targets[i] = (float)(floor(121 * hedon_random_uniform(key, (uint64_t)i)) / 120);
    const HedonTrainBatch batch = {.pixels = pixels,
                                   .targets = targets,
                                   .clip_weights = clip_weights,
                                   .pair_weights = pair_weights};
    HedonTrainLosses losses;
    HedonOptimiserResult result;
    check(hedon_engine_batch(ctx, run->engine, &batch, hedon_random_key(0, 0, 0), HEDON_BATCH_FIRST,
                             &losses));
    check(hedon_engine_update(ctx, run->engine, step, rate, &result));
    assert_true(result.finite);
    return losses.total;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* The distance of the values from the golden tensor's, estimated, over the latter's norm. */
static double relative_distance(const json_t *wanted, const char *name, const HedonTensor *values)
{
    const HedonRandomKey key = hedon_random_key_name(VECTOR_SEED, name);
    const int64_t count = hedon_shape_count(&values->shape);
    const json_t *products = json_object_get(wanted, "products");
    double square = 0;
    assert_int_equal(json_array_size(products), VECTORS);
    for (int64_t k = 0; k < VECTORS; k++) {
        double off = -json_real_value(json_array_get(products, (size_t)k));
        for (int64_t i = 0; i < count; i++)
            off += sqrt(3) * symmetric(key, (uint64_t)(k * count + i)) *
                   ((const double *)values->data)[i];
        square += off * off / VECTORS;
    }
    return sqrt(square) / json_real_value(json_object_get(wanted, "norm"));
}

/* The greatest distance of any parameter, running statistics included. */
static double greatest_distance(const Run *run, const json_t *wanted)
{
    static const char prefix[] = "parameter:";
    double greatest = 0;
    size_t compared = 0;
    for (int64_t i = 0; i < hedon_engine_tensors(run->engine); i++) {
        HedonStateTensor tensor;
        check(hedon_engine_tensor(ctx, run->engine, i, &tensor));
        if (strncmp(tensor.name, prefix, sizeof(prefix) - 1)) continue;
        const char *name = tensor.name + sizeof(prefix) - 1;
        const json_t *one = json_object_get(wanted, name);
        if (!one) fail_msg("no golden numbers of %s", name);
        const double distance = relative_distance(one, name, &tensor.values);
        if (!(distance <= weight_tolerance)) print_message("%s: %.1e\n", name, distance);
        if (!(distance <= greatest)) greatest = distance; /* a NaN sticks */
        compared++;
    }
    assert_int_equal(compared, json_object_size(wanted));
    return greatest;
}

static void follows_pytorch(const HedonRecipe *recipe, const char *head)
{
    Run run = {0};
    const json_t *wanted = json_object_get(golden, recipe->name);
    const double rate = json_real_value(json_object_get(wanted, "rate"));
    double greatest = 0;
    open_run(&run, recipe, head);
    for (int step = 0; step < STEPS; step++) {
        const json_t *loss = json_array_get(json_object_get(wanted, "losses"), (size_t)step);
        const double off = fabs(train_step(&run, step, rate) - json_real_value(loss));
        if (!(off <= greatest)) greatest = off;
    }
    const double distance = greatest_distance(&run, json_object_get(wanted, "tensors"));
    print_message("%s: losses to %.1e, weights to %.1e of their norms\n", recipe->name, greatest,
                  distance);
    assert_true(greatest <= loss_tolerance);
    assert_true(distance <= weight_tolerance);
    close_run(&run);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void vce_follows_pytorch(void **state)
{
    (void)state;
    follows_pytorch(&hedon_recipe_vce, "emotions");
}

static void v2v_follows_pytorch(void **state)
{
    (void)state;
    follows_pytorch(&hedon_recipe_v2v, "utility");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vce_follows_pytorch),
        cmocka_unit_test(v2v_follows_pytorch),
    };
    json_error_t error;
    golden = json_load_file(HEDON_SOURCE_DIR "/tests/golden/training.json", 0, &error);
    if (!golden) {
        fprintf(stderr, "tests/golden/training.json: %s\n", error.text);
        return 1;
    }
    ctx = hedon_context_new();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    json_decref(golden);
    return failed;
}
