/* conv3d: y[n,o,t,h,w] = b[o] + sum over c,i,j,k of x[n, g C/G + c, t st - pt + i dt, ...]
 * w[o,c,i,j,k], g = o / (O/G) the group, zero outside of x.
 *
 * Backwards, by its input (dx: every y that x went into, times the weight that it was multiplied
 * by) and by its weights (dw: every y times the x that the weight was multiplied by). */
#include <stdio.h>
#include <string.h>

#include "kernels/graph/ops.h"

static const char axis_name[3][8] = {"time", "height", "width"};

/* The output's extent along one axis, or -1. */
static int64_t extent(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation)
{
    int64_t reach, padded;
    if (__builtin_mul_overflow(kernel - 1, dilation, &reach) ||
        __builtin_mul_overflow(padding, 2, &padded) || __builtin_add_overflow(padded, in, &padded))
        return -1;
    return padded <= reach ? -1 : (padded - reach - 1) / stride + 1;
}

static int infer(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room)
{
    const HedonShape *x = inputs[0], *w = inputs[1], *b = count > 2 ? inputs[2] : NULL;
    const HedonConvAttributes *a = &attributes->conv;
    if (x->rank != 5 || w->rank != 5) {
        snprintf(message, room, "input and weight must have 5 dimensions, not %d and %d", x->rank,
                 w->rank);
        return HEDON_EINVAL;
    }
    const int64_t channels = x->dim[1], out = w->dim[0];
    if (a->groups < 1 || channels % a->groups || out % a->groups ||
        w->dim[1] != channels / a->groups) {
        snprintf(message, room,
                 "%lld channels in %lld groups do not fit a weight of %lld outputs and %lld inputs",
                 (long long)channels, (long long)a->groups, (long long)out, (long long)w->dim[1]);
        return HEDON_EINVAL;
    }
    if (b && (b->rank != 1 || b->dim[0] != out)) {
        snprintf(message, room, "the bias must have %lld elements", (long long)out);
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 5, .dim = {x->dim[0], out}};
    for (int i = 0; i < 3; i++) {
        if (a->stride[i] < 1 || a->dilation[i] < 1 || a->padding[i] < 0) {
            snprintf(message, room,
                     "stride and dilation of %s must be positive, padding not negative",
                     axis_name[i]);
            return HEDON_EINVAL;
        }
        output->dim[2 + i] =
            extent(x->dim[2 + i], w->dim[2 + i], a->stride[i], a->padding[i], a->dilation[i]);
        if (output->dim[2 + i] < 1) {
            snprintf(message, room, "a kernel of %lld does not fit a %s of %lld with padding %lld",
                     (long long)w->dim[2 + i], axis_name[i], (long long)x->dim[2 + i],
                     (long long)a->padding[i]);
            return HEDON_EINVAL;
        }
    }
    return 0;
}

/* A multiply and an add for each weight of each output, padding included, as everybody counts. */
static double flops(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes)
{
    (void)attributes;
    const HedonShape *w = inputs[1];
    return 2.0 * (double)hedon_shape_count(output) * (double)hedon_shape_count(w) /
           (double)w->dim[0];
}

static void describe(const HedonAttributes *attributes, char *text, size_t room)
{
    const HedonConvAttributes *a = &attributes->conv;
    const struct {
        const char *name;
        const int64_t *value;
        int64_t usual;
    } triples[] = {
        {"stride", a->stride, 1}, {"padding", a->padding, 0}, {"dilation", a->dilation, 1}};
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < 3; i++) {
        const int64_t *v = triples[i].value;
        if (v[0] == triples[i].usual && v[1] == v[0] && v[2] == v[0]) continue;
        used +=
            (size_t)snprintf(text + used, used < room ? room - used : 0, " %s %lld,%lld,%lld",
                             triples[i].name, (long long)v[0], (long long)v[1], (long long)v[2]);
        if (used >= room) return;
    }
    if (a->groups != 1) snprintf(text + used, room - used, " groups %lld", (long long)a->groups);
}

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    const HedonValueId x = node->input[0], w = node->input[1];
    HedonAttributes attributes = {.conv_backward = {.conv = node->attributes.conv}};
    int64_t *extent = attributes.conv_backward.extent;
    if (wanted & 1) {
        memcpy(extent, graph->values[x].shape.dim + 2, 3 * sizeof(*extent));
        dx[0] = hedon_graph_node(graph, HEDON_OP_CONV_BACKWARD_DATA, node->name,
                                 (HedonValueId[]){dy[0], w}, 2, &attributes);
    }
    if (wanted & 2) {
        memcpy(extent, graph->values[w].shape.dim + 2, 3 * sizeof(*extent));
        dx[1] = hedon_graph_node(graph, HEDON_OP_CONV_BACKWARD_WEIGHTS, node->name,
                                 (HedonValueId[]){x, dy[0]}, 2, &attributes);
    }
    if (wanted & 4) dx[2] = hedon_graph_node(graph, HEDON_OP_CHANNEL_SUM, node->name, dy, 1, NULL);
}

/* Whether the forward convolution of x and w would give y's shape. */
static int gives(const HedonShape *x, const HedonShape *w, const HedonConvAttributes *conv,
                 const HedonShape *y, char *message, size_t room)
{
    HedonShape forward;
    const int err = infer((const HedonShape *[]){x, w}, 2, &(HedonAttributes){.conv = *conv},
                          &forward, message, room);
    if (err || hedon_shape_equal(&forward, y)) return err;
    snprintf(message, room, "the gradient has another shape than the convolution's output");
    return HEDON_EINVAL;
}

static int infer_data(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                      HedonShape *output, char *message, size_t room)
{
    (void)count;
    const HedonShape *dy = inputs[0], *w = inputs[1];
    const HedonConvAttributes *a = &attributes->conv_backward.conv;
    const int64_t *extent = attributes->conv_backward.extent;
    *output = (HedonShape){
        .rank = 5, .dim = {dy->dim[0], w->dim[1] * a->groups, extent[0], extent[1], extent[2]}};
    return gives(output, w, a, dy, message, room);
}

static int infer_weights(const HedonShape *const *inputs, int count,
                         const HedonAttributes *attributes, HedonShape *output, char *message,
                         size_t room)
{
    (void)count;
    const HedonShape *x = inputs[0], *dy = inputs[1];
    const HedonConvAttributes *a = &attributes->conv_backward.conv;
    const int64_t *extent = attributes->conv_backward.extent;
    if (a->groups < 1) {
        snprintf(message, room, "groups must be positive");
        return HEDON_EINVAL;
    }
    *output = (HedonShape){
        .rank = 5, .dim = {dy->dim[1], x->dim[1] / a->groups, extent[0], extent[1], extent[2]}};
    return gives(x, output, a, dy, message, room);
}

static double flops_data(const HedonShape *const *inputs, const HedonShape *output,
                         const HedonAttributes *attributes)
{
    (void)output;
    return flops(inputs, inputs[0], attributes);
}

static double flops_weights(const HedonShape *const *inputs, const HedonShape *output,
                            const HedonAttributes *attributes)
{
    return flops((const HedonShape *[]){inputs[0], output}, inputs[1], attributes);
}

const HedonOperation hedon_op_conv = {
    .name = "conv3d",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .infer = infer,
    .flops = flops,
    .describe = describe,
    .backward = backward,
};

const HedonOperation hedon_op_conv_backward_data = {
    .name = "conv3d_backward_data",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer_data,
    .flops = flops_data,
    .describe = describe,
};

const HedonOperation hedon_op_conv_backward_weights = {
    .name = "conv3d_backward_weights",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer_weights,
    .flops = flops_weights,
    .describe = describe,
};
