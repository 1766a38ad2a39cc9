/* The innermost matrix product, C (rows x panels*16) += A (rows x depth) B (depth x panels*16).
 *
 * A's rows are reached through pointers, one set for each segment of the sum, so that the same
 * code multiplies dense matrices (one segment) and convolves without unfolding (one segment for
 * each tap, with a row of zeros where the tap lies in the padding). B comes in panels of 16
 * columns, each panel (depth,16). Every element of C is one chain of multiply-adds in the order
 * of the depth, whatever the number of rows or panels of the call: blocking never changes a bit.
 *
 * The tile is as large as the registers allow: rows * panels * 16 / lanes accumulators.
 */
#ifndef HEDON_KERNELS_CPU_GEMM_MICRO_H
#define HEDON_KERNELS_CPU_GEMM_MICRO_H

#include "kernels/cpu/simd.h"

enum { GEMM_PANEL = 16, GEMM_PANEL_VECS = GEMM_PANEL / SIMD_LANES };
#if SIMD_LANES == 16
enum { GEMM_ROWS = 8, GEMM_PANELS = 2 };
#elif SIMD_LANES == 8
enum { GEMM_ROWS = 6, GEMM_PANELS = 1 };
#else
enum { GEMM_ROWS = 3, GEMM_PANELS = 1 };
#endif
enum { GEMM_COLUMNS = GEMM_PANELS * GEMM_PANEL };

typedef struct GemmCall {
    const float *const *a;      /* a[segment * a_stride + row], unaligned */
    int64_t a_stride, a_offset; /* a_offset floats are added to every pointer */
    int64_t segments, depth;    /* depth: floats of each segment */
    const float *b;             /* first panel, 64-byte aligned */
    int64_t b_stride;           /* floats from one panel to the next */
    float *c;                   /* c[row * GEMM_COLUMNS + column], 64-byte aligned */
    int accumulate;             /* 0: C = A B */
} GemmCall;

static inline __attribute__((always_inline)) void gemm_tile(const GemmCall *call, int rows,
                                                            int panels)
{
    Vec acc[GEMM_ROWS][GEMM_PANELS * GEMM_PANEL_VECS];
    const int vecs = panels * GEMM_PANEL_VECS;

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            acc[r][v] =
                call->accumulate ? vec_load(call->c + r * GEMM_COLUMNS + v * SIMD_LANES) : (Vec){0};
    const float *b = call->b;
    const int64_t depth = call->depth;
    for (int64_t s = 0; s < call->segments; s++) {
        const float *row[GEMM_ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) row[r] = call->a[s * call->a_stride + r] + call->a_offset;
#pragma GCC unroll 1
        for (int64_t k = 0; k < depth; k++, b += GEMM_PANEL) {
            Vec column[GEMM_PANELS * GEMM_PANEL_VECS];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++)
                column[v] = vec_load(b + v / GEMM_PANEL_VECS * call->b_stride +
                                     v % GEMM_PANEL_VECS * SIMD_LANES);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                const Vec scalar = vec_set1(row[r][k]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = vec_fma(scalar, column[v], acc[r][v]);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            vec_store(call->c + r * GEMM_COLUMNS + v * SIMD_LANES, acc[r][v]);
}

static void gemm_tile_any(const GemmCall *call, int rows, int panels)
{
#define GEMM_CASE(r)                                                                               \
    case r:                                                                                        \
        if (r <= GEMM_ROWS && panels == GEMM_PANELS)                                               \
            gemm_tile(call, r <= GEMM_ROWS ? r : 1, GEMM_PANELS);                                  \
        else                                                                                       \
            gemm_tile(call, r <= GEMM_ROWS ? r : 1, 1);                                            \
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

/* The same for any number of rows, in tiles of nearly equal height; panels <= GEMM_PANELS. */
static void gemm_rows(GemmCall call, int64_t rows, int panels)
{
    const int64_t tiles = (rows + GEMM_ROWS - 1) / GEMM_ROWS;
    for (int64_t t = 0, left = rows; t < tiles; t++) {
        const int height = (int)((left + tiles - t - 1) / (tiles - t));
        gemm_tile_any(&call, height, panels);
        call.a += height;
        call.c += (int64_t)height * GEMM_COLUMNS;
        left -= height;
    }
}

/* C (rows x panels*16) = A B, A dense with rows `a_stride` floats apart. */
static void gemm_dense(const float *a, int64_t a_stride, int64_t rows, int64_t depth,
                       const float *b, int64_t b_stride, int panels, float *c)
{
    const int64_t tiles = (rows + GEMM_ROWS - 1) / GEMM_ROWS;
    for (int64_t t = 0, left = rows; t < tiles; t++) {
        const int height = (int)((left + tiles - t - 1) / (tiles - t));
        const float *row[GEMM_ROWS];
        for (int r = 0; r < height; r++) row[r] = a + r * a_stride;
        gemm_tile_any(
            &(GemmCall){
                .a = row, .segments = 1, .depth = depth, .b = b, .b_stride = b_stride, .c = c},
            height, panels);
        a += height * a_stride;
        c += (int64_t)height * GEMM_COLUMNS;
        left -= height;
    }
}

#endif
