/* Weights into the layouts of conv_plan.h; Winograd's transform is done in
 * double. */
#include <string.h>

#include "kernels/cpu/conv_plan.h"
#include "kernels/cpu/winograd.h"

/* The part of panel `panel` that exists: fewer than 16 channels in the last
 * one. */
static int panel_width(const CpuConvShape *s, int64_t panel)
{
    const int64_t left = s->oc - panel * CPU_LANES;
    return (int)(left < CPU_LANES ? left : CPU_LANES);
}

void cpu_conv_pack_spatial(const CpuConvShape *s, const float *weights, void *packed)
{
    float *u = packed;
    memset(packed, 0, cpu_conv_winograd_spatial.packed_bytes(s));
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++)
            for (int lane = 0; lane < panel_width(s, panel); lane++) {
                const float *w = weights + ((panel * CPU_LANES + lane) * s->ic + i) * 9;
                double rows[3][WINOGRAD_IN], column[3], out[WINOGRAD_IN];
                for (int r = 0; r < 3; r++) {
                    const double line[3] = {w[3 * r], w[3 * r + 1], w[3 * r + 2]};
                    winograd_weights(line, rows[r]);
                }
                for (int b = 0; b < WINOGRAD_IN; b++) {
                    for (int r = 0; r < 3; r++) column[r] = rows[r][b];
                    winograd_weights(column, out);
                    for (int a = 0; a < WINOGRAD_IN; a++) {
                        const int64_t f = panel * WINOGRAD_FREQUENCIES_2D + b * WINOGRAD_IN + a;
                        u[(f * s->ic + i) * CPU_LANES + lane] = (float)out[a];
                    }
                }
            }
}

void cpu_conv_pack_temporal(const CpuConvShape *s, const float *weights, void *packed)
{
    ConvTemporalPlan plan;
    cpu_conv_temporal_plan(s, 1, &plan);
    float *u = packed;
    memset(packed, 0, cpu_conv_winograd_temporal.packed_bytes(s));
    for (int64_t panel = 0; panel < cpu_pad_lanes(s->oc) / CPU_LANES; panel++)
        for (int64_t i = 0; i < s->ic; i++)
            for (int lane = 0; lane < panel_width(s, panel); lane++) {
                const float *taps = weights + ((panel * CPU_LANES + lane) * s->ic + i) * 3;
                const double w[3] = {taps[0], taps[1], taps[2]};
                double out[WINOGRAD_IN] = {w[1], w[2] - w[1], w[0] - w[1]};
                if (!plan.pair) winograd_weights(w, out);
                for (int f = 0; f < plan.frequencies; f++)
                    u[((panel * plan.frequencies + f) * s->ic + i) * CPU_LANES + lane] =
                        (float)out[f];
            }
}

void cpu_conv_pack_direct(const CpuConvShape *s, const float *weights, void *packed)
{
    float *u = packed;
    const int64_t taps = s->kt * s->kh * s->kw;
    memset(packed, 0, cpu_conv_direct.packed_bytes(s));
    for (int64_t o = 0; o < s->oc; o++)
        for (int64_t i = 0; i < s->ic; i++)
            for (int64_t tap = 0; tap < taps; tap++)
                u[((o / CPU_LANES * taps + tap) * s->ic + i) * CPU_LANES + o % CPU_LANES] =
                    weights[(o * s->ic + i) * taps + tap];
}
