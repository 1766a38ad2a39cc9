/* The losses: outputs are the mean loss {1} and its gradient by the first input. What they mean
 * stands with their builders in graph.h, their formulas in ref/losses.inc. */
#include <stdio.h>

#include "kernels/graph/ops.h"

/* `samples` weights, or none. */
static int check_vector(const HedonShape *vector, int64_t samples, const char *what, char *message,
                        size_t room)
{
    if (!vector || (vector->rank == 1 && vector->dim[0] == samples)) return 0;
    snprintf(message, room, "%s must have %lld elements", what, (long long)samples);
    return HEDON_EINVAL;
}

static void outputs_of(const HedonShape *logits, HedonShape *output)
{
    output[0] = (HedonShape){.rank = 1, .dim = {1}};
    output[1] = *logits;
}

static int infer_classes(const HedonShape *const *inputs, int count,
                         const HedonAttributes *attributes, HedonShape *output, char *message,
                         size_t room)
{
    (void)attributes;
    outputs_of(inputs[0], output);
    if (inputs[0]->rank == 2 && hedon_shape_equal(inputs[0], inputs[1]))
        return check_vector(count > 2 ? inputs[2] : NULL, inputs[0]->dim[0], "weights", message,
                            room);
    snprintf(message, room, "logits and targets must have one shape (N,C)");
    return HEDON_EINVAL;
}

static int infer_pairs(const HedonShape *const *inputs, int count,
                       const HedonAttributes *attributes, HedonShape *output, char *message,
                       size_t room)
{
    const HedonShape *u = inputs[0];
    outputs_of(u, output);
    if (u->rank != 2 || u->dim[1] != 1 || u->dim[0] % 2) {
        snprintf(message, room, "the utilities must be (2P,1), one for each of P pairs' sides");
        return HEDON_EINVAL;
    }
    if (!(attributes->bradley_terry.margin >= 0)) {
        snprintf(message, room, "the margin must not be negative");
        return HEDON_EINVAL;
    }
    const int err =
        check_vector(count > 1 ? inputs[1] : NULL, u->dim[0] / 2, "ties", message, room);
    return err ? err
               : check_vector(count > 2 ? inputs[2] : NULL, u->dim[0] / 2, "weights", message,
                              room);
}

static int infer_lists(const HedonShape *const *inputs, int count,
                       const HedonAttributes *attributes, HedonShape *output, char *message,
                       size_t room)
{
    (void)attributes;
    const HedonShape *u = inputs[0], *mask = inputs[1];
    outputs_of(u, output);
    if (u->rank == 2 && mask->rank == 2 && u->dim[1] == 1 &&
        u->dim[0] == mask->dim[0] * mask->dim[1])
        return check_vector(count > 2 ? inputs[2] : NULL, mask->dim[0], "weights", message, room);
    snprintf(message, room, "utilities (B L,1) and mask (B,L) do not fit each other");
    return HEDON_EINVAL;
}

static void describe_softmax(const HedonAttributes *attributes, char *text, size_t room)
{
    snprintf(text, room, "%s", attributes->softmax.divergence ? " divergence" : "");
}

static void describe_pairs(const HedonAttributes *attributes, char *text, size_t room)
{
    snprintf(text, room, " margin %g", attributes->bradley_terry.margin);
}

/* Next to nothing: an exponential or two for each logit. */
static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)output, (void)attributes;
    return (double)hedon_shape_count(inputs[0]);
}

const HedonOperation hedon_op_loss_bce = {
    .name = "loss_bce",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 2,
    .infer = infer_classes,
    .flops = flops,
};

const HedonOperation hedon_op_loss_softmax = {
    .name = "loss_softmax",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 2,
    .infer = infer_classes,
    .flops = flops,
    .describe = describe_softmax,
};

const HedonOperation hedon_op_loss_bradley_terry = {
    .name = "loss_bradley_terry",
    .min_inputs = 1,
    .max_inputs = 3,
    .outputs = 2,
    .infer = infer_pairs,
    .flops = flops,
    .describe = describe_pairs,
};

const HedonOperation hedon_op_loss_plackett_luce = {
    .name = "loss_plackett_luce",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 2,
    .infer = infer_lists,
    .flops = flops,
};
