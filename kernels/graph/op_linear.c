/* linear: y[n,o] = b[o] + sum over i of x[n,i] w[o,i].
 *
 * dx[n,i] = sum over o of dy[n,o] w[o,i]   dw[o,i] = sum over n of dy[n,o] x[n,i]
 * db[o] = sum over n of dy[n,o], a channel_sum
 */
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

static void backward(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx)
{
    const HedonValueId x = node->input[0], w = node->input[1];
    if (wanted & 1)
        dx[0] = hedon_graph_node(graph, HEDON_OP_LINEAR_BACKWARD_DATA, node->name,
                                 (HedonValueId[]){dy[0], w}, 2, NULL);
    if (wanted & 2)
        dx[1] = hedon_graph_node(graph, HEDON_OP_LINEAR_BACKWARD_WEIGHTS, node->name,
                                 (HedonValueId[]){x, dy[0]}, 2, NULL);
    if (wanted & 4) dx[2] = hedon_graph_node(graph, HEDON_OP_CHANNEL_SUM, node->name, dy, 1, NULL);
}

static int infer_data(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                      HedonShape *output, char *message, size_t room)
{
    (void)count, (void)attributes;
    const HedonShape *dy = inputs[0], *w = inputs[1];
    if (dy->rank != 2 || w->rank != 2 || dy->dim[1] != w->dim[0]) {
        snprintf(message, room, "gradient (N,O) and weight (O,I) do not fit each other");
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 2, .dim = {dy->dim[0], w->dim[1]}};
    return 0;
}

static int infer_weights(const HedonShape *const *inputs, int count,
                         const HedonAttributes *attributes, HedonShape *output, char *message,
                         size_t room)
{
    (void)count, (void)attributes;
    const HedonShape *x = inputs[0], *dy = inputs[1];
    if (x->rank != 2 || dy->rank != 2 || dy->dim[0] != x->dim[0]) {
        snprintf(message, room, "input (N,I) and gradient (N,O) do not fit each other");
        return HEDON_EINVAL;
    }
    *output = (HedonShape){.rank = 2, .dim = {dy->dim[1], x->dim[1]}};
    return 0;
}

/* Of either: a multiply and an add for each of N O I. */
static double flops_backward(const HedonShape *const *inputs, const HedonShape *output,
                             const HedonAttributes *attributes)
{
    (void)output, (void)attributes;
    return 2.0 * (double)hedon_shape_count(inputs[0]) * (double)inputs[1]->dim[1];
}

const HedonOperation hedon_op_linear = {
    .name = "linear",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .infer = infer,
    .flops = flops,
    .backward = backward,
};

const HedonOperation hedon_op_linear_backward_data = {
    .name = "linear_backward_data",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer_data,
    .flops = flops_backward,
};

const HedonOperation hedon_op_linear_backward_weights = {
    .name = "linear_backward_weights",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer_weights,
    .flops = flops_backward,
};
