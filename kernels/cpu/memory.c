/* Where every tensor lies. */
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"
#include "kernels/graph/memory_plan.h"

static void describe(const CpuPlan *plan, HedonPlannedTensor *tensors, HedonPlannedStep *steps)
{
    for (int i = 0; i < plan->tensor_count; i++) {
        const CpuTensor *tensor = &plan->tensors[i];
        tensors[i] = (HedonPlannedTensor){
            .bytes = tensor->bytes,
            .in_arena = tensor->place == CPU_ARENA || tensor->place == CPU_GRADIENT,
            .may_share = tensor->place == CPU_ARENA,
        };
    }
    for (int s = 0; s < plan->step_count; s++) {
        const CpuStep *step = &plan->steps[s];
        steps[s] = (HedonPlannedStep){.input = step->input,
                                      .extra = step->extra,
                                      .input_count = CPU_STEP_INPUTS,
                                      .extra_count = CPU_STEP_EXTRA,
                                      .output = step->output,
                                      .scratch = step->scratch,
                                      .overwritable = step->overwritable};
    }
}

int cpu_place(HedonContext *ctx, CpuPlan *plan)
{
    HedonPlannedTensor *tensors = hedon_calloc((size_t)plan->tensor_count + 1, sizeof(*tensors));
    HedonPlannedStep *steps = hedon_calloc((size_t)plan->step_count + 1, sizeof(*steps));
    int err = tensors && steps ? 0 : hedon_fail_memory(ctx);
    if (!err) describe(plan, tensors, steps);
    if (!err)
        err = hedon_memory_plan(ctx, tensors, plan->tensor_count, steps, plan->step_count, 1,
                                &plan->arena_bytes);
    for (int i = 0; i < plan->tensor_count && !err; i++) {
        plan->tensors[i].storage = tensors[i].storage;
        if (tensors[i].in_arena) plan->tensors[i].offset = tensors[i].offset;
    }
    hedon_free(steps);
    hedon_free(tensors);
    return err;
}
