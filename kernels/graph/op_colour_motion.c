/* colour_motion: low-level statistics of an RGB clip; see HedonColourMotionFeature. */
#include <stdio.h>

#include "kernels/graph/ops.h"

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes;
    if (inputs[0]->rank != 5 || inputs[0]->dim[1] != 3) {
        snprintf(message, room, "the input must be an RGB clip (N,3,T,H,W)");
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 2, .dim = {inputs[0]->dim[0], HEDON_COLOUR_MOTION_FEATURES}};
    return 0;
}

/* About 24 additions, multiplications and comparisons a pixel. */
static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)output, (void)attributes;
    return 8.0 * (double)hedon_shape_count(inputs[0]);
}

const HedonOperation hedon_op_colour_motion = {
    .name = "colour_motion",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer,
    .flops = flops,
};
