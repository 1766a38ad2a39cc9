/* Pre-processing: ref against PyTorch (golden) and against the definition written another way; cpu
 * against ref over everything a frame and a transform can be. With --bench: microseconds a frame.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/cpu/preprocess.h"
#include "kernels/cpu/preprocess_isa.h"
#include "kernels/ref/preprocess.h"

/* clang-format off */
#define GOLDEN_MEAN {0.43216f, 0.394666f, 0.37645f}
#define GOLDEN_STD  {0.22803f, 0.22145f, 0.216989f}
/* clang-format on */
enum { GOLDEN_STEP = 7, GOLDEN_SIDE = 16 };

typedef struct GoldenCase {
    const char *name;
    HedonFrame frame; /* geometry only */
    HedonTransform transform;
    float exact[3 * GOLDEN_SIDE * GOLDEN_SIDE]; /* in double precision throughout, no 8 bits */
    float eight[3 * GOLDEN_SIDE * GOLDEN_SIDE]; /* torchvision on uint8 RGB */
} GoldenCase;

#include "tests/golden/preprocess.inc"

enum { GOLDEN_CASES = sizeof golden_cases / sizeof *golden_cases };

typedef struct Implementation {
    const char *name;
    int (*create)(HedonContext *, const HedonTransform *, const HedonFrame *, HedonPreprocessor **);
    void (*run)(HedonPreprocessor *, const HedonFrame *, float *, int64_t);
    void (*destroy)(HedonPreprocessor *);
} Implementation;

static const Implementation ref = {"ref", ref_preprocessor_new, ref_preprocess,
                                   ref_preprocessor_free};
static const Implementation cpu = {"cpu", cpu_preprocessor_new, cpu_preprocess,
                                   cpu_preprocessor_free};
static const Implementation *const implementations[] = {&ref, &cpu};

/* ---- Pictures ------------------------------------------------------------------------------- */

/* tools/golden/preprocess.py has the same: smooth blobs with a little noise. */
static int64_t golden_sample(int plane, int64_t x, int64_t y, int bits, int luma, int full)
{
    const HedonRandomKey key = hedon_random_key_name(1, "picture");
    const int64_t i = x / 16, j = y / 16, fx = x % 16, fy = y % 16;
    int64_t corner[2][2];
    for (int dj = 0; dj < 2; dj++)
        for (int di = 0; di < 2; di++) {
            const int64_t counter = (plane * INT64_C(4096) + j + dj) * 4096 + i + di;
            corner[dj][di] = (int64_t)(hedon_random_u64(key, (uint64_t)counter) >> 56);
        }
    const int64_t top = corner[0][0] * (16 - fx) + corner[0][1] * fx;
    const int64_t bottom = corner[1][0] * (16 - fx) + corner[1][1] * fx;
    const uint64_t counter =
        (UINT64_C(1) << 60) + ((uint64_t)plane << 40) + ((uint64_t)y << 20) + (uint64_t)x;
    const int64_t noise = (int64_t)(hedon_random_u64(key, counter) >> 56) - 128;
    int64_t level = top * (16 - fy) + bottom * fy + 8 * noise;
    level = level < 0 ? 0 : level > 65535 ? 65535 : level;
    if (!luma)
        level = 16384 + level / 2;
    else if (!full)
        level = 4096 + level * 219 / 256;
    return level >> (16 - bits);
}

/* GOLDEN as above; TAME: noise that no conversion takes out of the gamut; WILD: any samples. */
typedef enum Content { GOLDEN, TAME, WILD } Content;

static int64_t content_sample(Content content, const HedonFrame *f, int plane, int64_t x, int64_t y)
{
    const int luma = plane == 0 || f->layout == HEDON_PIXEL_RGB;
    if (content == GOLDEN)
        return golden_sample(plane, x, y, f->bits, luma,
                             f->full_range || f->layout == HEDON_PIXEL_RGB);
    const HedonRandomKey key = hedon_random_key(2, (uint64_t)plane, (uint64_t)f->bits);
    const double u = hedon_random_uniform(key, (uint64_t)(y * 65536 + x));
    const double value = content == WILD ? u : luma ? 0.4 + 0.2 * u : 0.45 + 0.1 * u;
    return (int64_t)(value * (double)((1 << f->bits) - 1) + 0.5);
}

/* Planes for f's geometry. They end with their last sample, so that a sanitizer sees a read past
 * it. */
static void frame_alloc(HedonFrame *f, Content content, int64_t padding)
{
    for (int p = 0; p < hedon_frame_planes(f->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(f->layout, p, f->width, f->height, &width, &height);
        const int64_t bytes = f->bits > 8 ? 2 : 1;
        f->stride[p] = (width + padding) * bytes;
        char *plane = malloc((size_t)(f->stride[p] * (height - 1) + width * bytes));
        assert_non_null(plane);
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                const int in_turns = f->layout == HEDON_PIXEL_NV12 && p; /* U, V, U, V, ... */
                int64_t value = content_sample(content, f, in_turns ? 1 + (int)(x % 2) : p,
                                               in_turns ? x / 2 : x, y);
                value = value << f->shift | ((x + y) & ((1 << f->shift) - 1)); /* unused, not 0 */
                char *row = plane + y * f->stride[p];
                if (bytes == 2)
                    ((uint16_t *)row)[x] = (uint16_t)value;
                else
                    ((uint8_t *)row)[x] = (uint8_t)value;
            }
        f->plane[p] = plane;
    }
}

static void frame_release(HedonFrame *f)
{
    for (int p = 0; p < hedon_frame_planes(f->layout); p++) free((void *)f->plane[p]);
}

/* ---- The definition again, written another way ----------------------------------------------- */

/* The whole box as RGB, then each axis by summing the filter over every sample of the box. */
static double filter_at(const HedonTransform *t, double x)
{
    x = fabs(x);
    if (t->interpolation == HEDON_BILINEAR) return x < 1 ? 1 - x : 0;
    const double a = t->antialias ? -0.5 : -0.75;
    if (x < 1) return (a + 2) * pow(x, 3) - (a + 3) * pow(x, 2) + 1;
    if (x < 2) return a * pow(x, 3) - 5 * a * pow(x, 2) + 8 * a * x - 4 * a;
    return 0;
}

/* How much each of an axis's n samples weighs in output i of `to`. */
static void axis_weights(const HedonTransform *t, int n, int to, int i, double *weight)
{
    const double scale = (double)n / to;
    const double centre = (i + 0.5) * scale - 0.5;
    const double width = t->antialias && scale > 1 ? scale : 1;
    double sum = 0;
    for (int j = 0; j < n; j++) weight[j] = 0;
    for (int j = t->antialias ? 0 : -4; j < (t->antialias ? n : n + 4); j++) {
        const double w = filter_at(t, (j - centre) / width);
        weight[j < 0 ? 0 : j > n - 1 ? n - 1 : j] += w;
        sum += w;
    }
    for (int j = 0; j < n; j++) weight[j] /= sum;
}

static double weighted(const double *weight, const double *line, int64_t step, int n)
{
    double sum = 0;
    for (int j = 0; j < n; j++)
        if (weight[j] != 0) sum += weight[j] * line[step * j];
    return sum;
}

static double plane_at(const HedonFrame *f, int plane, int x, int y)
{
    int64_t width, height;
    hedon_frame_plane_size(f->layout, plane, f->width, f->height, &width, &height);
    int sx = width == f->width ? x : x / 2, sy = height == f->height ? y : y / 2;
    if (f->layout == HEDON_PIXEL_NV12 && plane) {
        sx = x / 2 * 2 + plane - 1;
        sy = y / 2;
        plane = 1;
    }
    const unsigned char *at = (const unsigned char *)f->plane[plane] + sy * f->stride[plane];
    if (f->bits == 8) return at[sx];
    uint16_t value;
    memcpy(&value, at + 2 * sx, 2);
    return value >> f->shift;
}

/* Limited range from the 8-bit numbers scaled up; the matrix from BT.601's, BT.709's and BT.2020's
 * own tables of Y'CbCr to R'G'B' rather than from kr and kb. */
static void definition_rgb(const HedonFrame *f, int x, int y, double rgb[3])
{
    static const double table[HEDON_MATRICES][4] = {
        /* R of Cr, G of Cb, G of Cr, B of Cb */
        {1.402, -0.344136286201022, -0.714136286201022, 1.772},
        {1.5748, -0.187324272930649, -0.468124272930649, 1.8556},
        {1.4746, -0.164553126843658, -0.571353126843658, 1.8814},
    };
    const double steps = (double)((1 << f->bits) - 1), up = (double)(1 << (f->bits - 8));
    if (f->layout == HEDON_PIXEL_RGB) {
        for (int c = 0; c < 3; c++) rgb[c] = plane_at(f, c, x, y) / steps;
    } else {
        const double *m = table[f->matrix];
        double luma = plane_at(f, 0, x, y), cb = 0, cr = 0;
        if (f->layout != HEDON_PIXEL_GRAY) {
            cb = plane_at(f, 1, x, y) - 128 * up;
            cr = plane_at(f, 2, x, y) - 128 * up;
        }
        luma = f->full_range ? luma / steps : (luma / up - 16) / 219;
        cb /= f->full_range ? steps : 224 * up;
        cr /= f->full_range ? steps : 224 * up;
        rgb[0] = luma + m[0] * cr;
        rgb[1] = luma + m[1] * cb + m[2] * cr;
        rgb[2] = luma + m[3] * cb;
    }
    for (int c = 0; c < 3; c++) rgb[c] = rgb[c] < 0 ? 0 : rgb[c] > 1 ? 1 : rgb[c];
}

static void definition(const HedonTransform *t, const HedonFrame *f, float *out)
{
    const int w = t->source_width, h = t->source_height;
    double *box = malloc(sizeof(double) * 3 * (size_t)w * (size_t)h);
    double *wide = malloc(sizeof(double) * 3 * (size_t)t->crop_width * (size_t)h);
    double *weight = malloc(sizeof(double) * (size_t)(w > h ? w : h));
    assert_true(box && wide && weight);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double rgb[3];
            definition_rgb(f, t->source_x + x, t->source_y + y, rgb);
            for (int c = 0; c < 3; c++) box[((int64_t)c * h + y) * w + x] = rgb[c];
        }
    for (int i = 0; i < t->crop_width; i++) {
        axis_weights(t, w, t->resize_width, t->crop_x + i, weight);
        for (int row = 0; row < 3 * h; row++)
            wide[(int64_t)row * t->crop_width + i] = weighted(weight, box + (int64_t)row * w, 1, w);
    }
    for (int j = 0; j < t->crop_height; j++) {
        axis_weights(t, h, t->resize_height, t->crop_y + j, weight);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < t->crop_width; i++) {
                double v =
                    weighted(weight, wide + (int64_t)c * h * t->crop_width + i, t->crop_width, h);
                v = v < 0 ? 0 : v > 1 ? 1 : v;
                const int at = t->flip ? t->crop_width - 1 - i : i;
                out[((int64_t)c * t->crop_height + j) * t->crop_width + at] =
                    (float)((v - t->mean[c]) / t->std[c]);
            }
    }
    free(box);
    free(wide);
    free(weight);
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static int64_t output_size(const HedonTransform *t)
{
    return 3 * (int64_t)t->crop_width * t->crop_height;
}

static float *run(const Implementation *implementation, const HedonTransform *t,
                  const HedonFrame *f)
{
    const int64_t n = output_size(t);
    float *out = malloc((size_t)n * sizeof *out);
    assert_non_null(out);
    memset(out, 0xff, (size_t)n * sizeof *out); /* NaN wherever nothing gets written */
    HedonPreprocessor *preprocessor;
    assert_int_equal(implementation->create(NULL, t, f, &preprocessor), 0);
    implementation->run(preprocessor, f, out, n / 3);
    implementation->destroy(preprocessor);
    return out;
}

typedef struct Difference {
    double mean, max;
} Difference;

/* NaN counts as infinitely far. */
static Difference difference(const float *a, const float *b, int64_t n)
{
    Difference d = {0};
    for (int64_t i = 0; i < n; i++) {
        double one = fabs((double)a[i] - b[i]);
        if (isnan(one)) one = INFINITY;
        d.mean += one / (double)n;
        d.max = fmax(d.max, one);
    }
    return d;
}

static Difference cpu_from_ref(const HedonTransform *t, const HedonFrame *f)
{
    float *expected = run(&ref, t, f), *got = run(&cpu, t, f);
    const Difference d = difference(got, expected, output_size(t));
    free(expected);
    free(got);
    return d;
}

static void golden_subsample(const float *out, float *small)
{
    const int side = GOLDEN_STEP * GOLDEN_SIDE;
    for (int c = 0; c < 3; c++)
        for (int j = 0; j < GOLDEN_SIDE; j++)
            for (int i = 0; i < GOLDEN_SIDE; i++)
                *small++ = out[(c * side + j * GOLDEN_STEP) * side + i * GOLDEN_STEP];
}

/* From torchvision's pipeline on uint8, in units of 0..1: the std is taken out again. */
static Difference from_eight(const GoldenCase *c, const float *small)
{
    enum { PLANE = GOLDEN_SIDE * GOLDEN_SIDE };
    Difference all = {0};
    for (int k = 0; k < 3; k++) {
        const Difference d = difference(small + k * PLANE, c->eight + k * PLANE, PLANE);
        all.mean += d.mean * c->transform.std[k] / 3;
        all.max = fmax(all.max, d.max * c->transform.std[k]);
    }
    return all;
}

/* ---- Golden --------------------------------------------------------------------------------- */

static void test_golden(void **state)
{
    (void)state;
    for (int i = 0; i < GOLDEN_CASES; i++) {
        const GoldenCase *c = &golden_cases[i];
        HedonFrame f = c->frame;
        frame_alloc(&f, GOLDEN, 5);
        for (int k = 0; k < 2; k++) {
            float *out = run(implementations[k], &c->transform, &f);
            float small[3 * GOLDEN_SIDE * GOLDEN_SIDE];
            golden_subsample(out, small);
            free(out);
            const Difference exact = difference(small, c->exact, sizeof small / sizeof *small);
            const Difference eight = from_eight(c, small);
            print_message(
                "%-28s %s: from torch in double %.1e max %.1e, from torchvision on 8 bits "
                "%.3f/255 max %.2f/255\n",
                c->name, implementations[k]->name, exact.mean, exact.max, 255 * eight.mean,
                255 * eight.max);
            assert_true(eight.mean < 1. / 255);
            if (implementations[k] == &ref) assert_true(exact.max < 1e-5);
        }
        frame_release(&f);
    }
}

/* Plausible mistakes are far outside the bounds above. */
static void test_golden_notices_mistakes(void **state)
{
    (void)state;
    const GoldenCase *c = &golden_cases[0];
    for (int mistake = 0; mistake < 6; mistake++) {
        HedonFrame f = c->frame;
        HedonTransform t = c->transform;
        frame_alloc(&f, GOLDEN, 0);
        HedonFrame wrong = f;
        switch (mistake) {
        case 0:
            wrong.plane[1] = f.plane[2], wrong.plane[2] = f.plane[1];
            break;
        case 1:
            wrong.plane[1] = (const char *)f.plane[1] + f.stride[1], t.source_height -= 2;
            break;
        case 2:
            wrong.matrix = HEDON_MATRIX_BT709;
            break;
        case 3:
            wrong.full_range = 1;
            break;
        case 4:
            t.source_width--;
            break; /* half a pixel off, on average */
        case 5:
            t.crop_x--;
            break;
        }
        float *out = run(&cpu, &t, &wrong), small[3 * GOLDEN_SIDE * GOLDEN_SIDE];
        golden_subsample(out, small);
        const Difference exact = difference(small, c->exact, sizeof small / sizeof *small);
        assert_true(exact.mean > 0.5 / 255 / 0.22);
        free(out);
        frame_release(&f);
    }
}

/* ---- Against each other --------------------------------------------------------------------- */

typedef struct Geometry {
    int width, height;               /* picture */
    int x, y, box_width, box_height; /* source box */
    int resize_width, resize_height;
    int crop_x, crop_y, crop_width, crop_height;
    int flip;
} Geometry;

static const Geometry geometries[] = {
    {1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0},                  /* one pixel */
    {1, 1, 0, 0, 1, 1, 9, 7, 2, 3, 7, 4, 1},                  /* enlarged */
    {3, 5, 0, 0, 3, 5, 3, 5, 0, 0, 3, 5, 0},                  /* as it is */
    {3, 5, 1, 1, 2, 3, 7, 8, 0, 0, 7, 8, 1},                  /* box from odd corners */
    {37, 29, 0, 0, 37, 29, 16, 12, 0, 0, 16, 12, 0},          /* whole, shrunk */
    {37, 29, 0, 0, 37, 29, 16, 12, 15, 11, 1, 1, 0},          /* crop: the last corner */
    {37, 29, 5, 3, 31, 26, 17, 11, 3, 2, 14, 9, 1},           /* box to the far edges, flip */
    {38, 28, 7, 9, 17, 11, 41, 33, 4, 5, 37, 28, 0},          /* enlarged box */
    {130, 90, 3, 1, 127, 88, 9, 7, 1, 0, 8, 7, 1},            /* much shrunk: wide filters */
    {70, 40, 0, 0, 70, 40, 70, 13, 1, 1, 69, 12, 0},          /* one way only */
    {321, 241, 0, 0, 321, 241, 171, 128, 30, 8, 112, 112, 0}, /* last: the slow one */
};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

static HedonTransform geometry_transform(const Geometry *g, int bicubic, int antialias)
{
    return (HedonTransform){g->x,
                            g->y,
                            g->box_width,
                            g->box_height,
                            g->resize_width,
                            g->resize_height,
                            bicubic ? HEDON_BICUBIC : HEDON_BILINEAR,
                            antialias,
                            g->crop_x,
                            g->crop_y,
                            g->crop_width,
                            g->crop_height,
                            g->flip,
                            GOLDEN_MEAN,
                            GOLDEN_STD};
}

/* Calls check for every layout, depth, matrix and range (`all`; else for a few) and each filter. */
static void for_each_case(const Geometry *g, Content content, int all,
                          void (*check)(const HedonTransform *, const HedonFrame *))
{
    static const int depths[] = {8, 10, 12, 16};
    for (int index = 0; index < HEDON_PIXEL_LAYOUTS * 4 * HEDON_MATRICES * 2; index++) {
        if (!all && index % 7) continue;
        HedonFrame f = {
            .width = g->width, .height = g->height, .layout = index % HEDON_PIXEL_LAYOUTS};
        int rest = index / HEDON_PIXEL_LAYOUTS;
        f.bits = depths[rest % 4];
        if (f.layout == HEDON_PIXEL_NV12 && f.bits > 8)
            f.shift = 16 - f.bits; /* P010, P012, P016 */
        rest /= 4;
        f.matrix = rest % HEDON_MATRICES;
        f.full_range = rest / HEDON_MATRICES;
        frame_alloc(&f, content, index % 3);
        for (int filter = 0; filter < 4; filter++) {
            const HedonTransform t = geometry_transform(g, filter & 1, filter >> 1);
            check(&t, &f);
        }
        frame_release(&f);
    }
}

static void check_ref_is_definition(const HedonTransform *t, const HedonFrame *f)
{
    float *got = run(&ref, t, f), *expected = malloc((size_t)output_size(t) * sizeof *expected);
    assert_non_null(expected);
    definition(t, f, expected);
    assert_true(difference(got, expected, output_size(t)).max < 1e-5);
    free(got);
    free(expected);
}

static void test_ref_is_the_definition(void **state)
{
    (void)state;
    for (int g = 0; g < GEOMETRIES; g++)
        for_each_case(&geometries[g], WILD, 0, check_ref_is_definition);
}

/* The same samples in turns, above unused bits: not one bit of the result is another. */
static void test_packed_pictures_are_the_planar_ones(void **state)
{
    (void)state;
    static const struct {
        HedonPixelLayout layout, planar;
        int32_t bits, shift;
    } forms[] = {{HEDON_PIXEL_NV12, HEDON_PIXEL_YUV420, 8, 0},
                 {HEDON_PIXEL_NV12, HEDON_PIXEL_YUV420, 10, 6},
                 {HEDON_PIXEL_NV12, HEDON_PIXEL_YUV420, 10, 0},
                 {HEDON_PIXEL_NV12, HEDON_PIXEL_YUV420, 16, 0},
                 {HEDON_PIXEL_YUV422, HEDON_PIXEL_YUV422, 12, 4},
                 {HEDON_PIXEL_GRAY, HEDON_PIXEL_GRAY, 10, 6}};
    for (int index = 0; index < GEOMETRIES * 6 * 4; index++) {
        const Geometry *g = &geometries[index / 24];
        const HedonTransform t = geometry_transform(g, index & 1, index >> 1 & 1);
        HedonFrame planar = {.width = g->width,
                             .height = g->height,
                             .layout = forms[index / 4 % 6].planar,
                             .bits = forms[index / 4 % 6].bits},
                   packed = planar;
        packed.layout = forms[index / 4 % 6].layout;
        packed.shift = forms[index / 4 % 6].shift;
        frame_alloc(&planar, WILD, 0);
        frame_alloc(&packed, WILD, index % 3);
        for (int k = 0; k < 2; k++) {
            float *expected = run(implementations[k], &t, &planar);
            float *got = run(implementations[k], &t, &packed);
            assert_memory_equal(got, expected, (size_t)output_size(&t) * sizeof *got);
            free(expected);
            free(got);
        }
        frame_release(&planar);
        frame_release(&packed);
    }
}

static void check_cpu_equals_ref(const HedonTransform *t, const HedonFrame *f)
{
    assert_true(cpu_from_ref(t, f).max < 1e-5);
}

/* Where nothing leaves the gamut the order of resizing and conversion does not matter. */
static void test_cpu_equals_ref_inside_the_gamut(void **state)
{
    (void)state;
    for (int g = 0; g < GEOMETRIES; g++)
        for_each_case(&geometries[g], TAME, g < GEOMETRIES - 1, check_cpu_equals_ref);
}

/* RGB samples are inside the gamut whatever they are; so bicubic's overshoot is tested as well. */
static void test_cpu_equals_ref_on_any_rgb(void **state)
{
    (void)state;
    for (int g = 0; g < GEOMETRIES; g++)
        for (int filter = 0; filter < 4; filter++) {
            HedonFrame f = {.width = geometries[g].width,
                            .height = geometries[g].height,
                            .layout = HEDON_PIXEL_RGB,
                            .bits = 8};
            frame_alloc(&f, WILD, 0);
            const HedonTransform t = geometry_transform(&geometries[g], filter & 1, filter >> 1);
            check_cpu_equals_ref(&t, &f);
            frame_release(&f);
        }
}

/* Elsewhere cpu clamps after resizing only, ref before as well: close on pictures. */
static void test_cpu_is_near_ref_outside_the_gamut(void **state)
{
    (void)state;
    const Geometry *g = &geometries[GEOMETRIES - 1];
    for (Content content = GOLDEN; content <= WILD; content += WILD - GOLDEN)
        for (int filter = 0; filter < 4; filter++) {
            HedonFrame f = {
                .width = g->width, .height = g->height, .layout = HEDON_PIXEL_YUV420, .bits = 8};
            frame_alloc(&f, content, 0);
            const HedonTransform t = geometry_transform(g, filter & 1, filter >> 1);
            const Difference d = cpu_from_ref(&t, &f);
            print_message("%s, filter %d: cpu from ref %.3f/255 max %.1f/255\n",
                          content == WILD ? "white noise" : "picture", filter, 255 * 0.22 * d.mean,
                          255 * 0.22 * d.max);
            assert_true(d.mean * 0.22 < (content == WILD ? 40 : 0.2) / 255);
            frame_release(&f);
        }
}

/* Each instruction set this processor has against the generic one, over awkward lengths. */
static void test_instruction_sets_agree(void **state)
{
    (void)state;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) skip();
    enum { N = 84, ROWS = 5 };
    const HedonRandomKey key = hedon_random_key(3, 0, 0);
    uint16_t samples[ROWS][N];
    float weight[N * 16], a[N + 32], b[N + 32];
    int32_t first[N];
    for (int i = 0; i < ROWS * N; i++)
        samples[i / N][i % N] = (uint16_t)hedon_random_u64(key, (uint64_t)i);
    for (int i = 0; i < N * 16; i++) weight[i] = (float)hedon_random_normal(key, (uint64_t)i);
    const CpuPreprocessIsa *isa[] = {&cpu_preprocess_isa_generic, &cpu_preprocess_isa_avx2};
    for (int n = 1; n <= N; n++)
        for (int wide = 0; wide < 2; wide++) {
            for (int i = 0; i < n; i++) a[i] = b[i] = NAN;
            isa[0]->blend[wide](a, samples, sizeof samples[0], weight, ROWS, n);
            isa[1]->blend[wide](b, samples, sizeof samples[0], weight, ROWS, n);
            assert_true(difference(a, b, n).max < (wide ? 0.1 : 1e-3));
        }
    static const int widths[] = {4, 8, 16};
    for (int w = 0; w < 3; w++) {
        for (int i = 0; i < N; i++) first[i] = (i * 7) % (N - 16);
        float from[N];
        for (int i = 0; i < N; i++) from[i] = (float)hedon_random_normal(key, (uint64_t)(9999 + i));
        isa[0]->filter(a, from, first, weight, widths[w], N);
        isa[1]->filter(b, from, first, weight, widths[w], N);
        assert_true(difference(a, b, N).max < 1e-4);
    }
    CpuColour colour = {.scale = {2, 3, 4}, .bias = {-1, 0, 1}};
    memcpy(colour.matrix, weight, sizeof colour.matrix);
    const float *const row[3] = {weight, weight + 100, weight + 200};
    for (int n = 1; n <= 20; n++) {
        for (int i = 0; i < N; i++) a[i] = b[i] = 77;
        isa[0]->colour(a, 25, row, &colour, n);
        isa[1]->colour(b, 25, row, &colour, n);
        assert_true(difference(a, b, N).max < 1e-4); /* and nothing between the rows is touched */
        assert_true(a[n] == 77 && b[n] == 77);
    }
#else
    skip();
#endif
}

/* ---- Behaviour ------------------------------------------------------------------------------ */

static void test_repeatable(void **state)
{
    (void)state;
    const HedonTransform t = geometry_transform(&geometries[6], 1, 1);
    HedonFrame f = {.width = 37, .height = 29, .layout = HEDON_PIXEL_YUV420, .bits = 10},
               padded = f;
    HedonFrame other = f;
    frame_alloc(&f, WILD, 0);
    frame_alloc(&padded, WILD, 19);
    frame_alloc(&other, GOLDEN, 0);
    const int64_t n = output_size(&t);
    for (int k = 0; k < 2; k++) {
        float *once = run(implementations[k], &t, &f);
        float *again = malloc((size_t)n * sizeof *again);
        assert_non_null(again);
        HedonPreprocessor *p;
        assert_int_equal(implementations[k]->create(NULL, &t, &f, &p), 0);
        implementations[k]->run(p, &other, again, n / 3);
        implementations[k]->run(p, &padded, again, n / 3); /* nothing is left of the frame before */
        implementations[k]->destroy(p);
        assert_memory_equal(once, again, (size_t)n * sizeof *once);
        free(once);
        free(again);
    }
    frame_release(&f);
    frame_release(&padded);
    frame_release(&other);
}

/* Channels are channel_stride apart, as in a batch slot (N,C,T,H,W), and nothing else is written.
 */
static void test_channel_stride(void **state)
{
    (void)state;
    const Geometry *g = &geometries[4];
    const HedonTransform t = geometry_transform(g, 0, 0);
    HedonFrame f = {
        .width = g->width, .height = g->height, .layout = HEDON_PIXEL_YUV420, .bits = 8};
    frame_alloc(&f, TAME, 0);
    const int64_t plane = (int64_t)g->crop_width * g->crop_height, stride = plane + 11;
    for (int k = 0; k < 2; k++) {
        float *dense = run(implementations[k], &t, &f);
        float *spread = malloc((size_t)(3 * stride) * sizeof *spread);
        assert_non_null(spread);
        for (int64_t i = 0; i < 3 * stride; i++) spread[i] = 99;
        HedonPreprocessor *p;
        assert_int_equal(implementations[k]->create(NULL, &t, &f, &p), 0);
        implementations[k]->run(p, &f, spread, stride);
        implementations[k]->destroy(p);
        for (int64_t i = 0; i < 3 * stride; i++) {
            const int64_t at = i % stride;
            assert_true(spread[i] == (at < plane ? dense[i / stride * plane + at] : 99));
        }
        free(dense);
        free(spread);
    }
    frame_release(&f);
}

static void test_extreme_shapes(void **state)
{
    (void)state;
    static const Geometry extreme[] = {
        {65536, 1, 0, 0, 65536, 1, 1, 1, 0, 0, 1, 1, 0},
        {1, 65536, 0, 0, 1, 65536, 1, 3, 0, 0, 1, 3, 0},
        {2, 2, 0, 0, 2, 2, 16384, 16384, 16380, 8190, 4, 4, 1},
        {65536, 1, 65535, 0, 1, 1, 16384, 1, 0, 0, 16384, 1, 0},
    };
    for (int i = 0; i < 4; i++)
        for (int filter = 0; filter < 4; filter++) {
            HedonFrame f = {.width = extreme[i].width,
                            .height = extreme[i].height,
                            .layout = HEDON_PIXEL_YUV420,
                            .bits = 8};
            frame_alloc(&f, TAME, 0);
            const HedonTransform t = geometry_transform(&extreme[i], filter & 1, filter >> 1);
            assert_true(cpu_from_ref(&t, &f).max < 1e-4); /* float sums of up to 65536 taps */
            frame_release(&f);
        }
}

static void test_senseless_requests_are_refused(void **state)
{
    (void)state;
    const HedonFrame good_frame = {
        .width = 20, .height = 10, .layout = HEDON_PIXEL_YUV420, .bits = 8};
    const HedonTransform good = {0, 0, 20, 10, 8, 6,           HEDON_BILINEAR, 0,
                                 0, 0, 8,  6,  0, GOLDEN_MEAN, GOLDEN_STD};
    HedonContext *ctx = hedon_context_new();
    assert_non_null(ctx);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        HedonFrame f = good_frame;                                                                 \
        HedonTransform t = good;                                                                   \
        change;                                                                                    \
        for (int k = 0; k < 2; k++) {                                                              \
            HedonPreprocessor *p = (HedonPreprocessor *)&f;                                        \
            assert_int_equal(implementations[k]->create(ctx, &t, &f, &p), HEDON_EINVAL);           \
            assert_null(p);                                                                        \
            assert_true(strlen(hedon_last_error(ctx)) > 10);                                       \
        }                                                                                          \
    } while (0)
    REFUSED(f.width = 0);
    REFUSED(f.height = -1);
    REFUSED(f.width = 65537);
    REFUSED(f.height = INT32_MAX);
    REFUSED(f.layout = HEDON_PIXEL_LAYOUTS);
    REFUSED(f.layout = (HedonPixelLayout)-1);
    REFUSED(f.matrix = HEDON_MATRICES);
    REFUSED(f.bits = 7);
    REFUSED(f.bits = 17);
    REFUSED(f.shift = 1);
    REFUSED((f.bits = 10, f.shift = 7));
    REFUSED((f.bits = 10, f.shift = -1));
    REFUSED(t.source_x = -1);
    REFUSED(t.source_x = 1);
    REFUSED(t.source_width = 0);
    REFUSED((t.source_x = INT32_MAX, t.source_width = INT32_MAX));
    REFUSED(t.source_height = 11);
    REFUSED(t.source_y = INT32_MIN);
    REFUSED(t.resize_width = 0);
    REFUSED(t.resize_height = 16385);
    REFUSED(t.crop_x = 1);
    REFUSED(t.crop_y = -1);
    REFUSED(t.crop_width = 0);
    REFUSED(t.crop_height = INT32_MAX);
    REFUSED(t.interpolation = (HedonInterpolation)2);
    REFUSED(t.std[1] = 0);
    REFUSED(t.std[2] = NAN);
    REFUSED(t.mean[0] = INFINITY);
#undef REFUSED
    hedon_context_free(ctx);
}

static void test_another_geometry_is_not_read(void **state)
{
    (void)state;
    const HedonFrame like = {.width = 20, .height = 10, .layout = HEDON_PIXEL_YUV420, .bits = 10};
    const HedonTransform t = {0, 0, 20, 10, 8, 6,           HEDON_BILINEAR, 0,
                              0, 0, 8,  6,  0, GOLDEN_MEAN, GOLDEN_STD};
    for (int k = 0; k < 2; k++) {
        HedonPreprocessor *p;
        assert_int_equal(implementations[k]->create(NULL, &t, &like, &p), 0);
        HedonFrame other[] = {like, like, like, like, like, like};
        other[0].width--;
        other[1].height++;
        other[2].layout = HEDON_PIXEL_GRAY;
        other[3].bits = 8;
        other[4].shift = 6;
        other[5].layout = HEDON_PIXEL_NV12;
        for (int i = 0; i < 6; i++) { /* their planes are NULL: a read would crash */
            float out[3 * 8 * 6] = {0};
            implementations[k]->run(p, &other[i], out, 8 * 6);
            for (int j = 0; j < 3 * 8 * 6; j++) assert_true(isnan(out[j]));
        }
        implementations[k]->destroy(p);
    }
}

static void test_failing_allocations(void **state)
{
    (void)state;
    const HedonFrame like = {
        .width = 20, .height = 10, .layout = HEDON_PIXEL_NV12, .bits = 10, .shift = 6};
    const HedonTransform t = {0, 0, 20, 10, 8, 6,           HEDON_BICUBIC, 1,
                              0, 0, 8,  6,  0, GOLDEN_MEAN, GOLDEN_STD};
    for (int k = 0; k < 2; k++) {
        int failures = 0;
        for (;; failures++) {
            HedonPreprocessor *p;
            hedon_memory_fail_at(failures + 1);
            const int code = implementations[k]->create(NULL, &t, &like, &p);
            const int failed = hedon_memory_failed();
            hedon_memory_fail_at(0);
            if (!failed) {
                assert_int_equal(code, 0);
                implementations[k]->destroy(p);
                break;
            }
            assert_int_equal(code, HEDON_ENOMEM);
            assert_null(p);
        }
        assert_true(failures >= 7);
        implementations[k]->destroy(NULL);
    }
}

/* ---- Benchmark ------------------------------------------------------------------------------ */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void benchmark(int width, int height, int bits, int bicubic, int antialias)
{
    enum { FRAMES = 8, ROUNDS = 40 }; /* several frames, so that they don't all stay in cache */
    const Geometry g = {width, height, 0, 0, width, height, 171, 128, 30, 8, 112, 112, 0};
    const HedonTransform t = geometry_transform(&g, bicubic, antialias);
    HedonFrame f[FRAMES];
    for (int i = 0; i < FRAMES; i++) {
        f[i] = (HedonFrame){
            .width = width, .height = height, .layout = HEDON_PIXEL_YUV420, .bits = bits};
        frame_alloc(&f[i], TAME, 0);
    }
    float *out = malloc((size_t)output_size(&t) * sizeof *out);
    HedonPreprocessor *p;
    double best = INFINITY, start = now_us();
    if (!out || cpu.create(NULL, &t, &f[0], &p)) abort();
    const double made = now_us() - start;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < FRAMES; i++) {
            start = now_us();
            cpu.run(p, &f[i], out, output_size(&t) / 3);
            best = fmin(best, now_us() - start);
        }
    }
    printf("%4dx%-4d %2d bits %-8s %-9s %8.1f us a frame, %6.1f us to set up\n", width, height,
           bits, bicubic ? "bicubic" : "bilinear", antialias ? "antialias" : "", best, made);
    cpu.destroy(p);
    free(out);
    for (int i = 0; i < FRAMES; i++) frame_release(&f[i]);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--bench")) {
        static const int sizes[][2] = {{320, 240}, {1280, 720}, {1920, 1080}};
        for (int size = 0; size < 3; size++)
            for (int bits = 8; bits <= 10; bits += 2)
                for (int filter = 0; filter < 4; filter++)
                    benchmark(sizes[size][0], sizes[size][1], bits, filter & 1, filter >> 1);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_notices_mistakes),
        cmocka_unit_test(test_ref_is_the_definition),
        cmocka_unit_test(test_packed_pictures_are_the_planar_ones),
        cmocka_unit_test(test_cpu_equals_ref_inside_the_gamut),
        cmocka_unit_test(test_cpu_equals_ref_on_any_rgb),
        cmocka_unit_test(test_cpu_is_near_ref_outside_the_gamut),
        cmocka_unit_test(test_instruction_sets_agree),
        cmocka_unit_test(test_repeatable),
        cmocka_unit_test(test_channel_stride),
        cmocka_unit_test(test_extreme_shapes),
        cmocka_unit_test(test_senseless_requests_are_refused),
        cmocka_unit_test(test_another_geometry_is_not_read),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("preprocess", tests, NULL, NULL);
}
