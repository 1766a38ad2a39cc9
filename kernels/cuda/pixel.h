/* One output pixel of pre-processing, for nvcc and for the C compiler: what
 * kernels/ref/preprocess.c defines, in float32. Chroma may lie in planes of its own, or U and V
 * side by side as NVIDIA's decoder delivers them (NV12; P010, whose ten bits are the upper ones of
 * sixteen). */
#ifndef HEDON_KERNELS_CUDA_PIXEL_H
#define HEDON_KERNELS_CUDA_PIXEL_H

#include "base/frame.h"
#include "kernels/cuda/types.h"

/* A picture by its components: base/frame.h's, on the device. */
typedef struct CudaPicture {
    const void *component[3];
    int64_t stride[3]; /* bytes from row to row */
    int32_t layout, bits, shift, full_range;
    int32_t step;         /* samples from one of U and V to its next */
    int32_t across, down; /* log2 of the pixels that one of them covers */
    float kr, kb;         /* luma's weights of red and blue */
} CudaPicture;

/* One axis of HedonTaps, on the device. */
typedef struct CudaTaps {
    const int32_t *first, *count;
    const float *weight;
    int32_t width;
} CudaTaps;

typedef struct CudaPixels {
    CudaPicture picture;
    CudaTaps x, y;
    int32_t source_x, source_y, width, height, flip;
    float mean[3], std[3];
    float *out;
    int64_t channel_stride;
} CudaPixels;

CUDA_BOTH float cuda_unit(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

CUDA_BOTH float cuda_sample(const CudaPicture *p, int component, int64_t x, int64_t y)
{
    const char *row = (const char *)p->component[component] + y * p->stride[component];
    return (float)(p->bits > 8 ? ((const uint16_t *)row)[x] >> p->shift
                               : ((const uint8_t *)row)[x]);
}

/* ITU-T H.273, equations 27 to 32 and 38 to 52. */
CUDA_BOTH void cuda_pixel_rgb(const CudaPicture *p, int64_t x, int64_t y, float rgb[3])
{
    const float top = (float)((1 << p->bits) - 1), unit = (float)(1 << (p->bits - 8));
    if (p->layout == HEDON_PIXEL_RGB) {
        for (int c = 0; c < 3; c++) rgb[c] = cuda_unit(cuda_sample(p, c, x, y) / top);
        return;
    }
    const float code = cuda_sample(p, 0, x, y);
    const float luma = p->full_range ? code / top : (code - 16 * unit) / (219 * unit);
    float blue = 0, red = 0;
    if (p->layout != HEDON_PIXEL_GRAY) {
        const int64_t cx = (x >> p->across) * p->step, cy = y >> p->down;
        const float range = p->full_range ? top : 224 * unit;
        blue = (cuda_sample(p, 1, cx, cy) - 128 * unit) / range;
        red = (cuda_sample(p, 2, cx, cy) - 128 * unit) / range;
    }
    const float r = luma + 2 * (1 - p->kr) * red, b = luma + 2 * (1 - p->kb) * blue;
    rgb[0] = cuda_unit(r);
    rgb[1] = cuda_unit((luma - p->kr * r - p->kb * b) / (1 - p->kr - p->kb));
    rgb[2] = cuda_unit(b);
}

/* Pixel (i, j): resampled, clamped, normalised, written. */
CUDA_BOTH void cuda_pixel_write(const CudaPixels *p, int32_t i, int32_t j)
{
    const int32_t column = p->flip ? p->width - 1 - i : i;
    const int64_t x = p->source_x + p->x.first[column], y = p->source_y + p->y.first[j];
    float sum[3] = {0, 0, 0};
    for (int32_t m = 0; m < p->y.count[j]; m++)
        for (int32_t k = 0; k < p->x.count[column]; k++) {
            const float weight = p->y.weight[(int64_t)j * p->y.width + m] *
                                 p->x.weight[(int64_t)column * p->x.width + k];
            float rgb[3];
            cuda_pixel_rgb(&p->picture, x + k, y + m, rgb);
            for (int c = 0; c < 3; c++) sum[c] += weight * rgb[c];
        }
    float *out = p->out + (int64_t)j * p->width + i;
    for (int c = 0; c < 3; c++)
        out[c * p->channel_stride] = (cuda_unit(sum[c]) - p->mean[c]) / p->std[c];
}

#endif
