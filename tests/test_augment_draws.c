/* What training's augmentations draw: distributions, each mean within four standard errors. The
 * seeds are fixed, so that a pass stays a pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after them */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "train/augment/augment.h"
#include "train/augment/loops.h"
#include "train/augment/mix.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

enum { DRAWS = 40000 };

typedef struct Tally {
    double sum, sum2, low, high;
    int64_t n;
} Tally;

static void tally(Tally *t, double v)
{
    if (!t->n || v < t->low) t->low = v;
    if (!t->n || v > t->high) t->high = v;
    t->sum += v;
    t->sum2 += v * v;
    t->n++;
}

/* Within four standard errors. */
static void expect_mean(const char *what, const Tally *t, double mean, double deviation)
{
    const double got = t->sum / (double)t->n;
    if (!(fabs(got - mean) < 4 * deviation / sqrt((double)t->n)))
        fail_msg("%s: mean %g of %lld, not %g", what, got, (long long)t->n, mean);
}

static double share_deviation(double p)
{
    return sqrt(p * (1 - p));
}

static void test_draws_are_distributed(void **state)
{
    (void)state;
    HedonAugmentRecipe recipe;
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "vce"), 0);
    Tally count = {0}, flip = {0}, erase = {0}, degrees = {0}, turned = {0}, area = {0},
          shape = {0};
    Tally kind[HEDON_AUGMENT_KINDS] = {0}, place = {0}, erased = {0};
    for (int i = 0; i < DRAWS; i++) {
        HedonAugmentDraw d;
        hedon_augment_draw(hedon_random_key(3, 1, (uint64_t)i), &recipe, 320, 240, &d);
        tally(&count, d.operation_count);
        int seen[HEDON_AUGMENT_KINDS] = {0};
        for (int k = 0; k < d.operation_count; k++) {
            seen[d.operation[k].kind]++;
            if (d.operation[k].kind != HEDON_AUGMENT_ROTATE) continue;
            tally(&degrees, fabs(d.operation[k].argument));
            tally(&turned, d.operation[k].argument < 0);
        }
        for (int k = 0; k < HEDON_AUGMENT_KINDS; k++) tally(&kind[k], seen[k]);
        tally(&flip, d.flip);
        tally(&erase, d.erase_width > 0);
        const double box = (double)d.erase_width * d.erase_height / (224. * 224);
        if (d.erase_width) tally(&erased, box);
        tally(&area, d.crop_width * d.crop_height / (320. * 240));
        tally(&shape, log((double)d.crop_width / d.crop_height));
        if (d.crop_width < 320) tally(&place, d.crop_x / (320. - d.crop_width));
        assert_true(d.crop_x >= 0 && d.crop_x + d.crop_width <= 320);
        assert_true(d.crop_y >= 0 && d.crop_y + d.crop_height <= 240);
        assert_true(d.erase_x >= 0 && d.erase_x + d.erase_width <= 224);
        assert_true(d.erase_y >= 0 && d.erase_y + d.erase_height <= 224);
    }
    expect_mean("operations applied", &count, 2, 1);
    for (int k = 0; k < HEDON_AUGMENT_KINDS; k++)
        expect_mean(hedon_augment_name((HedonAugmentKind)k), &kind[k], 2. / 15, .37);
    expect_mean("flips", &flip, .5, .5);
    expect_mean("erasing", &erase, .25, share_deviation(.25));
    expect_mean("degrees", &degrees, 21, 1.5);
    const double mean = degrees.sum / (double)degrees.n;
    assert_true(fabs(sqrt(degrees.sum2 / (double)degrees.n - mean * mean) - 1.5) < .06);
    expect_mean("negative turns", &turned, .5, .5);
    assert_true(area.low > .075 && area.low < .09 && area.high > .98 && area.high <= 1);
    assert_true(fabs(shape.low - log(.75)) < .03 && fabs(shape.high - log(4. / 3)) < .03);
    expect_mean("place of the crop", &place, .5, .32);
    assert_true(erased.low > .019 && erased.low < .025 && erased.high > .32 && erased.high < .34);
    /* Uniform but for the tall and wide boxes that do not fit and are drawn again. */
    assert_true(fabs(erased.sum / (double)erased.n - (.02 + 1. / 3) / 2) < .01);
}

/* A box that does not fit is drawn again: half of these are too tall or too wide. */
static void test_mild_crops_leave_colours_alone(void **state)
{
    (void)state;
    HedonAugmentRecipe recipe;
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "crop"), 0);
    Tally area = {0}, flip = {0};
    for (int i = 0; i < 4000; i++) {
        HedonAugmentDraw d;
        hedon_augment_draw(hedon_random_key(5, 1, (uint64_t)i), &recipe, 320, 240, &d);
        assert_int_equal(d.operation_count, 0);
        assert_int_equal(d.erase_width, 0);
        tally(&area, d.crop_width * d.crop_height / (320. * 240));
        tally(&flip, d.flip);
    }
    assert_true(area.low > .78 && area.high <= 1);
    expect_mean("flip", &flip, .5, .5);
}

static void test_erasing_tries_again(void **state)
{
    (void)state;
    HedonAugmentRecipe recipe;
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "vce"), 0);
    recipe.erase_p = 1;
    recipe.erase_area[0] = .25;
    recipe.erase_ratio[0] = 1 / 16.;
    recipe.erase_ratio[1] = 16;
    for (int i = 0; i < 1000; i++) {
        HedonAugmentDraw d;
        hedon_augment_draw(hedon_random_key(4, 0, (uint64_t)i), &recipe, 320, 240, &d);
        assert_in_range(d.erase_width, 1, 223);
        assert_in_range(d.erase_height, 1, 223);
    }
}

static void test_beta_is_distributed(void **state)
{
    (void)state;
    static const double alphas[] = {.1, .8, 1, 4};
    for (int a = 0; a < COUNT(alphas); a++) {
        const HedonMixRecipe recipe = {.mixup_alpha = alphas[a], .p = 1};
        Tally share = {0}, square = {0};
        for (int i = 0; i < DRAWS; i++) {
            HedonMixDraw d;
            assert_int_equal(
                hedon_mix_draw(NULL, hedon_random_key(5, 0, (uint64_t)i), &recipe, 8, 8, &d), 0);
            assert_true(d.share >= 0 && d.share <= 1);
            tally(&share, d.share);
            tally(&square, (d.share - .5) * (d.share - .5));
        }
        const double variance = 1 / (4 * (2 * alphas[a] + 1));
        expect_mean("Beta", &share, .5, sqrt(variance));
        expect_mean("Beta's variance", &square, variance, variance);
    }
}

static void test_noise_is_normal(void **state)
{
    (void)state;
    enum { WORDS = 50000 };
    uint64_t *bits = malloc(WORDS * sizeof *bits);
    float *values = malloc(2 * WORDS * sizeof *values);
    const HedonRandomKey key = hedon_random_key(8, 0, 0);
    for (int i = 0; i < WORDS; i++) bits[i] = hedon_random_u64(key, (uint64_t)i);
    bits[0] = 0;
    bits[1] = UINT64_MAX;
    hedon_augment_loops()->normals(values, bits, WORDS);
    Tally all = {0}, square = {0}, beyond = {0}, pairs = {0};
    for (int i = 0; i < 2 * WORDS; i++) {
        tally(&all, values[i]);
        tally(&square, (double)values[i] * values[i]);
        tally(&beyond, fabsf(values[i]) > 1.959964f);
        if (i & 1) tally(&pairs, (double)values[i] * values[i - 1]);
    }
    expect_mean("noise", &all, 0, 1);
    expect_mean("noise's variance", &square, 1, sqrt(2));
    expect_mean("beyond 1.96", &beyond, .05, share_deviation(.05));
    expect_mean("pairs", &pairs, 0, 1);
    assert_true(all.low > -6 && all.high < 6);
    free(bits);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_are_distributed),
        cmocka_unit_test(test_mild_crops_leave_colours_alone),
        cmocka_unit_test(test_erasing_tries_again),
        cmocka_unit_test(test_beta_is_distributed),
        cmocka_unit_test(test_noise_is_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
