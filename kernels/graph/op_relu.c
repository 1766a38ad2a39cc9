/* relu: y = max(x, 0); a NaN stays a NaN. */
#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes, (void)message, (void)room;
    *output = *inputs[0];
    return 0;
}

static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)inputs, (void)attributes;
    return (double)hedon_shape_count(output);
}

const HedonOperation hedon_op_relu = {
    .name = "relu",
    .min_inputs = 1,
    .max_inputs = 1,
    .infer = infer,
    .flops = flops,
};
