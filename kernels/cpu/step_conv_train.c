/* Convolutions of which the weights change: packed in every execution, by the whole team. */
#include <stdio.h>
#include <string.h>

#include "kernels/cpu/cpu.h"

/* Every packed format is a row of panels of CPU_LANES output channels: each thread packs some. */
static void run_pack(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvShape *s = &step->as.pack.shape;
    const int64_t panels = cpu_pad_lanes(s->oc) / CPU_LANES;
    const int64_t filters = CPU_LANES * s->ic * s->kt * s->kh * s->kw;
    char *packed = (char *)arguments->y;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t panel = 0; panel < panels; panel++) {
        CpuConvShape part = *s;
        const int64_t left = s->oc - panel * CPU_LANES;
        part.oc = left < CPU_LANES ? left : CPU_LANES;
        step->as.pack.kernel->pack(&part, arguments->x[0] + panel * filters,
                                   packed + panel * step->as.pack.panel_bytes);
    }
    float *bias = (float *)(packed + panels * step->as.pack.panel_bytes);
    memset(bias, 0, (size_t)(panels * CPU_LANES) * sizeof(*bias));
    if (arguments->x[1]) memcpy(bias, arguments->x[1], (size_t)s->oc * sizeof(*bias));
}

static void run_conv(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvShape *s = &step->as.pack.shape;
    const char *packed = (const char *)arguments->x[2];
    const CpuConvCall call = {.x = arguments->x[0],
                              .packed = packed,
                              .bias = (const float *)(packed + cpu_pad_lanes(s->oc) / CPU_LANES *
                                                                   step->as.pack.panel_bytes),
                              .residual = arguments->x[1],
                              .y = arguments->y,
                              .scratch = arguments->scratch,
                              .relu = step->relu,
                              .threads = arguments->threads};
    step->as.pack.kernel->run(s, &call);
}

/* Packed weights, then the bias, padded. */
static int32_t push_pack(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group,
                         const CpuStep *conv)
{
    const HedonNode *node = group->node;
    CpuStep step = cpu_step_of(&(CpuGroup){.node = node, .residual = HEDON_NONE});
    step.operation = "pack";
    step.as = conv->as;
    step.run = run_pack;
    for (int i = 1; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        step.input[i - 1] = cpu_tensor(ctx, plan, node->input[i], CPU_LOGICAL);
        if (step.input[i - 1] < 0) return step.input[i - 1];
    }
    const int64_t padded = cpu_pad_lanes(conv->as.pack.shape.oc);
    step.output = cpu_scratch_new(ctx, plan,
                                  (size_t)(padded / CPU_LANES * conv->as.pack.panel_bytes) +
                                      (size_t)padded * sizeof(float));
    if (step.output < 0) return step.output;
    snprintf(step.kernel, sizeof(step.kernel), "%s", conv->kernel);
    const int err = cpu_push(ctx, plan, &step);
    return err ? err : step.output;
}

int cpu_lower_conv_trained(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group,
                           const CpuConvShape *shape)
{
    CpuStep step = cpu_step_of(group);
    const CpuConvKernel *kernel = cpu_conv_choose(shape);
    CpuConvShape panel = *shape;
    panel.oc = CPU_LANES;
    step.as.pack.shape = *shape;
    step.as.pack.kernel = kernel;
    step.as.pack.panel_bytes = (int64_t)kernel->packed_bytes(&panel);
    step.run = run_conv;
    snprintf(step.kernel, sizeof(step.kernel), "%s", kernel->name);
    step.input[0] = cpu_tensor(ctx, plan, group->node->input[0], CPU_NTHWC16);
    if (step.input[0] < 0) return step.input[0];
    if (group->residual != HEDON_NONE) {
        step.input[1] = cpu_tensor(ctx, plan, group->residual, CPU_NTHWC16);
        if (step.input[1] < 0) return step.input[1];
        step.overwritable = 2;
    }
    step.input[2] = push_pack(ctx, plan, group, &step);
    if (step.input[2] < 0) return step.input[2];
    step.output = cpu_tensor_new(ctx, plan, group->output, CPU_NTHWC16);
    if (step.output < 0) return step.output;
    const size_t scratch = kernel->scratch_bytes(shape, plan->base.device->threads);
    if (scratch) step.scratch = cpu_scratch_new(ctx, plan, scratch);
    return step.scratch < -1 ? step.scratch : cpu_push(ctx, plan, &step);
}
