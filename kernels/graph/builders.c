/* Short forms of hedon_graph_node, as models are written with. */
#include "kernels/graph/graph.h"

HedonValueId hedon_conv3d(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId w,
                          HedonValueId b, const HedonConvAttributes *attributes)
{
    return hedon_graph_node(graph, HEDON_OP_CONV, name, (HedonValueId[]){x, w, b}, 3,
                            &(HedonAttributes){.conv = *attributes});
}

/* torch.nn.BatchNorm3d's default */
static const double running_rate = 0.1;

static HedonValueId batch_norm_train(HedonGraph *graph, const char *name, HedonValueId x,
                                     HedonValueId gamma, HedonValueId beta, HedonValueId mean,
                                     HedonValueId var, double epsilon)
{
    const HedonAttributes attributes = {.batch_norm = {.epsilon = epsilon, .ranks = graph->ranks}};
    const HedonValueId y =
        hedon_graph_node(graph, HEDON_OP_BATCH_NORM_TRAIN, name, (HedonValueId[]){x, gamma, beta},
                         3, &attributes);
    if (y == HEDON_NONE) return y;
    const HedonShape *shape = &graph->values[x].shape;
    const double ranks = graph->ranks > 1 ? graph->ranks : 1;
    const double count = ranks * (double)(hedon_shape_count(shape) / shape->dim[1]);
    hedon_graph_update(graph, mean, hedon_graph_sibling(graph, y, 1), running_rate, 1);
    hedon_graph_update(graph, var, hedon_graph_sibling(graph, y, 2), running_rate,
                       count / (count - 1));
    return y;
}

HedonValueId hedon_batch_norm(HedonGraph *graph, const char *name, HedonValueId x,
                              HedonValueId gamma, HedonValueId beta, HedonValueId mean,
                              HedonValueId var, double epsilon)
{
    if (graph->training) return batch_norm_train(graph, name, x, gamma, beta, mean, var, epsilon);
    return hedon_graph_node(graph, HEDON_OP_BATCH_NORM, name,
                            (HedonValueId[]){x, gamma, beta, mean, var}, 5,
                            &(HedonAttributes){.batch_norm = {.epsilon = epsilon}});
}

HedonValueId hedon_relu(HedonGraph *graph, const char *name, HedonValueId x)
{
    return hedon_graph_node(graph, HEDON_OP_RELU, name, &x, 1, NULL);
}

HedonValueId hedon_add(HedonGraph *graph, const char *name, HedonValueId a, HedonValueId b)
{
    return hedon_graph_node(graph, HEDON_OP_ADD, name, (HedonValueId[]){a, b}, 2, NULL);
}

HedonValueId hedon_mean_pool(HedonGraph *graph, const char *name, HedonValueId x)
{
    return hedon_graph_node(graph, HEDON_OP_MEAN_POOL, name, &x, 1, NULL);
}

HedonValueId hedon_linear(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId w,
                          HedonValueId b)
{
    return hedon_graph_node(graph, HEDON_OP_LINEAR, name, (HedonValueId[]){x, w, b}, 3, NULL);
}

HedonValueId hedon_scale(HedonGraph *graph, const char *name, HedonValueId x, double factor)
{
    return hedon_graph_node(graph, HEDON_OP_SCALE, name, &x, 1,
                            &(HedonAttributes){.factor = factor});
}

static HedonValueId drop(HedonGraph *graph, HedonOpKind op, const char *name, HedonValueId x,
                         double rate)
{
    if (!graph->training || rate == 0) return x;
    const HedonAttributes attributes = {
        .dropout = {.rate = rate, .number = (uint64_t)graph->node_count}};
    return hedon_graph_node(graph, op, name, &x, 1, &attributes);
}

HedonValueId hedon_dropout(HedonGraph *graph, const char *name, HedonValueId x, double rate)
{
    return drop(graph, HEDON_OP_DROPOUT, name, x, rate);
}

HedonValueId hedon_drop_path(HedonGraph *graph, const char *name, HedonValueId x, double rate)
{
    return drop(graph, HEDON_OP_DROP_PATH, name, x, rate);
}

/* ---- Losses --------------------------------------------------------------------------------- */

HedonValueId hedon_loss_bce(HedonGraph *graph, const char *name, HedonValueId logits,
                            HedonValueId targets, HedonValueId weights)
{
    return hedon_graph_node(graph, HEDON_OP_LOSS_BCE, name,
                            (HedonValueId[]){logits, targets, weights}, 3, NULL);
}

HedonValueId hedon_loss_cross_entropy(HedonGraph *graph, const char *name, HedonValueId logits,
                                      HedonValueId intensities, HedonValueId weights)
{
    return hedon_graph_node(graph, HEDON_OP_LOSS_SOFTMAX, name,
                            (HedonValueId[]){logits, intensities, weights}, 3, NULL);
}

HedonValueId hedon_loss_kl(HedonGraph *graph, const char *name, HedonValueId logits,
                           HedonValueId intensities, HedonValueId weights)
{
    return hedon_graph_node(graph, HEDON_OP_LOSS_SOFTMAX, name,
                            (HedonValueId[]){logits, intensities, weights}, 3,
                            &(HedonAttributes){.softmax = {.divergence = 1}});
}

HedonValueId hedon_loss_bradley_terry(HedonGraph *graph, const char *name, HedonValueId utilities,
                                      HedonValueId ties, HedonValueId weights, double margin)
{
    return hedon_graph_node(graph, HEDON_OP_LOSS_BRADLEY_TERRY, name,
                            (HedonValueId[]){utilities, ties, weights}, 3,
                            &(HedonAttributes){.bradley_terry = {.margin = margin}});
}

HedonValueId hedon_loss_plackett_luce(HedonGraph *graph, const char *name, HedonValueId utilities,
                                      HedonValueId mask, HedonValueId weights)
{
    return hedon_graph_node(graph, HEDON_OP_LOSS_PLACKETT_LUCE, name,
                            (HedonValueId[]){utilities, mask, weights}, 3, NULL);
}
