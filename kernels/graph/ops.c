#include "kernels/graph/ops.h"

#include <string.h>

extern const HedonOperation hedon_op_conv, hedon_op_batch_norm, hedon_op_relu, hedon_op_add,
    hedon_op_mean_pool, hedon_op_linear, hedon_op_colour_motion, hedon_op_scale, hedon_op_dropout,
    hedon_op_drop_path, hedon_op_batch_norm_train, hedon_op_loss_bce, hedon_op_loss_softmax,
    hedon_op_loss_bradley_terry, hedon_op_loss_plackett_luce, hedon_op_conv_backward_data,
    hedon_op_conv_backward_weights, hedon_op_channel_sum, hedon_op_batch_norm_backward,
    hedon_op_relu_backward, hedon_op_mean_pool_backward, hedon_op_linear_backward_data,
    hedon_op_linear_backward_weights;

static const HedonOperation *const operations[HEDON_OPS] = {
    [HEDON_OP_CONV] = &hedon_op_conv,
    [HEDON_OP_BATCH_NORM] = &hedon_op_batch_norm,
    [HEDON_OP_RELU] = &hedon_op_relu,
    [HEDON_OP_ADD] = &hedon_op_add,
    [HEDON_OP_MEAN_POOL] = &hedon_op_mean_pool,
    [HEDON_OP_LINEAR] = &hedon_op_linear,
    [HEDON_OP_COLOUR_MOTION] = &hedon_op_colour_motion,
    [HEDON_OP_SCALE] = &hedon_op_scale,
    [HEDON_OP_DROPOUT] = &hedon_op_dropout,
    [HEDON_OP_DROP_PATH] = &hedon_op_drop_path,
    [HEDON_OP_BATCH_NORM_TRAIN] = &hedon_op_batch_norm_train,
    [HEDON_OP_LOSS_BCE] = &hedon_op_loss_bce,
    [HEDON_OP_LOSS_SOFTMAX] = &hedon_op_loss_softmax,
    [HEDON_OP_LOSS_BRADLEY_TERRY] = &hedon_op_loss_bradley_terry,
    [HEDON_OP_LOSS_PLACKETT_LUCE] = &hedon_op_loss_plackett_luce,
    [HEDON_OP_CONV_BACKWARD_DATA] = &hedon_op_conv_backward_data,
    [HEDON_OP_CONV_BACKWARD_WEIGHTS] = &hedon_op_conv_backward_weights,
    [HEDON_OP_CHANNEL_SUM] = &hedon_op_channel_sum,
    [HEDON_OP_BATCH_NORM_BACKWARD] = &hedon_op_batch_norm_backward,
    [HEDON_OP_RELU_BACKWARD] = &hedon_op_relu_backward,
    [HEDON_OP_MEAN_POOL_BACKWARD] = &hedon_op_mean_pool_backward,
    [HEDON_OP_LINEAR_BACKWARD_DATA] = &hedon_op_linear_backward_data,
    [HEDON_OP_LINEAR_BACKWARD_WEIGHTS] = &hedon_op_linear_backward_weights,
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

int hedon_infer_same(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                     HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes, (void)message, (void)room;
    *output = *inputs[0];
    return 0;
}

double hedon_flops_elementwise(const HedonShape *const *inputs, const HedonShape *output,
                               const HedonAttributes *attributes)
{
    (void)inputs, (void)attributes;
    return (double)hedon_shape_count(output);
}

int hedon_shape_equal(const HedonShape *a, const HedonShape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0]));
}
