/* Hand-written convolutions of the cpu backend, backward, fp32.
 *
 * Shapes, layouts and padding lanes are those of conv.h: a shape is always that of the forward
 * convolution, x and dx are (n,it,ih,iw,pad(ic)), y and dy (n,ot,oh,ow,pad(oc)). Padding lanes of x
 * and dy must be zero, and those of dx are written as zeros. Weights and their gradient are in the
 * layout of parameters: (oc,ic,kt,kh,kw) row-major, no padding.
 *
 * dx of one clip is a pure function of that clip's dy and of the geometry without n, as y is. dw is a
 * pure function of x, dy and the geometry: neither depends on the number of threads.
 */
#ifndef HEDON_KERNELS_CPU_CONV_BACKWARD_H
#define HEDON_KERNELS_CPU_CONV_BACKWARD_H

#include "kernels/cpu/conv.h"

/* ---- By the input: dx = conv^T(dy, w) ------------------------------------------------------ */

typedef struct CpuConvDataCall {
    const float *dy;
    const void *packed;    /* what pack() made */
    const float *residual; /* laid out as dx and added to it, or NULL; may equal dx */
    float *dx;             /* overwritten */
    void *scratch;         /* scratch_bytes(), 64-byte aligned, any content */
    int threads;           /* size of the OpenMP team to use */
} CpuConvDataCall;

typedef struct CpuConvDataKernel {
    const char *name;
    /** Whether this kernel can compute the shape on this processor. */
    int (*supports)(const CpuConvShape *shape);
    size_t (*packed_bytes)(const CpuConvShape *shape);
    /** weights (oc,ic,kt,kh,kw) -> packed, 64-byte aligned; as often as the weights change. */
    void (*pack)(const CpuConvShape *shape, const float *weights, void *packed, int threads);
    size_t (*scratch_bytes)(const CpuConvShape *shape, int threads);
    void (*run)(const CpuConvShape *shape, const CpuConvDataCall *call);
} CpuConvDataKernel;

extern const CpuConvDataKernel cpu_conv_data_winograd_spatial;  /* (1,3,3) stride 1 */
extern const CpuConvDataKernel cpu_conv_data_winograd_temporal; /* (3,1,1) stride 1 */
extern const CpuConvDataKernel cpu_conv_data_direct;            /* any, by phases of the stride */

/** The fastest kernel for this shape by a static rule (never by n); NULL for a shape that is not
 *  valid (dilation 1 and groups 1, as in conv.h). */
const CpuConvDataKernel *cpu_conv_data_choose(const CpuConvShape *shape);

/* ---- By the weights: dw = sum over clips and positions of dy x ------------------------------ */

typedef struct CpuConvWeightsCall {
    const float *x, *dy;
    float *dw;      /* (oc,ic,kt,kh,kw), overwritten, or added to when accumulate is set */
    int accumulate; /* dw += instead of = */
    void *scratch;  /* scratch_bytes(), 64-byte aligned, any content */
    int threads;
} CpuConvWeightsCall;

typedef struct CpuConvWeightsKernel {
    const char *name;
    int (*supports)(const CpuConvShape *shape);
    size_t (*scratch_bytes)(const CpuConvShape *shape, int threads);
    void (*run)(const CpuConvShape *shape, const CpuConvWeightsCall *call);
} CpuConvWeightsKernel;

extern const CpuConvWeightsKernel cpu_conv_weights_winograd_spatial;  /* (1,3,3) stride 1 */
extern const CpuConvWeightsKernel cpu_conv_weights_winograd_temporal; /* (3,1,1) stride 1 */
extern const CpuConvWeightsKernel cpu_conv_weights_direct;            /* any: matmul over positions */

/** As cpu_conv_data_choose. */
const CpuConvWeightsKernel *cpu_conv_weights_choose(const CpuConvShape *shape);

#endif
