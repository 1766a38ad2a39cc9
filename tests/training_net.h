/* Small training graphs, one kind of operation each, for the tests of gradients: every value that
 * has a gradient is a parameter, the loss is a sum of outputs times fixed numbers or one of
 * hedon's. */
#ifndef HEDON_TESTS_TRAINING_NET_H
#define HEDON_TESTS_TRAINING_NET_H

#include "kernels/graph/autodiff.h"
#include "tests/net.h"

static HedonValueId tensor5(HedonGraph *graph, const char *name, const int64_t dim[5])
{
    return hedon_graph_parameter(graph, name,
                                 &(HedonShape){5, {dim[0], dim[1], dim[2], dim[3], dim[4]}});
}

/* The net whose loss is the sum of y times an input called "seed". */
static Net finish_net(HedonGraph *graph, HedonValueId y)
{
    Net net = {.graph = graph};
    assert_int_equal(graph->error, 0);
    const HedonShape shape = graph->values[y].shape;
    const HedonValueId seed = hedon_graph_input(graph, "seed", &shape);
    hedon_graph_output(graph, "y", y);
    assert_int_equal(hedon_graph_backward(NULL, graph, &y, &seed, 1, NULL, NULL), 0);
    net_fill(&net);
    for (int64_t i = 0; i < hedon_shape_count(&shape); i++) {
        double *element = (double *)net.inputs[graph->values[seed].ordinal].data + i;
        *element = (float)(*element * 2 - 1);
    }
    return net;
}

static HedonGraph *training_graph(void)
{
    HedonGraph *graph = hedon_graph_new();
    assert_non_null(graph);
    graph->training = 1;
    return graph;
}

static const ConvCase gradient_conv_cases[] = {
    {{1, 1, 1, 1, 1}, 1, ONES, ONES, NONE, ONES, 1},
    {{2, 3, 3, 6, 5}, 4, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 17, 2, 9, 8}, 18, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{2, 16, 3, 8, 8}, 16, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{2, 20, 5, 3, 3}, 33, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{2, 18, 2, 3, 3}, 16, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 5, 5, 3, 4}, 7, {3, 1, 1}, {2, 1, 1}, {1, 0, 0}, ONES, 1},
    {{1, 3, 2, 13, 12}, 5, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, ONES, 1},
    {{2, 6, 3, 5, 7}, 9, ONES, {2, 2, 2}, NONE, ONES, 1},
    {{1, 4, 3, 7, 6}, 17, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, ONES, 1},
    {{1, 5, 3, 5, 6}, 6, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, ONES, 1},
    {{1, 4, 4, 6, 9}, 3, {2, 1, 5}, {1, 3, 4}, {1, 0, 2}, ONES, 1},
    {{1, 4, 4, 7, 7}, 6, {2, 3, 3}, {1, 2, 1}, {1, 2, 3}, {2, 2, 3}, 2},
    {{2, 6, 2, 5, 5}, 6, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 6},
};
enum { GRADIENT_CONV_CASES = sizeof(gradient_conv_cases) / sizeof(*gradient_conv_cases) };

static Net conv_case(int variant)
{
    HedonGraph *graph = training_graph();
    const ConvCase *c = &gradient_conv_cases[variant];
    const int64_t *k = c->kernel;
    HedonConvAttributes a = {.groups = c->groups};
    memcpy(a.stride, c->stride, sizeof(a.stride));
    memcpy(a.padding, c->padding, sizeof(a.padding));
    memcpy(a.dilation, c->dilation, sizeof(a.dilation));
    const HedonValueId x = tensor5(graph, "x", c->x);
    const HedonValueId w =
        tensor5(graph, "w", (int64_t[]){c->outputs, c->x[1] / c->groups, k[0], k[1], k[2]});
    const HedonValueId b = variant % 2 ? vector(graph, "b", c->outputs) : HEDON_NONE;
    return finish_net(graph, hedon_conv3d(graph, "conv", x, w, b, &a));
}

static const HedonShape element_shapes[] = {
    {5, {2, 19, 3, 4, 5}}, {5, {1, 1, 1, 2, 3}}, {5, {3, 16, 2, 1, 7}},
    {3, {2, 5, 7}},        {4, {1, 33, 2, 3}},   {5, {2, 40, 1, 3, 3}},
};
enum { ELEMENT_SHAPES = sizeof(element_shapes) / sizeof(*element_shapes) };

enum {
    NORM_TRAIN,
    NORM_TRAIN_RELU,
    NORM_TRAIN_ADD_RELU,
    NORM_RUNNING,
    NORM_RUNNING_RELU,
    RELU,
    ADD,
    TWICE,
    POOL,
    SCALE,
    DROPOUT,
    DROP_PATH,
    ELEMENT_KINDS
};

static HedonValueId running_norm(HedonGraph *graph, HedonValueId x, int64_t channels)
{
    const HedonValueId id[5] = {
        x, vector(graph, "bn.gamma", channels), vector(graph, "bn.beta", channels),
        vector(graph, "bn.mean", channels), vector(graph, "bn.var", channels)};
    return hedon_graph_node(graph, HEDON_OP_BATCH_NORM, "bn", id, 5,
                            &(HedonAttributes){.batch_norm = {.epsilon = 1e-5}});
}

static Net element_case(int variant)
{
    HedonGraph *graph = training_graph();
    const HedonShape *shape = &element_shapes[variant / ELEMENT_KINDS];
    const HedonValueId x = hedon_graph_parameter(graph, "x", shape);
    HedonValueId y = x;
    switch (variant % ELEMENT_KINDS) {
    case NORM_TRAIN:
        y = norm(graph, "bn", x, shape->dim[1]);
        break;
    case NORM_TRAIN_RELU:
        y = hedon_relu(graph, "relu", norm(graph, "bn", x, shape->dim[1]));
        break;
    case NORM_TRAIN_ADD_RELU:
        y = norm(graph, "bn", x, shape->dim[1]);
        y = hedon_add(graph, "add", hedon_graph_parameter(graph, "z", shape), y);
        y = hedon_relu(graph, "relu", y);
        break;
    case NORM_RUNNING:
        y = running_norm(graph, x, shape->dim[1]);
        break;
    case NORM_RUNNING_RELU:
        y = hedon_relu(graph, "relu", running_norm(graph, x, shape->dim[1]));
        break;
    case RELU:
        y = hedon_relu(graph, "relu", x);
        break;
    case ADD:
        y = hedon_add(graph, "add", x, hedon_graph_parameter(graph, "z", shape));
        break;
    case TWICE:
        y = hedon_add(graph, "add", hedon_relu(graph, "relu", x), x);
        break;
    case POOL:
        y = hedon_mean_pool(graph, "pool", x);
        break;
    case SCALE:
        y = hedon_scale(graph, "scale", x, -1.7);
        break;
    case DROPOUT:
        y = hedon_dropout(graph, "dropout", x, .3);
        break;
    case DROP_PATH:
        y = hedon_drop_path(graph, "path", x, .4);
        break;
    }
    return finish_net(graph, y);
}

static const int64_t linear_sizes[][3] = {{1, 1, 1}, {3, 17, 27}, {2, 51, 40}, {5, 16, 1}};
enum { LINEAR_CASES = 2 * sizeof(linear_sizes) / sizeof(*linear_sizes) };

static Net linear_case(int variant)
{
    HedonGraph *graph = training_graph();
    const int64_t *s = linear_sizes[variant / 2];
    const HedonValueId x = hedon_graph_parameter(graph, "x", &(HedonShape){2, {s[0], s[1]}});
    const HedonValueId w = hedon_graph_parameter(graph, "w", &(HedonShape){2, {s[2], s[1]}});
    const HedonValueId b = variant % 2 ? vector(graph, "b", s[2]) : HEDON_NONE;
    return finish_net(graph, hedon_linear(graph, "head", x, w, b));
}

/* ---- Losses --------------------------------------------------------------------------------- */

enum { LOSS_BCE, LOSS_CROSS_ENTROPY, LOSS_KL, LOSS_PAIRS, LOSS_PAIRS_TIES, LOSS_LISTS, LOSS_KINDS };

static HedonValueId loss_of(HedonGraph *graph, int kind, HedonValueId *logits, HedonValueId weights)
{
    if (kind <= LOSS_KL) {
        const HedonShape shape = {2, {4, 7}};
        *logits = hedon_graph_parameter(graph, "logits", &shape);
        const HedonValueId targets = hedon_graph_input(graph, "targets", &shape);
        if (kind == LOSS_BCE) return hedon_loss_bce(graph, "loss", *logits, targets, weights);
        return (kind == LOSS_KL ? hedon_loss_kl : hedon_loss_cross_entropy)(graph, "loss", *logits,
                                                                            targets, weights);
    }
    const int lists = kind == LOSS_LISTS;
    *logits = hedon_graph_parameter(graph, "logits", &(HedonShape){2, {lists ? 16 : 8, 1}});
    if (lists)
        return hedon_loss_plackett_luce(graph, "loss", *logits,
                                        hedon_graph_input(graph, "mask", &(HedonShape){2, {4, 4}}),
                                        weights);
    const HedonValueId ties = kind == LOSS_PAIRS_TIES
                                  ? hedon_graph_input(graph, "ties", &(HedonShape){1, {4}})
                                  : HEDON_NONE;
    return hedon_loss_bradley_terry(graph, "loss", *logits, ties, weights, ties < 0 ? 0 : .3);
}

static double *input_named(const Net *net, const char *name)
{
    for (int i = 0; i < net->graph->input_count; i++)
        if (!strcmp(net->graph->values[hedon_graph_input_value(net->graph, i)].name, name))
            return net->inputs[i].data;
    return NULL;
}

/* Odd variants weigh their samples, one of them away. */
static Net loss_case(int variant)
{
    Net net = {.graph = training_graph()};
    HedonGraph *graph = net.graph;
    HedonValueId logits;
    const HedonValueId weights =
        variant % 2 ? hedon_graph_input(graph, "weights", &(HedonShape){1, {4}}) : HEDON_NONE;
    const HedonValueId loss = loss_of(graph, variant / 2, &logits, weights);
    const HedonValueId seed = hedon_graph_sibling(graph, loss, 1);
    hedon_graph_output(graph, "y", loss);
    assert_int_equal(hedon_graph_backward(NULL, graph, &logits, &seed, 1, NULL, NULL), 0);
    net_fill(&net);
    double *x = net.parameters[0].data, *given;
    for (int64_t i = 0; i < hedon_shape_count(&net.parameters[0].shape); i++)
        x[i] = (float)(4 * x[i]);
    if ((given = input_named(&net, "weights"))) given[2] = 0;
    if ((given = input_named(&net, "mask"))) {
        for (int i = 0; i < 16; i++) given[i] = 1;
        given[5] = given[7] = given[13] = given[14] = given[15] = 0; /* 4, 2, 4 and 1 left */
    }
    if ((given = input_named(&net, "ties"))) memcpy(given, (double[]){1, 0, 0, .5}, 32);
    if (variant / 2 == LOSS_KL && (given = input_named(&net, "targets")))
        memset(given, 0, 7 * sizeof(double)); /* rated all zero: not counted */
    return net;
}

/* ---- A network ------------------------------------------------------------------------------ */

static HedonValueId factor(HedonGraph *graph, const char *name, HedonValueId x, int64_t outputs,
                           int64_t kt, int64_t k, int64_t stride, int relu)
{
    char full[64];
    snprintf(full, sizeof(full), "%s.weight", name);
    const HedonValueId w =
        tensor5(graph, full, (int64_t[]){outputs, graph->values[x].shape.dim[1], kt, k, k});
    const HedonConvAttributes a = {{kt > 1 ? stride : 1, kt > 1 ? 1 : stride, kt > 1 ? 1 : stride},
                                   {kt / 2, k / 2, k / 2},
                                   {1, 1, 1},
                                   1};
    x = norm(graph, name, hedon_conv3d(graph, name, x, w, HEDON_NONE, &a), outputs);
    return relu ? hedon_relu(graph, name, x) : x;
}

enum { FROZEN_STEM = 1, RECOMPUTED = 2, NETWORKS = 3 };

/* A narrow R(2+1)D of two blocks with two heads, dropout and drop path, on a joint loss. */
static Net network_case(int variant)
{
    Net net = {.graph = training_graph()};
    HedonGraph *graph = net.graph;
    graph->recompute = variant == RECOMPUTED;
    HedonValueId x = hedon_graph_input(graph, "clips", &(HedonShape){5, {4, 3, 5, 14, 12}});
    x = factor(graph, "stem.0", x, 9, 1, 7, 2, 1);
    x = factor(graph, "stem.3", x, 16, 3, 1, 1, 1);
    HedonValueId y = factor(graph, "one.0", x, 19, 1, 3, 1, 1);
    y = factor(graph, "one.3", y, 16, 3, 1, 1, 0);
    x = hedon_relu(graph, "one", hedon_add(graph, "one", hedon_drop_path(graph, "path", y, .3), x));
    y = factor(graph, "two.0", x, 23, 1, 3, 2, 1);
    y = factor(graph, "two.3", y, 20, 3, 1, 2, 0);
    HedonValueId shortcut = factor(graph, "two.space", x, 20, 1, 1, 2, 0);
    shortcut = factor(graph, "two.time", shortcut, 20, 3, 1, 2, 0);
    x = hedon_relu(graph, "two", hedon_add(graph, "two", y, shortcut));
    x = hedon_dropout(graph, "dropout", hedon_mean_pool(graph, "pool", x), .2);

    const HedonValueId targets = hedon_graph_input(graph, "targets", &(HedonShape){2, {4, 27}});
    HedonValueId head[2], seeds[2];
    head[0] = hedon_linear(
        graph, "head.emotions", x,
        hedon_graph_parameter(graph, "head.emotions.weight", &(HedonShape){2, {27, 20}}),
        vector(graph, "head.emotions.bias", 27));
    head[1] = hedon_linear(
        graph, "head.utility", x,
        hedon_graph_parameter(graph, "head.utility.weight", &(HedonShape){2, {1, 20}}), HEDON_NONE);
    const HedonValueId bce = hedon_loss_bce(graph, "bce", head[0], targets, HEDON_NONE);
    const HedonValueId pairs =
        hedon_loss_bradley_terry(graph, "pairs", head[1], HEDON_NONE, HEDON_NONE, 0);
    seeds[0] = hedon_scale(graph, "bce", hedon_graph_sibling(graph, bce, 1), 2);
    seeds[1] = hedon_graph_sibling(graph, pairs, 1);
    hedon_graph_output(graph, "loss",
                       hedon_add(graph, "joint", hedon_scale(graph, "bce", bce, 2), pairs));
    unsigned char frozen[MAX_PARAMETERS] = {0};
    for (int i = 0; i < graph->parameter_count; i++)
        frozen[i] = variant == FROZEN_STEM &&
                    !strncmp(graph->values[hedon_graph_parameter_value(graph, i)].name, "stem", 4);
    assert_int_equal(hedon_graph_backward(NULL, graph, head, seeds, 2, frozen, NULL), 0);
    net_fill(&net);
    return net;
}

/* ---- All of them ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    Net (*build)(int variant);
    int variants;
} training_cases[] = {
    {"convolution", conv_case, GRADIENT_CONV_CASES},
    {"element-wise", element_case, ELEMENT_SHAPES *ELEMENT_KINDS},
    {"linear", linear_case, LINEAR_CASES},
    {"loss", loss_case, 2 * LOSS_KINDS},
    {"network", network_case, NETWORKS},
};
enum { TRAINING_CASES = sizeof(training_cases) / sizeof(*training_cases) };

#endif
