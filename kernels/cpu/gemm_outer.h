/* The innermost product of backward weights, C (rows x panels*16) = A^T B, summed over depth.
 *
 * Both operands have the depth outermost, in panels (depth,16) of 16 columns: A's columns are C's
 * rows. Every element of C is one chain of multiply-adds in the order of the depth, added to what
 * C holds at the end when accumulating, whatever the rows and panels of the call.
 */
#ifndef HEDON_KERNELS_CPU_GEMM_OUTER_H
#define HEDON_KERNELS_CPU_GEMM_OUTER_H

#include "kernels/cpu/conv_backward_plan.h"
#include "kernels/cpu/gemm_micro.h"

enum { GEMM_OUTER_COLUMNS = CONV_WEIGHTS_COLUMNS }; /* floats from one row of C to the next */

typedef struct GemmOuterCall {
    const float *a; /* a[k * 16 + row] */
    const float *b; /* first panel, b[k * 16 + column] */
    int64_t b_stride, depth;
    float *c; /* c[row * GEMM_OUTER_COLUMNS + column] */
    int accumulate;
} GemmOuterCall;

static inline __attribute__((always_inline)) void gemm_outer_tile(const GemmOuterCall *call,
                                                                  int rows, int panels)
{
    Vec acc[GEMM_ROWS][GEMM_PANELS * GEMM_PANEL_VECS];
    const int vecs = panels * GEMM_PANEL_VECS;
    const float *a = call->a, *b = call->b;

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) acc[r][v] = (Vec){0};
#pragma GCC unroll 1
    for (int64_t k = 0; k < call->depth; k++, a += GEMM_PANEL, b += GEMM_PANEL) {
        Vec column[GEMM_PANELS * GEMM_PANEL_VECS];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            column[v] = vec_load(b + v / GEMM_PANEL_VECS * call->b_stride +
                                 v % GEMM_PANEL_VECS * SIMD_LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const Vec scalar = vec_set1(a[r]);
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) acc[r][v] = vec_fma(scalar, column[v], acc[r][v]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            float *c = call->c + r * GEMM_OUTER_COLUMNS + v * SIMD_LANES;
            if (call->accumulate) acc[r][v] += vec_load(c);
            vec_store(c, acc[r][v]);
        }
}

static void gemm_outer_tile_any(const GemmOuterCall *call, int rows, int panels)
{
#define GEMM_CASE(r)                                                                               \
    case r:                                                                                        \
        if (r <= GEMM_ROWS && panels == GEMM_PANELS)                                               \
            gemm_outer_tile(call, r <= GEMM_ROWS ? r : 1, GEMM_PANELS);                            \
        else                                                                                       \
            gemm_outer_tile(call, r <= GEMM_ROWS ? r : 1, 1);                                      \
        break;
    switch (rows) {
        GEMM_CASE(1)
        GEMM_CASE(2)
        GEMM_CASE(3)
        GEMM_CASE(4)
        GEMM_CASE(5)
        GEMM_CASE(6)
        GEMM_CASE(7)
        GEMM_CASE(8)
    }
#undef GEMM_CASE
}

/* Up to 16 rows, those of one panel of A, and up to GEMM_OUTER_COLUMNS / 16 panels. */
static void gemm_outer(GemmOuterCall call, int rows, int panels)
{
    const GemmOuterCall first = call;
    const int tiles = (rows + GEMM_ROWS - 1) / GEMM_ROWS;

    for (int p = 0; p < panels; p += GEMM_PANELS) {
        const int width = panels - p < GEMM_PANELS ? panels - p : GEMM_PANELS;
        call.a = first.a;
        call.b = first.b + p * first.b_stride;
        call.c = first.c + p * GEMM_PANEL;
        for (int t = 0, left = rows; t < tiles; t++) {
            const int height = (left + tiles - t - 1) / (tiles - t);
            gemm_outer_tile_any(&call, height, width);
            call.a += height;
            call.c += height * GEMM_OUTER_COLUMNS;
            left -= height;
        }
    }
}

#endif
