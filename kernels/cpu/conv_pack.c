/* Weights into the layouts of conv_plan.h and conv_backward_plan.h: where they are taken from; the
 * Winograd transforms are in conv_pack.inc. */

#include "kernels/cpu/conv_backward_plan.h"
#include "kernels/cpu/conv_plan.h"

static ConvPackSource forward_source(const CpuConvShape *s, const float *weights)
{
    const int64_t taps = s->kt * s->kh * s->kw;
    return (ConvPackSource){weights, s->oc, s->ic * taps, taps, 0, 1};
}

/* s: the adjoint shape; weights: the forward ones, (s->ic, s->oc, taps). */
static ConvPackSource adjoint_source(const CpuConvShape *s, const float *weights)
{
    const int64_t taps = s->kt * s->kh * s->kw;
    return (ConvPackSource){weights, s->oc, taps, s->oc * taps, taps - 1, -1};
}

void cpu_conv_pack_spatial(const CpuConvShape *s, const float *weights, void *packed, int threads)
{
    const ConvPackSource source = forward_source(s, weights);
    cpu_conv_best_isa()->pack_spatial(s, &source, packed, threads);
}

void cpu_conv_pack_temporal(const CpuConvShape *s, const float *weights, void *packed, int threads)
{
    const ConvPackSource source = forward_source(s, weights);
    cpu_conv_best_isa()->pack_temporal(s, &source, packed, threads);
}

void cpu_conv_pack_direct(const CpuConvShape *s, const float *weights, void *packed, int threads)
{
    const int64_t taps = s->kt * s->kh * s->kw;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++)
            for (int64_t tap = 0; tap < taps; tap++) {
                float *u = (float *)packed + ((panel * taps + tap) * s->ic + i) * CPU_LANES;
                for (int lane = 0; lane < CPU_LANES; lane++) {
                    const int64_t o = panel * CPU_LANES + lane;
                    u[lane] = o < s->oc ? weights[(o * s->ic + i) * taps + tap] : 0;
                }
            }
}

void cpu_conv_pack_data_spatial(const CpuConvShape *s, const float *weights, void *packed,
                                int threads)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    const ConvPackSource source = adjoint_source(&adjoint, weights);
    cpu_conv_best_isa()->pack_spatial(&adjoint, &source, packed, threads);
}

void cpu_conv_pack_data_temporal(const CpuConvShape *s, const float *weights, void *packed,
                                 int threads)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    const ConvPackSource source = adjoint_source(&adjoint, weights);
    cpu_conv_best_isa()->pack_temporal(&adjoint, &source, packed, threads);
}

/* One tap of one panel: [oc][16]. */
static void pack_data_tap(const CpuConvShape *s, const float *weights, int64_t panel, int64_t tap,
                          float *u)
{
    const int64_t taps = s->kt * s->kh * s->kw, left = s->ic - panel * CPU_LANES;
    const int64_t lanes = left < CPU_LANES ? left : CPU_LANES;
    for (int64_t o = 0; o < s->oc; o++, u += CPU_LANES) {
        const float *from = weights + (o * s->ic + panel * CPU_LANES) * taps + tap;
        for (int64_t lane = 0; lane < CPU_LANES; lane++)
            u[lane] = lane < lanes ? from[lane * taps] : 0;
    }
}

void cpu_conv_pack_data_direct(const CpuConvShape *s, const float *weights, void *packed,
                               int threads)
{
    const int64_t panels = cpu_pad_lanes(s->ic) / CPU_LANES, tap_floats = s->oc * CPU_LANES;
    float *at = packed;
    for (int64_t phase = 0; phase < s->st * s->sh * s->sw; phase++) {
        const ConvPhases p = cpu_conv_phases(s, phase);
        const int64_t taps = p.t.taps * p.h.taps * p.w.taps;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
        for (int64_t panel = 0; panel < panels; panel++)
            for (int64_t k = 0; k < taps; k++) {
                const int64_t a = p.t.first_tap + k / (p.h.taps * p.w.taps) * s->st;
                const int64_t b = p.h.first_tap + k / p.w.taps % p.h.taps * s->sh;
                const int64_t c = p.w.first_tap + k % p.w.taps * s->sw;
                pack_data_tap(s, weights, panel, (a * s->kh + b) * s->kw + c,
                              at + (panel * taps + k) * tap_floats);
            }
        at += panels * taps * tap_floats;
    }
}
