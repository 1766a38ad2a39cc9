/* Operations that are small (losses, heads) or rare (convolutions with groups or dilation in
 * training): the reference kernel, in logical layout and one thread. And the updates of a training
 * graph. */
#include <stdio.h>

#include "kernels/cpu/cpu.h"
#include "kernels/ref/kernels.h"

static void run_plain(const CpuStep *step, const CpuArguments *arguments)
{
    const HedonGraph *graph = step->as.plain.graph;
    const HedonNode *node = step->as.plain.node;
    RefCall call = {.attributes = &node->attributes,
                    .random = arguments->random,
                    .samples = arguments->samples,
                    .ranks = arguments->ranks};
    for (int i = 0; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        call.input_shape[i] = &graph->values[node->input[i]].shape;
        call.input[i] = arguments->x[i];
    }
    for (int i = 0; i < node->output_count; i++) {
        call.output_shape[i] = &graph->values[node->output[i]].shape;
        call.output[i] = i ? arguments->extra[i - 1] : arguments->y;
    }
    ref_kernels_f32[node->op](&call);
}

int cpu_lower_plain(HedonContext *ctx, CpuPlan *plan, const HedonNode *node)
{
    CpuStep step = cpu_step_of(&(CpuGroup){
        .node = node, .residual = HEDON_NONE, .flops = hedon_node_flops(plan->base.graph, node)});
    step.run = run_plain;
    step.as.plain.graph = plan->base.graph;
    step.as.plain.node = node;
    snprintf(step.kernel, sizeof(step.kernel), "plain");
    for (int i = 0; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        step.input[i] = cpu_tensor(ctx, plan, node->input[i], CPU_LOGICAL);
        if (step.input[i] < 0) return step.input[i];
    }
    for (int i = 0; i < node->output_count; i++) {
        const int32_t output = cpu_tensor_new(ctx, plan, node->output[i], CPU_LOGICAL);
        if (output < 0) return output;
        *(i ? &step.extra[i - 1] : &step.output) = output;
    }
    return cpu_push(ctx, plan, &step);
}

static void run_update(const CpuStep *step, const CpuArguments *arguments)
{
    hedon_host_update(step->as.update.state, step->as.update.update, arguments->x[0]);
}

CpuStep cpu_update_step(CpuPlan *plan, const HedonGraphUpdate *update, int32_t value)
{
    CpuStep step = {.name = plan->base.graph->values[update->parameter].name,
                    .operation = "update",
                    .kernel = "plain",
                    .input = {value, -1, -1, -1, -1, -1},
                    .output = -1,
                    .extra = {-1, -1},
                    .scratch = -1,
                    .run = run_update};
    step.as.update.state = plan->state;
    step.as.update.update = update;
    return step;
}
