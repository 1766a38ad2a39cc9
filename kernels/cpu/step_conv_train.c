/* Convolutions of which the weights change, forward and backward: weights are packed in every
 * execution, by a step of its own right before the one that uses them. */
#include <stdio.h>
#include <string.h>

#include "kernels/cpu/cpu.h"

static void run_pack(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvShape *s = &step->as.trained.shape;
    if (step->as.trained.data) {
        step->as.trained.data->pack(s, arguments->x[0], arguments->y, arguments->threads);
        return;
    }
    step->as.trained.forward->pack(s, arguments->x[0], arguments->y, arguments->threads);
    float *bias = (float *)((char *)arguments->y + step->as.trained.packed_bytes);
    memset(bias, 0, (size_t)cpu_pad_lanes(s->oc) * sizeof(*bias));
    if (arguments->x[1]) memcpy(bias, arguments->x[1], (size_t)s->oc * sizeof(*bias));
}

/* Weights, and a forward convolution's bias, to what the convolution step reads; a tensor. */
static int32_t push_pack(HedonContext *ctx, CpuPlan *plan, const HedonNode *node,
                         const CpuStep *conv)
{
    CpuStep step = cpu_step_of(&(CpuGroup){.node = node, .residual = HEDON_NONE});
    step.operation = "pack";
    step.as = conv->as;
    step.run = run_pack;
    snprintf(step.kernel, sizeof(step.kernel), "%s", conv->kernel);
    for (int i = 1; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        step.input[i - 1] = cpu_tensor(ctx, plan, node->input[i], CPU_LOGICAL);
        if (step.input[i - 1] < 0) return step.input[i - 1];
    }
    const size_t bias = (size_t)cpu_pad_lanes(conv->as.trained.shape.oc) * sizeof(float);
    step.output = cpu_scratch_new(ctx, plan, conv->as.trained.packed_bytes + bias);
    if (step.output < 0) return step.output;
    const int err = cpu_push(ctx, plan, &step);
    return err ? err : step.output;
}

/* The step's inputs (of the group's first node, the residual, the packed weights), its output in
 * nthwc16 and its scratch. */
static int finish(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group, CpuStep *step,
                  size_t scratch)
{
    step->input[0] = cpu_tensor(ctx, plan, group->node->input[0], CPU_NTHWC16);
    if (step->input[0] < 0) return step->input[0];
    if (group->residual != HEDON_NONE) {
        step->input[1] = cpu_tensor(ctx, plan, group->residual, CPU_NTHWC16);
        if (step->input[1] < 0) return step->input[1];
        step->overwritable = 2;
    }
    step->input[2] = push_pack(ctx, plan, group->node, step);
    if (step->input[2] < 0) return step->input[2];
    step->output = cpu_tensor_new(ctx, plan, group->output, CPU_NTHWC16);
    if (step->output < 0) return step->output;
    if (scratch) step->scratch = cpu_scratch_new(ctx, plan, scratch);
    return step->scratch < -1 ? step->scratch : cpu_push(ctx, plan, step);
}

/* ---- Forward -------------------------------------------------------------------------------- */

static void run_conv(const CpuStep *step, const CpuArguments *arguments)
{
    const char *packed = (const char *)arguments->x[2];
    const CpuConvCall call = {.x = arguments->x[0],
                              .packed = packed,
                              .bias = (const float *)(packed + step->as.trained.packed_bytes),
                              .residual = arguments->x[1],
                              .y = arguments->y,
                              .scratch = arguments->scratch,
                              .relu = step->relu,
                              .careful = 1,
                              .threads = arguments->threads};
    step->as.trained.forward->run(&step->as.trained.shape, &call);
}

int cpu_lower_conv_trained(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group,
                           const CpuConvShape *shape)
{
    CpuStep step = cpu_step_of(group);
    const CpuConvKernel *kernel = cpu_conv_choose(shape);
    step.as.trained.shape = *shape;
    step.as.trained.forward = kernel;
    step.as.trained.packed_bytes = kernel->packed_bytes(shape);
    step.run = run_conv;
    snprintf(step.kernel, sizeof(step.kernel), "%s", kernel->name);
    return finish(ctx, plan, group, &step,
                  kernel->scratch_bytes(shape, plan->base.device->threads));
}

/* ---- Backward ------------------------------------------------------------------------------- */

static void run_data(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvDataCall call = {.dy = arguments->x[0],
                                  .packed = arguments->x[2],
                                  .residual = arguments->x[1],
                                  .dx = arguments->y,
                                  .scratch = arguments->scratch,
                                  .threads = arguments->threads};
    step->as.trained.data->run(&step->as.trained.shape, &call);
}

int cpu_lower_conv_backward_data(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *node = group->node;
    CpuConvShape shape;
    if (!cpu_conv_geometry(plan->base.graph, &node->attributes.conv_backward.conv, node->output[0],
                           node->input[1], node->input[0], &shape))
        return cpu_lower_plain(ctx, plan, node);
    CpuStep step = cpu_step_of(group);
    const CpuConvDataKernel *kernel = cpu_conv_data_choose(&shape);
    step.as.trained.shape = shape;
    step.as.trained.data = kernel;
    step.as.trained.packed_bytes = kernel->packed_bytes(&shape);
    step.run = run_data;
    snprintf(step.kernel, sizeof(step.kernel), "%s", kernel->name);
    return finish(ctx, plan, group, &step,
                  kernel->scratch_bytes(&shape, plan->base.device->threads));
}

static void run_weights(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvWeightsCall call = {.x = arguments->x[0],
                                     .dy = arguments->x[1],
                                     .dw = arguments->y,
                                     .scratch = arguments->scratch,
                                     .threads = arguments->threads};
    step->as.trained.weights->run(&step->as.trained.shape, &call);
}

int cpu_lower_conv_backward_weights(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *node = group->node;
    CpuConvShape shape;
    if (!cpu_conv_geometry(plan->base.graph, &node->attributes.conv_backward.conv, node->input[0],
                           node->output[0], node->input[1], &shape))
        return cpu_lower_plain(ctx, plan, node);
    CpuStep step = cpu_step_of(group);
    const CpuConvWeightsKernel *kernel = cpu_conv_weights_choose(&shape);
    step.as.trained.shape = shape;
    step.as.trained.weights = kernel;
    step.run = run_weights;
    snprintf(step.kernel, sizeof(step.kernel), "%s", kernel->name);
    for (int i = 0; i < 2; i++) {
        step.input[i] = cpu_tensor(ctx, plan, node->input[i], CPU_NTHWC16);
        if (step.input[i] < 0) return step.input[i];
    }
    step.output = cpu_tensor_new(ctx, plan, node->output[0], CPU_LOGICAL);
    if (step.output < 0) return step.output;
    const size_t scratch = kernel->scratch_bytes(&shape, plan->base.device->threads);
    if (scratch) step.scratch = cpu_scratch_new(ctx, plan, scratch);
    return step.scratch < -1 ? step.scratch : cpu_push(ctx, plan, &step);
}
