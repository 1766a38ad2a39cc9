#include "kernels/graph/ops.h"

extern const HedonOperation hedon_op_conv, hedon_op_batch_norm, hedon_op_relu, hedon_op_add,
    hedon_op_mean_pool, hedon_op_linear, hedon_op_colour_motion;

static const HedonOperation *const operations[HEDON_OPS] = {
    [HEDON_OP_CONV] = &hedon_op_conv,
    [HEDON_OP_BATCH_NORM] = &hedon_op_batch_norm,
    [HEDON_OP_RELU] = &hedon_op_relu,
    [HEDON_OP_ADD] = &hedon_op_add,
    [HEDON_OP_MEAN_POOL] = &hedon_op_mean_pool,
    [HEDON_OP_LINEAR] = &hedon_op_linear,
    [HEDON_OP_COLOUR_MOTION] = &hedon_op_colour_motion,
};

const HedonOperation *hedon_operation(HedonOpKind kind)
{
    return (unsigned)kind < HEDON_OPS ? operations[kind] : NULL;
}

double hedon_node_flops(const HedonGraph *graph, const HedonNode *node)
{
    const HedonShape *shapes[HEDON_MAX_INPUTS] = {NULL};
    for (int i = 0; i < node->input_count; i++)
        if (node->input[i] != HEDON_NONE) shapes[i] = &graph->values[node->input[i]].shape;
    return operations[node->op]->flops(shapes, &graph->values[node->output[0]].shape,
                                       &node->attributes);
}
