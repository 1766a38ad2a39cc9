/* Parameters in groups for the optimiser: how far down a parameter is, whether weights decay,
 * whether it is frozen. By PyTorch's names. */
#ifndef HEDON_TRAIN_GROUPS_H
#define HEDON_TRAIN_GROUPS_H

#include "kernels/graph/graph.h"

/**
 * The layer of a parameter, counted from the input.
 *
 * Transformers (BEiT's and VideoMAE's get_num_layer_for_vit): patch_embed, pos_embed and the tokens
 * 0, blocks.I.* I + 1, everything else (fc_norm, heads) blocks + 1. Video ResNets, which the paper
 * has no rule for, by stage: stem 0, layerN.* N, heads 5: a stage's blocks do one job at one scale,
 * and with two blocks a stage a finer rule would halve the stem's rate again.
 *
 * @param last  hedon_group_last_layer's
 */
int hedon_group_layer(const char *name, int last);
/** The heads' layer: 1 + the largest number after "blocks." (plus one) or "layer" among the graph's
 *  parameters. */
int hedon_group_last_layer(const HedonGraph *graph);

typedef struct HedonGroup {
    double rate_scale; /* times the schedule's rate; 0: frozen */
    double weight_decay;
} HedonGroup;

typedef struct HedonGroupRule {
    double layer_decay;  /* rate_scale is this to the power of (last - layer); 1: none */
    double weight_decay; /* of tensors of two dimensions and more; biases and norms have none */
    int decay_all;       /* of every tensor, as plain torch.optim does */
    const char *freeze;  /* prefixes of names, separated by commas; NULL: none */
} HedonGroupRule;

/** The group of each parameter, by ordinal; groups has room for graph->parameter_count.
 *  HEDON_EINVAL for a prefix that no parameter has. */
int hedon_groups_make(HedonContext *ctx, const HedonGraph *graph, const HedonGroupRule *rule,
                      HedonGroup *groups);

#endif
