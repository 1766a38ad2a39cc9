/* channel_sum: y[c] = sum over n and positions of x[n,c,...]; the gradient of a bias. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes;
    if (inputs[0]->rank < 2) {
        snprintf(message, room, "the input has no channel dimension");
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 1, .dim = {inputs[0]->dim[1]}};
    return 0;
}

static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)output, (void)attributes;
    return (double)hedon_shape_count(inputs[0]);
}

const HedonOperation hedon_op_channel_sum = {
    .name = "channel_sum",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer,
    .flops = flops,
};
