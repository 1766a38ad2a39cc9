/* The cuda backend's inside, part two: states and plans.
 *
 * compile: fuse.c makes groups of the graph's nodes, the lower_*.c files turn each group into steps
 * over tensors, memory.c places tensors and workspaces in one arena. execute (execute.c) runs the
 * steps in a stream; from the second time on with the same buffers, and alone, as one CUDA graph.
 *
 * A value of rank 3 or more lies as rows, channels last (types.h), in the device's precision;
 * others are float32, as are parameters and their gradients, which a state keeps in contiguous
 * blocks. In the plan of a graph that is trained the weights are packed anew in every execution, by
 * its first step.
 *
 * In float16 the losses' gradients are multiplied by the state's loss scale, and what comes of them
 * is divided by it where it leaves the plan (Micikevicius et al. 2018, "Mixed Precision Training").
 */
#ifndef HEDON_KERNELS_CUDA_PLAN_H
#define HEDON_KERNELS_CUDA_PLAN_H

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/tune.h"

/* ---- States --------------------------------------------------------------------------------- */

typedef struct CudaBucket CudaBucket; /* buckets.c */

typedef struct CudaState {
    HedonState base;
    int64_t *offset;                 /* by ordinal, in each part's block; elements */
    int64_t elements;                /* of a block */
    float *parts[HEDON_STATE_PARTS]; /* blocks; NULL: not kept (yet) */
    HedonBuffer *gradients;          /* by ordinal; data NULL for parameters without one */
    unsigned char *has_gradient;     /* by ordinal */
    CudaBucket *buckets;             /* of gradients, to be summed over ranks */
    int *bucket_of;                  /* by ordinal */
    int bucket_count;
    CudaPiece *pieces; /* in device memory, as are the next three */
    CudaRule *rules;
    double *sums, *result;
    int piece_count;
    float *loss_scale; /* the scale and its inverse; float16 only */
    float scale;       /* the same on the host */
    int good_steps;    /* since it changed */
} CudaState;

int cuda_state_new(HedonContext *ctx, HedonDevice *device, const HedonGraph *graph,
                   const HedonTensor *parameters, HedonState **out);
void cuda_state_free(HedonState *state);
int cuda_state_read(HedonContext *ctx, HedonState *state, HedonStatePart part, int parameter,
                    HedonTensor *out);
int cuda_state_write(HedonContext *ctx, HedonState *state, HedonStatePart part, int parameter,
                     const HedonTensor *value);
/** See that a part is there, as it is at first. */
int cuda_state_keep(HedonContext *ctx, CudaState *state, HedonStatePart part);
void cuda_loss_scale_read(const HedonState *state, HedonLossScale *out);
int cuda_loss_scale_write(HedonContext *ctx, HedonState *state, const HedonLossScale *value);
int cuda_optimise(HedonContext *ctx, HedonState *state, const HedonOptimiserStep *step,
                  HedonOptimiserResult *result);

static inline float *cuda_state_parameter(const CudaState *state, HedonStatePart part, int ordinal)
{
    return state->parts[part] + state->offset[ordinal];
}

/* ---- Tensors -------------------------------------------------------------------------------- */

typedef enum CudaForm {
    CUDA_LOGICAL, /* float32, row-major, as the graph says */
    CUDA_ROWS,    /* channels last; rank 3 and more */
    CUDA_FORMS
} CudaForm;

typedef enum CudaPlace {
    CUDA_ARENA,
    CUDA_CONSTANT,
    CUDA_INPUT,
    CUDA_OUTPUT,
    CUDA_PARAMETER,
    CUDA_GRADIENT /* in the state; in the arena first when it has to be added or unscaled */
} CudaPlace;

typedef struct CudaTensor {
    HedonShape shape; /* logical; rank -1 for scratch */
    CudaForm form;
    CudaMatrix matrix; /* as element-wise kernels see it */
    CudaPlace place;
    int32_t ordinal; /* of input, output or parameter */
    int32_t storage; /* CUDA_ARENA: the tensor whose memory this is */
    int scaled;      /* times the loss scale */
    int whole;       /* lives as long as an execution */
    void *constant;
    int64_t bytes, offset;
} CudaTensor;

/* ---- Steps ---------------------------------------------------------------------------------- */

enum { CUDA_STEP_INPUTS = 12, CUDA_STEP_EXTRA = HEDON_MAX_OUTPUTS - 1 };

typedef struct CudaCall {
    void *x[CUDA_STEP_INPUTS]; /* NULL where absent */
    void *y, *extra[CUDA_STEP_EXTRA], *scratch;
    cudaStream_t stream;
} CudaCall;

typedef struct CudaPlan CudaPlan;
typedef struct CudaStep CudaStep;
struct CudaStep {
    const char *name, *operation;
    char fused[64];  /* "+batch_norm+add+relu" */
    char kernel[64]; /* what computes it */
    double flops;
    int32_t input[CUDA_STEP_INPUTS], output, extra[CUDA_STEP_EXTRA], scratch; /* tensors, or -1 */
    unsigned overwritable; /* bit i: y may lie over input i if nobody reads that later */
    int (*run)(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call);
    union {
        struct {
            const CudaAlgorithm *algorithm;
            CudaConv conv;
            int64_t outputs, inputs, taps; /* of the weights */
            int64_t packed_bytes;          /* of their gradient, before the workspace */
        } dnn;
        CudaDirect direct;
        struct {
            CudaMatrix form;
            CudaChain chain;                /* without pointers */
            int8_t operand[CUDA_CHAIN_OPS]; /* input number of each operation's tensor, or -1 */
            int8_t coefficient[4];          /* of mean, variance, gamma, beta */
        } chain;
        struct {
            CudaMatrix form;
            CudaNormBackward call; /* without pointers */
        } norm;
        CudaMatrix pool;
        CudaMatmul matmul;
        CudaLoss loss; /* without pointers */
        struct {
            int64_t samples, frames, pixels;
        } colour;
        struct {
            CudaMatrix form;
            int64_t count;
            const float *factor; /* in device memory; NULL: 1 */
        } copy;
    } as;
};

/* One weight that is packed in every execution. */
typedef struct CudaPacked {
    HedonValueId value;
    int32_t tensor;
} CudaPacked;

/* An execution as a CUDA graph, good for these buffers. */
enum { CUDA_GRAPHS = 4, CUDA_BINDINGS = 16 };

typedef struct CudaCapture {
    cudaGraphExec_t graph; /* NULL: seen once, not captured yet */
    void *bound[CUDA_BINDINGS];
    int accumulate, seen;
} CudaCapture;

struct CudaPlan {
    HedonPlan base;
    CudaDevice *device;
    CudaState *state;
    CudaType type;
    int trained, profile, ranks;
    void (*gradient_ready)(void *opaque, int parameter, HedonBuffer *gradient);
    void *opaque;
    const float *scale, *unscale; /* of float16's losses, in device memory; NULL: none */
    CudaTensor *tensors;
    CudaStep *steps;
    void **constants; /* device memory, owned */
    CudaPacked *packed;
    int tensor_count, step_count, constant_count, packed_count;
    int tensor_room, step_room, constant_room, packed_room;
    int32_t (*tensor_of)[CUDA_FORMS]; /* by value id: tensors that hold it, or -1 */
    char *arena;
    int64_t arena_bytes, weight_bytes;
    uint64_t *key; /* of the execution's random numbers, in device memory, as are the next ones */
    int64_t *samples;        /* the samples' numbers for what is dropped */
    int64_t *sample_numbers; /* the same on the host */
    int64_t sample_count;    /* 0: nothing is dropped */
    CudaPackItem *pack_items;
    int64_t pack_pairs;
    CudaUpdateItem *update_items;
    HedonOpProfile *ops; /* by step */
    cudaEvent_t *marks;  /* step_count + 1 of them, when profiling */
    CudaCapture captures[CUDA_GRAPHS];
    int next_capture, no_capture;
    char capture_reason[160];
};

/* Nodes that become one step, or one and a chain behind it. */
typedef struct CudaGroup {
    const HedonNode *node; /* the first, which gives the group its name */
    const HedonNode *norm; /* a convolution's batch norm, folded; the gradient behind a relu's */
    const HedonNode
        *chain[CUDA_CHAIN_OPS]; /* element-wise nodes that follow, or that it consists of */
    int chain_count;
    HedonValueId output;
    double flops; /* of all members */
} CudaGroup;

/* fuse.c: the live nodes' groups in a valid order. *groups: hedon_free. 0 or HEDON_ENOMEM. */
int cuda_fuse(const HedonGraph *graph, CudaGroup **groups, int *count);
/* The input of an element-wise node that the chain runs through: its gradient for relu_backward. */
int cuda_chain_input(const HedonNode *node);

/* tensors.c */
int32_t cuda_tensor(HedonContext *ctx, CudaPlan *plan, HedonValueId value, CudaForm form);
/* In the form that element-wise kernels want: rows from rank 3 on. */
int32_t cuda_value(HedonContext *ctx, CudaPlan *plan, HedonValueId value);
int32_t cuda_tensor_new(HedonContext *ctx, CudaPlan *plan, HedonValueId value, CudaForm form);
int32_t cuda_output_new(HedonContext *ctx, CudaPlan *plan, HedonValueId value);
int32_t cuda_scratch_new(HedonContext *ctx, CudaPlan *plan, int64_t bytes);
/* Device memory with this content (NULL: any), freed with the plan. */
int cuda_constant(HedonContext *ctx, CudaPlan *plan, const void *from, size_t bytes, void **out);
/* A tensor over a constant of float32. */
int32_t cuda_constant_tensor(HedonContext *ctx, CudaPlan *plan, const float *from, int64_t count);
/* A convolution's weights in the layout that cuDNN reads, padded: packed now, each output channel
 * times its scale (NULL: 1), or in every execution (trained). */
int32_t cuda_packed(HedonContext *ctx, CudaPlan *plan, HedonValueId weights, const double *scale);
/* The float32 values of a parameter as they are now, hedon_free. */
int cuda_parameter(HedonContext *ctx, CudaPlan *plan, const HedonNode *node, int input,
                   float **out);
CudaStep cuda_step_of(const CudaGroup *group);
int cuda_push(HedonContext *ctx, CudaPlan *plan, const CudaStep *step);
int cuda_grow(HedonContext *ctx, void **array, int *room, int count, size_t size);
CudaMatrix cuda_matrix_of(const HedonShape *shape, CudaForm form, CudaType type);

/* lower.c: from groups to steps. */
int cuda_lower(HedonContext *ctx, CudaPlan *plan, const CudaGroup *groups, int count);
/* lower_*.c */
int cuda_lower_conv(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_conv_data(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_conv_weights(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_chain(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_norm_train(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_norm_backward(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_pool(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_pool_backward(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_linear(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_channel_sum(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_loss(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);
int cuda_lower_colour_motion(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group);

/* A chain step over the tensor `from`, which holds the value `through`, that gives `value`, of
 * these nodes; bias: a tensor of float32 by channel added first, or -1. Appended. */
int cuda_push_chain(HedonContext *ctx, CudaPlan *plan, CudaStep *step, int32_t from,
                    HedonValueId through, int32_t bias, const HedonNode *const *nodes, int count,
                    HedonValueId value);

/* That both tensors hold gradients times the loss scale, or neither. */
int cuda_same_scale(HedonContext *ctx, const CudaPlan *plan, const HedonNode *node, int32_t a,
                    int32_t b);

/* memory.c: storage of every tensor; the arena's size in plan->arena_bytes. */
int cuda_place(HedonContext *ctx, CudaPlan *plan);

/* plan.c */
int cuda_compile(HedonContext *ctx, HedonState *state, const HedonCompileOptions *options,
                 HedonPlan **out);
void cuda_plan_info(const HedonPlan *plan, HedonPlanInfo *info);
char *cuda_plan_text(const HedonPlan *plan);
void cuda_plan_free(HedonPlan *plan);

/* execute.c */
int cuda_execute(HedonContext *ctx, HedonPlan *plan, const HedonExecution *execution);

#endif
