/* The innermost matrix product, C (rows x panels*16) += A (rows x depth) B (depth x panels*16).
 *
 * A's rows are reached through pointers, one set for each segment of the sum, so that the same
 * code multiplies dense matrices (one segment) and convolves without unfolding (one segment for
 * each tap, with a row of zeros where the tap lies in the padding). B comes in panels of 16
 * columns, each panel (depth,16). Every element of C is one chain of multiply-adds in the order
 * of the depth, whatever the number of rows or panels of the call: blocking never changes a bit.
 *
 * A careful call ends each chain after GEMM_CHAIN products (and at a segment's end) and adds up the
 * chains: the squared rounding error of one chain grows with the square of its length, so that many
 * short ones lose less. With 32 registers the chains' sum stays there, too, beside a smaller tile.
 *
 * The tile is as large as the registers allow: rows * panels * 16 / lanes accumulators.
 */
#ifndef HEDON_KERNELS_CPU_GEMM_MICRO_H
#define HEDON_KERNELS_CPU_GEMM_MICRO_H

#include "kernels/cpu/simd.h"

enum { GEMM_PANEL = 16, GEMM_PANEL_VECS = GEMM_PANEL / SIMD_LANES };
#if SIMD_LANES == 16
enum { GEMM_ROWS = 8, GEMM_PANELS = 2, GEMM_CAREFUL_ROWS = 6 };
#elif SIMD_LANES == 8
enum { GEMM_ROWS = 6, GEMM_PANELS = 1, GEMM_CAREFUL_ROWS = 6 };
#else
enum { GEMM_ROWS = 3, GEMM_PANELS = 1, GEMM_CAREFUL_ROWS = 3 };
#endif
enum { GEMM_COLUMNS = GEMM_PANELS * GEMM_PANEL };
/* n products lose least in chains of sqrt(n), and it is the first layers, of 45 to 144 channels,
 * whose error grows most on its way through a network. */
enum { GEMM_CHAIN = 8 };

typedef struct GemmCall {
    const float *const *a;      /* a[segment * a_stride + row], unaligned */
    int64_t a_stride, a_offset; /* a_offset floats are added to every pointer */
    int64_t segments, depth;    /* depth: floats of each segment */
    const float *b;             /* first panel, 64-byte aligned */
    int64_t b_stride;           /* floats from one panel to the next */
    float *c;                   /* c[row * GEMM_COLUMNS + column], 64-byte aligned */
    int accumulate;             /* 0: C = A B */
    int careful;                /* short chains */
} GemmCall;

typedef Vec GemmTile[GEMM_ROWS][GEMM_PANELS * GEMM_PANEL_VECS];

/* acc += column k of A times the row of B at b; rows and vecs are constants after inlining. */
static inline __attribute__((always_inline)) void gemm_step(const float *const *row, int64_t k,
                                                            const float *b, int64_t b_stride,
                                                            int rows, int vecs, GemmTile acc)
{
    Vec column[GEMM_PANELS * GEMM_PANEL_VECS];
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++)
        column[v] = vec_load(b + v / GEMM_PANEL_VECS * b_stride + v % GEMM_PANEL_VECS * SIMD_LANES);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        const Vec scalar = vec_set1(row[r][k]);
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) acc[r][v] = vec_fma(scalar, column[v], acc[r][v]);
    }
}

/* sum += acc, acc = 0 */
static inline __attribute__((always_inline)) void gemm_end_chain(GemmTile acc, GemmTile sum,
                                                                 int rows, int vecs)
{
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            sum[r][v] += acc[r][v];
            acc[r][v] = (Vec){0};
        }
}

/* careful: the call's; a constant after inlining, as rows and panels are. */
static inline __attribute__((always_inline)) void gemm_tile(const GemmCall *call, int rows,
                                                            int panels, int careful)
{
    GemmTile acc, sum;
    const int vecs = panels * GEMM_PANEL_VECS;

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            acc[r][v] =
                call->accumulate ? vec_load(call->c + r * GEMM_COLUMNS + v * SIMD_LANES) : (Vec){0};
            if (!careful) continue;
            sum[r][v] = acc[r][v];
            acc[r][v] = (Vec){0};
        }
    const float *b = call->b;
    const int64_t depth = call->depth;
    for (int64_t s = 0; s < call->segments; s++) {
        const float *row[GEMM_ROWS];
        int64_t k = 0;
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) row[r] = call->a[s * call->a_stride + r] + call->a_offset;
        for (; careful && k + GEMM_CHAIN <= depth; k += GEMM_CHAIN, b += GEMM_CHAIN * GEMM_PANEL) {
#pragma GCC unroll 8
            for (int i = 0; i < GEMM_CHAIN; i++)
                gemm_step(row, k + i, b + i * GEMM_PANEL, call->b_stride, rows, vecs, acc);
            gemm_end_chain(acc, sum, rows, vecs);
        }
#pragma GCC unroll 1
        for (; k < depth; k++, b += GEMM_PANEL)
            gemm_step(row, k, b, call->b_stride, rows, vecs, acc);
        if (careful) gemm_end_chain(acc, sum, rows, vecs);
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            vec_store(call->c + r * GEMM_COLUMNS + v * SIMD_LANES, (careful ? sum : acc)[r][v]);
}

static inline __attribute__((always_inline)) void gemm_tile_of(const GemmCall *call, int rows,
                                                               int panels, int careful)
{
    const int most = careful ? GEMM_CAREFUL_ROWS : GEMM_ROWS;
#define GEMM_CASE(r)                                                                               \
    case r:                                                                                        \
        if (r <= most && panels == GEMM_PANELS)                                                    \
            gemm_tile(call, r <= most ? r : 1, GEMM_PANELS, careful);                              \
        else                                                                                       \
            gemm_tile(call, r <= most ? r : 1, 1, careful);                                        \
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

/* Functions of their own: the compiler should not have to share out registers between the two. */
static __attribute__((noinline)) void gemm_tile_careful(const GemmCall *call, int rows, int panels)
{
    gemm_tile_of(call, rows, panels, 1);
}

static __attribute__((noinline)) void gemm_tile_plain(const GemmCall *call, int rows, int panels)
{
    gemm_tile_of(call, rows, panels, 0);
}

static inline void gemm_tile_any(const GemmCall *call, int rows, int panels)
{
    if (call->careful)
        gemm_tile_careful(call, rows, panels);
    else
        gemm_tile_plain(call, rows, panels);
}

/* Tiles that `rows` rows are cut into. */
static int64_t gemm_tiles(int64_t rows, int careful)
{
    const int64_t most = careful ? GEMM_CAREFUL_ROWS : GEMM_ROWS;
    return (rows + most - 1) / most;
}

/* The same for any number of rows, in tiles of nearly equal height; panels <= GEMM_PANELS. */
static void gemm_rows(GemmCall call, int64_t rows, int panels)
{
    const int64_t tiles = gemm_tiles(rows, call.careful);
    for (int64_t t = 0, left = rows; t < tiles; t++) {
        const int height = (int)((left + tiles - t - 1) / (tiles - t));
        gemm_tile_any(&call, height, panels);
        call.a += height;
        call.c += (int64_t)height * GEMM_COLUMNS;
        left -= height;
    }
}

/* C (rows x panels*16) = A B, A dense with rows `a_stride` floats apart; careful as in GemmCall. */
static void gemm_dense(const float *a, int64_t a_stride, int64_t rows, int64_t depth,
                       const float *b, int64_t b_stride, int panels, int careful, float *c)
{
    const int64_t tiles = gemm_tiles(rows, careful);
    for (int64_t t = 0, left = rows; t < tiles; t++) {
        const int height = (int)((left + tiles - t - 1) / (tiles - t));
        const float *row[GEMM_ROWS];
        for (int r = 0; r < height; r++) row[r] = a + r * a_stride;
        gemm_tile_any(&(GemmCall){.a = row,
                                  .segments = 1,
                                  .depth = depth,
                                  .b = b,
                                  .b_stride = b_stride,
                                  .c = c,
                                  .careful = careful},
                      height, panels);
        a += height * a_stride;
        c += (int64_t)height * GEMM_COLUMNS;
        left -= height;
    }
}

#endif
