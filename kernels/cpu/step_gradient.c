/* The gradients of relu and mean_pool, and drop_path: element by element. Those of padding lanes
 * come out as zeros, because what they are made of is zero there. */
#include <stdio.h>

#include "kernels/cpu/cpu.h"

static int64_t lanes(const CpuStep *step)
{
    const int64_t channels = step->as.map.channels;
    return step->as.map.layout == CPU_NTHWC16 ? cpu_pad_lanes(channels) : channels;
}

static CpuLayout layout_of(const CpuPlan *plan, HedonValueId value)
{
    return plan->base.graph->values[value].shape.rank == 5 ? CPU_NTHWC16 : CPU_LOGICAL;
}

static CpuStep map_step(const CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = cpu_step_of(group);
    const HedonShape *shape = &plan->base.graph->values[group->output].shape;
    step.as.map.layout = layout_of(plan, group->output);
    step.as.map.n = shape->dim[0];
    step.as.map.channels = shape->rank > 1 ? shape->dim[1] : 1;
    step.as.map.positions = hedon_shape_count(shape) / (step.as.map.n * step.as.map.channels);
    snprintf(step.kernel, sizeof(step.kernel), "own %s",
             step.as.map.layout == CPU_NTHWC16 ? "nthwc16" : "logical");
    return step;
}

/* ---- relu ----------------------------------------------------------------------------------- */

static void run_relu_backward(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t count = step->as.map.n * step->as.map.positions * lanes(step);
    const float *y = arguments->x[0], *dy = arguments->x[1];
    float *dx = arguments->y;
#pragma omp parallel for simd num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < count; i++) {
        const float g = dy[i]; /* loaded in any case: a load under a condition is not vectorised */
        dx[i] = y[i] <= 0 ? 0 : g;
    }
}

int cpu_lower_relu_backward(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    if (group->norm) return cpu_lower_batch_norm_backward(ctx, plan, group);
    CpuStep step = map_step(plan, group);
    step.run = run_relu_backward;
    step.overwritable = 3;
    for (int i = 0; i < 2; i++) {
        step.input[i] = cpu_tensor(ctx, plan, group->node->input[i], step.as.map.layout);
        if (step.input[i] < 0) return step.input[i];
    }
    step.output = cpu_tensor_new(ctx, plan, group->output, step.as.map.layout);
    return step.output < 0 ? step.output : cpu_push(ctx, plan, &step);
}

/* ---- mean_pool ------------------------------------------------------------------------------ */

static void run_pool_backward(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t channels = step->as.map.channels, positions = step->as.map.positions;
    const int64_t row = lanes(step);
    const float *dy = arguments->x[0];
    float *dx = arguments->y;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < step->as.map.n * positions; i++) {
        const float *from = dy + i / positions * channels;
        for (int64_t c = 0; c < channels; c++) dx[i * row + c] = from[c] / (float)positions;
        for (int64_t c = channels; c < row; c++) dx[i * row + c] = 0;
    }
}

int cpu_lower_mean_pool_backward(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = map_step(plan, group);
    if (step.as.map.layout != CPU_NTHWC16) return cpu_lower_plain(ctx, plan, group->node);
    step.run = run_pool_backward;
    step.input[0] = cpu_tensor(ctx, plan, group->node->input[0], CPU_LOGICAL);
    if (step.input[0] < 0) return step.input[0];
    step.output = cpu_tensor_new(ctx, plan, group->output, step.as.map.layout);
    return step.output < 0 ? step.output : cpu_push(ctx, plan, &step);
}

/* ---- drop_path ------------------------------------------------------------------------------ */

static void run_drop_path(const CpuStep *step, const CpuArguments *arguments)
{
    const HedonRandomKey key = hedon_random_key(arguments->random.value, step->as.drop.number, 0);
    const double rate = step->as.drop.rate;
    const float kept = (float)(1 / (1 - rate));
    for (int64_t n = 0; n < step->as.drop.n; n++) {
        const int64_t number = arguments->samples ? arguments->samples[n] : n;
        const int dropped = hedon_random_uniform(key, (uint64_t)number) < rate;
        const float *x = arguments->x[0] + n * step->as.drop.count;
        float *y = arguments->y + n * step->as.drop.count;
#pragma omp parallel for simd num_threads(arguments->threads) schedule(static)
        for (int64_t i = 0; i < step->as.drop.count; i++) y[i] = dropped ? 0 : x[i] * kept;
    }
}

int cpu_lower_drop_path(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = map_step(plan, group);
    const CpuLayout layout = step.as.map.layout;
    const int64_t n = step.as.map.n, count = step.as.map.positions * lanes(&step);
    step.run = run_drop_path;
    step.overwritable = 1;
    step.input[0] = cpu_tensor(ctx, plan, group->node->input[0], layout);
    if (step.input[0] < 0) return step.input[0];
    step.output = cpu_tensor_new(ctx, plan, group->output, layout);
    if (step.output < 0) return step.output;
    step.as.drop.rate = group->node->attributes.dropout.rate;
    step.as.drop.number = group->node->attributes.dropout.number;
    step.as.drop.n = n;
    step.as.drop.count = count;
    return cpu_push(ctx, plan, &step);
}
