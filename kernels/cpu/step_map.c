/* Element by element: batch_norm by itself, add, relu, in whichever layout the values are. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"

static inline float activate(float value, int relu)
{
    return relu && value < 0 ? 0 : value;
}

/* The elements of the tensor in its layout, padding lanes included: zeros stay zeros. */
static int64_t elements(const CpuStep *step)
{
    const int64_t channels = step->as.map.channels;
    return step->as.map.n * step->as.map.positions *
           (step->as.map.layout == CPU_NTHWC16 ? cpu_pad_lanes(channels) : channels);
}

static void run_relu(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t count = elements(step);
    const float *x = arguments->x[0];
    float *y = arguments->y;
#pragma omp parallel for simd num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < count; i++) y[i] = activate(x[i], 1);
}

static void run_add(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t count = elements(step);
    const int relu = step->relu;
    const float *a = arguments->x[0], *b = arguments->x[1];
    float *y = arguments->y;
#pragma omp parallel for simd num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < count; i++) y[i] = activate(a[i] + b[i], relu);
}

static void run_norm_logical(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t positions = step->as.map.positions, channels = step->as.map.channels;
    const int64_t rows = step->as.map.n * channels;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        const float scale = step->as.map.scale[row % channels];
        const float shift = step->as.map.shift[row % channels];
        const float *x = arguments->x[0] + row * positions;
        float *y = arguments->y + row * positions;
        for (int64_t p = 0; p < positions; p++) y[p] = activate(x[p] * scale + shift, step->relu);
    }
}

static void run_norm_nthwc16(const CpuStep *step, const CpuArguments *arguments)
{
    const int64_t row = cpu_pad_lanes(step->as.map.channels);
    const int64_t positions = step->as.map.n * step->as.map.positions;
    const float *scale = step->as.map.scale, *shift = step->as.map.shift;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t p = 0; p < positions; p++) {
        const float *x = arguments->x[0] + p * row;
        float *y = arguments->y + p * row;
        for (int64_t c = 0; c < row; c++) y[c] = activate(x[c] * scale[c] + shift[c], step->relu);
    }
}

/* ---- Lowering ------------------------------------------------------------------------------- */

static CpuStep map_step(const CpuPlan *plan, const CpuGroup *group, CpuLayout layout)
{
    CpuStep step = cpu_step_of(group);
    const HedonShape *shape = &plan->base.graph->values[group->output].shape;
    step.as.map.layout = layout;
    step.as.map.n = shape->rank > 0 ? shape->dim[0] : 1;
    step.as.map.channels = shape->rank > 1 ? shape->dim[1] : 1;
    step.as.map.positions = hedon_shape_count(shape) / (step.as.map.n * step.as.map.channels);
    step.overwritable = 1;
    snprintf(step.kernel, sizeof(step.kernel), "own %s",
             layout == CPU_NTHWC16 ? "nthwc16" : "logical");
    return step;
}

/* Input 0 and the output in `layout`, then the step is complete. */
static int finish(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group, CpuStep *step)
{
    step->input[0] = cpu_tensor(ctx, plan, group->node->input[0], step->as.map.layout);
    if (step->input[0] < 0) return step->input[0];
    step->output = cpu_tensor_new(ctx, plan, group->output, step->as.map.layout);
    return step->output < 0 ? step->output : cpu_push(ctx, plan, step);
}

int cpu_lower_relu(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    CpuStep step = map_step(plan, group, cpu_natural_layout(plan, group->node->input[0]));
    step.run = run_relu;
    return finish(ctx, plan, group, &step);
}

int cpu_lower_add(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonValueId a = group->node->input[0], b = group->node->input[1];
    const int packed =
        cpu_natural_layout(plan, a) == CPU_NTHWC16 || cpu_natural_layout(plan, b) == CPU_NTHWC16;
    CpuStep step = map_step(plan, group, packed ? CPU_NTHWC16 : CPU_LOGICAL);
    step.run = run_add;
    step.overwritable = 3;
    step.input[1] = cpu_tensor(ctx, plan, b, step.as.map.layout);
    return step.input[1] < 0 ? step.input[1] : finish(ctx, plan, group, &step);
}

int cpu_norm_coefficients(HedonContext *ctx, const CpuPlan *plan, const HedonNode *norm,
                          double *scale, double *shift)
{
    const float *given[5] = {NULL};
    for (int i = 1; i < 5; i++) {
        given[i] = cpu_parameter(ctx, plan, norm, i);
        if (!given[i]) return HEDON_EUNSUPPORTED;
    }
    const int64_t channels = plan->base.graph->values[norm->input[1]].shape.dim[0];
    for (int64_t c = 0; c < channels; c++) {
        scale[c] = given[1][c] / sqrt(given[4][c] + norm->attributes.batch_norm.epsilon);
        shift[c] = given[2][c] - given[3][c] * scale[c];
    }
    return 0;
}

int cpu_lower_batch_norm(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    if (plan->trained) return cpu_lower_batch_norm_trained(ctx, plan, group);
    CpuStep step = map_step(plan, group, cpu_natural_layout(plan, group->node->input[0]));
    step.run = step.as.map.layout == CPU_NTHWC16 ? run_norm_nthwc16 : run_norm_logical;
    const int64_t channels = step.as.map.channels;
    const size_t padded = (size_t)cpu_pad_lanes(channels);
    double *exact = hedon_calloc((size_t)channels * 2, sizeof(*exact));
    float *rounded = cpu_constant(plan, padded * 2 * sizeof(float));
    int err = exact && rounded ? 0 : hedon_fail_memory(ctx);
    if (!err) err = cpu_norm_coefficients(ctx, plan, group->node, exact, exact + channels);
    for (int64_t c = 0; c < channels && !err; c++) {
        rounded[c] = (float)exact[c];
        rounded[(int64_t)padded + c] = (float)exact[channels + c];
    }
    hedon_free(exact);
    if (err) return err;
    step.as.map.scale = rounded;
    step.as.map.shift = rounded + padded;
    return finish(ctx, plan, group, &step);
}
