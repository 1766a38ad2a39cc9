/* The innermost matrix product, C (rows x panels*16) += A (rows x depth) B (depth x panels*16).
 *
 * A's rows are reached through pointers, one set for each segment of the sum, so that the same
 * code multiplies dense matrices (one segment) and convolves without unfolding (one segment for
 * each tap, with a row of zeros where the tap lies in the padding). B comes in panels of 16
 * columns, each panel (depth,16). Every element of C is one chain of multiply-adds in the order
 * of the depth, whatever the number of rows or panels of the call: blocking never changes a bit.
 * Given a chunk, a chain ends after so many products of a segment, and the sums of the chains are
 * added in their order: a chain of n products loses as many digits as its partial sums are long.
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
    int64_t chunk;              /* products of a chain; 0: all of the call are one */
    float *c;                   /* c[row * GEMM_COLUMNS + column], 64-byte aligned */
    int accumulate;             /* 0: C = A B */
} GemmCall;

/* acc = 0; C = acc, or C += acc. */
static inline __attribute__((always_inline)) void
gemm_flush(float *c, int rows, int vecs, int add, Vec acc[GEMM_ROWS][GEMM_PANELS * GEMM_PANEL_VECS])
{
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            float *to = c + r * GEMM_COLUMNS + v * SIMD_LANES;
            if (add) acc[r][v] += vec_load(to);
            vec_store(to, acc[r][v]);
            acc[r][v] = (Vec){0};
        }
}

/* chunked: whether the call has a chunk; a constant after inlining, as rows and panels are. */
static inline __attribute__((always_inline)) void gemm_tile(const GemmCall *call, int rows,
                                                            int panels, int chunked)
{
    Vec acc[GEMM_ROWS][GEMM_PANELS * GEMM_PANEL_VECS];
    const int vecs = panels * GEMM_PANEL_VECS;

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            acc[r][v] = call->accumulate && !chunked
                            ? vec_load(call->c + r * GEMM_COLUMNS + v * SIMD_LANES)
                            : (Vec){0};
    const float *b = call->b;
    const int64_t depth = call->depth;
    int add = call->accumulate;
    for (int64_t s = 0; s < call->segments; s++) {
        const float *row[GEMM_ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) row[r] = call->a[s * call->a_stride + r] + call->a_offset;
        for (int64_t k = 0; k < depth;) {
            const int64_t end = chunked && depth - k > call->chunk ? k + call->chunk : depth;
#pragma GCC unroll 1
            for (; k < end; k++, b += GEMM_PANEL) {
                Vec column[GEMM_PANELS * GEMM_PANEL_VECS];
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++)
                    column[v] = vec_load(b + v / GEMM_PANEL_VECS * call->b_stride +
                                         v % GEMM_PANEL_VECS * SIMD_LANES);
#pragma GCC unroll 8
                for (int r = 0; r < rows; r++) {
                    const Vec scalar = vec_set1(row[r][k]);
#pragma GCC unroll 4
                    for (int v = 0; v < vecs; v++)
                        acc[r][v] = vec_fma(scalar, column[v], acc[r][v]);
                }
            }
            if (chunked) {
                gemm_flush(call->c, rows, vecs, add, acc);
                add = 1;
            }
        }
    }
    if (!chunked) gemm_flush(call->c, rows, vecs, 0, acc);
}

static inline __attribute__((always_inline)) void gemm_tile_of(const GemmCall *call, int rows,
                                                               int panels, int chunked)
{
#define GEMM_CASE(r)                                                                               \
    case r:                                                                                        \
        if (r <= GEMM_ROWS && panels == GEMM_PANELS)                                               \
            gemm_tile(call, r <= GEMM_ROWS ? r : 1, GEMM_PANELS, chunked);                         \
        else                                                                                       \
            gemm_tile(call, r <= GEMM_ROWS ? r : 1, 1, chunked);                                   \
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

static void gemm_tile_any(const GemmCall *call, int rows, int panels)
{
    if (call->chunk)
        gemm_tile_of(call, rows, panels, 1);
    else
        gemm_tile_of(call, rows, panels, 0);
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

/* C (rows x panels*16) = A B, A dense with rows `a_stride` floats apart; chunk as in GemmCall. */
static void gemm_dense(const float *a, int64_t a_stride, int64_t rows, int64_t depth, int64_t chunk,
                       const float *b, int64_t b_stride, int panels, float *c)
{
    const int64_t tiles = (rows + GEMM_ROWS - 1) / GEMM_ROWS;
    for (int64_t t = 0, left = rows; t < tiles; t++) {
        const int height = (int)((left + tiles - t - 1) / (tiles - t));
        const float *row[GEMM_ROWS];
        for (int r = 0; r < height; r++) row[r] = a + r * a_stride;
        gemm_tile_any(
            &(GemmCall){.a = row,
                        .segments = 1,
                        .depth = depth,
                        .b = b,
                        .b_stride = b_stride,
                        .chunk = chunk,
                        .c = c},
            height, panels);
        a += height * a_stride;
        c += (int64_t)height * GEMM_COLUMNS;
        left -= height;
    }
}

#endif
