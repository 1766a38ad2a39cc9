/* Weights into the layouts of conv_plan.h; Winograd's transform is done in double. */
#include <omp.h>

#include "kernels/cpu/conv_backward_plan.h"
#include "kernels/cpu/conv_plan.h"
#include "kernels/cpu/winograd.h"

/* The weights as the packed layout sees them. Backward data packs the adjoint convolution: the
 * channels change places and the taps run backwards. */
typedef struct PackSource {
    const float *weights;
    int64_t outputs, out_stride, in_stride; /* floats */
    int64_t first_tap, tap_step;
} PackSource;

static PackSource forward_source(const CpuConvShape *s, const float *weights)
{
    const int64_t taps = s->kt * s->kh * s->kw;
    return (PackSource){weights, s->oc, s->ic * taps, taps, 0, 1};
}

/* s: the adjoint shape; weights: the forward ones, (s->ic, s->oc, taps). */
static PackSource adjoint_source(const CpuConvShape *s, const float *weights)
{
    const int64_t taps = s->kt * s->kh * s->kw;
    return (PackSource){weights, s->oc, taps, s->oc * taps, taps - 1, -1};
}

/* w[tap] = weights of one input channel and of the 16 output channels of a panel, zeros beyond
 * the last one. */
static void load_taps(const PackSource *source, int64_t panel, int64_t i, int taps,
                      WinogradLanes *w)
{
    for (int lane = 0; lane < CPU_LANES; lane++) {
        const int64_t o = panel * CPU_LANES + lane;
        const float *from = source->weights + o * source->out_stride + i * source->in_stride +
                            source->first_tap;
        for (int tap = 0; tap < taps; tap++)
            w[tap][lane] = o < source->outputs ? (double)from[tap * source->tap_step] : 0;
    }
}

static void store_lanes(const WinogradLanes *lanes, float *u)
{
    for (int lane = 0; lane < CPU_LANES; lane++) u[lane] = (float)(*lanes)[lane];
}

static void pack_spatial(const CpuConvShape *s, const PackSource *source, float *packed,
                         int threads)
{
    const int64_t frequency = s->ic * CPU_LANES; /* floats from one to the next */
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++) {
            WinogradLanes w[9], rows[3][WINOGRAD_IN], column[3], out[WINOGRAD_IN];
            float *u = packed + panel * WINOGRAD_FREQUENCIES_2D * frequency + i * CPU_LANES;
            load_taps(source, panel, i, 9, w);
            for (int r = 0; r < 3; r++) winograd_weights(w + 3 * r, rows[r]);
            for (int b = 0; b < WINOGRAD_IN; b++) {
                for (int r = 0; r < 3; r++) column[r] = rows[r][b];
                winograd_weights(column, out);
                for (int a = 0; a < WINOGRAD_IN; a++)
                    store_lanes(&out[a], u + (b * WINOGRAD_IN + a) * frequency);
            }
        }
}

static void pack_temporal(const CpuConvShape *s, const PackSource *source, float *packed,
                          int threads)
{
    ConvTemporalPlan plan;
    cpu_conv_temporal_plan(s, 1, &plan);
    const int64_t frequency = s->ic * CPU_LANES;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++) {
            WinogradLanes w[3], out[WINOGRAD_IN];
            float *u = packed + panel * plan.frequencies * frequency + i * CPU_LANES;
            load_taps(source, panel, i, 3, w);
            if (plan.pair) {
                out[0] = w[1];
                out[1] = w[2] - w[1];
                out[2] = w[0] - w[1];
            } else {
                winograd_weights(w, out);
            }
            for (int f = 0; f < plan.frequencies; f++) store_lanes(&out[f], u + f * frequency);
        }
}

void cpu_conv_pack_spatial(const CpuConvShape *s, const float *weights, void *packed, int threads)
{
    const PackSource source = forward_source(s, weights);
    pack_spatial(s, &source, packed, threads);
}

void cpu_conv_pack_temporal(const CpuConvShape *s, const float *weights, void *packed, int threads)
{
    const PackSource source = forward_source(s, weights);
    pack_temporal(s, &source, packed, threads);
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
    const PackSource source = adjoint_source(&adjoint, weights);
    pack_spatial(&adjoint, &source, packed, threads);
}

void cpu_conv_pack_data_temporal(const CpuConvShape *s, const float *weights, void *packed,
                                 int threads)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    const PackSource source = adjoint_source(&adjoint, weights);
    pack_temporal(&adjoint, &source, packed, threads);
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
