/* Batch norm with the batch's statistics, in nthwc16: the loops over positions, compiled for each
 * instruction set. `row` is the padded number of channels; arrays by channel have `row` elements.
 */
#ifndef HEDON_KERNELS_CPU_NORM_H
#define HEDON_KERNELS_CPU_NORM_H

#include <stdint.h>

typedef struct CpuNormIsa {
    /** sums[c] = sum of x, squares[c] = sum of x^2 over `count` rows, in double. */
    void (*moments)(const float *x, int64_t count, int64_t row, double *sums, double *squares);
    /** y = (x - mean) scale + shift [+ residual] [, then relu] */
    void (*normalise)(const float *x, const float *residual, float *y, int64_t count, int64_t row,
                      const float *mean, const float *scale, const float *shift, int relu);
    /** With g = dy, or dy where y > 0 and 0 elsewhere when y is given:
     *  sums[c] = sum of g, products[c] = sum of g (x - mean). */
    void (*products)(const float *x, const float *dy, const float *y, int64_t count, int64_t row,
                     const float *mean, double *sums, double *products);
    /** dx = scale (g - level - (x - mean) slope); dx may be x, dy or y. */
    void (*gradient)(const float *x, const float *dy, const float *y, float *dx, int64_t count,
                     int64_t row, const float *mean, const float *scale, const float *level,
                     const float *slope);
} CpuNormIsa;

extern const CpuNormIsa cpu_norm_isa_avx512, cpu_norm_isa_avx2, cpu_norm_isa_generic;

#endif
