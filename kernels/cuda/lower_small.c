/* Pools, heads, losses, sums, the colour features: what comes after the backbone. */
#include <stdio.h>

#include "base/error.h"
#include "kernels/cuda/ranks.h"

/* The step's output, scaled as its input `gradient` is (-1: not). */
static int push(HedonContext *ctx, CudaPlan *plan, CudaStep *step, HedonValueId value, int gradient,
                const char *kernel)
{
    snprintf(step->kernel, sizeof(step->kernel), "%s", kernel);
    step->output = cuda_output_new(ctx, plan, value);
    if (step->output < 0) return step->output;
    if (gradient >= 0)
        plan->tensors[step->output].scaled = plan->tensors[step->input[gradient]].scaled;
    return cuda_push(ctx, plan, step);
}

static int set_input(HedonContext *ctx, CudaPlan *plan, CudaStep *step, int i, HedonValueId value)
{
    step->input[i] = cuda_value(ctx, plan, value);
    return step->input[i] < 0 ? step->input[i] : 0;
}

/* ---- Pools ---------------------------------------------------------------------------------- */

static int run_pool(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(ctx, cuda_mean_pool(&step->as.pool, call->x[0], call->y, call->stream));
}

static int run_pool_backward(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                             const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(ctx,
                    cuda_mean_pool_backward(&step->as.pool, call->x[0], call->y, call->stream));
}

int cuda_lower_pool(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    CudaStep step = cuda_step_of(group);
    const int err = set_input(ctx, plan, &step, 0, group->node->input[0]);
    if (err) return err;
    step.run = run_pool;
    step.as.pool = plan->tensors[step.input[0]].matrix;
    return push(ctx, plan, &step, group->output, -1, "own pool");
}

int cuda_lower_pool_backward(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    CudaStep step = cuda_step_of(group);
    const int err = set_input(ctx, plan, &step, 0, group->node->input[0]);
    if (err) return err;
    step.run = run_pool_backward;
    step.as.pool =
        cuda_matrix_of(&plan->base.graph->values[group->output].shape, CUDA_ROWS, plan->type);
    return push(ctx, plan, &step, group->output, 0, "own pool");
}

/* ---- Matrix products ------------------------------------------------------------------------ */

static int run_matmul(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    return cuda_matmul_run(ctx, plan->device, &step->as.matmul, call->x[0], call->x[1], call->x[2],
                           call->y, call->scratch, call->stream);
}

/* linear: x w^T + b; its data's gradient: dy w; its weights': dy^T x. */
int cuda_lower_linear(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    const HedonShape *first = &plan->base.graph->values[node->input[0]].shape;
    const HedonShape *second = &plan->base.graph->values[node->input[1]].shape;
    CudaStep step = cuda_step_of(group);
    CudaMatmul *m = &step.as.matmul;
    int swap = 0, err = 0, gradient = 0;
    switch (node->op) {
    case HEDON_OP_LINEAR:
        *m = (CudaMatmul){.rows = first->dim[0],
                          .inner = first->dim[1],
                          .columns = second->dim[0],
                          .b_transposed = 1,
                          .bias = node->input_count > 2 && node->input[2] != HEDON_NONE};
        break;
    case HEDON_OP_LINEAR_BACKWARD_DATA:
        *m = (CudaMatmul){.rows = first->dim[0], .inner = first->dim[1], .columns = second->dim[1]};
        break;
    default: /* LINEAR_BACKWARD_WEIGHTS of x and dy */
        *m = (CudaMatmul){.rows = second->dim[1],
                          .inner = first->dim[0],
                          .columns = first->dim[1],
                          .a_transposed = 1};
        swap = 1;
    }
    step.run = run_matmul;
    err = set_input(ctx, plan, &step, swap ? 1 : 0, node->input[0]);
    if (!err) err = set_input(ctx, plan, &step, swap ? 0 : 1, node->input[1]);
    if (!err && m->bias) err = set_input(ctx, plan, &step, 2, node->input[2]);
    if (!err) err = cuda_matmul_plan(ctx, plan->device, m);
    if (err) return err;
    if (m->workspace) {
        step.scratch = cuda_scratch_new(ctx, plan, m->workspace);
        if (step.scratch < 0) return step.scratch;
    }
    return push(ctx, plan, &step, group->output, gradient,
                plan->device->tf32 ? "cublasLt tf32" : "cublasLt fp32");
}

/* ---- Sums ----------------------------------------------------------------------------------- */

static int run_channel_sum(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                           const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(
        ctx, cuda_channel_sum(&step->as.pool, call->x[0], call->y, call->scratch, call->stream));
}

int cuda_lower_channel_sum(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    CudaStep step = cuda_step_of(group);
    const int err = set_input(ctx, plan, &step, 0, group->node->input[0]);
    if (err) return err;
    step.run = run_channel_sum;
    step.as.pool = plan->tensors[step.input[0]].matrix;
    step.scratch = cuda_scratch_new(ctx, plan, cuda_norm_scratch(&step.as.pool));
    if (step.scratch < 0) return step.scratch;
    return push(ctx, plan, &step, group->output, 0, "own sums");
}

/* ---- Losses --------------------------------------------------------------------------------- */

enum { LOSS_SUMS = 2 };

typedef cudaError_t (*LossKernel)(const CudaLoss *call, cudaStream_t stream);

/* x[0] logits, x[1] targets, ties or mask, x[2] weights; y the loss, extra[0] the gradient. */
static int run_loss(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call,
                    LossKernel kernel)
{
    CudaLoss loss = step->as.loss;
    loss.x = call->x[0];
    loss.target = call->x[1];
    loss.weights = call->x[2];
    loss.loss = call->y;
    loss.gradient = call->extra[0];
    loss.scale = plan->scale;
    loss.sums = call->scratch;
    int err = CUDA_TRY(ctx, kernel(&loss, call->stream));
    if (err || plan->ranks == 1) return err;
    err = cuda_ranks_sum_start(ctx, plan->device, loss.sums, LOSS_SUMS, HEDON_F64, call->stream);
    if (!err) err = cuda_ranks_sum_finish(ctx, plan->device, call->stream);
    return err ? err
               : CUDA_TRY(ctx, cuda_loss_share(
                                   &loss, hedon_shape_count(&plan->tensors[step->extra[0]].shape),
                                   call->stream));
}

static int run_bce(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    return run_loss(ctx, plan, step, call, cuda_loss_bce_run);
}

static int run_softmax(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                       const CudaCall *call)
{
    return run_loss(ctx, plan, step, call, cuda_loss_softmax_run);
}

static int run_pairs(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    return run_loss(ctx, plan, step, call, cuda_loss_pairs_run);
}

static int run_lists(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    return run_loss(ctx, plan, step, call, cuda_loss_lists_run);
}

static void describe_loss(CudaStep *step, const HedonGraph *graph, const HedonNode *node)
{
    const HedonShape *x = &graph->values[node->input[0]].shape;
    step->as.loss = (CudaLoss){.samples = x->dim[0], .size = x->dim[1]};
    switch (node->op) {
    case HEDON_OP_LOSS_BCE:
        step->run = run_bce;
        break;
    case HEDON_OP_LOSS_SOFTMAX:
        step->run = run_softmax;
        step->as.loss.divergence = node->attributes.softmax.divergence;
        break;
    case HEDON_OP_LOSS_BRADLEY_TERRY:
        step->run = run_pairs;
        step->as.loss.samples = x->dim[0] / 2;
        step->as.loss.margin = node->attributes.bradley_terry.margin;
        break;
    default: {
        const HedonShape *mask = &graph->values[node->input[1]].shape;
        step->run = run_lists;
        step->as.loss.samples = mask->dim[0];
        step->as.loss.size = mask->dim[1];
    }
    }
}

int cuda_lower_loss(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    CudaStep step = cuda_step_of(group);
    describe_loss(&step, plan->base.graph, node);
    for (int i = 0; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        const int err = set_input(ctx, plan, &step, i, node->input[i]);
        if (err) return err;
    }
    step.extra[0] = cuda_tensor_new(ctx, plan, node->output[1], CUDA_LOGICAL);
    if (step.extra[0] < 0) return step.extra[0];
    plan->tensors[step.extra[0]].scaled = plan->scale != NULL;
    if (plan->ranks > 1) {
        step.scratch = cuda_scratch_new(ctx, plan, LOSS_SUMS * sizeof(double));
        if (step.scratch < 0) return step.scratch;
    }
    return push(ctx, plan, &step, node->output[0], -1, "own loss");
}

/* ---- Colour --------------------------------------------------------------------------------- */

static int run_colour(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(ctx, cuda_colour_motion(call->x[0], call->y, step->as.colour.samples,
                                            step->as.colour.frames, step->as.colour.pixels,
                                            call->scratch, call->stream));
}

int cuda_lower_colour_motion(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    const int64_t *size = plan->base.graph->values[node->input[0]].shape.dim;
    CudaStep step = cuda_step_of(group);
    step.run = run_colour;
    step.as.colour.samples = size[0];
    step.as.colour.frames = size[2];
    step.as.colour.pixels = size[3] * size[4];
    step.input[0] = cuda_tensor(ctx, plan, node->input[0], CUDA_LOGICAL);
    if (step.input[0] < 0) return step.input[0];
    step.scratch = cuda_scratch_new(ctx, plan, cuda_colour_scratch(size[0], size[2]));
    if (step.scratch < 0) return step.scratch;
    return push(ctx, plan, &step, group->output, -1, "own features");
}
