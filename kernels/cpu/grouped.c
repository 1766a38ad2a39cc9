#include "kernels/cpu/grouped.h"

/* The sum of output channel o's filter at one place; x is the clip, c0 its group's first channel.
 */
static float sum_at(const CpuStep *step, const float *x, int64_t o, int64_t t, int64_t h, int64_t w)
{
    const CpuConvShape *s = &step->as.grouped.shape;
    const int64_t *dilation = step->as.grouped.dilation;
    const int64_t channels = s->ic / step->as.grouped.groups, taps = s->kt * s->kh * s->kw;
    const int64_t c0 = o / (s->oc / step->as.grouped.groups) * channels;
    const int64_t row = cpu_pad_lanes(s->ic);
    const float *weights = step->as.grouped.weights + o * channels * taps;
    float sum = 0;
    for (int64_t tap = 0; tap < taps; tap++) {
        const int64_t it = t * s->st - s->pt + tap / (s->kh * s->kw) * dilation[0];
        const int64_t ih = h * s->sh - s->ph + tap / s->kw % s->kh * dilation[1];
        const int64_t iw = w * s->sw - s->pw + tap % s->kw * dilation[2];
        if (it < 0 || it >= s->it || ih < 0 || ih >= s->ih || iw < 0 || iw >= s->iw) continue;
        const float *from = x + ((it * s->ih + ih) * s->iw + iw) * row + c0;
        for (int64_t c = 0; c < channels; c++) sum += from[c] * weights[c * taps + tap];
    }
    return sum;
}

void cpu_grouped_run(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvShape *s = &step->as.grouped.shape;
    const int64_t row = cpu_pad_lanes(s->oc), rows = s->n * s->ot * s->oh;
    const float *residual = arguments->x[1];
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < rows; i++) {
        const int64_t n = i / (s->ot * s->oh), t = i / s->oh % s->ot, h = i % s->oh;
        const float *x = arguments->x[0] + n * s->it * s->ih * s->iw * cpu_pad_lanes(s->ic);
        for (int64_t w = 0; w < s->ow; w++) {
            const int64_t at = (i * s->ow + w) * row;
            for (int64_t o = 0; o < row; o++) {
                float y = 0;
                if (o < s->oc) {
                    y = sum_at(step, x, o, t, h, w) + step->as.grouped.bias[o];
                    if (residual) y += residual[at + o];
                    if (step->relu && y < 0) y = 0;
                }
                arguments->y[at + o] = y;
            }
        }
    }
}
