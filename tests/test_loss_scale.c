/* A run in float16 that is saved and resumed takes the steps that it would have taken: the loss
 * scale and the steps since it changed are of the state. Needs a GPU, or the simulated one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "base/error.h"
#include "kernels/backend.h"
#include "tests/loss_scale.h"
#include "tests/scenes.h"

enum { CLIPS = 2, FRAMES = 4, SIZE = 20, CLIP = 3 * FRAMES * SIZE * SIZE, STEPS = 20, SAVED = 17 };

static HedonContext *ctx;
static char path[] = "/tmp/hedon-loss-scale-XXXXXX";

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

static HedonEngine *engine_in(HedonDtype precision)
{
    HedonTrainConfig config;
    HedonModel *model;
    HedonEngine *engine;
    hedon_train_config_default(&config, &hedon_recipe_vce);
    config.device = (HedonDeviceOptions){.device = "cuda", .precision = precision};
    config.recipe.clips = CLIPS;
    config.recipe.emotions_weight = 16; /* so that float16 overflows below the first scale */
    check(hedon_model_open_random(ctx, &model, "r2plus1d_tiny", 1, "emotions"));
    check(hedon_model_set_clip(ctx, model, FRAMES, SIZE));
    check(hedon_engine_open(ctx, &engine, model, &config, NULL, 0));
    hedon_model_close(model);
    return engine;
}

/* Whether it was skipped. */
static int step(HedonEngine *engine, int64_t number)
{
    static float clips[CLIPS][CLIP], targets[CLIPS * HEDON_EMOTIONS];
    float *pixels[CLIPS], weights[CLIPS];
    HedonTrainLosses losses;
    HedonOptimiserResult result;
    for (int i = 0; i < CLIPS; i++) {
        pixels[i] = clips[i];
        weights[i] = 1;
        render_clip(clips[i], 7, (uint64_t)(number * CLIPS + i), FRAMES, SIZE);
        for (int k = 0; k < HEDON_EMOTIONS; k++)
            targets[i * HEDON_EMOTIONS + k] = (float)((k + i + number) % 3) / 2;
    }
    const HedonTrainBatch batch = {.pixels = pixels, .targets = targets, .clip_weights = weights};
    check(hedon_engine_batch(ctx, engine, &batch, hedon_random_key(1, 2, (uint64_t)number),
                             HEDON_BATCH_FIRST | HEDON_BATCH_LAST, &losses));
    check(hedon_engine_update(ctx, engine, number, 1e-3, &result));
    assert_true(result.finite);
    return result.skipped;
}

static void same_state(HedonEngine *one, HedonEngine *other)
{
    assert_int_equal(hedon_engine_tensors(one), hedon_engine_tensors(other));
    for (int64_t i = 0; i < hedon_engine_tensors(one); i++) {
        HedonStateTensor a, b;
        check(hedon_engine_tensor(ctx, one, i, &a));
        check(hedon_engine_tensor(ctx, other, i, &b));
        assert_string_equal(a.name, b.name);
        const size_t count = (size_t)hedon_shape_count(&a.values.shape);
        if (memcmp(a.values.data, b.values.data, count * sizeof(float)))
            fail_msg("%s differs", a.name);
    }
}

/* From a scale that overflows, which the first steps lower; saved in the middle. */
static void a_resumed_run_in_float16_takes_the_same_steps(void **state)
{
    (void)state;
    float saved[2], last[2];
    int skipped = 0, after = 0;
    HedonEngine *whole = engine_in(HEDON_F16);
    Rescaled begin = {.engine = whole, .scale = 16777216, .good_steps = 5};
    check(save_rescaled(ctx, &begin, path));
    check(restore_from(ctx, whole, path));
    scale_of(ctx, whole, saved);
    assert_true(saved[0] == 16777216 && saved[1] == 5);
    for (int64_t i = 0; i < SAVED; i++) skipped += step(whole, i);
    check(save_rescaled(ctx, &(Rescaled){.engine = whole}, path));
    scale_of(ctx, whole, saved);
    for (int64_t i = SAVED; i < STEPS; i++) after += step(whole, i);
    scale_of(ctx, whole, last);
    print_message("%d of %d steps overflowed; saved at scale %g after %g good steps, %d overflowed "
                  "then\n",
                  skipped, SAVED, (double)saved[0], (double)saved[1], after);
    assert_true(skipped > 0 && skipped < SAVED);
    assert_true(saved[0] < 16777216 && saved[0] != 65536 && saved[1] > 0);

    HedonEngine *resumed = engine_in(HEDON_F16);
    check(restore_from(ctx, resumed, path));
    for (int64_t i = SAVED; i < STEPS; i++) step(resumed, i);
    same_state(whole, resumed);
    hedon_engine_close(resumed);
    hedon_engine_close(whole);
}

static void a_scale_that_is_none_is_refused(void **state)
{
    (void)state;
    static const float wrong[][2] = {{.5f, 0}, {3, 0}, {33554432, 0}, {NAN, 0}, {-8, 0}, {8, -1}};
    HedonEngine *engine = engine_in(HEDON_F16);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Rescaled as = {engine, wrong[i][0], wrong[i][1]};
        float is[2];
        check(save_rescaled(ctx, &as, path));
        assert_int_equal(restore_from(ctx, engine, path), HEDON_EINVAL);
        scale_of(ctx, engine, is);
        assert_true(is[0] == 65536 && is[1] == 0);
    }
    hedon_engine_close(engine);
}

static void only_float16_has_a_scale(void **state)
{
    (void)state;
    float is[2];
    HedonEngine *engine = engine_in(HEDON_BF16);
    scale_of(ctx, engine, is);
    assert_true(is[0] == 0);
    hedon_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resumed_run_in_float16_takes_the_same_steps),
        cmocka_unit_test(a_scale_that_is_none_is_refused),
        cmocka_unit_test(only_float16_has_a_scale),
    };
    const HedonBackend *cuda;
    int status = 77;
    ctx = hedon_context_new();
    if (hedon_backend_find(ctx, "cuda", &cuda)) {
        printf("skipped: %s\n", hedon_last_error(ctx));
    } else {
        close(mkstemp(path));
        status = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
    }
    hedon_context_free(ctx);
    return status;
}
