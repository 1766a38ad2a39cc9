/* Batch norm with the batch's statistics, and its gradient. */
#include <stdio.h>

#include "base/error.h"
#include "kernels/cuda/ranks.h"
#include "kernels/graph/uses.h"

/* What stands at the head of the scratch, over the ranks. */
static int sum_over_ranks(HedonContext *ctx, const CudaPlan *plan, const CudaStep *step,
                          const CudaCall *call)
{
    const int err =
        cuda_ranks_sum_start(ctx, plan->device, call->scratch, cuda_norm_sums(&step->as.norm.form),
                             HEDON_F64, call->stream);
    return err ? err : cuda_ranks_sum_finish(ctx, plan->device, call->stream);
}

/* x[0] x; y the mean, extra[0] the variance. */
static int run_moments(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                       const CudaCall *call)
{
    const CudaMatrix *form = &step->as.norm.form;
    int err = CUDA_TRY(
        ctx, cuda_norm_moments_sum(form, call->x[0], call->scratch, plan->ranks, call->stream));
    if (!err && plan->ranks > 1) err = sum_over_ranks(ctx, plan, step, call);
    return err ? err
               : CUDA_TRY(ctx, cuda_norm_moments_finish(form, call->x[0], call->y, call->extra[0],
                                                        call->scratch, plan->ranks, call->stream));
}

int cuda_lower_norm_train(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    CudaStep step = cuda_step_of(group);
    const int32_t x = cuda_value(ctx, plan, node->input[0]);
    if (x < 0) return x;
    step.run = run_moments;
    step.fused[0] = 0;
    step.input[0] = x;
    step.as.norm.form = plan->tensors[x].matrix;
    step.flops = 0; /* all of it is counted where y is written */
    snprintf(step.kernel, sizeof(step.kernel), "own moments");
    step.scratch = cuda_scratch_new(ctx, plan, cuda_norm_scratch(&step.as.norm.form));
    if (step.scratch < 0) return step.scratch;
    step.output = cuda_tensor_new(ctx, plan, node->output[1], CUDA_LOGICAL);
    if (step.output < 0) return step.output;
    step.extra[0] = cuda_tensor_new(ctx, plan, node->output[2], CUDA_LOGICAL);
    if (step.extra[0] < 0) return step.extra[0];
    int err = cuda_push(ctx, plan, &step);
    if (err) return err;

    const HedonNode *nodes[CUDA_CHAIN_OPS + 1] = {node};
    int count = 1;
    /* a chain that is too long by the norm itself goes on in a step of its own */
    const int together =
        group->chain_count < CUDA_CHAIN_OPS ? group->chain_count : CUDA_CHAIN_OPS - 1;
    for (int i = 0; i < together; i++) nodes[count++] = group->chain[i];
    CudaStep chain = cuda_step_of(group);
    const HedonValueId value = nodes[count - 1]->output[0];
    err = cuda_push_chain(ctx, plan, &chain, x, node->input[0], -1, nodes, count, value);
    if (err || together == group->chain_count) return err;
    CudaStep rest = cuda_step_of(group);
    rest.flops = 0;
    return cuda_push_chain(ctx, plan, &rest, plan->tensor_of[value][plan->tensors[x].form], value,
                           -1, group->chain + together, group->chain_count - together,
                           group->output);
}

/* x[0] x, x[1] dy, x[2] gamma, x[3] mean, x[4] variance, x[5] beta or y, for the mask; y dx, extra
 * dgamma, dbeta. */
static int run_backward(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                        const CudaCall *call)
{
    CudaNormBackward b = step->as.norm.call;
    b.x = call->x[0];
    b.dy = call->x[1];
    b.gamma = call->x[2];
    b.mean = call->x[3];
    b.variance = call->x[4];
    if (b.mask == CUDA_MASK_BY_SELF) b.beta = call->x[5];
    if (b.mask == CUDA_MASK_BY_Y) b.y = call->x[5];
    b.dx = call->y;
    b.dgamma = call->extra[0];
    b.dbeta = call->extra[1];
    int err =
        CUDA_TRY(ctx, cuda_norm_backward_sum(&step->as.norm.form, &b, call->scratch, call->stream));
    if (!err && b.ranks > 1) err = sum_over_ranks(ctx, plan, step, call);
    return err ? err
               : CUDA_TRY(ctx, cuda_norm_backward_finish(&step->as.norm.form, &b, call->scratch,
                                                         call->stream));
}

int cuda_lower_norm_backward(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonGraph *graph = plan->base.graph;
    const HedonNode *relu = group->norm ? group->node : NULL;
    const HedonNode *node = relu ? group->norm : group->node;
    CudaStep step = cuda_step_of(group);
    step.run = run_backward;
    step.overwritable = 1u << 0 | 1u << 1;
    step.as.norm.call.epsilon = (float)node->attributes.batch_norm.epsilon;
    step.as.norm.call.running = node->attributes.batch_norm.running;
    step.as.norm.call.ranks = step.as.norm.call.running ? 1 : plan->ranks;
    for (int i = 0; i < 5; i++) {
        const HedonValueId value = relu && i == 1 ? relu->input[1] : node->input[i];
        step.input[i] =
            i < 2 ? cuda_value(ctx, plan, value) : cuda_tensor(ctx, plan, value, CUDA_LOGICAL);
        if (step.input[i] < 0) return step.input[i];
    }
    if (relu) {
        const HedonValueId beta = hedon_norm_beta_before(graph, relu->input[0], node->input[0]);
        step.as.norm.call.mask = beta == HEDON_NONE ? CUDA_MASK_BY_Y : CUDA_MASK_BY_SELF;
        if (beta == HEDON_NONE) step.overwritable |= 1u << 5;
        step.input[5] = beta == HEDON_NONE ? cuda_value(ctx, plan, relu->input[0])
                                           : cuda_tensor(ctx, plan, beta, CUDA_LOGICAL);
        if (step.input[5] < 0) return step.input[5];
    }
    step.as.norm.form = plan->tensors[step.input[0]].matrix;
    snprintf(step.kernel, sizeof(step.kernel), "own norm gradient");
    step.scratch = cuda_scratch_new(ctx, plan, cuda_norm_scratch(&step.as.norm.form));
    if (step.scratch < 0) return step.scratch;
    const int scaled = plan->tensors[step.input[1]].scaled;
    step.output = cuda_output_new(ctx, plan, node->output[0]);
    if (step.output < 0) return step.output;
    plan->tensors[step.output].scaled = scaled;
    for (int i = 0; i < 2; i++) {
        step.extra[i] = cuda_tensor_new(ctx, plan, node->output[1 + i], CUDA_LOGICAL);
        if (step.extra[i] < 0) return step.extra[i];
        plan->tensors[step.extra[i]].scaled = scaled;
    }
    return cuda_push(ctx, plan, &step);
}
