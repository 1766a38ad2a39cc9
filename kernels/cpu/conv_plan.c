/* Block sizes of the convolutions: chosen for a 32 KiB L1 and a 512 KiB L2 a core, the smallest
 * that current x86 servers have. Larger caches gain little from larger blocks. */
#include "kernels/cpu/conv_plan.h"
#include "kernels/cpu/winograd.h"

enum {
    ROWS = 24,            /* a multiple of every instruction set's GEMM_ROWS */
    L2_FOR_V = 256 << 10, /* transformed input of a block; weights and M have the rest */
    L3_FOR_V = 3 << 20,   /* the same, when the team shares it */
    L3_FOR_U = 8 << 20,   /* weights that may be read anew for each block of twice L2_FOR_V */
    SPATIAL_BLOCK = 12,   /* tiles: with these M, too, stays in L1 */
    TEMPORAL_BLOCK = 4 * ROWS,
    DIRECT_BLOCK = 48,        /* outputs of a block ... */
    DIRECT_BLOCK_HEAVY = 128, /* ... and when the weights must come from memory each time */
    HEAVY_WEIGHTS = 2 << 20,
    L1_DEPTH = 160, /* rows of a panel (64 bytes each) that stay in L1 */
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* An odd number of cache lines: many streams this far apart fall into different cache sets. */
static int64_t odd_lines(int64_t floats)
{
    return (ceil_div(floats, CPU_LANES) | 1) * CPU_LANES;
}

static size_t line_bytes(int64_t bytes)
{
    return (size_t)ceil_div(bytes, 64) * 64;
}

static size_t float_bytes(int64_t floats)
{
    return line_bytes(floats * (int64_t)sizeof(float));
}

void cpu_conv_spatial_plan(const CpuConvShape *s, ConvSpatialPlan *plan)
{
    const int64_t icp = cpu_pad_lanes(s->ic);
    const int64_t tile_bytes = WINOGRAD_FREQUENCIES_2D * icp * (int64_t)sizeof(float);

    plan->tiles_h = ceil_div(s->oh, WINOGRAD_OUT);
    plan->tiles_w = ceil_div(s->ow, WINOGRAD_OUT);
    plan->tiles = s->n * s->ot * plan->tiles_h * plan->tiles_w;
    /* A shared block reads the weights less often, but the team waits twice for it. */
    const int64_t v_bytes = SPATIAL_BLOCK * tile_bytes, u_bytes = tile_bytes * s->oc;
    plan->shared = v_bytes > 2 * L2_FOR_V || (v_bytes > L2_FOR_V && u_bytes > L3_FOR_U);
    plan->block = SPATIAL_BLOCK;
    if (plan->shared) plan->block = max_i64(L3_FOR_V / tile_bytes / ROWS * ROWS, ROWS);
    plan->block = min_i64(plan->block, plan->tiles);
    plan->v_stride = odd_lines(plan->block * icp);
    plan->m_stride = odd_lines(plan->block * CONV_MAX_COLUMNS);
    plan->zeros_bytes = float_bytes(icp);
    plan->v_bytes = float_bytes(WINOGRAD_FREQUENCIES_2D * plan->v_stride);
    plan->m_bytes = float_bytes((WINOGRAD_IN + WINOGRAD_OUT * WINOGRAD_IN) * plan->m_stride);
}

void cpu_conv_temporal_plan(const CpuConvShape *s, int threads, ConvTemporalPlan *plan)
{
    const int64_t icp = cpu_pad_lanes(s->ic);

    plan->pair = s->it == 2 && s->ot == 2;
    plan->frequencies = plan->pair ? 3 : WINOGRAD_IN;
    plan->time_blocks = plan->pair ? 1 : ceil_div(s->ot, WINOGRAD_OUT);
    plan->positions = s->oh * s->ow;
    plan->tiles = s->n * plan->time_blocks * plan->positions;
    plan->block = L2_FOR_V / (plan->frequencies * icp * (int64_t)sizeof(float)) / ROWS * ROWS;
    plan->block = min_i64(max_i64(plan->block, ROWS), TEMPORAL_BLOCK);
    /* Blocks of equal size, as many as the team can share out evenly. */
    const int64_t rounds = ceil_div(plan->tiles, plan->block * threads);
    plan->block = min_i64(plan->block, ceil_div(plan->tiles, rounds * threads));
    plan->v_stride = odd_lines(plan->block * icp);
    plan->m_stride = odd_lines(plan->block * CONV_MAX_COLUMNS);
    plan->zeros_bytes = float_bytes(icp);
    plan->v_bytes = float_bytes(plan->frequencies * plan->v_stride);
    plan->m_bytes = float_bytes(plan->frequencies * plan->m_stride);
}

void cpu_conv_direct_plan(const CpuConvShape *s, int threads, ConvDirectPlan *plan)
{
    plan->dense = s->ic < CPU_LANES && s->kw > 1;
    plan->dense_row = (s->iw + 2 * s->pw) * s->ic;
    plan->taps = s->kt * s->kh * (plan->dense ? 1 : s->kw);
    plan->depth = plan->dense ? s->kw * s->ic : s->ic;

    const int64_t panels = cpu_pad_lanes(s->oc) / CPU_LANES;
    const int64_t panel_bytes = plan->taps * plan->depth * CPU_LANES * (int64_t)sizeof(float);
    const int heavy = panels * panel_bytes > HEAVY_WEIGHTS;
    plan->positions = s->n * s->ot * s->oh * s->ow;
    plan->block = min_i64(plan->positions, heavy ? DIRECT_BLOCK_HEAVY : DIRECT_BLOCK);
    plan->blocks = ceil_div(plan->positions, plan->block);
    plan->block = ceil_div(plan->positions, plan->blocks);
    plan->splits = 1;
    if (plan->blocks < 8 * threads)
        plan->splits = min_i64(ceil_div(panels, 2), ceil_div(8 * threads, plan->blocks));
    plan->chunk_depth = ceil_div(plan->depth, ceil_div(plan->depth, L1_DEPTH));
    plan->chunk_taps = plan->depth < L1_DEPTH ? L1_DEPTH / plan->depth : 1;

    const int64_t dense_rows = plan->dense ? s->n * s->it * s->ih : 0;
    plan->zeros_bytes = float_bytes(plan->depth);
    plan->dense_bytes = float_bytes(dense_rows * plan->dense_row);
    plan->rows_bytes = line_bytes(plan->taps * plan->block * (int64_t)sizeof(float *));
    plan->sums_bytes = float_bytes(plan->block * CONV_MAX_COLUMNS);
}
