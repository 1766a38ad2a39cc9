/* mean_pool: y[n,c] = mean over the P positions of x[n,c,...]; dx[n,c,...] = dy[n,c] / P. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes;
    if (inputs[0]->rank < 3) {
        snprintf(message, room, "the input needs 3 dimensions or more, not %d", inputs[0]->rank);
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 2, .dim = {inputs[0]->dim[0], inputs[0]->dim[1]}};
    return 0;
}

static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)output, (void)attributes;
    return (double)hedon_shape_count(inputs[0]);
}

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    (void)wanted;
    const HedonAttributes attributes = {.shape = graph->values[node->input[0]].shape};
    dx[0] = hedon_graph_node(graph, HEDON_OP_MEAN_POOL_BACKWARD, node->name, dy, 1, &attributes);
}

static int infer_backward(const HedonShape *const *inputs, int count,
                          const HedonAttributes *attributes, HedonShape *output, char *message,
                          size_t room)
{
    (void)count;
    const HedonShape *dy = inputs[0], *x = &attributes->shape;
    *output = *x;
    if (x->rank >= 3 && dy->rank == 2 && dy->dim[0] == x->dim[0] && dy->dim[1] == x->dim[1])
        return 0;
    snprintf(message, room, "the gradient does not fit the input's shape");
    return HEDON_EINVAL;
}

const HedonOperation hedon_op_mean_pool = {
    .name = "mean_pool",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer,
    .flops = flops,
    .backward = backward,
};

const HedonOperation hedon_op_mean_pool_backward = {
    .name = "mean_pool_backward",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer_backward,
    .flops = hedon_flops_elementwise,
};
