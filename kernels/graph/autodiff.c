#include "kernels/graph/autodiff.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/graph/ops.h"

/* By value of the graph as it was before the pass. */
typedef struct Derivatives {
    HedonValueId *by;   /* the gradient so far; HEDON_NONE: none yet */
    char *needed;       /* a parameter that learns lies below */
    HedonValueId *anew; /* the value computed again, or HEDON_NONE; NULL: nothing is */
} Derivatives;

static void mark_needed(const HedonGraph *graph, const unsigned char *frozen, int values, int nodes,
                        char *needed)
{
    for (int i = 0; i < values; i++) {
        const HedonValue *value = &graph->values[i];
        needed[i] = value->kind == HEDON_VALUE_PARAMETER && !(frozen && frozen[value->ordinal]);
    }
    for (int i = 0; i < nodes; i++) {
        const HedonNode *node = &graph->nodes[i];
        char below = 0;
        for (int k = 0; k < node->input_count; k++)
            if (node->input[k] != HEDON_NONE) below |= needed[node->input[k]];
        for (int k = 0; k < node->output_count; k++) needed[node->output[k]] = below;
    }
}

/* A value that several nodes read has the sum of what comes from each. */
static void accumulate(HedonGraph *graph, Derivatives *d, HedonValueId value, HedonValueId gradient)
{
    if (gradient == HEDON_NONE) return;
    d->by[value] = d->by[value] == HEDON_NONE
                       ? gradient
                       : hedon_add(graph, graph->values[value].name, d->by[value], gradient);
}

/* The value, or for relu(batch_norm_train(x)) the same again from x and the statistics, which then
 * are all that is kept. */
static HedonValueId for_backward(HedonGraph *graph, Derivatives *d, HedonValueId value)
{
    if (value == HEDON_NONE || !d->anew || graph->error) return value;
    if (d->anew[value] != HEDON_NONE) return d->anew[value];
    const int32_t relu = graph->values[value].producer;
    if (relu < 0 || graph->nodes[relu].op != HEDON_OP_RELU) return value;
    const int32_t index = graph->values[graph->nodes[relu].input[0]].producer;
    if (index < 0 || graph->nodes[index].op != HEDON_OP_BATCH_NORM_TRAIN) return value;
    const HedonNode norm = graph->nodes[index]; /* a copy: the array grows */
    const HedonValueId inputs[] = {norm.input[0], norm.input[1], norm.input[2], norm.output[1],
                                   norm.output[2]};
    const HedonValueId y =
        hedon_graph_node(graph, HEDON_OP_BATCH_NORM, norm.name, inputs, 5, &norm.attributes);
    return d->anew[value] = hedon_relu(graph, norm.name, y);
}

static int differentiate(HedonContext *ctx, HedonGraph *graph, Derivatives *d, int index)
{
    const HedonNode node = graph->nodes[index]; /* a copy: the array grows */
    const HedonOperation *operation = hedon_operation(node.op);
    HedonValueId dy[HEDON_MAX_OUTPUTS], dx[HEDON_MAX_INPUTS];
    unsigned wanted = 0, known = 0;
    for (int k = 0; k < HEDON_MAX_OUTPUTS; k++) {
        dy[k] = k < node.output_count ? d->by[node.output[k]] : HEDON_NONE;
        known |= dy[k] != HEDON_NONE;
    }
    for (int k = 0; k < HEDON_MAX_INPUTS; k++) {
        dx[k] = HEDON_NONE;
        if (node.input[k] != HEDON_NONE && d->needed[node.input[k]]) wanted |= 1u << k;
    }
    if (!known || !wanted) return 0;
    if (!operation->backward)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "node %s: %s has no gradient", node.name,
                          operation->name);
    HedonNode source = node;
    for (int k = 0; k < node.input_count; k++)
        source.input[k] = for_backward(graph, d, node.input[k]);
    operation->backward(graph, &source, dy, wanted, dx);
    for (int k = 0; k < node.input_count; k++)
        if (wanted >> k & 1) accumulate(graph, d, node.input[k], dx[k]);
    return graph->error ? hedon_fail(ctx, graph->error, "%s", graph->message) : 0;
}

static int plant_seeds(HedonContext *ctx, HedonGraph *graph, Derivatives *d, int values_before,
                       const HedonValueId *values, const HedonValueId *seeds, int count)
{
    for (int i = 0; i < count; i++) {
        if (values[i] < 0 || values[i] >= values_before || seeds[i] < 0 ||
            seeds[i] >= values_before ||
            !hedon_shape_equal(&graph->values[values[i]].shape, &graph->values[seeds[i]].shape))
            return hedon_fail(ctx, HEDON_EINVAL, "seed %d is not of its value's shape", i);
        accumulate(graph, d, values[i], seeds[i]);
    }
    return 0;
}

static void register_gradients(HedonGraph *graph, const Derivatives *d, int values,
                               HedonValueId *gradients)
{
    for (int i = 0; i < values; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind != HEDON_VALUE_PARAMETER) continue;
        const HedonValueId gradient = d->needed[i] ? d->by[i] : HEDON_NONE;
        if (gradients) gradients[value->ordinal] = gradient;
        if (gradient != HEDON_NONE) hedon_graph_gradient(graph, i, gradient);
    }
}

int hedon_graph_backward(HedonContext *ctx, HedonGraph *graph, const HedonValueId *values,
                         const HedonValueId *seeds, int count, const unsigned char *frozen,
                         HedonValueId *gradients)
{
    if (graph->error) return hedon_fail(ctx, graph->error, "%s", graph->message);
    const int value_count = graph->value_count, node_count = graph->node_count;
    Derivatives d = {.by = hedon_malloc((size_t)value_count, sizeof(*d.by)),
                     .needed = hedon_calloc((size_t)value_count, 1)};
    if (graph->recompute) d.anew = hedon_malloc((size_t)value_count, sizeof(*d.anew));
    int err = d.by && d.needed && (d.anew || !graph->recompute) ? 0 : hedon_fail_memory(ctx);
    if (!err) {
        for (int i = 0; i < value_count; i++) d.by[i] = HEDON_NONE;
        for (int i = 0; d.anew && i < value_count; i++) d.anew[i] = HEDON_NONE;
        mark_needed(graph, frozen, value_count, node_count, d.needed);
        err = plant_seeds(ctx, graph, &d, value_count, values, seeds, count);
    }
    for (int i = node_count - 1; i >= 0 && !err; i--) err = differentiate(ctx, graph, &d, i);
    if (!err) {
        register_gradients(graph, &d, value_count, gradients);
        if (graph->error) err = hedon_fail(ctx, graph->error, "%s", graph->message);
    }
    hedon_free(d.by);
    hedon_free(d.needed);
    hedon_free(d.anew);
    return err;
}
