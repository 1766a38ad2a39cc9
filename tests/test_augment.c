/* Training's augmentations and samplers: against the reference implementations' results on the same
 * random numbers (golden), decoded frames to RGB, and what they refuse. test_augment_draws.c has
 * the distributions. With --bench: milliseconds a clip, by operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after them */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/backend.h"
#include "train/augment/augment.h"
#include "train/augment/loops.h"
#include "train/augment/mix.h"
#include "train/augment/operations.h"
#include "train/augment/sample_train.h"

typedef struct OperationCase {
    HedonAugmentKind kind;
    double magnitude;
    int negative;
    double argument;
    int variant;
    int32_t width, height;
    uint64_t digest;
} OperationCase;

typedef struct GoldenDraw {
    int count;
    HedonAugmentOperation operation[HEDON_AUGMENT_MAX_OPERATIONS];
    int32_t crop_x, crop_y, crop_width, crop_height;
    int flip;
    int32_t erase_x, erase_y, erase_width, erase_height;
} GoldenDraw;

enum { GOLDEN_STEP = 61, GOLDEN_SIZE = 32, GOLDEN_FRAMES = 3 };

typedef struct PipelineCase {
    int item;
    int32_t width, height;
    int frames;
    GoldenDraw draw;
    uint64_t digest; /* of the frames after RandAugment */
    float clip[(3 * GOLDEN_FRAMES * GOLDEN_SIZE * GOLDEN_SIZE + GOLDEN_STEP - 1) / GOLDEN_STEP];
} PipelineCase;

typedef struct SampleCase {
    double fps;
    int64_t frames, starts; /* 0: too short */
    int64_t shown[3][16];   /* the first start, the middle one, the last */
} SampleCase;

enum { MIX_BATCH = 4, MIX_PLANES = 6, MIX_HEIGHT = 13, MIX_WIDTH = 11, MIX_CLASSES = 5 };
enum { MIX_FLOATS = MIX_BATCH * MIX_PLANES * MIX_HEIGHT * MIX_WIDTH };

typedef struct MixCase {
    int item;
    double mixup_alpha, cutmix_alpha;
    HedonMixDraw draw;
    float clips[(MIX_FLOATS + GOLDEN_STEP - 1) / GOLDEN_STEP];
    float targets[MIX_BATCH * MIX_CLASSES];
} MixCase;

#include "tests/golden/augment.inc"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* ---- Pictures, as tools/golden/augment.py makes them ------------------------------------------
 */

static int64_t triangle(int64_t n, int64_t period)
{
    return llabs(n % (2 * period) - period);
}

static int64_t picture_level(int variant, int64_t t, int64_t x, int64_t y, int64_t c)
{
    if (variant == 2) return 100 + 20 * c;
    const uint64_t counter = (uint64_t)(((t * 3 + c) * 4096 + y) * 4096 + x);
    const int64_t noise =
        (int64_t)(hedon_random_u64(hedon_random_key_name(1, "augment"), counter) >> 59);
    int64_t level = 2 * triangle(x * (5 + c) + y * (7 - 2 * c) + 13 * t, 96) +
                    triangle(x * y / (4 + c) + 17 * t, 64) + noise;
    level = level < 255 ? level : 255;
    return variant == 1 ? 90 + level / 4 : level;
}

static uint32_t *picture(int variant, int64_t t, int32_t width, int32_t height)
{
    /* Exactly as long as needed, so that a sanitizer sees a read past the end. */
    uint32_t *pixels = malloc((size_t)width * (size_t)height * sizeof *pixels);
    assert_non_null(pixels);
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++) {
            uint32_t p = 0;
            for (int c = 0; c < 3; c++) p |= (uint32_t)picture_level(variant, t, x, y, c) << 8 * c;
            pixels[(int64_t)y * width + x] = p;
        }
    return pixels;
}

/* FNV-1a of red, green, blue, red, ...; goes on from `value`. */
static uint64_t digest(uint64_t value, const uint32_t *pixels, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) value = (value ^ (pixels[i] >> 8 * c & 255)) * 0x100000001b3u;
    return value;
}

static const uint64_t DIGEST_START = 0xcbf29ce484222325u;

/* ---- Golden -----------------------------------------------------------------------------------
 */

static void check_operation(const HedonAugmentLoops *loops, const OperationCase *g)
{
    uint32_t *pixels = picture(g->variant, 0, g->width, g->height);
    uint32_t *spare = picture(g->variant, 0, g->width, g->height);
    HedonPicture p = {pixels, spare, g->width, g->height};
    const HedonAugmentOperation operation = {
        g->kind, hedon_augment_argument(g->kind, g->magnitude, g->negative)};
    hedon_augment_operation(loops, &p, &operation);
    if (operation.argument != g->argument && g->argument != 0)
        fail_msg("%s at %g: argument %.17g, not %.17g", hedon_augment_name(g->kind), g->magnitude,
                 operation.argument, g->argument);
    if (digest(DIGEST_START, p.pixels, (int64_t)g->width * g->height) != g->digest)
        fail_msg("%s at %g, sign turned %d, of picture %d differs from Pillow's",
                 hedon_augment_name(g->kind), g->magnitude, g->negative, g->variant);
    free(pixels);
    free(spare);
}

static void test_operations_are_pillows(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(operation_cases); i++) {
        check_operation(&hedon_augment_loops_generic, &operation_cases[i]);
        check_operation(hedon_augment_loops(), &operation_cases[i]);
    }
}

static HedonAugmentRecipe golden_recipe(void)
{
    HedonAugmentRecipe recipe;
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "vce"), 0);
    recipe.width = recipe.height = GOLDEN_SIZE;
    return recipe;
}

static void check_draw(const PipelineCase *g, const HedonAugmentDraw *draw)
{
    assert_int_equal(draw->operation_count, g->draw.count);
    for (int i = 0; i < draw->operation_count; i++) {
        assert_int_equal(draw->operation[i].kind, g->draw.operation[i].kind);
        const int plain = draw->operation[i].kind <= HEDON_AUGMENT_INVERT; /* no argument there */
        if (!plain)
            assert_true(fabs(draw->operation[i].argument - g->draw.operation[i].argument) < 1e-12);
    }
    assert_int_equal(draw->crop_x, g->draw.crop_x);
    assert_int_equal(draw->crop_y, g->draw.crop_y);
    assert_int_equal(draw->crop_width, g->draw.crop_width);
    assert_int_equal(draw->crop_height, g->draw.crop_height);
    assert_int_equal(draw->flip, g->draw.flip);
    assert_int_equal(draw->erase_x, g->draw.erase_x);
    assert_int_equal(draw->erase_y, g->draw.erase_y);
    assert_int_equal(draw->erase_width, g->draw.erase_width);
    assert_int_equal(draw->erase_height, g->draw.erase_height);
}

/* Normal noise comes from float logarithms and sines there: 1e-5. */
static void check_pipeline(HedonAugmenter *augmenter, const PipelineCase *g)
{
    const HedonAugmentRecipe recipe = golden_recipe();
    HedonAugmentDraw draw;
    hedon_augment_draw(hedon_random_key(7, 0, (uint64_t)g->item), &recipe, g->width, g->height,
                       &draw);
    check_draw(g, &draw);
    for (int i = 0; i < g->draw.count; i++) /* the reference's last bit of a cosine */
        draw.operation[i].argument = g->draw.operation[i].argument;

    const int64_t count = 3 * (int64_t)g->frames * GOLDEN_SIZE * GOLDEN_SIZE;
    float *clip = malloc((size_t)count * sizeof *clip);
    uint64_t eight = DIGEST_START;
    for (int t = 0; t < g->frames; t++) {
        uint32_t *rgb = picture(0, t, g->width, g->height);
        const uint32_t *augmented;
        assert_int_equal(
            hedon_augment_operations(NULL, augmenter, &draw, rgb, g->width, g->height, &augmented),
            0);
        eight = digest(eight, augmented, (int64_t)g->width * g->height);
        assert_int_equal(hedon_augment_apply(NULL, augmenter, &recipe, &draw, rgb, g->width,
                                             g->height, t, g->frames, clip),
                         0);
        free(rgb);
    }
    if (eight != g->digest) fail_msg("pipeline %d: RandAugment differs", g->item);
    for (int64_t i = 0; i < count; i += GOLDEN_STEP)
        if (!(fabsf(clip[i] - g->clip[i / GOLDEN_STEP]) < 1e-5f))
            fail_msg("pipeline %d, value %lld: %.7g, not %.7g", g->item, (long long)i,
                     (double)clip[i], (double)g->clip[i / GOLDEN_STEP]);
    free(clip);
}

static void test_pipelines_are_the_references(void **state)
{
    (void)state;
    HedonAugmenter *augmenter;
    assert_int_equal(hedon_augmenter_new(NULL, &augmenter), 0);
    int erased = 0, flipped = 0;
    for (int i = 0; i < COUNT(pipeline_cases); i++) {
        check_pipeline(augmenter, &pipeline_cases[i]);
        erased += pipeline_cases[i].draw.erase_width > 0;
        flipped += pipeline_cases[i].draw.flip;
    }
    assert_in_range(erased, 5, 35); /* both ways are among the cases */
    assert_in_range(flipped, 5, 35);
    hedon_augmenter_free(augmenter);
}

static void test_samples_are_torchvisions(void **state)
{
    (void)state;
    static const double places[] = {0, .5, .999};
    static double times[40000];
    for (int i = 0; i < COUNT(times); i++) times[i] = i / 10.;
    for (int i = 0; i < COUNT(sample_cases); i++) {
        const SampleCase *g = &sample_cases[i];
        for (int k = 0; k < 3; k++) {
            HedonClips clips;
            const int code = hedon_sample_at_rate(NULL, &clips, places[k], g->fps, 4, 16, times,
                                                  g->frames, (double)g->frames / 10);
            assert_int_equal(code, g->starts ? 0 : HEDON_EDATA);
            if (code) continue;
            for (int t = 0; t < 16; t++)
                if (clips.frames[t] != g->shown[k][t])
                    fail_msg("%g fps, %lld frames, from %g: place %d shows %lld, not %lld", g->fps,
                             (long long)g->frames, places[k], t, (long long)clips.frames[t],
                             (long long)g->shown[k][t]);
            assert_true(clips.start_s[0] == times[clips.frames[0]]);
            assert_true(fabs(clips.end_s[0] - (double)(clips.frames[15] + 1) / 10) < 1e-9);
            hedon_clips_free(&clips);
        }
    }
}

static void test_mixes_are_timms(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(mix_cases); i++) {
        const MixCase *g = &mix_cases[i];
        const HedonMixRecipe recipe = {g->mixup_alpha, g->cutmix_alpha, .9, .5};
        HedonMixDraw draw;
        assert_int_equal(hedon_mix_draw(NULL, hedon_random_key(9, 0, (uint64_t)g->item), &recipe,
                                        MIX_WIDTH, MIX_HEIGHT, &draw),
                         0);
        assert_true(fabs(draw.share - g->draw.share) < 1e-9);
        assert_int_equal(draw.cut, g->draw.cut);
        if (draw.cut && draw.share < 1) {
            assert_int_equal(draw.x, g->draw.x);
            assert_int_equal(draw.y, g->draw.y);
            assert_int_equal(draw.width, g->draw.width);
            assert_int_equal(draw.height, g->draw.height);
        }
        float values[MIX_FLOATS + MIX_BATCH * MIX_CLASSES];
        enum { ACROSS = MIX_BATCH * MIX_PLANES * MIX_WIDTH + MIX_BATCH * MIX_CLASSES };
        const int64_t last = (int64_t)3 * ACROSS * MIX_HEIGHT - MIX_BATCH * MIX_CLASSES;
        for (int64_t k = 0; k < COUNT(values); k++) {
            const int64_t n = k < MIX_FLOATS ? k : last + k - MIX_FLOATS;
            values[k] = (float)picture_level(0, g->item, n / MIX_HEIGHT % ACROSS, n % MIX_HEIGHT,
                                             n / MIX_HEIGHT / ACROSS) /
                        255;
        }
        float *targets = values + MIX_FLOATS;
        assert_int_equal(hedon_mix_apply(NULL, &draw, values, targets, MIX_BATCH, MIX_PLANES,
                                         MIX_WIDTH, MIX_HEIGHT, MIX_CLASSES),
                         0);
        for (int k = 0; k < MIX_FLOATS; k += GOLDEN_STEP)
            assert_true(fabsf(values[k] - g->clips[k / GOLDEN_STEP]) < 1e-6f);
        for (int k = 0; k < MIX_BATCH * MIX_CLASSES; k++)
            assert_true(fabsf(targets[k] - g->targets[k]) < 1e-6f);
    }
}

/* ---- Behaviour --------------------------------------------------------------------------------
 */

static void test_frames_share_the_draw_but_not_the_noise(void **state)
{
    (void)state;
    HedonAugmentRecipe recipe = golden_recipe();
    recipe.erase_p = 1;
    HedonAugmentDraw draw;
    hedon_augment_draw(hedon_random_key(1, 2, 3), &recipe, 48, 40, &draw);
    assert_true(draw.erase_width > 0 && draw.erase_height > 0);
    HedonAugmenter *augmenter;
    assert_int_equal(hedon_augmenter_new(NULL, &augmenter), 0);
    enum { PLANE = GOLDEN_SIZE * GOLDEN_SIZE };
    float *clip = calloc(3 * 2 * PLANE, sizeof *clip);
    uint32_t *rgb = picture(0, 0, 48, 40);
    for (int t = 1; t >= 0; t--) /* in any order */
        assert_int_equal(
            hedon_augment_apply(NULL, augmenter, &recipe, &draw, rgb, 48, 40, t, 2, clip), 0);
    int64_t inside = 0, differ = 0, differ_outside = 0;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < PLANE; i++) {
            const int x = i % GOLDEN_SIZE - draw.erase_x, y = i / GOLDEN_SIZE - draw.erase_y;
            const int in = x >= 0 && x < draw.erase_width && y >= 0 && y < draw.erase_height;
            const int other = clip[c * 2 * PLANE + i] != clip[(c * 2 + 1) * PLANE + i];
            inside += in;
            differ += in && other;
            differ_outside += !in && other;
        }
    assert_int_equal(differ_outside, 0);
    assert_true(differ > inside * 9 / 10);
    free(clip);
    free(rgb);
    hedon_augmenter_free(augmenter);
}

/* Every layout, depth, range and matrix against ref's double precision. */
static void test_frames_become_rgb(void **state)
{
    (void)state;
    enum { WIDTH = 37, HEIGHT = 21, ROW = 38 }; /* a row of U and V in turns is one longer */
    static uint16_t samples[3][HEIGHT][ROW];
    HedonAugmenter *augmenter;
    assert_int_equal(hedon_augmenter_new(NULL, &augmenter), 0);
    for (int i = 0; i < HEDON_PIXEL_LAYOUTS * HEDON_MATRICES * 4; i++) {
        HedonFrame frame = {
            .width = WIDTH,
            .height = HEIGHT,
            .layout = (HedonPixelLayout)(i / 4 / HEDON_MATRICES),
            .matrix = (HedonColourMatrix)(i / 4 % HEDON_MATRICES),
            .full_range = i % 2,
            .bits = i % 4 < 2 ? 8 : 10,
        };
        if (frame.layout == HEDON_PIXEL_NV12 && frame.bits > 8) frame.shift = 6;
        for (int p = 0; p < 3; p++) {
            frame.plane[p] = samples[p];
            frame.stride[p] = ROW * (frame.bits > 8 ? 2 : 1);
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < ROW; x++) {
                    const int64_t level = picture_level(0, i, x, y, p);
                    if (frame.bits > 8)
                        samples[p][y][x] = (uint16_t)((level * 4 + 3) << frame.shift);
                    else
                        ((uint8_t *)samples[p])[y * ROW + x] = (uint8_t)level;
                }
        }
        const HedonTransform transform = {.source_width = WIDTH,
                                          .source_height = HEIGHT,
                                          .resize_width = WIDTH,
                                          .resize_height = HEIGHT,
                                          .crop_width = WIDTH,
                                          .crop_height = HEIGHT,
                                          .std = {1 / 255.f, 1 / 255.f, 1 / 255.f}};
        HedonPreprocessor *ref;
        float expected[3 * WIDTH * HEIGHT];
        assert_int_equal(hedon_backend_ref.preprocessor_new(NULL, &transform, &frame, &ref), 0);
        hedon_backend_ref.preprocess(ref, &frame, expected, WIDTH * HEIGHT);
        hedon_backend_ref.preprocessor_free(ref);
        const uint32_t *rgb;
        assert_int_equal(hedon_augment_rgb(NULL, augmenter, &frame, &rgb), 0);
        for (int k = 0; k < WIDTH * HEIGHT; k++)
            for (int c = 0; c < 3; c++) {
                const float got = (float)(rgb[k] >> 8 * c & 255);
                assert_true(fabsf(got - expected[c * WIDTH * HEIGHT + k]) < .5f + 1e-3f);
            }
    }
    hedon_augmenter_free(augmenter);
}

static void test_nothing_drawn_is_a_plain_resize(void **state)
{
    (void)state;
    HedonAugmentRecipe recipe;
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "none"), 0);
    recipe.width = 48;
    recipe.height = 40;
    HedonAugmentDraw draw;
    hedon_augment_draw(hedon_random_key(1, 2, 3), &recipe, 48, 40, &draw);
    assert_int_equal(draw.operation_count + draw.flip + draw.erase_width + draw.crop_x, 0);
    HedonAugmenter *augmenter;
    assert_int_equal(hedon_augmenter_new(NULL, &augmenter), 0);
    uint32_t *rgb = picture(0, 0, 48, 40);
    static float clip[3 * 48 * 40];
    assert_int_equal(hedon_augment_apply(NULL, augmenter, &recipe, &draw, rgb, 48, 40, 0, 1, clip),
                     0);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 48 * 40; i++) {
            const float level = (float)(rgb[i] >> 8 * c & 255) / 255;
            const float expected = (level - recipe.mean[c]) / recipe.std[c];
            assert_true(fabsf(clip[c * 48 * 40 + i] - expected) < 1e-6f);
        }
    free(rgb);
    hedon_augmenter_free(augmenter);
}

static void test_refusals(void **state)
{
    (void)state;
    HedonAugmentRecipe recipe;
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "vcee"), HEDON_EINVAL);
    assert_int_equal(hedon_augment_recipe(NULL, &recipe, "vce"), 0);
    assert_int_equal(hedon_augment_check(NULL, &recipe), 0);
    recipe.area[0] = 2;
    assert_int_equal(hedon_augment_check(NULL, &recipe), HEDON_EINVAL);
    recipe = golden_recipe();
    recipe.operations = HEDON_AUGMENT_MAX_OPERATIONS + 1;
    assert_int_equal(hedon_augment_check(NULL, &recipe), HEDON_EINVAL);

    /* A draw for another size. */
    recipe = golden_recipe();
    HedonAugmentDraw draw;
    hedon_augment_draw(hedon_random_key(1, 1, 1), &recipe, 480, 400, &draw);
    draw.crop_width = 400;
    HedonAugmenter *augmenter;
    assert_int_equal(hedon_augmenter_new(NULL, &augmenter), 0);
    uint32_t *rgb = picture(0, 0, 48, 40);
    static float clip[3 * GOLDEN_SIZE * GOLDEN_SIZE];
    assert_int_equal(hedon_augment_apply(NULL, augmenter, &recipe, &draw, rgb, 48, 40, 0, 1, clip),
                     HEDON_EINVAL);
    hedon_augmenter_free(augmenter);
    free(rgb);

    const HedonMixDraw mix = {.share = .5};
    assert_int_equal(hedon_mix_apply(NULL, &mix, clip, clip, 3, 1, 1, 1, 1), HEDON_EINVAL);
}

static void test_memory_may_run_out(void **state)
{
    (void)state;
    const HedonAugmentRecipe recipe = golden_recipe();
    HedonAugmentDraw draw;
    hedon_augment_draw(hedon_random_key(7, 0, 0), &recipe, 48, 40, &draw);
    draw.operation[0] = (HedonAugmentOperation){HEDON_AUGMENT_INVERT, 0};
    draw.operation_count = 1;
    static uint8_t gray[48 * 40];
    const HedonFrame frame = {
        .plane = {gray}, .stride = {48}, .width = 48, .height = 40, .bits = 8};
    static float clip[3 * GOLDEN_SIZE * GOLDEN_SIZE];
    int code = HEDON_ENOMEM;
    for (int64_t k = 1; code == HEDON_ENOMEM; k++) {
        HedonAugmenter *augmenter = NULL;
        hedon_memory_fail_at(k);
        code = hedon_augmenter_new(NULL, &augmenter);
        if (!code) code = hedon_augment_frame(NULL, augmenter, &recipe, &draw, &frame, 0, 1, clip);
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        if (augmenter) /* it is usable again, and then allocates no more */
            assert_int_equal(
                hedon_augment_frame(NULL, augmenter, &recipe, &draw, &frame, 0, 1, clip), 0);
        if (!code) {
            hedon_memory_fail_at(1);
            assert_int_equal(
                hedon_augment_frame(NULL, augmenter, &recipe, &draw, &frame, 0, 1, clip), 0);
            hedon_memory_fail_at(0);
        }
        hedon_augmenter_free(augmenter);
    }
    assert_int_equal(code, 0);
}

/* ---- Speed ------------------------------------------------------------------------------------
 */

static double clip_ms(HedonAugmenter *augmenter, const HedonAugmentRecipe *recipe,
                      const HedonAugmentDraw *draw, const uint32_t *rgb, float *clip)
{
    double best = 1e9;
    for (int repeat = 0; repeat < 5; repeat++) {
        const double start = hedon_clock_s();
        for (int t = 0; t < 16; t++)
            hedon_augment_apply(NULL, augmenter, recipe, draw, rgb, 320, 240, t, 16, clip);
        const double ms = (hedon_clock_s() - start) * 1e3;
        best = ms < best ? ms : best;
    }
    return best;
}

static int bench(void)
{
    HedonAugmenter *augmenter;
    HedonAugmentRecipe recipe;
    if (hedon_augmenter_new(NULL, &augmenter) || hedon_augment_recipe(NULL, &recipe, "vce"))
        return 1;
    uint32_t *rgb = picture(0, 0, 320, 240);
    float *clip = malloc(sizeof *clip * 3 * 16 * 224 * 224);
    HedonAugmentDraw draw = {.crop_width = 320, .crop_height = 240};
    const double plain = clip_ms(augmenter, &recipe, &draw, rgb, clip);
    printf("16 frames of 320x240 to 224x224, best of 5, ms a clip\n%-20s %7.2f\n", "resize only",
           plain);
    draw.erase_width = draw.erase_height = 128;
    printf("%-20s %7.2f\n", "erasing 128x128",
           clip_ms(augmenter, &recipe, &draw, rgb, clip) - plain);
    draw.erase_width = draw.erase_height = 0;
    draw.operation_count = 1;
    for (int kind = 0; kind < HEDON_AUGMENT_KINDS; kind++) {
        draw.operation[0].kind = (HedonAugmentKind)kind;
        draw.operation[0].argument = hedon_augment_argument((HedonAugmentKind)kind, 7, 0);
        printf("%-20s %7.2f\n", hedon_augment_name((HedonAugmentKind)kind),
               clip_ms(augmenter, &recipe, &draw, rgb, clip) - plain);
    }
    double sum = 0, most = 0;
    enum { CLIPS = 60 };
    for (int i = 0; i < CLIPS; i++) {
        hedon_augment_draw(hedon_random_key(1, 0, (uint64_t)i), &recipe, 320, 240, &draw);
        const double ms = clip_ms(augmenter, &recipe, &draw, rgb, clip);
        sum += ms;
        most = ms > most ? ms : most;
    }
    printf("%-20s %7.2f mean, %.2f most of %d\n", "the paper's recipe", sum / CLIPS, most, CLIPS);
    uint8_t *planes = calloc(320 * 240, 2);
    const HedonFrame frame = {.plane = {planes, planes, planes},
                              .stride = {320, 160, 160},
                              .width = 320,
                              .height = 240,
                              .layout = HEDON_PIXEL_YUV420,
                              .bits = 8};
    const uint32_t *converted;
    hedon_augment_rgb(NULL, augmenter, &frame, &converted);
    const double start = hedon_clock_s();
    for (int i = 0; i < 160; i++) hedon_augment_rgb(NULL, augmenter, &frame, &converted);
    printf("%-20s %7.2f\n", "frames to RGB", (hedon_clock_s() - start) * 100);
    free(planes);
    free(rgb);
    free(clip);
    hedon_augmenter_free(augmenter);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_are_pillows),
        cmocka_unit_test(test_pipelines_are_the_references),
        cmocka_unit_test(test_samples_are_torchvisions),
        cmocka_unit_test(test_mixes_are_timms),
        cmocka_unit_test(test_frames_share_the_draw_but_not_the_noise),
        cmocka_unit_test(test_frames_become_rgb),
        cmocka_unit_test(test_nothing_drawn_is_a_plain_resize),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
