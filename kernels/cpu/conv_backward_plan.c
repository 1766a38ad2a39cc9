/* Block sizes of the backward convolutions; see conv_plan.c for the caches they are made for. */
#include "kernels/cpu/conv_backward_plan.h"

#include "kernels/cpu/winograd.h"

enum {
    DATA_BLOCK = 48, /* positions of dx */
    L1_DEPTH = 160,  /* rows of a panel (64 bytes each) that stay in L1 */
    /* Tiles of a block of backward weights: two panels of V of this depth stay in L1. Where M is
     * so large that it comes from L3 each time, more. */
    WEIGHTS_BLOCK = 128,
    WEIGHTS_BLOCK_HEAVY = 256,
    HEAVY_M = 6 << 20,
    WEIGHTS_PARTS = 8,
    PARTS_M = 64 << 20, /* of all parts together at most */
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

static size_t line_bytes(int64_t bytes)
{
    return (size_t)ceil_div(bytes, 64) * 64;
}

static size_t float_bytes(int64_t floats)
{
    return line_bytes(floats * (int64_t)sizeof(float));
}

CpuConvShape cpu_conv_adjoint(const CpuConvShape *s)
{
    return (CpuConvShape){.n = s->n,
                          .ic = s->oc,
                          .it = s->ot,
                          .ih = s->oh,
                          .iw = s->ow,
                          .oc = s->ic,
                          .ot = s->it,
                          .oh = s->ih,
                          .ow = s->iw,
                          .kt = s->kt,
                          .kh = s->kh,
                          .kw = s->kw,
                          .st = 1,
                          .sh = 1,
                          .sw = 1,
                          .pt = s->kt - 1 - s->pt,
                          .ph = s->kh - 1 - s->ph,
                          .pw = s->kw - 1 - s->pw};
}

/* Input i takes tap k from output (i + pad - k) / stride, where that is whole. */
static ConvPhase phase_of(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t phase)
{
    ConvPhase p = {.first = phase, .first_tap = (phase + pad) % stride};
    p.count = phase < in ? ceil_div(in - phase, stride) : 0;
    p.taps = p.first_tap < kernel ? ceil_div(kernel - p.first_tap, stride) : 0;
    p.first_output = (phase + pad) / stride;
    return p;
}

ConvPhases cpu_conv_phases(const CpuConvShape *s, int64_t phase)
{
    return (ConvPhases){phase_of(s->it, s->kt, s->st, s->pt, phase / (s->sh * s->sw)),
                        phase_of(s->ih, s->kh, s->sh, s->ph, phase / s->sw % s->sh),
                        phase_of(s->iw, s->kw, s->sw, s->pw, phase % s->sw)};
}

void cpu_conv_data_plan(const CpuConvShape *s, ConvDataPlan *plan)
{
    plan->phases = s->st * s->sh * s->sw;
    plan->block = DATA_BLOCK;
    plan->max_taps = 1;
    for (int64_t i = 0; i < plan->phases; i++) {
        const ConvPhases p = cpu_conv_phases(s, i);
        plan->max_taps = max_i64(plan->max_taps, p.t.taps * p.h.taps * p.w.taps);
    }
    plan->chunk_depth = ceil_div(s->oc, ceil_div(s->oc, L1_DEPTH));
    plan->chunk_taps = s->oc < L1_DEPTH ? L1_DEPTH / s->oc : 1;
    plan->zeros_bytes = float_bytes(cpu_pad_lanes(s->oc));
    plan->rows_bytes = line_bytes(plan->max_taps * plan->block * (int64_t)sizeof(float *));
    plan->sums_bytes = float_bytes(plan->block * CONV_DATA_COLUMNS);
}

/* Tiles and frequencies of a form. */
static void weights_tiles(const CpuConvShape *s, ConvWeightsPlan *plan)
{
    plan->lanes = cpu_pad_lanes(s->ic);
    plan->rows_h = plan->rows_w = 1;
    switch (plan->form) {
    case CONV_WEIGHTS_SPATIAL:
        plan->rows_h = ceil_div(s->oh, WINOGRAD_OUT);
        plan->rows_w = ceil_div(s->ow, WINOGRAD_OUT);
        plan->tiles = s->n * s->ot * plan->rows_h * plan->rows_w;
        plan->frequencies = plan->d_frequencies = WINOGRAD_FREQUENCIES_2D;
        break;
    case CONV_WEIGHTS_TEMPORAL:
    case CONV_WEIGHTS_PAIR:
        plan->rows_h = plan->form == CONV_WEIGHTS_PAIR ? 1 : ceil_div(s->ot, WINOGRAD_OUT);
        plan->rows_w = s->oh * s->ow;
        plan->tiles = s->n * plan->rows_h * plan->rows_w;
        plan->frequencies = plan->d_frequencies =
            plan->form == CONV_WEIGHTS_PAIR ? 3 : WINOGRAD_IN;
        break;
    default:
        plan->tiles = s->n * s->ot * s->oh * s->ow;
        plan->frequencies = s->kt * s->kh * s->kw;
        plan->d_frequencies = 1;
        if (plan->form == CONV_WEIGHTS_DENSE) {
            plan->lanes = cpu_pad_lanes(s->ic * plan->frequencies);
            plan->frequencies = 1;
        }
    }
}

void cpu_conv_weights_plan(const CpuConvShape *s, ConvWeightsForm form, ConvWeightsPlan *plan)
{
    const int64_t ocp = cpu_pad_lanes(s->oc);
    *plan = (ConvWeightsPlan){.form = form};
    weights_tiles(s, plan);

    const int64_t m_bytes = plan->frequencies * plan->lanes * ocp * (int64_t)sizeof(float);
    plan->block = m_bytes > HEAVY_M ? WEIGHTS_BLOCK_HEAVY : WEIGHTS_BLOCK;
    plan->blocks = ceil_div(plan->tiles, plan->block);
    plan->block = ceil_div(plan->tiles, plan->blocks);
    plan->fused = plan->blocks == 1;
    plan->parts = min_i64(plan->blocks, WEIGHTS_PARTS);
    if (plan->fused || plan->parts * m_bytes > PARTS_M) plan->parts = 0;
    /* An odd number of cache lines: the many streams fall into different cache sets. */
    plan->panel_floats = (plan->block | 1) * CPU_LANES;
    plan->v_stride = plan->lanes / CPU_LANES * plan->panel_floats;
    plan->d_stride = ocp / CPU_LANES * plan->panel_floats;
    plan->row_items = ceil_div(s->oc, CONV_WEIGHTS_ROWS);
    plan->items = plan->row_items * ceil_div(plan->lanes, CONV_WEIGHTS_COLUMNS);

    plan->zeros_bytes = float_bytes(max_i64(cpu_pad_lanes(s->ic), ocp));
    if (form == CONV_WEIGHTS_DENSE) {
        plan->dense_row = (s->iw + 2 * s->pw) * s->ic;
        /* Whole vectors are read from the end of a row. */
        plan->dense_bytes = float_bytes(s->n * s->it * s->ih * plan->dense_row + CPU_LANES);
    }
    plan->v_bytes = float_bytes(plan->frequencies * plan->v_stride);
    plan->d_bytes = float_bytes(plan->d_frequencies * plan->d_stride);
    plan->item_bytes =
        float_bytes(plan->frequencies * CONV_WEIGHTS_ROWS * CONV_WEIGHTS_COLUMNS);
}
