/* Batch norm with the batch's statistics, in nthwc16: the loops over positions, compiled for each
 * instruction set. `row` is the padded number of channels; arrays by channel have `row` elements.
 */
#ifndef HEDON_KERNELS_CPU_NORM_H
#define HEDON_KERNELS_CPU_NORM_H

#include <stdint.h>

/* What a row is normalised by: (x - mean) scale + shift. */
typedef struct CpuNormCoefficients {
    const float *mean, *scale, *shift;
} CpuNormCoefficients;

/* Which dy a relu behind the batch norm let through. */
typedef enum CpuNormMask {
    CPU_NORM_ALL,    /* there is no relu */
    CPU_NORM_BY_Y,   /* where y > 0 */
    CPU_NORM_BY_SELF /* where the normalised x is: the same arithmetic again, so that y is not read
                      */
} CpuNormMask;

typedef struct CpuNormGradient {
    const float *x, *dy, *y; /* y: NULL but for CPU_NORM_BY_Y */
    CpuNormMask mask;
    CpuNormCoefficients by;
} CpuNormGradient;

typedef struct CpuNormIsa {
    const char *name;
    /** sums[c] = sum of x, squares[c] = sum of x^2 over `count` rows, in double. */
    void (*moments)(const float *x, int64_t count, int64_t row, double *sums, double *squares);
    /** y = (x - mean) scale + shift [+ residual] [, then relu]; stream: y is written past the
     *  caches. */
    void (*normalise)(const float *x, const float *residual, float *y, int64_t count, int64_t row,
                      const CpuNormCoefficients *by, int relu, int stream);
    /** With g = dy where the mask is open and 0 elsewhere:
     *  sums[c] = sum of g, products[c] = sum of g (x - mean), in double. */
    void (*products)(const CpuNormGradient *of, int64_t count, int64_t row, double *sums,
                     double *products);
    /** dx = scale (g - level - (x - mean) slope); dx may be x, dy or y. */
    void (*gradient)(const CpuNormGradient *of, float *dx, int64_t count, int64_t row,
                     const float *level, const float *slope);
} CpuNormIsa;

extern const CpuNormIsa cpu_norm_isa_avx512, cpu_norm_isa_avx2, cpu_norm_isa_generic;

#endif
