/* Pre-processing on a CPU. Resizing and the colour matrix are both linear, so the planes are
 * resized as they are, at their own resolution, and only the output's pixels are converted. For
 * each row of the output and each plane: the source rows under the vertical filter become one row
 * of floats (rows and columns that no output needs are not touched), the horizontal filter makes
 * the output's columns of it, and the three rows become normalised RGB. The tables hold everything
 * else: chroma is replicated as in ref by letting both of its pixels' weights fall on one sample,
 * the flip is the order of the columns. Where samples lie in turns or above unused bits (NV12,
 * P010), the rows under the filter are first copied to where they don't.
 *
 * One thing does not commute: ref clamps each source pixel to 0..1 before resizing as well, here
 * only the output is clamped. Decoded pictures leave the gamut at few pixels (sharp saturated
 * edges, where chroma is coarser than luma). On real videos resized to 171x128 the mean difference
 * was .003/255 to .25/255, single pixels up to 46/255; RGB, and gray that keeps to its range, have
 * none.
 */
#include "kernels/cpu/preprocess.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/preprocess_isa.h"
#include "kernels/resample.h"

/* HedonTaps of a plane as the inner loops want them. Samples low to high - 1 are used;
 * horizontally, `first` counts from low, and every output has `width` taps, the spare ones 0. */
typedef struct CpuAxis {
    int32_t outputs, width, low, high;
    int32_t *first, *count;
    float *weight; /* outputs, rounded up, x width */
} CpuAxis;

typedef struct CpuPreprocessor {
    HedonPreprocessor base;
    const CpuPreprocessIsa *isa;
    HedonFrame like;
    int32_t width, height, components, wide;
    CpuAxis x[2], y[2]; /* of component 0; of components 1 and 2 */
    CpuColour colour;
    void *unpacked; /* the rows under one output row's filter, where they cannot be read as they are
                     */
    float *blended; /* one row, over the columns used */
    float *row[3];  /* one row of the output, before conversion */
} CpuPreprocessor;

static const CpuPreprocessIsa *best_isa(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &cpu_preprocess_isa_avx2;
#endif
    return &cpu_preprocess_isa_generic;
}

/* ---- Tables --------------------------------------------------------------------------------- */

/* taps, of pixels counted from `offset`, become those of a plane with 2^shift pixels a sample:
 * weights that fall on one sample are added up. In place. */
static void fold_taps(HedonTaps *taps, int32_t offset, int shift)
{
    for (int32_t i = 0; i < taps->outputs; i++) {
        double *weight = taps->weight + (int64_t)i * taps->width;
        const int32_t pixel = offset + taps->first[i], first = pixel >> shift;
        int32_t used = 0;
        for (int32_t k = 0; k < taps->count[i]; k++) {
            const double w = weight[k];
            const int32_t to = ((pixel + k) >> shift) - first;
            weight[k] = 0;
            weight[to] += w;
            if (w != 0) used = to + 1; /* bilinear often ends in a 0: one row less to read */
        }
        taps->first[i] = first;
        taps->count[i] = used;
    }
}

static int32_t round_up(int32_t n, int32_t step)
{
    return (n + step - 1) / step * step;
}

static int axis_new(HedonContext *ctx, CpuAxis *axis, const HedonTaps *taps, int horizontal,
                    int flip)
{
    int32_t longest = 0, low = INT32_MAX, high = 0;
    for (int32_t i = 0; i < taps->outputs; i++) {
        const int32_t end = taps->first[i] + taps->count[i];
        longest = taps->count[i] > longest ? taps->count[i] : longest;
        low = taps->first[i] < low ? taps->first[i] : low;
        high = end > high ? end : high;
    }
    int32_t width = longest;
    if (horizontal) width = longest <= 4 ? 4 : round_up(longest, CPU_FILTER_WIDTH);
    const size_t outputs = (size_t)round_up(taps->outputs, CPU_FILTER_OUTPUTS);
    *axis = (CpuAxis){.outputs = taps->outputs, .width = width, .low = low, .high = high};
    axis->first = hedon_calloc(outputs, sizeof *axis->first);
    axis->count = hedon_calloc(outputs, sizeof *axis->count);
    axis->weight = hedon_calloc(outputs * (size_t)width, sizeof *axis->weight);
    if (!axis->first || !axis->count || !axis->weight) return hedon_fail_memory(ctx);

    for (int32_t i = 0; i < taps->outputs; i++) {
        const int32_t to = flip ? taps->outputs - 1 - i : i;
        axis->first[to] = horizontal ? taps->first[i] - low : taps->first[i];
        axis->count[to] = taps->count[i];
        for (int32_t k = 0; k < taps->count[i]; k++)
            axis->weight[(int64_t)to * width + k] =
                (float)taps->weight[(int64_t)i * taps->width + k];
    }
    return 0;
}

static void axis_free(CpuAxis *axis)
{
    hedon_free(axis->first);
    hedon_free(axis->count);
    hedon_free(axis->weight);
}

/* Both axes of a component whose samples cover 2^shift_x by 2^shift_y pixels. */
static int component_new(HedonContext *ctx, CpuPreprocessor *p, const HedonTransform *t, int chroma,
                         int shift_x, int shift_y)
{
    HedonTaps taps;
    int code = hedon_taps_new(ctx, &taps, t->interpolation, t->antialias, t->source_width,
                              t->resize_width, t->crop_x, t->crop_width);
    if (code) return code;
    fold_taps(&taps, t->source_x, shift_x);
    code = axis_new(ctx, &p->x[chroma], &taps, 1, t->flip);
    hedon_taps_free(&taps);
    if (code) return code;

    code = hedon_taps_new(ctx, &taps, t->interpolation, t->antialias, t->source_height,
                          t->resize_height, t->crop_y, t->crop_height);
    if (code) return code;
    fold_taps(&taps, t->source_y, shift_y);
    code = axis_new(ctx, &p->y[chroma], &taps, 0, 0);
    hedon_taps_free(&taps);
    return code;
}

/* R, G, B = matrix (Y, Cb, Cr), ITU-T H.273: the inverse of Y = kr R + kg G + kb B,
 * Cb = (B - Y) / (2 - 2 kb), Cr = (R - Y) / (2 - 2 kr), with the quantisation's offsets and scales.
 */
static void colour_coefficients(CpuColour *colour, const HedonFrame *like, const HedonTransform *t)
{
    static const double luma_weights[HEDON_MATRICES][3] = {
        [HEDON_MATRIX_BT601] = {0.299, 0.587, 0.114},
        [HEDON_MATRIX_BT709] = {0.2126, 0.7152, 0.0722},
        [HEDON_MATRIX_BT2020] = {0.2627, 0.6780, 0.0593},
    };
    const double *k = luma_weights[like->matrix];
    const double top = ldexp(1, like->bits) - 1, unit = ldexp(1, like->bits - 8);
    double m[3][3] = {{1, 0, 2 * (1 - k[0])},
                      {1, -2 * (1 - k[2]) * k[2] / k[1], -2 * (1 - k[0]) * k[0] / k[1]},
                      {1, 2 * (1 - k[2]), 0}};
    double offset[3] = {0, 128 * unit, 128 * unit}, range[3] = {top, top, top};
    if (!like->full_range) {
        offset[0] = 16 * unit;
        range[0] = 219 * unit;
        range[1] = range[2] = 224 * unit;
    }
    if (like->layout == HEDON_PIXEL_RGB)
        for (int i = 0; i < 3; i++) {
            offset[i] = 0;
            range[i] = top;
            for (int j = 0; j < 3; j++) m[i][j] = i == j;
        }
    const int components = hedon_frame_components(like->layout);
    for (int c = 0; c < 3; c++) {
        double constant = 0;
        for (int p = 0; p < components; p++) {
            colour->matrix[c][p] = (float)(m[c][p] / range[p]);
            constant -= m[c][p] / range[p] * offset[p];
        }
        colour->matrix[c][3] = (float)constant;
        colour->scale[c] = 1 / t->std[c];
        colour->bias[c] = -t->mean[c] / t->std[c];
    }
}

static int is_packed(const HedonFrame *like, int component)
{
    int64_t stride;
    int step;
    hedon_frame_component(like, component, &stride, &step);
    return step > 1 || like->shift;
}

static int rows_new(HedonContext *ctx, CpuPreprocessor *p)
{
    size_t columns = 0, unpacked = 0;
    for (int i = 0; i < 2; i++) { /* spare taps look past the columns used, but weigh 0 */
        const size_t n = (size_t)p->x[i].high - (size_t)p->x[i].low + (size_t)p->x[i].width;
        columns = n > columns ? n : columns;
        const size_t samples = (size_t)(p->x[i].high - p->x[i].low) * (size_t)p->y[i].width;
        if (is_packed(&p->like, i) && samples > unpacked) unpacked = samples;
    }
    if (unpacked && !(p->unpacked = hedon_malloc(unpacked, (size_t)1 << p->wide)))
        return hedon_fail_memory(ctx);
    p->blended = hedon_calloc(columns, sizeof *p->blended);
    if (!p->blended) return hedon_fail_memory(ctx);
    for (int i = 0; i < 3; i++) {
        p->row[i] = hedon_calloc((size_t)p->width + CPU_COLOUR_PADDING, sizeof *p->row[i]);
        if (!p->row[i]) return hedon_fail_memory(ctx);
    }
    return 0;
}

int cpu_preprocessor_new(HedonContext *ctx, const HedonTransform *transform, const HedonFrame *like,
                         HedonPreprocessor **out)
{
    *out = NULL;
    int code = hedon_transform_check(ctx, transform, like);
    if (code) return code;
    CpuPreprocessor *p = hedon_calloc(1, sizeof *p);
    if (!p) return hedon_fail_memory(ctx);
    *p = (CpuPreprocessor){.base.backend = &hedon_backend_cpu,
                           .isa = best_isa(),
                           .like = *like,
                           .width = transform->crop_width,
                           .height = transform->crop_height,
                           .components = hedon_frame_components(like->layout),
                           .wide = like->bits > 8};
    int across, down;
    hedon_frame_subsampling(like->layout, &across, &down);
    code = component_new(ctx, p, transform, 0, 0, 0);
    if (!code && p->components > 1) code = component_new(ctx, p, transform, 1, across, down);
    if (!code) code = rows_new(ctx, p);
    if (code) {
        cpu_preprocessor_free(&p->base);
        return code;
    }
    colour_coefficients(&p->colour, like, transform);
    *out = &p->base;
    return 0;
}

void cpu_preprocessor_free(HedonPreprocessor *preprocessor)
{
    CpuPreprocessor *p = (CpuPreprocessor *)preprocessor;
    if (!p) return;
    for (int i = 0; i < 2; i++) {
        axis_free(&p->x[i]);
        axis_free(&p->y[i]);
    }
    hedon_free(p->unpacked);
    hedon_free(p->blended);
    for (int i = 0; i < 3; i++) hedon_free(p->row[i]);
    hedon_free(p);
}

/* ---- One frame ------------------------------------------------------------------------------ */

static void unpack(void *to, const void *from, int step, int shift, int wide, int64_t n)
{
    if (wide)
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)to)[i] = (uint16_t)(((const uint16_t *)from)[i * step] >> shift);
    else
        for (int64_t i = 0; i < n; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i * step];
}

static void component_row(CpuPreprocessor *p, const HedonFrame *frame, int component, int32_t j)
{
    const CpuAxis *x = &p->x[component > 0], *y = &p->y[component > 0];
    const int64_t n = x->high - x->low;
    int64_t stride;
    int step;
    const char *from = hedon_frame_component(frame, component, &stride, &step);
    from += y->first[j] * stride + (((int64_t)x->low * step) << p->wide);
    if (is_packed(frame, component)) {
        char *to = p->unpacked;
        for (int32_t k = 0; k < y->count[j]; k++)
            unpack(to + ((k * n) << p->wide), from + k * stride, step, frame->shift, p->wide, n);
        from = to;
        stride = n << p->wide;
    }
    p->isa->blend[p->wide](p->blended, from, stride, y->weight + (int64_t)j * y->width, y->count[j],
                           n);
    p->isa->filter(p->row[component], p->blended, x->first, x->weight, x->width, p->width);
}

void cpu_preprocess(HedonPreprocessor *preprocessor, const HedonFrame *frame, float *out,
                    int64_t channel_stride)
{
    CpuPreprocessor *p = (CpuPreprocessor *)preprocessor;
    if (!hedon_frame_matches(frame, &p->like)) { /* the caller's bug, made visible */
        for (int c = 0; c < 3; c++)
            for (int64_t i = 0; i < (int64_t)p->width * p->height; i++)
                out[c * channel_stride + i] = NAN;
        return;
    }
    const float *const row[3] = {p->row[0], p->row[1], p->row[2]};
    for (int32_t j = 0; j < p->height; j++) {
        for (int c = 0; c < p->components; c++) component_row(p, frame, c, j);
        p->isa->colour(out + (int64_t)j * p->width, channel_stride, row, &p->colour, p->width);
    }
}
