/* A model as a static graph of operations over values. Built once by models/, read by backends.
 *
 * A value is a graph input, a parameter, or an operation's output. Shapes are complete when the node
 * is added: the batch size is part of the graph. Clips are (N,C,T,H,W); every layout is logical, a
 * backend stores values as it likes. Builders return HEDON_NONE after an error and accept HEDON_NONE,
 * so that a model is written without a check on every line; hedon_graph_finish reports the first error.
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
    HEDON_OPS
} HedonOpKind;

typedef struct HedonConvAttributes {
    int64_t stride[3], padding[3], dilation[3]; /* T, H, W */
    int64_t groups;
} HedonConvAttributes;

typedef union HedonAttributes {
    HedonConvAttributes conv;
    struct {
        double epsilon;
    } batch_norm;
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

/* Read-only outside kernels/graph. Nodes are in execution order. */
typedef struct HedonGraph {
    HedonArena arena;
    HedonValue *values;
    HedonNode *nodes;
    HedonGraphOutput *outputs;
    int value_count, node_count, output_count, input_count, parameter_count;
    int value_room, node_room, output_room;
    int error; /* first failure, with its sentence */
    char message[256];
} HedonGraph;

/** NULL when memory is out. */
HedonGraph *hedon_graph_new(void);
void hedon_graph_free(HedonGraph *graph);

HedonValueId hedon_graph_input(HedonGraph *graph, const char *name, const HedonShape *shape);
HedonValueId hedon_graph_parameter(HedonGraph *graph, const char *name, const HedonShape *shape);
/** Add a node of one output; its shape is inferred. inputs may end in HEDON_NONE for optional ones. */
HedonValueId hedon_graph_node(HedonGraph *graph, HedonOpKind op, const char *name,
                              const HedonValueId *inputs, int input_count,
                              const HedonAttributes *attributes);
void hedon_graph_output(HedonGraph *graph, const char *name, HedonValueId value);
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
HedonValueId hedon_batch_norm(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId gamma,
                              HedonValueId beta, HedonValueId mean, HedonValueId var, double epsilon);
HedonValueId hedon_relu(HedonGraph *graph, const char *name, HedonValueId x);
HedonValueId hedon_add(HedonGraph *graph, const char *name, HedonValueId a, HedonValueId b);
HedonValueId hedon_mean_pool(HedonGraph *graph, const char *name, HedonValueId x);
HedonValueId hedon_linear(HedonGraph *graph, const char *name, HedonValueId x, HedonValueId w,
                          HedonValueId b);

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
