/* add: y = a + b, of one shape; no broadcasting. */
#include <stdio.h>
#include <string.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes;
    const HedonShape *a = inputs[0], *b = inputs[1];
    if (a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0]))) {
        snprintf(message, room, "the two inputs differ in shape");
        return HEDON_EINVAL;
    }
    *output = *a;
    return 0;
}

static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)inputs, (void)attributes;
    return (double)hedon_shape_count(output);
}

const HedonOperation hedon_op_add = {
    .name = "add",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .flops = flops,
};
