/* add: y = a + b, of one shape; no broadcasting. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes;
    const HedonShape *a = inputs[0], *b = inputs[1];
    if (!hedon_shape_equal(a, b)) {
        snprintf(message, room, "the two inputs differ in shape");
        return HEDON_EINVAL;
    }
    *output = *a;
    return 0;
}

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    (void)graph, (void)node;
    for (int i = 0; i < 2; i++)
        if (wanted >> i & 1) dx[i] = dy[0];
}

const HedonOperation hedon_op_add = {
    .name = "add",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer,
    .flops = hedon_flops_elementwise,
    .backward = backward,
};
