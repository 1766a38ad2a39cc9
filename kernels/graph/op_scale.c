/* scale: y = factor x. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static void describe(const HedonAttributes *attributes, char *text, size_t room)
{
    snprintf(text, room, " factor %g", attributes->factor);
}

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    (void)wanted;
    dx[0] = hedon_scale(graph, node->name, dy[0], node->attributes.factor);
}

const HedonOperation hedon_op_scale = {
    .name = "scale",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = hedon_infer_same,
    .flops = hedon_flops_elementwise,
    .describe = describe,
    .backward = backward,
};
