/* The definition of pre-processing. Each source pixel becomes RGB in 0..1, not rounded to 8 bits;
 * the box of them is resized, cropped and flipped; the result, which bicubic may have taken below 0
 * or above 1, is clamped to 0..1 again, as every pipeline on 8-bit pictures does, and normalised.
 *
 * Chroma is replicated: pixel (x, y) takes sample (x >> 1, y >> 1), as swscale's unscaled
 * converter, and with it torchcodec and decord, does.
 */
#include "kernels/ref/preprocess.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/resample.h"

typedef struct RefPreprocessor {
    HedonPreprocessor base;
    HedonTransform transform;
    HedonFrame like;
    HedonTaps x, y;
} RefPreprocessor;

int ref_preprocessor_new(HedonContext *ctx, const HedonTransform *transform, const HedonFrame *like,
                         HedonPreprocessor **out)
{
    *out = NULL;
    int code = hedon_transform_check(ctx, transform, like);
    if (code) return code;
    RefPreprocessor *p = hedon_calloc(1, sizeof *p);
    if (!p) return hedon_fail_memory(ctx);
    *p = (RefPreprocessor){
        .base.backend = &hedon_backend_ref, .transform = *transform, .like = *like};

    const HedonTransform *t = transform;
    code = hedon_taps_new(ctx, &p->x, t->interpolation, t->antialias, t->source_width,
                          t->resize_width, t->crop_x, t->crop_width);
    if (!code)
        code = hedon_taps_new(ctx, &p->y, t->interpolation, t->antialias, t->source_height,
                              t->resize_height, t->crop_y, t->crop_height);
    if (code) {
        ref_preprocessor_free(&p->base);
        return code;
    }
    *out = &p->base;
    return 0;
}

void ref_preprocessor_free(HedonPreprocessor *preprocessor)
{
    RefPreprocessor *p = (RefPreprocessor *)preprocessor;
    if (!p) return;
    hedon_taps_free(&p->x);
    hedon_taps_free(&p->y);
    hedon_free(p);
}

static double sample(const HedonFrame *frame, int component, int64_t x, int64_t y)
{
    int64_t stride;
    int step;
    const char *row = hedon_frame_component(frame, component, &stride, &step);
    row += y * stride;
    x *= step;
    return frame->bits > 8 ? ((const uint16_t *)row)[x] >> frame->shift : ((const uint8_t *)row)[x];
}

static double clamp(double v)
{
    return fmin(fmax(v, 0), 1);
}

/* Quantisation levels and luma weights: ITU-T H.273, equations 27 to 32 and 38 to 52, table 4. */
static void pixel_rgb(const HedonFrame *frame, int64_t x, int64_t y, double rgb[3])
{
    const double top = exp2(frame->bits) - 1, unit = exp2(frame->bits - 8);
    if (frame->layout == HEDON_PIXEL_RGB) {
        for (int c = 0; c < 3; c++) rgb[c] = clamp(sample(frame, c, x, y) / top);
        return;
    }
    const double code = sample(frame, 0, x, y);
    const double luma = frame->full_range ? code / top : (code - 16 * unit) / (219 * unit);
    double blue = 0, red = 0; /* Cb and Cr, -0.5 to 0.5 */
    if (frame->layout != HEDON_PIXEL_GRAY) {
        int across, down;
        hedon_frame_subsampling(frame->layout, &across, &down);
        const int64_t cx = x >> across, cy = y >> down;
        const double range = frame->full_range ? top : 224 * unit;
        blue = (sample(frame, 1, cx, cy) - 128 * unit) / range;
        red = (sample(frame, 2, cx, cy) - 128 * unit) / range;
    }
    static const struct {
        double red, blue;
    } weight[HEDON_MATRICES] = {
        [HEDON_MATRIX_BT601] = {0.299, 0.114},
        [HEDON_MATRIX_BT709] = {0.2126, 0.0722},
        [HEDON_MATRIX_BT2020] = {0.2627, 0.0593},
    };
    const double kr = weight[frame->matrix].red, kb = weight[frame->matrix].blue;
    const double r = luma + 2 * (1 - kr) * red;
    const double b = luma + 2 * (1 - kb) * blue;
    const double g = (luma - kr * r - kb * b) / (1 - kr - kb);
    rgb[0] = clamp(r);
    rgb[1] = clamp(g);
    rgb[2] = clamp(b);
}

static void output_rgb(const RefPreprocessor *p, const HedonFrame *frame, int32_t i, int32_t j,
                       double sum[3])
{
    sum[0] = sum[1] = sum[2] = 0;
    for (int32_t m = 0; m < p->y.count[j]; m++)
        for (int32_t k = 0; k < p->x.count[i]; k++) {
            const double weight =
                p->y.weight[(int64_t)j * p->y.width + m] * p->x.weight[(int64_t)i * p->x.width + k];
            double rgb[3];
            pixel_rgb(frame, p->transform.source_x + p->x.first[i] + k,
                      p->transform.source_y + p->y.first[j] + m, rgb);
            for (int c = 0; c < 3; c++) sum[c] += weight * rgb[c];
        }
}

void ref_preprocess(HedonPreprocessor *preprocessor, const HedonFrame *frame, float *out,
                    int64_t channel_stride)
{
    const RefPreprocessor *p = (const RefPreprocessor *)preprocessor;
    const HedonTransform *t = &p->transform;
    const int matches = hedon_frame_matches(frame, &p->like);
    for (int32_t j = 0; j < t->crop_height; j++)
        for (int32_t i = 0; i < t->crop_width; i++) {
            double rgb[3] = {0};
            if (matches) output_rgb(p, frame, t->flip ? t->crop_width - 1 - i : i, j, rgb);
            for (int c = 0; c < 3; c++) {
                const double value = (clamp(rgb[c]) - t->mean[c]) / t->std[c];
                out[c * channel_stride + (int64_t)j * t->crop_width + i] =
                    matches ? (float)value : NAN; /* the caller's bug, made visible */
            }
        }
}
