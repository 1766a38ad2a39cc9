/* Where every tensor lies. Work is in one stream, so that a lifetime counted in steps is one on the
 * device. */
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/plan.h"
#include "kernels/graph/memory_plan.h"

static void describe(const CudaPlan *plan, HedonPlannedTensor *tensors, HedonPlannedStep *steps)
{
    for (int i = 0; i < plan->tensor_count; i++) {
        const CudaTensor *tensor = &plan->tensors[i];
        tensors[i] = (HedonPlannedTensor){
            .bytes = tensor->bytes,
            .in_arena = tensor->place == CUDA_ARENA || tensor->place == CUDA_GRADIENT,
            .may_share = tensor->place == CUDA_ARENA,
            .whole = tensor->whole,
        };
    }
    for (int s = 0; s < plan->step_count; s++) {
        const CudaStep *step = &plan->steps[s];
        steps[s] = (HedonPlannedStep){.input = step->input,
                                      .extra = step->extra,
                                      .input_count = CUDA_STEP_INPUTS,
                                      .extra_count = CUDA_STEP_EXTRA,
                                      .output = step->output,
                                      .scratch = step->scratch,
                                      .overwritable = step->overwritable};
    }
}

int cuda_place(HedonContext *ctx, CudaPlan *plan)
{
    HedonPlannedTensor *tensors = hedon_calloc((size_t)plan->tensor_count + 1, sizeof(*tensors));
    HedonPlannedStep *steps = hedon_calloc((size_t)plan->step_count + 1, sizeof(*steps));
    int err = tensors && steps ? 0 : hedon_fail_memory(ctx);
    if (!err) describe(plan, tensors, steps);
    if (!err)
        err = hedon_memory_plan(ctx, tensors, plan->tensor_count, steps, plan->step_count,
                                CUDA_ALIGNMENT,
                                &plan->arena_bytes); /* the libraries' workspaces want it */
    for (int i = 0; i < plan->tensor_count && !err; i++) {
        plan->tensors[i].storage = tensors[i].storage;
        if (tensors[i].in_arena) plan->tensors[i].offset = tensors[i].offset;
    }
    hedon_free(steps);
    hedon_free(tensors);
    return err;
}
