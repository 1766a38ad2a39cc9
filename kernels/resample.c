/* The filters are those of PyTorch's aten/src/ATen/native/UpSample.h (point sampling, edge clamp)
 * and cpu/UpSampleKernel.cpp (antialiased, after Pillow's Resample.c), evaluated in double. */
#include "kernels/resample.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- What makes sense ----------------------------------------------------------------------- */

static const int32_t max_picture = 65536, max_resize = 16384;

static int inside(int64_t start, int64_t size, int64_t whole)
{
    return start >= 0 && size >= 1 && start + size <= whole;
}

int hedon_transform_check(HedonContext *ctx, const HedonTransform *t, const HedonFrame *like)
{
    if (like->width < 1 || like->width > max_picture || like->height < 1 ||
        like->height > max_picture)
        return hedon_fail(ctx, HEDON_EINVAL, "a picture of %dx%d: each side has to be 1 to %d",
                          like->width, like->height, max_picture);
    if ((unsigned)like->layout >= HEDON_PIXEL_LAYOUTS || (unsigned)like->matrix >= HEDON_MATRICES ||
        !hedon_frame_has_depth(like->bits, like->shift))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "unknown picture: layout %d, matrix %d, %d bits above %d unused",
                          like->layout, like->matrix, like->bits, like->shift);
    if (!inside(t->source_x, t->source_width, like->width) ||
        !inside(t->source_y, t->source_height, like->height))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "the box %dx%d at %d,%d is not inside the %dx%d picture", t->source_width,
                          t->source_height, t->source_x, t->source_y, like->width, like->height);
    if (t->resize_width < 1 || t->resize_width > max_resize || t->resize_height < 1 ||
        t->resize_height > max_resize)
        return hedon_fail(ctx, HEDON_EINVAL, "cannot resize to %dx%d: each side has to be 1 to %d",
                          t->resize_width, t->resize_height, max_resize);
    if (!inside(t->crop_x, t->crop_width, t->resize_width) ||
        !inside(t->crop_y, t->crop_height, t->resize_height))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "the crop %dx%d at %d,%d is not inside the resized %dx%d", t->crop_width,
                          t->crop_height, t->crop_x, t->crop_y, t->resize_width, t->resize_height);
    if (t->interpolation != HEDON_BILINEAR && t->interpolation != HEDON_BICUBIC)
        return hedon_fail(ctx, HEDON_EINVAL, "unknown interpolation %d", t->interpolation);
    for (int c = 0; c < 3; c++)
        if (!isfinite(t->mean[c]) || !isfinite(t->std[c]) || t->std[c] <= 0)
            return hedon_fail(ctx, HEDON_EINVAL, "cannot normalise with mean %g and std %g",
                              t->mean[c], t->std[c]);
    return 0;
}

/* ---- Filters -------------------------------------------------------------------------------- */

static double triangle(double x)
{
    return fmax(0, 1 - fabs(x));
}

/* R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29,
 * 1981, eq. 15 with a free. */
static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
}

/* The samples around `centre` (a coordinate in which sample j is at j); those beyond an edge count
 * as the edge's. */
static int32_t sample_around(double *weight, int32_t *first, HedonInterpolation interpolation,
                             double centre, int32_t from)
{
    const int32_t reach = interpolation == HEDON_BICUBIC ? 2 : 1;
    const int32_t base = (int32_t)floor(centre) - reach + 1;
    const int32_t last = from - 1;
    *first = base < 0 ? 0 : base > last ? last : base;
    int32_t count = 0;
    for (int32_t k = 0; k < 2 * reach; k++) {
        const double x = centre - (base + k);
        const int32_t j = base + k < 0 ? 0 : base + k > last ? last : base + k;
        weight[j - *first] += interpolation == HEDON_BICUBIC ? cubic(x, -0.75) : triangle(x);
        count = j - *first + 1;
    }
    return count;
}

/* The samples under a filter stretched to `scale` input samples; those beyond an edge are left out
 * and the rest made to sum to 1. Sample j is at j + 0.5. */
static int32_t sample_area(double *weight, int32_t *first, HedonInterpolation interpolation,
                           double centre, double scale, int32_t from)
{
    const double stretch = fmax(scale, 1);
    const double support = (interpolation == HEDON_BICUBIC ? 2 : 1) * stretch;
    const int32_t low = (int32_t)fmax(centre - support + 0.5, 0);
    const int32_t high = (int32_t)fmin(centre + support + 0.5, from);
    double sum = 0;
    for (int32_t j = low; j < high; j++) {
        const double x = (j + 0.5 - centre) / stretch;
        weight[j - low] = interpolation == HEDON_BICUBIC ? cubic(x, -0.5) : triangle(x);
        sum += weight[j - low];
    }
    for (int32_t j = low; j < high; j++) weight[j - low] /= sum;
    *first = low;
    return high - low;
}

/* ---- Tables --------------------------------------------------------------------------------- */

int hedon_taps_alloc(HedonContext *ctx, HedonTaps *taps, int32_t outputs, int32_t width)
{
    *taps = (HedonTaps){.outputs = outputs, .width = width};
    taps->first = hedon_calloc((size_t)outputs, sizeof *taps->first);
    taps->count = hedon_calloc((size_t)outputs, sizeof *taps->count);
    taps->weight = hedon_calloc((size_t)outputs * (size_t)width, sizeof *taps->weight);
    if (taps->first && taps->count && taps->weight) return 0;
    hedon_taps_free(taps);
    return hedon_fail_memory(ctx);
}

void hedon_taps_free(HedonTaps *taps)
{
    hedon_free(taps->first);
    hedon_free(taps->count);
    hedon_free(taps->weight);
    *taps = (HedonTaps){0};
}

int hedon_taps_new(HedonContext *ctx, HedonTaps *taps, HedonInterpolation interpolation,
                   int antialias, int32_t from, int32_t to, int32_t start, int32_t outputs)
{
    const double scale = (double)from / to;
    const double support =
        (interpolation == HEDON_BICUBIC ? 2 : 1) * fmax(antialias ? scale : 1, 1);
    const int code =
        hedon_taps_alloc(ctx, taps, outputs, (int32_t)fmin(2 * ceil(support) + 1, from));
    if (code) return code;

    for (int32_t i = 0; i < outputs; i++) {
        const double centre = scale * (start + i + 0.5);
        double *weight = taps->weight + (int64_t)i * taps->width;
        taps->count[i] =
            antialias ? sample_area(weight, taps->first + i, interpolation, centre, scale, from)
                      : sample_around(weight, taps->first + i, interpolation, centre - 0.5, from);
    }
    return 0;
}
