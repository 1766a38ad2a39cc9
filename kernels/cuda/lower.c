/* From groups to steps: the table of lowerings, the weights packed first, what is delivered last.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "kernels/cuda/plan.h"
#include "kernels/graph/ops.h"

static int (*const lowerings[HEDON_OPS])(HedonContext *, CudaPlan *, const CudaGroup *) = {
    [HEDON_OP_CONV] = cuda_lower_conv,
    [HEDON_OP_BATCH_NORM] = cuda_lower_chain,
    [HEDON_OP_RELU] = cuda_lower_chain,
    [HEDON_OP_ADD] = cuda_lower_chain,
    [HEDON_OP_MEAN_POOL] = cuda_lower_pool,
    [HEDON_OP_LINEAR] = cuda_lower_linear,
    [HEDON_OP_COLOUR_MOTION] = cuda_lower_colour_motion,
    [HEDON_OP_SCALE] = cuda_lower_chain,
    [HEDON_OP_DROPOUT] = cuda_lower_chain,
    [HEDON_OP_DROP_PATH] = cuda_lower_chain,
    [HEDON_OP_BATCH_NORM_TRAIN] = cuda_lower_norm_train,
    [HEDON_OP_LOSS_BCE] = cuda_lower_loss,
    [HEDON_OP_LOSS_SOFTMAX] = cuda_lower_loss,
    [HEDON_OP_LOSS_BRADLEY_TERRY] = cuda_lower_loss,
    [HEDON_OP_LOSS_PLACKETT_LUCE] = cuda_lower_loss,
    [HEDON_OP_CONV_BACKWARD_DATA] = cuda_lower_conv_data,
    [HEDON_OP_CONV_BACKWARD_WEIGHTS] = cuda_lower_conv_weights,
    [HEDON_OP_CHANNEL_SUM] = cuda_lower_channel_sum,
    [HEDON_OP_BATCH_NORM_BACKWARD] = cuda_lower_norm_backward,
    [HEDON_OP_RELU_BACKWARD] = cuda_lower_chain,
    [HEDON_OP_MEAN_POOL_BACKWARD] = cuda_lower_pool_backward,
    [HEDON_OP_LINEAR_BACKWARD_DATA] = cuda_lower_linear,
    [HEDON_OP_LINEAR_BACKWARD_WEIGHTS] = cuda_lower_linear,
};

static int lower_group(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    if (!lowerings[node->op])
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "node %s: the cuda device has no %s", node->name,
                          hedon_operation(node->op)->name);
    if (node->op == HEDON_OP_RELU_BACKWARD && group->norm)
        return cuda_lower_norm_backward(ctx, plan, group);
    return lowerings[node->op](ctx, plan, group);
}

/* ---- Steps of the plan's own ---------------------------------------------------------------- */

static int run_pack(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    (void)step;
    if (!plan->packed_count) return 0; /* known when everything is lowered: no convolutions */
    return CUDA_TRY(ctx, cuda_pack(plan->type, plan->pack_items, plan->packed_count,
                                   plan->pack_pairs, call->stream));
}

static int run_updates(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                       const CudaCall *call)
{
    (void)step;
    return CUDA_TRY(
        ctx, cuda_apply_updates(plan->update_items, plan->base.graph->update_count, call->stream));
}

static int run_copy(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(ctx, cuda_deliver(call->y, call->x[0], step->as.copy.count,
                                      step->as.copy.factor, 0, call->stream));
}

static CudaStep own_step(const char *name, const char *operation)
{
    static const HedonNode nothing = {.name = "", .op = HEDON_OP_SCALE};
    CudaStep step = cuda_step_of(&(CudaGroup){.node = &nothing});
    step.name = name;
    step.operation = operation;
    return step;
}

/* ---- Delivering ----------------------------------------------------------------------------- */

static int32_t push_delivered(HedonContext *ctx, CudaPlan *plan, HedonValueId value,
                              CudaPlace place, int ordinal)
{
    /* a tensor of its own, which is not the value's for anybody else */
    const int32_t kept = plan->tensor_of[value][CUDA_LOGICAL];
    const int32_t index = cuda_tensor_new(ctx, plan, value, CUDA_LOGICAL);
    plan->tensor_of[value][CUDA_LOGICAL] = kept;
    if (index < 0) return index;
    plan->tensors[index].place = place;
    plan->tensors[index].ordinal = ordinal;
    return index;
}

/* Make a value be at `place` of `ordinal`, logical: it is computed straight there where form,
 * sharing and scale allow it, copied otherwise. */
static int deliver(HedonContext *ctx, CudaPlan *plan, HedonValueId value, CudaPlace place,
                   int ordinal, const char *name)
{
    const int32_t from = cuda_tensor(ctx, plan, value, CUDA_LOGICAL);
    if (from < 0) return from;
    const int unscale = plan->tensors[from].scaled && place == CUDA_OUTPUT;
    if (plan->tensors[from].place == CUDA_ARENA && !unscale) {
        plan->tensors[from].place = place;
        plan->tensors[from].ordinal = ordinal;
        return 0;
    }
    const int32_t to = push_delivered(ctx, plan, value, place, ordinal);
    if (to < 0) return to;
    plan->tensors[to].scaled = plan->tensors[from].scaled && !unscale;
    CudaStep step = own_step(name, "copy");
    step.run = run_copy;
    step.input[0] = from;
    step.output = to;
    step.as.copy.count = hedon_shape_count(&plan->tensors[from].shape);
    step.as.copy.factor = unscale ? plan->unscale : NULL;
    snprintf(step.kernel, sizeof(step.kernel), "own copy");
    return cuda_push(ctx, plan, &step);
}

/* The updates' values must stay until the last step, which applies them all. */
static int lower_updates(HedonContext *ctx, CudaPlan *plan)
{
    const HedonGraph *graph = plan->base.graph;
    if (!graph->update_count) return 0;
    for (int i = 0; i < graph->update_count; i++) {
        const int32_t value = cuda_tensor(ctx, plan, graph->updates[i].value, CUDA_LOGICAL);
        if (value < 0) return value;
        if (plan->tensors[value].place != CUDA_ARENA)
            return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                              "parameter %s is updated by a value that is delivered elsewhere, too",
                              graph->values[graph->updates[i].parameter].name);
        plan->tensors[value].whole = 1;
    }
    CudaStep step = own_step("running statistics", "update");
    step.run = run_updates;
    snprintf(step.kernel, sizeof(step.kernel), "own, %d at once", graph->update_count);
    return cuda_push(ctx, plan, &step);
}

static int lower_pack(HedonContext *ctx, CudaPlan *plan)
{
    CudaStep step = own_step("weights", "pack");
    step.run = run_pack;
    snprintf(step.kernel, sizeof(step.kernel), "own, all at once");
    return cuda_push(ctx, plan, &step);
}

int cuda_lower(HedonContext *ctx, CudaPlan *plan, const CudaGroup *groups, int count)
{
    const HedonGraph *graph = plan->base.graph;
    int err = plan->trained ? lower_pack(ctx, plan) : 0;
    for (int i = 0; i < count && !err; i++) err = lower_group(ctx, plan, &groups[i]);
    if (!err) err = lower_updates(ctx, plan);
    for (int i = 0; i < graph->output_count && !err; i++)
        err = deliver(ctx, plan, graph->outputs[i].value, CUDA_OUTPUT, i, graph->outputs[i].name);
    for (int i = 0; i < graph->gradient_count && !err; i++) {
        const HedonValue *parameter = &graph->values[graph->gradients[i].parameter];
        err = deliver(ctx, plan, graph->gradients[i].value, CUDA_GRADIENT, parameter->ordinal,
                      parameter->name);
    }
    return err;
}
