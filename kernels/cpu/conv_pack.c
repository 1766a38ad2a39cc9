/* Weights into the layouts of conv_plan.h; Winograd's transform is done in double. */
#include "kernels/cpu/conv_plan.h"
#include "kernels/cpu/winograd.h"

/* w[tap] = weights of one input channel and of the 16 output channels of a panel, zeros beyond
 * the last one. */
static void load_taps(const CpuConvShape *s, const float *weights, int64_t panel, int64_t i,
                      int taps, WinogradLanes *w)
{
    for (int lane = 0; lane < CPU_LANES; lane++) {
        const int64_t o = panel * CPU_LANES + lane;
        const float *from = weights + (o * s->ic + i) * taps;
        for (int tap = 0; tap < taps; tap++) w[tap][lane] = o < s->oc ? (double)from[tap] : 0;
    }
}

static void store_lanes(const WinogradLanes *lanes, float *u)
{
    for (int lane = 0; lane < CPU_LANES; lane++) u[lane] = (float)(*lanes)[lane];
}

void cpu_conv_pack_spatial(const CpuConvShape *s, const float *weights, void *packed)
{
    const int64_t frequency = s->ic * CPU_LANES; /* floats from one to the next */
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++) {
            WinogradLanes w[9], rows[3][WINOGRAD_IN], column[3], out[WINOGRAD_IN];
            float *u =
                (float *)packed + panel * WINOGRAD_FREQUENCIES_2D * frequency + i * CPU_LANES;
            load_taps(s, weights, panel, i, 9, w);
            for (int r = 0; r < 3; r++) winograd_weights(w + 3 * r, rows[r]);
            for (int b = 0; b < WINOGRAD_IN; b++) {
                for (int r = 0; r < 3; r++) column[r] = rows[r][b];
                winograd_weights(column, out);
                for (int a = 0; a < WINOGRAD_IN; a++)
                    store_lanes(&out[a], u + (b * WINOGRAD_IN + a) * frequency);
            }
        }
}

void cpu_conv_pack_temporal(const CpuConvShape *s, const float *weights, void *packed)
{
    ConvTemporalPlan plan;
    cpu_conv_temporal_plan(s, 1, &plan);
    const int64_t frequency = s->ic * CPU_LANES;
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++) {
            WinogradLanes w[3], out[WINOGRAD_IN];
            float *u = (float *)packed + panel * plan.frequencies * frequency + i * CPU_LANES;
            load_taps(s, weights, panel, i, 3, w);
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

void cpu_conv_pack_direct(const CpuConvShape *s, const float *weights, void *packed)
{
    const int64_t taps = s->kt * s->kh * s->kw;
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
