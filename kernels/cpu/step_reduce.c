/* mean_pool and linear: small next to the convolutions, summed in one fixed order. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "kernels/cpu/cpu.h"

/* ---- mean_pool ------------------------------------------------------------------------------ */

static void run_pool_logical(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t rows = step->as.map.n * step->as.map.channels;
    const int64_t positions = step->as.map.positions;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        const float *x = arguments->x[0] + row * positions;
        double sum = 0;
        for (int64_t p = 0; p < positions; p++) sum += x[p];
        arguments->y[row] = (float)(sum / (double)positions);
    }
}

static void run_pool_nthwc16(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t channels = step->as.map.channels, positions = step->as.map.positions;
    const int64_t padded = cpu_pad_lanes(channels), blocks = padded / CPU_LANES;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < step->as.map.n * blocks; i++) {
        const int64_t n = i / blocks, first = i % blocks * CPU_LANES;
        const float *x = arguments->x[0] + n * positions * padded + first;
        double sum[CPU_LANES] = {0};
        for (int64_t p = 0; p < positions; p++)
            for (int c = 0; c < CPU_LANES; c++) sum[c] += x[p * padded + c];
        for (int c = 0; c < CPU_LANES && first + c < channels; c++)
            arguments->y[n * channels + first + c] = (float)(sum[c] / (double)positions);
    }
}

int cpu_lower_mean_pool(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = cpu_step_of(group);
    const HedonValueId x = group->node->input[0];
    const HedonShape *shape = &plan->base.graph->values[x].shape;
    const CpuLayout layout = cpu_natural_layout(plan, x);
    step.as.map.n = shape->dim[0];
    step.as.map.channels = shape->dim[1];
    step.as.map.positions = hedon_shape_count(shape) / (shape->dim[0] * shape->dim[1]);
    step.run = layout == CPU_NTHWC16 ? run_pool_nthwc16 : run_pool_logical;
    snprintf(step.kernel, sizeof(step.kernel), "own %s",
             layout == CPU_NTHWC16 ? "nthwc16" : "logical");
    step.input[0] = cpu_tensor(ctx, plan, x, layout);
    if (step.input[0] < 0) return step.input[0];
    step.output = cpu_tensor_new(ctx, plan, group->output, CPU_LOGICAL);
    return step.output < 0 ? step.output : cpu_push(ctx, plan, &step);
}

/* ---- linear --------------------------------------------------------------------------------- */

typedef float Lanes __attribute__((vector_size(CPU_LANES * sizeof(float))));

/* Sixteen partial sums, then these in order: the same bits whatever the compiler's target. */
static float dot(const float *a, const float *b, int64_t count)
{
    Lanes sums = {0};
    int64_t i = 0;
    for (; i + CPU_LANES <= count; i += CPU_LANES) {
        Lanes x, w;
        memcpy(&x, a + i, sizeof(x));
        memcpy(&w, b + i, sizeof(w));
        sums += x * w;
    }
    float sum = 0;
    for (int k = 0; k < CPU_LANES; k++) sum += sums[k];
    for (; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static void run_linear(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t count = step->as.linear.n * step->as.linear.o;
    const int64_t inputs = step->as.linear.i, outputs = step->as.linear.o;
    const float *bias = arguments->x[2];
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t k = 0; k < count; k++) {
        const int64_t n = k / outputs, o = k % outputs;
        arguments->y[k] = dot(arguments->x[0] + n * inputs, arguments->x[1] + o * inputs, inputs) +
                          (bias ? bias[o] : 0);
    }
}

int cpu_lower_linear(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = cpu_step_of(group);
    const HedonNode *node = group->node;
    const HedonShape *x = &plan->base.graph->values[node->input[0]].shape;
    step.as.linear.n = x->dim[0];
    step.as.linear.i = x->dim[1];
    step.as.linear.o = plan->base.graph->values[group->output].shape.dim[1];
    step.run = run_linear;
    snprintf(step.kernel, sizeof(step.kernel), "own dot");
    for (int i = 0; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        step.input[i] = cpu_tensor(ctx, plan, node->input[i], CPU_LOGICAL);
        if (step.input[i] < 0) return step.input[i];
    }
    step.output = cpu_tensor_new(ctx, plan, group->output, CPU_LOGICAL);
    return step.output < 0 ? step.output : cpu_push(ctx, plan, &step);
}
