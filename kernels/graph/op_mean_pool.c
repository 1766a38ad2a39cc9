/* mean_pool: y[n,c] = mean of x[n,c,...]. */
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

const HedonOperation hedon_op_mean_pool = {
    .name = "mean_pool",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .flops = flops,
};
