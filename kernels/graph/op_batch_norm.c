/* batch_norm: y[n,c,...] = (x - mean[c]) / sqrt(var[c] + epsilon) * gamma[c] + beta[c]. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    if (inputs[0]->rank < 2) {
        snprintf(message, room, "the input has no channel dimension");
        return HEDON_EINVAL;
    }
    for (int i = 1; i < count; i++)
        if (inputs[i]->rank != 1 || inputs[i]->dim[0] != inputs[0]->dim[1]) {
            snprintf(message, room, "gamma, beta, mean and variance must have %lld elements",
                     (long long)inputs[0]->dim[1]);
            return HEDON_EINVAL;
        }
    if (!(attributes->batch_norm.epsilon >= 0)) {
        snprintf(message, room, "epsilon must not be negative");
        return HEDON_EINVAL;
    }
    *output = *inputs[0];
    return 0;
}

/* As the scale and shift that running statistics amount to. */
static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)inputs, (void)attributes;
    return 2.0 * (double)hedon_shape_count(output);
}

static void describe(const HedonAttributes *attributes, char *text, size_t room)
{
    snprintf(text, room, " epsilon %g", attributes->batch_norm.epsilon);
}

const HedonOperation hedon_op_batch_norm = {
    .name = "batch_norm",
    .min_inputs = 5,
    .max_inputs = 5,
    .infer = infer,
    .flops = flops,
    .describe = describe,
};
