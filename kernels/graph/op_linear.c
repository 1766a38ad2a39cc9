/* linear: y[n,o] = b[o] + sum over i of x[n,i] w[o,i]. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)attributes;
    const HedonShape *x = inputs[0], *w = inputs[1], *b = count > 2 ? inputs[2] : NULL;
    if (x->rank != 2 || w->rank != 2 || x->dim[1] != w->dim[1]) {
        snprintf(message, room, "input (N,I) and weight (O,I) do not fit each other");
        return HEDON_EINVAL;
    }
    if (b && (b->rank != 1 || b->dim[0] != w->dim[0])) {
        snprintf(message, room, "the bias must have %lld elements", (long long)w->dim[0]);
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 2, .dim = {x->dim[0], w->dim[0]}};
    return 0;
}

static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)attributes;
    return 2.0 * (double)hedon_shape_count(output) * (double)inputs[0]->dim[1];
}

const HedonOperation hedon_op_linear = {
    .name = "linear",
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .flops = flops,
};
