/* Element-wise steps. */
#include <stdio.h>

#include "base/error.h"
#include "kernels/cuda/plan.h"

static int run_chain(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    CudaChain chain = step->as.chain.chain;
    const float **coefficients[] = {&chain.mean, &chain.variance, &chain.gamma, &chain.beta};
    for (int i = 0; i < chain.count; i++)
        if (step->as.chain.operand[i] >= 0) chain.op[i].tensor = call->x[step->as.chain.operand[i]];
    for (int i = 0; i < 4; i++)
        if (step->as.chain.coefficient[i] >= 0)
            *coefficients[i] = call->x[step->as.chain.coefficient[i]];
    chain.key = plan->key;
    chain.samples = plan->samples;
    return CUDA_TRY(ctx,
                    cuda_chain(&step->as.chain.form, call->x[0], call->y, &chain, call->stream));
}

/* While a step is filled in. */
typedef struct Builder {
    HedonContext *ctx;
    CudaPlan *plan;
    CudaStep *step;
    int inputs, err;
} Builder;

/* The number under which the step reads a tensor. */
static int8_t input(Builder *b, int32_t tensor)
{
    if (tensor < 0 && !b->err) b->err = tensor;
    if (b->err) return -1;
    if (b->inputs == CUDA_STEP_INPUTS) {
        b->err = hedon_fail(b->ctx, HEDON_EUNSUPPORTED, "node %s: a chain of too many operands",
                            b->step->name);
        return -1;
    }
    b->step->input[b->inputs] = tensor;
    return (int8_t)b->inputs++;
}

static CudaChainOp *add_op(Builder *b, CudaChainKind kind, int8_t operand)
{
    CudaChain *chain = &b->step->as.chain.chain;
    if (chain->count == CUDA_CHAIN_OPS) {
        if (!b->err)
            b->err =
                hedon_fail(b->ctx, HEDON_EUNSUPPORTED, "node %s: too long a chain", b->step->name);
        chain->count--; /* somewhere to write */
    }
    b->step->as.chain.operand[chain->count] = operand;
    chain->op[chain->count].kind = kind;
    return &chain->op[chain->count++];
}

static void add_norm(Builder *b, const HedonNode *node)
{
    const int train = node->op == HEDON_OP_BATCH_NORM_TRAIN;
    const HedonValueId values[4] = {train ? node->output[1] : node->input[3],
                                    train ? node->output[2] : node->input[4], node->input[1],
                                    node->input[2]};
    for (int i = 0; i < 4; i++)
        b->step->as.chain.coefficient[i] =
            input(b, cuda_tensor(b->ctx, b->plan, values[i], CUDA_LOGICAL));
    b->step->as.chain.chain.epsilon = (float)node->attributes.batch_norm.epsilon;
    add_op(b, CUDA_CHAIN_NORM, -1);
}

/* The other addend; -1 when both are the chain's value. */
static HedonValueId other_side(const HedonNode *node, HedonValueId value)
{
    return node->input[0] == value ? node->input[1] : node->input[0];
}

static void add_node(Builder *b, const HedonNode *node, HedonValueId value)
{
    switch (node->op) {
    case HEDON_OP_RELU:
        add_op(b, CUDA_CHAIN_RELU, -1);
        break;
    case HEDON_OP_ADD: {
        const int8_t other = input(b, cuda_value(b->ctx, b->plan, other_side(node, value)));
        add_op(b, CUDA_CHAIN_ADD, other);
        break;
    }
    case HEDON_OP_SCALE:
        add_op(b, CUDA_CHAIN_SCALE, -1)->factor = (float)node->attributes.factor;
        break;
    case HEDON_OP_DROPOUT:
    case HEDON_OP_DROP_PATH: {
        CudaChainOp *op =
            add_op(b, node->op == HEDON_OP_DROPOUT ? CUDA_CHAIN_DROPOUT : CUDA_CHAIN_DROP_PATH, -1);
        op->rate = node->attributes.dropout.rate;
        op->number = node->attributes.dropout.number;
        break;
    }
    case HEDON_OP_RELU_BACKWARD: {
        const int8_t mask = input(b, cuda_value(b->ctx, b->plan, node->input[0]));
        add_op(b, CUDA_CHAIN_MASK, mask);
        break;
    }
    case HEDON_OP_BATCH_NORM:
    case HEDON_OP_BATCH_NORM_TRAIN:
        add_norm(b, node);
        break;
    default:
        b->err = hedon_fail(b->ctx, HEDON_EUNSUPPORTED, "node %s is not element-wise", node->name);
    }
}

int cuda_same_scale(HedonContext *ctx, const CudaPlan *plan, const HedonNode *node, int32_t a,
                    int32_t b)
{
    if (plan->tensors[a].scaled == plan->tensors[b].scaled) return 0;
    return hedon_fail(
        ctx, HEDON_EUNSUPPORTED,
        "node %s adds a gradient from a loss, which float16's loss scale has multiplied, and "
        "one from elsewhere: compute in bfloat16",
        node->name);
}

int cuda_push_chain(HedonContext *ctx, CudaPlan *plan, CudaStep *step, int32_t from,
                    HedonValueId through, int32_t bias, const HedonNode *const *nodes, int count,
                    HedonValueId value)
{
    Builder b = {.ctx = ctx, .plan = plan, .step = step};
    step->run = run_chain;
    step->as.chain.chain = (CudaChain){0};
    for (int i = 0; i < CUDA_CHAIN_OPS; i++) step->as.chain.operand[i] = -1;
    for (int i = 0; i < 4; i++) step->as.chain.coefficient[i] = -1;
    for (int i = 0; i < CUDA_STEP_INPUTS; i++) step->input[i] = -1;
    input(&b, from);
    if (bias >= 0) {
        step->as.chain.coefficient[3] = input(&b, bias);
        add_op(&b, CUDA_CHAIN_BIAS, -1);
    }
    for (int i = 0; i < count && !b.err; i++) {
        const HedonNode *node = nodes[i];
        if (i) through = nodes[i - 1]->output[0];
        add_node(&b, node, through);
        const int last = step->as.chain.chain.count - 1;
        if (!b.err && node->op == HEDON_OP_ADD)
            b.err =
                cuda_same_scale(ctx, plan, node, from, step->input[step->as.chain.operand[last]]);
    }
    if (b.err) return b.err;
    step->as.chain.form = plan->tensors[from].matrix;
    step->overwritable = 1;
    for (int i = 0; i < step->as.chain.chain.count; i++)
        if (step->as.chain.operand[i] >= 0) step->overwritable |= 1u << step->as.chain.operand[i];
    snprintf(step->kernel, sizeof(step->kernel), "own chain of %d", step->as.chain.chain.count);
    const int scaled = plan->tensors[from].scaled;
    step->output = cuda_output_new(ctx, plan, value);
    if (step->output < 0) return step->output;
    plan->tensors[step->output].scaled = scaled;
    return cuda_push(ctx, plan, step);
}

int cuda_lower_chain(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *first = group->chain[0];
    CudaStep step = cuda_step_of(group);
    const HedonValueId through = first->input[cuda_chain_input(first)];
    const int32_t from = cuda_value(ctx, plan, through);
    if (from < 0) return from;
    return cuda_push_chain(ctx, plan, &step, from, through, -1, group->chain, group->chain_count,
                           group->output);
}
