/* dropout: y[i] = x[i] m[i] / (1 - rate), m[i] = 0 with probability rate, else 1. drop_path: one m
 * for each sample. The mask is a function of the execution's key, the attribute `number` and the
 * index, so that the gradient is the same operation, with the same number, on dy. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count;
    *output = *inputs[0];
    if (attributes->dropout.rate >= 0 && attributes->dropout.rate <= 1 && inputs[0]->rank > 0)
        return 0;
    snprintf(message, room, "the rate must be between 0 and 1");
    return HEDON_EINVAL;
}

static void describe(const HedonAttributes *attributes, char *text, size_t room)
{
    snprintf(text, room, " rate %g number %llu", attributes->dropout.rate,
             (unsigned long long)attributes->dropout.number);
}

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    (void)wanted;
    dx[0] = hedon_graph_node(graph, node->op, node->name, dy, 1, &node->attributes);
}

const HedonOperation hedon_op_dropout = {
    .name = "dropout",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer,
    .flops = hedon_flops_elementwise,
    .describe = describe,
    .backward = backward,
};

const HedonOperation hedon_op_drop_path = {
    .name = "drop_path",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer,
    .flops = hedon_flops_elementwise,
    .describe = describe,
    .backward = backward,
};
