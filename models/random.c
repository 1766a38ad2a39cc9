/* Models with hash-made weights, for parity with PyTorch and for benchmarks: nothing to download,
 * the same bits everywhere (only + - * / and sqrt on doubles, rounded once). The twin is
 * tools/golden/weights.py; change both or neither.
 *
 * A weight is uniform of a variance that keeps activations near unit size: 1/fan_in, and twice that
 * below a ReLU (He et al. 2015). Batch norm's statistics differ visibly from channel to channel, so
 * that a wrong one shows. Where a residual branch ends, its scale and offset make up for the sum.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "models/model_private.h"

/* centre + uniform(-1,1) * width */
static void fill(HedonParameter *parameter, uint64_t seed, double centre, double width)
{
    const HedonRandomKey key = hedon_random_key_name(seed, parameter->name);
    float *values = parameter->values.data;
    const int64_t count = hedon_shape_count(&parameter->values.shape);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(centre + (2 * hedon_random_uniform(key, (uint64_t)i) - 1) * width);
}

static HedonParameter *parameter_of(HedonModel *model, const HedonGraph *graph, HedonValueId value)
{
    return &model->parameters[graph->values[value].ordinal];
}

static const HedonNode *producer(const HedonGraph *graph, HedonValueId value)
{
    const int32_t node = graph->values[value].producer;
    return node < 0 ? NULL : &graph->nodes[node];
}

static void fill_weight(HedonModel *model, const HedonGraph *graph, const HedonNode *node,
                        uint64_t seed)
{
    HedonParameter *weight = parameter_of(model, graph, node->input[1]);
    const HedonShape *shape = &weight->values.shape;
    const HedonNode *below = producer(graph, node->input[0]);
    const double fan_in = (double)(hedon_shape_count(shape) / shape->dim[0]);
    const double gain = below && below->op == HEDON_OP_RELU ? 2 : 1;
    fill(weight, seed, 0, sqrt(3 * gain / fan_in)); /* width of a uniform of variance gain/fan_in */
    if (node->input_count > 2) fill(parameter_of(model, graph, node->input[2]), seed, 0, 0.2);
}

/* The other addend of the sum that a batch norm's output goes into; NULL when it goes elsewhere. */
static const HedonNode *added_to(const HedonGraph *graph, const HedonNode *norm)
{
    for (int i = 0; i < graph->node_count; i++) {
        const HedonNode *node = &graph->nodes[i];
        if (node->op != HEDON_OP_ADD) continue;
        if (node->input[0] == norm->output[0]) return producer(graph, node->input[1]);
        if (node->input[1] == norm->output[0]) return producer(graph, node->input[0]);
    }
    return NULL;
}

static void fill_batch_norm(HedonModel *model, const HedonGraph *graph, const HedonNode *node,
                            uint64_t seed)
{
    double scale = 1, offset = 0;
    const HedonNode *other = added_to(graph, node);
    if (other && other->op == HEDON_OP_BATCH_NORM) scale = 0.7; /* two equal branches */
    if (other && other->op == HEDON_OP_RELU) { /* a positive shortcut: smaller and downwards */
        scale = 0.8;
        offset = -0.4;
    }
    fill(parameter_of(model, graph, node->input[1]), seed, scale, 0.2 * scale);
    fill(parameter_of(model, graph, node->input[2]), seed, offset, 0.2);
    fill(parameter_of(model, graph, node->input[3]), seed, 0, 0.2);
    fill(parameter_of(model, graph, node->input[4]), seed, 1, 0.3);
}

static void fill_all(HedonModel *model, const HedonGraph *graph, uint64_t seed)
{
    for (int i = 0; i < graph->node_count; i++) {
        const HedonNode *node = &graph->nodes[i];
        if (node->op == HEDON_OP_CONV || node->op == HEDON_OP_LINEAR)
            fill_weight(model, graph, node, seed);
        else if (node->op == HEDON_OP_BATCH_NORM)
            fill_batch_norm(model, graph, node, seed);
    }
}

int hedon_model_open_random(HedonContext *ctx, HedonModel **out, const char *architecture,
                            uint64_t seed, const char *heads)
{
    const int code = hedon_model_make(ctx, out, architecture, heads, fill_all, seed);
    if (code) return code;
    HedonModel *model = *out;
    snprintf(model->sha256, sizeof(model->sha256), "random weights, seed %llu",
             (unsigned long long)seed);
    model->info.trained_on = "nothing: random weights";
    model->info.caveat = "random weights: for tests and benchmarks";
    return 0;
}
