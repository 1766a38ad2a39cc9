/* Hand-written convolutions of the cpu backend, forward, fp32.
 *
 * Activations are channels-last, (N,T,H,W,C) with C padded by zeros to a multiple of CPU_LANES and
 * 64-byte aligned ("nthwc16"): every kernel reads and must write zeros in the padding lanes.
 * The result of one clip (one n) is a pure function of that clip and of the geometry without n:
 * neither the batch, nor the place in it, nor the number of threads changes a bit.
 */
#ifndef HEDON_KERNELS_CPU_CONV_H
#define HEDON_KERNELS_CPU_CONV_H

#include <stddef.h>
#include <stdint.h>

enum { CPU_LANES = 16 };

static inline int64_t cpu_pad_lanes(int64_t channels)
{
    return (channels + CPU_LANES - 1) / CPU_LANES * CPU_LANES;
}

typedef struct CpuConvShape {
    int64_t n, ic, it, ih, iw;     /* input: logical channels, frames, height, width */
    int64_t oc, ot, oh, ow;        /* output */
    int64_t kt, kh, kw;            /* kernel */
    int64_t st, sh, sw;            /* stride */
    int64_t pt, ph, pw;            /* zero padding on each side; dilation 1, groups 1 */
} CpuConvShape;

typedef struct CpuConvCall {
    const float *x;        /* (n,it,ih,iw,pad(ic)) */
    const void *packed;    /* what pack() made */
    const float *bias;     /* (pad(oc)), never NULL; padding lanes 0 */
    const float *residual; /* laid out as y, added before the activation, or NULL; may equal y */
    float *y;              /* (n,ot,oh,ow,pad(oc)) */
    void *scratch;         /* scratch_bytes(), 64-byte aligned */
    int relu;
    int careful;           /* sum in short chains: for training, where rounding is amplified */
    int threads;           /* size of the OpenMP team to use */
} CpuConvCall;

typedef struct CpuConvKernel {
    const char *name;
    /** Whether this kernel can compute the shape on this processor. */
    int (*supports)(const CpuConvShape *shape);
    size_t (*packed_bytes)(const CpuConvShape *shape);
    /** weights (oc,ic,kt,kh,kw) row-major -> packed, 64-byte aligned. */
    void (*pack)(const CpuConvShape *shape, const float *weights, void *packed, int threads);
    size_t (*scratch_bytes)(const CpuConvShape *shape, int threads);
    void (*run)(const CpuConvShape *shape, const CpuConvCall *call);
} CpuConvKernel;

extern const CpuConvKernel cpu_conv_winograd_spatial;  /* (1,3,3) stride 1: F(4x4,3x3) */
extern const CpuConvKernel cpu_conv_winograd_temporal; /* (3,1,1) stride 1: F(4,3), F(2,3) */
extern const CpuConvKernel cpu_conv_direct;            /* any other: implicit matmul */

/** The kernel that a static table measured as the fastest for this shape (never by n); NULL when
 *  none of them supports it, and then the caller uses oneDNN. */
const CpuConvKernel *cpu_conv_choose(const CpuConvShape *shape);

/** The instruction set that the kernels use on this processor: "avx512", "avx2", "generic". */
const char *cpu_conv_isa_name(void);

#endif
