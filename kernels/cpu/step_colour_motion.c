/* colour_motion: one pass over the pixels of each frame and its predecessor. Sums are in double and
 * belong to one frame, frames are combined in order: threads change no bit. */
#include <math.h>
#include <stdio.h>

#include "kernels/cpu/cpu.h"

typedef struct FrameSums {
    double luma, luma_square, saturation, warmth, rg, rg_square, yb, yb_square, motion;
} FrameSums;

static inline double luma_of(double red, double green, double blue)
{
    return .299 * red + .587 * green + .114 * blue;
}

/* r: the frame's red; green and blue follow `plane` elements apart. before: the same of the
 * previous frame, or NULL. */
static FrameSums sum_frame(const float *r, const float *before, int64_t plane, int64_t positions)
{
    FrameSums sums = {0};
    for (int64_t p = 0; p < positions; p++) {
        const double red = r[p], green = r[p + plane], blue = r[p + 2 * plane];
        const double high = red > green ? red : green, low = red < green ? red : green;
        const double most = high > blue ? high : blue, least = low < blue ? low : blue;
        const double luma = luma_of(red, green, blue);
        const double rg = red - green, yb = (red + green) / 2 - blue;
        sums.luma += luma;
        sums.luma_square += luma * luma;
        sums.saturation += most > 0 ? (most - least) / most : 0;
        sums.warmth += red - blue;
        sums.rg += rg;
        sums.rg_square += rg * rg;
        sums.yb += yb;
        sums.yb_square += yb * yb;
        if (before)
            sums.motion +=
                fabs(luma - luma_of(before[p], before[p + plane], before[p + 2 * plane]));
    }
    return sums;
}

static double variance(double square_sum, double sum, double count)
{
    const double mean = sum / count;
    return fmax(square_sum / count - mean * mean, 0);
}

/* Features from the sums of T frames of P pixels each. */
static void combine(const FrameSums *frames, int64_t T, double P, float *y)
{
    double feature[HEDON_COLOUR_MOTION_FEATURES] = {0};
    for (int64_t t = 0; t < T; t++) {
        const FrameSums *f = &frames[t];
        const double rg = f->rg / P, yb = f->yb / P;
        feature[HEDON_FEATURE_BRIGHTNESS] += f->luma / P;
        feature[HEDON_FEATURE_SATURATION] += f->saturation / P;
        feature[HEDON_FEATURE_CONTRAST] += sqrt(variance(f->luma_square, f->luma, P));
        feature[HEDON_FEATURE_WARMTH] += f->warmth / P;
        feature[HEDON_FEATURE_COLOURFULNESS] +=
            sqrt(variance(f->rg_square, f->rg, P) + variance(f->yb_square, f->yb, P)) +
            .3 * sqrt(rg * rg + yb * yb);
        if (t == 0) continue;
        feature[HEDON_FEATURE_MOTION] += f->motion / P;
        feature[HEDON_FEATURE_FLICKER] += fabs(f->luma - frames[t - 1].luma) / P;
    }
    for (int i = 0; i < HEDON_COLOUR_MOTION_FEATURES; i++) {
        const int of_pairs = i == HEDON_FEATURE_MOTION || i == HEDON_FEATURE_FLICKER;
        const int64_t count = of_pairs ? T - 1 : T;
        y[i] = count ? (float)(feature[i] / (double)count) : 0;
    }
}

static void run(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t T = step->as.colour.t, positions = step->as.colour.positions;
    const int64_t plane = T * positions;
    FrameSums *frames = arguments->scratch;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < step->as.colour.n * T; i++) {
        const float *frame = arguments->x[0] + i / T * 3 * plane + i % T * positions;
        frames[i] = sum_frame(frame, i % T ? frame - positions : NULL, plane, positions);
    }
    for (int64_t n = 0; n < step->as.colour.n; n++)
        combine(frames + n * T, T, (double)positions,
                arguments->y + n * HEDON_COLOUR_MOTION_FEATURES);
}

int cpu_lower_colour_motion(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = cpu_step_of(group);
    const HedonShape *x = &plan->base.graph->values[group->node->input[0]].shape;
    step.as.colour.n = x->dim[0];
    step.as.colour.t = x->dim[2];
    step.as.colour.positions = x->dim[3] * x->dim[4];
    step.run = run;
    snprintf(step.kernel, sizeof(step.kernel), "own one pass");
    step.input[0] = cpu_tensor(ctx, plan, group->node->input[0], CPU_LOGICAL);
    if (step.input[0] < 0) return step.input[0];
    step.scratch = cpu_scratch_new(ctx, plan, (size_t)(x->dim[0] * x->dim[2]) * sizeof(FrameSums));
    if (step.scratch < 0) return step.scratch;
    step.output = cpu_tensor_new(ctx, plan, group->output, CPU_LOGICAL);
    return step.output < 0 ? step.output : cpu_push(ctx, plan, &step);
}
