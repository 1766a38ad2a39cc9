/* batch_norm: y[n,c,...] = (x - mean[c]) / sqrt(var[c] + epsilon) * gamma[c] + beta[c].
 * batch_norm_train: the same with mean and (biased) variance of the batch, which it returns, too.
 *
 * Backwards, with s = 1 / sqrt(var + epsilon), h = (x - mean) s, and m values a channel:
 *   dbeta = sum of dy,  dgamma = sum of dy h,  dx = gamma s (dy - dbeta / m - h dgamma / m)
 * (Ioffe & Szegedy 2015, section 3); with constant statistics dx = gamma s dy. */
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

static int infer_train(const HedonShape *const *inputs, int count,
                       const HedonAttributes *attributes, HedonShape *output, char *message,
                       size_t room)
{
    const int err = infer(inputs, count, attributes, output, message, room);
    if (err) return err;
    output[1] = output[2] = (HedonShape){.rank = 1, .dim = {inputs[0]->dim[1]}};
    if (attributes->batch_norm.ranks > 1) return 0; /* the others have one at least */
    if (hedon_shape_count(inputs[0]) > inputs[0]->dim[1]) return 0;
    snprintf(message, room, "training needs more than one value a channel");
    return HEDON_EINVAL;
}

static int infer_backward(const HedonShape *const *inputs, int count,
                          const HedonAttributes *attributes, HedonShape *output, char *message,
                          size_t room)
{
    if (!hedon_shape_equal(inputs[0], inputs[1])) {
        snprintf(message, room, "the gradient has another shape than the input");
        return HEDON_EINVAL;
    }
    output[1] = output[2] = *inputs[2];
    return infer((const HedonShape *[]){inputs[0], inputs[2], inputs[3], inputs[4]}, count - 1,
                 attributes, output, message, room);
}

static void append_backward(HedonGraph *graph, const HedonNode *node, HedonValueId dy,
                            HedonValueId mean, HedonValueId var, int running, HedonValueId *dx)
{
    const HedonAttributes attributes = {
        .batch_norm = {.epsilon = node->attributes.batch_norm.epsilon, .running = running}};
    dx[0] = hedon_graph_node(graph, HEDON_OP_BATCH_NORM_BACKWARD, node->name,
                             (HedonValueId[]){node->input[0], dy, node->input[1], mean, var}, 5,
                             &attributes);
    dx[1] = hedon_graph_sibling(graph, dx[0], 1);
    dx[2] = hedon_graph_sibling(graph, dx[0], 2);
}

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    if (wanted & 7) append_backward(graph, node, dy[0], node->input[3], node->input[4], 1, dx);
}

/* Of y alone: mean and variance serve the running statistics. */
static void backward_train(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                           unsigned wanted, HedonValueId *dx)
{
    (void)wanted;
    if (dy[0] != HEDON_NONE)
        append_backward(graph, node, dy[0], node->output[1], node->output[2], 0, dx);
}

/* A sum of values and one of squares, then a scale and a shift. */
static double flops_train(const HedonShape *const *inputs, const HedonShape *output,
                          const HedonAttributes *attributes)
{
    (void)inputs, (void)attributes;
    return 5.0 * (double)hedon_shape_count(output);
}

const HedonOperation hedon_op_batch_norm = {
    .name = "batch_norm",
    .min_inputs = 5,
    .max_inputs = 5,
    .outputs = 1,
    .infer = infer,
    .flops = flops,
    .describe = describe,
    .backward = backward,
};

const HedonOperation hedon_op_batch_norm_train = {
    .name = "batch_norm_train",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 3,
    .infer = infer_train,
    .flops = flops_train,
    .describe = describe,
    .backward = backward_train,
};

const HedonOperation hedon_op_batch_norm_backward = {
    .name = "batch_norm_backward",
    .min_inputs = 5,
    .max_inputs = 5,
    .outputs = 3,
    .infer = infer_backward,
    .flops = flops_train,
    .describe = describe,
};
