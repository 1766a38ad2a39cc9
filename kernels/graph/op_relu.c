/* relu: y = max(x, 0); a NaN stays a NaN. Its gradient needs only y: dx = dy where y > 0, else 0.
 */
#include <stdio.h>

#include "kernels/graph/ops.h"

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    (void)wanted;
    dx[0] = hedon_graph_node(graph, HEDON_OP_RELU_BACKWARD, node->name,
                             (HedonValueId[]){node->output[0], dy[0]}, 2, NULL);
}

static int infer_backward(const HedonShape *const *inputs, int count,
                          const HedonAttributes *attributes, HedonShape *output, char *message,
                          size_t room)
{
    (void)count, (void)attributes;
    *output = *inputs[0];
    if (hedon_shape_equal(inputs[0], inputs[1])) return 0;
    snprintf(message, room, "the gradient has another shape than the output");
    return HEDON_EINVAL;
}

const HedonOperation hedon_op_relu = {
    .name = "relu",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = hedon_infer_same,
    .flops = hedon_flops_elementwise,
    .backward = backward,
};

const HedonOperation hedon_op_relu_backward = {
    .name = "relu_backward",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer_backward,
    .flops = hedon_flops_elementwise,
};
