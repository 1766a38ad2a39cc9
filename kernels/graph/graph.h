/* A model as a static graph of operations over values. Built once by models/, read by backends.
 *
 * A value is a graph input, a parameter, or an operation's output. Shapes are complete when the node
 * is added: the batch size is part of the graph. Clips are (N,C,T,H,W); every layout is logical, a
 * backend stores values as it likes. Builders return HEDON_NONE after an error and accept HEDON_NONE,
 * so that a model is written without a check on every line; hedon_graph_finish reports the first error.
 *
 * For training: set graph->training before the model is built (batch norm then uses the batch's
 * statistics, dropout is there), add losses, then hedon_graph_backward (autodiff.h) appends the nodes
 * that compute the parameters' gradients.
 */
#ifndef HEDON_KERNELS_GRAPH_GRAPH_H
#define HEDON_KERNELS_GRAPH_GRAPH_H

#include "base/arena.h"
#include "hedon.h"

typedef int32_t HedonValueId;
enum { HEDON_NONE = -1, HEDON_MAX_INPUTS = 6, HEDON_MAX_OUTPUTS = 3 };

typedef enum HedonOpKind {
    HEDON_OP_CONV,          /* x w [b]: 3-D convolution of (N,C,T,H,W) with (O,C/groups,KT,KH,KW) */
    HEDON_OP_BATCH_NORM,    /* x gamma beta mean var: per channel, running statistics */
    HEDON_OP_RELU,          /* x */
    HEDON_OP_ADD,           /* a b: same shape */
    HEDON_OP_MEAN_POOL,     /* x (N,C,...): mean over all but the first two -> (N,C) */
    HEDON_OP_LINEAR,        /* x (N,I) w (O,I) [b (O)] -> (N,O) */
    HEDON_OP_COLOUR_MOTION, /* x (N,3,T,H,W) RGB 0..1 -> (N,HEDON_COLOUR_MOTION_FEATURES) */
    HEDON_OP_SCALE,         /* x: times a constant */
    HEDON_OP_DROPOUT,       /* x: elements zeroed with probability `rate`, the rest / (1 - rate) */
    HEDON_OP_DROP_PATH,     /* x (N,...): the same for whole samples */
    /* x gamma beta -> y, mean, variance (biased) of the batch, by channel */
    HEDON_OP_BATCH_NORM_TRAIN,

    /* Losses: -> the mean loss {1}, and its gradient by the first input. */
    HEDON_OP_LOSS_BCE,            /* logits (N,C) targets (N,C) [weights (N)] */
    HEDON_OP_LOSS_SOFTMAX,        /* logits (N,C) intensities (N,C) [weights (N)] */
    HEDON_OP_LOSS_BRADLEY_TERRY,  /* utilities (2P,1) [ties (P)] [weights (P)] */
    HEDON_OP_LOSS_PLACKETT_LUCE,  /* utilities (BL,1) mask (B,L) [weights (B)] */

    /* Of autodiff: d stands for the loss's derivative by a value. */
    HEDON_OP_CONV_BACKWARD_DATA,    /* dy w -> dx */
    HEDON_OP_CONV_BACKWARD_WEIGHTS, /* x dy -> dw */
    HEDON_OP_CHANNEL_SUM,           /* dy (N,C,...) -> (C): of biases */
    HEDON_OP_BATCH_NORM_BACKWARD,   /* x dy gamma mean variance -> dx dgamma dbeta */
    HEDON_OP_RELU_BACKWARD,         /* y dy -> dx */
    HEDON_OP_MEAN_POOL_BACKWARD,    /* dy (N,C) -> dx */
    HEDON_OP_LINEAR_BACKWARD_DATA,  /* dy (N,O) w (O,I) -> dx (N,I) */
    HEDON_OP_LINEAR_BACKWARD_WEIGHTS, /* x (N,I) dy (N,O) -> dw (O,I) */
    HEDON_OPS
} HedonOpKind;

typedef struct HedonConvAttributes {
    int64_t stride[3], padding[3], dilation[3]; /* T, H, W */
    int64_t groups;
} HedonConvAttributes;

typedef union HedonAttributes {
    HedonConvAttributes conv;
    struct {
        HedonConvAttributes conv; /* of the forward convolution */
        int64_t extent[3];        /* T, H, W of dx; KT, KH, KW of dw */
    } conv_backward;
    struct {
        double epsilon;
        int running; /* of backward: mean and variance are constants, not the batch's */
        int ranks;   /* of batch_norm_train: the graph's */
    } batch_norm;
    struct {
        double rate;
        uint64_t number; /* the mask is a function of the execution's key and of this */
    } dropout;
    struct {
        int divergence; /* KL divergence instead of cross-entropy */
    } softmax;
    struct {
        double margin;
    } bradley_terry;
    double factor;    /* scale */
    HedonShape shape; /* mean_pool_backward: of dx */
} HedonAttributes;

typedef enum HedonValueKind { HEDON_VALUE_INPUT, HEDON_VALUE_PARAMETER, HEDON_VALUE_NODE } HedonValueKind;

typedef struct HedonValue {
    HedonValueKind kind;
    const char *name; /* of inputs and parameters, as model files name them; of the node otherwise */
    HedonShape shape;
    int32_t producer; /* node index, or -1 */
    int32_t ordinal;  /* among inputs or parameters, in order of creation */
} HedonValue;

typedef struct HedonNode {
    HedonOpKind op;
    const char *name; /* "layer1.0.conv1.0.0": as in the framework the architecture is from */
    HedonValueId input[HEDON_MAX_INPUTS];
    HedonValueId output[HEDON_MAX_OUTPUTS];
    int input_count, output_count;
    HedonAttributes attributes;
} HedonNode;

typedef struct HedonGraphOutput {
    const char *name;
    HedonValueId value;
} HedonGraphOutput;

/* After an execution: parameter = (1 - rate) parameter + rate scale value. */
typedef struct HedonGraphUpdate {
    HedonValueId parameter, value;
    double rate, scale;
} HedonGraphUpdate;

typedef struct HedonGraphGradient {
    HedonValueId parameter, value;
} HedonGraphGradient;

/* Read-only outside kernels/graph, but for `training`, `recompute`, `ranks` and `drop_path`. Nodes are in
 * execution order. */
typedef struct HedonGraph {
    HedonArena arena;
    HedonValue *values;
    HedonNode *nodes;
    HedonGraphOutput *outputs;
    HedonGraphUpdate *updates;
    HedonGraphGradient *gradients; /* one a parameter at most */
    int value_count, node_count, output_count, input_count, parameter_count;
    int update_count, gradient_count;
    int value_room, node_room, output_room, update_room, gradient_room;
    int training;  /* set it before building: see the short forms */
    int recompute; /* set it before hedon_graph_backward, which then has what is cheap (relu of
                    * batch_norm_train) computed anew where it needs it, instead of kept in memory */
    int ranks; /* set it before building: processes that each have such a batch and train as one with
                * all of it: batch norm's statistics and the losses' means are over the batches of all;
                * gradients of parameters are each rank's part of a sum. 0 is as 1 */
    double drop_path; /* set it before building: of a backbone's last residual branch, from 0 at its
                       * first, linear over depth */
    int error; /* first failure, with its sentence */
    char message[256];
} HedonGraph;

/** NULL when memory is out. */
HedonGraph *hedon_graph_new(void);
void hedon_graph_free(HedonGraph *graph);

HedonValueId hedon_graph_input(HedonGraph *graph, const char *name, const HedonShape *shape);
HedonValueId hedon_graph_parameter(HedonGraph *graph, const char *name, const HedonShape *shape);
/** Add a node; its outputs' shapes are inferred. inputs may end in HEDON_NONE for optional ones.
 *  Returns its first output; hedon_graph_sibling gives the others. */
HedonValueId hedon_graph_node(HedonGraph *graph, HedonOpKind op, const char *name,
                              const HedonValueId *inputs, int input_count,
                              const HedonAttributes *attributes);
/** Output number k of the node whose first output is `first`. */
HedonValueId hedon_graph_sibling(const HedonGraph *graph, HedonValueId first, int k);
void hedon_graph_output(HedonGraph *graph, const char *name, HedonValueId value);
/** After each execution: parameter = (1 - rate) parameter + rate scale value, of one shape. */
void hedon_graph_update(HedonGraph *graph, HedonValueId parameter, HedonValueId value, double rate,
                        double scale);
/** `value`, of its shape, is the gradient of a parameter: an execution leaves it in the state. */
void hedon_graph_gradient(HedonGraph *graph, HedonValueId parameter, HedonValueId value);
/** Whether parameters change between executions, so that nothing derived from them may be kept. */
int hedon_graph_is_trained(const HedonGraph *graph);
/** 0, or the first error with its sentence ("node layer1.0: ..."). */
int hedon_graph_finish(HedonContext *ctx, HedonGraph *graph);

/** Index of a parameter's or output's ordinal; -1 when unknown. */
int hedon_graph_find_output(const HedonGraph *graph, const char *name);
HedonValueId hedon_graph_find_parameter(const HedonGraph *graph, const char *name);
/** The value id of parameter or input number `ordinal`. */
HedonValueId hedon_graph_parameter_value(const HedonGraph *graph, int ordinal);
HedonValueId hedon_graph_input_value(const HedonGraph *graph, int ordinal);

/** Multiply and add operations of a node, counted apart, as direct arithmetic. */
double hedon_node_flops(const HedonGraph *graph, const HedonNode *node);
/** The graph as text, a node a line; free() it. NULL when memory is out. */
char *hedon_graph_text(const HedonGraph *graph);

/* Short forms for builders in models/. */
HedonValueId hedon_conv3d(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId w,
                          HedonValueId b, const HedonConvAttributes *attributes);
/** On a graph for training: with the batch's statistics, and mean and var updated at torch's
 *  momentum of .1 (the variance unbiased). HEDON_EINVAL for one value a channel then, as in torch. */
HedonValueId hedon_batch_norm(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId gamma,
                              HedonValueId beta, HedonValueId mean, HedonValueId var, double epsilon);
HedonValueId hedon_relu(HedonGraph *graph, const char *name, HedonValueId x);
HedonValueId hedon_add(HedonGraph *graph, const char *name, HedonValueId a, HedonValueId b);
HedonValueId hedon_mean_pool(HedonGraph *graph, const char *name, HedonValueId x);
HedonValueId hedon_linear(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId w,
                          HedonValueId b);
HedonValueId hedon_scale(HedonGraph *graph, const char *name, HedonValueId x, double factor);
/** Elements (dropout) or whole samples (drop path: stochastic depth, Huang et al. 2016) are zeroed
 *  with probability rate, 0..1, and the rest divided by 1 - rate. On a graph that is not for training,
 *  or at rate 0: x itself. */
HedonValueId hedon_dropout(HedonGraph *graph, const char *name, HedonValueId x, double rate);
HedonValueId hedon_drop_path(HedonGraph *graph, const char *name, HedonValueId x, double rate);

/* Losses. Each returns the loss, a mean over samples, of shape {1}; hedon_graph_sibling(graph, loss, 1)
 * is its gradient by the logits: the seed for hedon_graph_backward. `weights` (one a sample; HEDON_NONE:
 * all 1) makes it a weighted mean; 0 masks a padded or unlabelled sample. Nothing left: loss 0. */

/** Binary cross-entropy of sigmoid(logits) and soft targets 0..1, mean over classes and samples. */
HedonValueId hedon_loss_bce(HedonGraph *graph, const char *name, HedonValueId logits,
                            HedonValueId targets, HedonValueId weights);
/** Cross-entropy, or KL divergence from target to prediction, of softmax(logits) and the intensities
 *  (not negative) divided by their sum; a sample whose intensities are all zero counts as masked. */
HedonValueId hedon_loss_cross_entropy(HedonGraph *graph, const char *name, HedonValueId logits,
                                      HedonValueId intensities, HedonValueId weights);
HedonValueId hedon_loss_kl(HedonGraph *graph, const char *name, HedonValueId logits,
                           HedonValueId intensities, HedonValueId weights);
/** Bradley & Terry 1952: -log sigmoid(u_more - u_less - margin), mean over pairs.
 *
 *  @param utilities  (2P,1): of each pair the less pleasant, then the more pleasant
 *  @param ties       (P), 1 for a tie, which counts as half a win for each and has no margin; or NONE
 */
HedonValueId hedon_loss_bradley_terry(HedonGraph *graph, const char *name, HedonValueId utilities,
                                      HedonValueId ties, HedonValueId weights, double margin);
/** Plackett & Luce: minus the log-likelihood of choosing the most pleasant first, then the next of
 *  the rest, and so on; mean over lists. A list of fewer than two counts as masked.
 *
 *  @param utilities  (B L, 1): lists, least to most pleasant, padded to L
 *  @param mask       (B,L): 1 where there is an element, 0 where padding
 */
HedonValueId hedon_loss_plackett_luce(HedonGraph *graph, const char *name, HedonValueId utilities,
                                      HedonValueId mask, HedonValueId weights);

/* The features of HEDON_OP_COLOUR_MOTION, in order; each a mean over the clip's pixels and frames. */
typedef enum HedonColourMotionFeature {
    HEDON_FEATURE_BRIGHTNESS,     /* mean of CIE-like luma .299 R + .587 G + .114 B, 0..1 */
    HEDON_FEATURE_SATURATION,     /* mean of HSV saturation (max-min)/max, 0 where black */
    HEDON_FEATURE_CONTRAST,       /* standard deviation of luma over pixels, mean over frames */
    HEDON_FEATURE_WARMTH,         /* mean of R - B, -1..1 */
    HEDON_FEATURE_COLOURFULNESS,  /* Hasler & Suesstrunk 2003, on 0..1 values, mean over frames */
    HEDON_FEATURE_MOTION,         /* mean absolute luma difference of successive frames, 0 for T=1 */
    HEDON_FEATURE_FLICKER,        /* mean absolute difference of frames' mean luma, 0 for T=1 */
    HEDON_COLOUR_MOTION_FEATURES
} HedonColourMotionFeature;

#endif
