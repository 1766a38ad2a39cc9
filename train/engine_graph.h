/* The graph of a training step: model, losses, gradients. */
#ifndef HEDON_TRAIN_ENGINE_GRAPH_H
#define HEDON_TRAIN_ENGINE_GRAPH_H

#include "models/trainable.h"
#include "train/config.h"
#include "train/groups.h"

/* Ordinals of inputs, indices of outputs; -1 where the task has none. */
typedef struct HedonTrainGraph {
    HedonGraph *graph;
    HedonGroup *groups; /* by ordinal of the parameters */
    int64_t clips;      /* N */
    int input_clips, input_targets, input_clip_weights, input_pair_weights, input_ties, input_mask;
    int output_emotions, output_utility, output_emotions_loss, output_utility_loss;
} HedonTrainGraph;

/** ranks: processes that share the batch; the graph is of this one's N. */
int hedon_train_graph_make(HedonContext *ctx, HedonTrainGraph *out, const HedonModel *model,
                           const HedonTrainConfig *config, int ranks);
void hedon_train_graph_free(HedonTrainGraph *graph);

#endif
