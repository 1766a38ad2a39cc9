/* The cpu backend's inside: a plan is a list of steps over tensors.
 *
 * compile: fuse.c makes groups of the graph's nodes, the step_*.c files lower each group to steps
 * (choosing layout and kernel, packing constants), memory.c places tensors and scratch in one
 * arena, so that execute (plan.c) allocates nothing. In the plan of a graph that is trained, nothing
 * is made of the parameters beforehand: steps read them where the state keeps them, and write the
 * gradients there. A plan belongs to one thread,
 * which leads the one OpenMP team that our kernels and oneDNN's share; plans that share steps and
 * constants execute side by side, so steps keep nothing from one execution to the next. How long its idle threads
 * spin is read from the environment (OMP_WAIT_POLICY, GOMP_SPINCOUNT) before any code of ours runs,
 * so it is the program's business: GNU's default of milliseconds takes the cores from decode
 * workers.
 *
 * Float32 so far; bfloat16 will be a second element type of CpuTensor and of the layouts.
 */
#ifndef HEDON_KERNELS_CPU_CPU_H
#define HEDON_KERNELS_CPU_CPU_H

#include "kernels/backend.h"
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_backward.h"
#include "kernels/cpu/norm.h"
#include "kernels/host.h"

typedef enum CpuLayout {
    CPU_LOGICAL, /* row-major, as the graph says */
    CPU_NTHWC16, /* rank 5: see conv.h */
    CPU_LAYOUTS
} CpuLayout;

typedef enum CpuPlace {
    CPU_ARENA,
    CPU_CONSTANT,
    CPU_INPUT,
    CPU_OUTPUT,
    CPU_PARAMETER, /* in the state */
    CPU_GRADIENT   /* in the state; in the arena first when it is to be added to the one there */
} CpuPlace;

typedef struct CpuTensor {
    HedonShape shape; /* logical; rank 0 for scratch */
    CpuLayout layout;
    CpuPlace place;
    int32_t ordinal; /* of input, output or parameter */
    int32_t
        storage; /* CPU_ARENA: the tensor whose memory this is; itself unless written over one */
    const float *constant;
    int64_t bytes, offset; /* CPU_ARENA, CPU_GRADIENT */
} CpuTensor;

enum { CPU_STEP_INPUTS = HEDON_MAX_INPUTS, CPU_STEP_EXTRA = HEDON_MAX_OUTPUTS - 1 };

typedef struct CpuArguments {
    const float *x[CPU_STEP_INPUTS]; /* NULL where absent */
    float *y, *extra[CPU_STEP_EXTRA];
    void *scratch;
    HedonRandomKey random;
    const int64_t *samples; /* see HedonExecution */
    const HedonHostRanks *ranks;
    int threads;
    int *error; /* set by a step that fails; only a library's can */
} CpuArguments;

typedef struct CpuStep CpuStep;
struct CpuStep {
    const char *name, *operation;
    char fused[40];  /* "+batch_norm+add+relu" */
    char kernel[64]; /* what computes it */
    double flops;
    /* tensors, or -1 */
    int32_t input[CPU_STEP_INPUTS], output, extra[CPU_STEP_EXTRA], scratch;
    unsigned overwritable; /* bit i: y may lie over input i if nobody reads that later */
    int relu;
    void (*run)(const CpuStep *step, const CpuArguments *arguments);
    void (*release)(CpuStep *step); /* or NULL */
    union {
        struct {
            CpuConvShape shape;
            const CpuConvKernel *kernel;
            const void *packed;
            const float *bias;
        } conv;
        struct {
            struct CpuOnednnConv *conv;
            int64_t n;
        } onednn;
        struct {
            CpuConvShape shape;
            int64_t dilation[3], groups;
            const float *weights, *bias;
        } grouped;
        struct {
            int64_t n, channels, positions; /* of the logical (N,C,positions) */
            CpuLayout layout;
            const float *scale, *shift; /* per channel, in the layout's padding */
        } map;
        struct {
            int64_t n, i, o;
        } linear;
        struct {
            int64_t n, t, positions;
        } colour;
        struct {
            CpuConvShape shape;
            const CpuConvKernel *forward; /* of these, the one that the step is of */
            const CpuConvDataKernel *data;
            const CpuConvWeightsKernel *weights;
            size_t packed_bytes; /* the padded bias follows */
        } trained;
        struct {
            int64_t positions, channels, chunks; /* of the whole batch; it is cut into chunks */
            double epsilon;
            CpuNormMask mask; /* of the gradient */
            int running;      /* likewise: mean and variance are constants */
        } norm;
        struct {
            double rate;
            uint64_t number;
            int64_t n, count; /* samples, elements of each */
        } drop;
        struct {
            const HedonGraph *graph;
            const HedonNode *node;
        } plain;
        struct {
            HedonHostState *state;
            const HedonGraphUpdate *update;
        } update;
    } as;
};

typedef struct CpuPlan {
    HedonPlan base;
    HedonHostState *state;
    int is_sharer; /* tensors, steps and constants are another plan's */
    int profile, trained;
    void (*gradient_ready)(void *opaque, int parameter, HedonBuffer *gradient);
    void *opaque;
    HedonHostRanks ranks;
    CpuTensor *tensors;
    CpuStep *steps;
    void **constants; /* owned: packed weights and so on */
    int tensor_count, step_count, constant_count;
    int tensor_room, step_room, constant_room;
    int32_t (*tensor_of)[CPU_LAYOUTS]; /* by value id: tensors that hold it, or -1 */
    char *arena;
    int64_t arena_bytes, weight_bytes;
    HedonOpProfile *ops; /* by step */
} CpuPlan;

/* Nodes that become one step: a convolution with the batch norm folded into its weights, or a batch
 * norm with the batch's statistics, then a residual added, then an activation; the gradients of an
 * activation and of the batch norm before it; or any other node, perhaps with an activation. */
typedef struct CpuGroup {
    const HedonNode *node; /* the first, which gives the group its name */
    const HedonNode *norm; /* batch norm of a convolution, its gradient of relu_backward; or NULL */
    HedonValueId residual; /* or HEDON_NONE */
    int relu;
    HedonValueId output;
    double flops; /* of all members */
} CpuGroup;

/* fuse.c: the live nodes' groups in a valid order. *groups: hedon_free. 0 or HEDON_ENOMEM. */
int cpu_fuse(const HedonGraph *graph, CpuGroup **groups, int *count);

/* lower.c: from groups to steps. */
int cpu_lower(HedonContext *ctx, CpuPlan *plan, const CpuGroup *groups, int count);
/* The tensor that holds a value in a layout, converted if need be; or a negative error. */
int32_t cpu_tensor(HedonContext *ctx, CpuPlan *plan, HedonValueId value, CpuLayout layout);
/* The layout in which a value is there without conversion. */
CpuLayout cpu_natural_layout(const CpuPlan *plan, HedonValueId value);
/* A new tensor in the arena for a group's output. */
int32_t cpu_tensor_new(HedonContext *ctx, CpuPlan *plan, HedonValueId value, CpuLayout layout);
int32_t cpu_scratch_new(HedonContext *ctx, CpuPlan *plan, size_t bytes);
/* Zero-filled, 64-byte aligned, freed with the plan; NULL when memory is out. */
void *cpu_constant(CpuPlan *plan, size_t bytes);
/* The float32 values of a parameter as they are now, or NULL with the sentence when it is none. */
const float *cpu_parameter(HedonContext *ctx, const CpuPlan *plan, const HedonNode *node,
                           int input);
/* A step of a group: names and so on filled in. */
CpuStep cpu_step_of(const CpuGroup *group);
/* Append a copy; on failure the step is released. */
int cpu_push(HedonContext *ctx, CpuPlan *plan, CpuStep *step);

/* step_*.c */
int cpu_lower_conv(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_batch_norm(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_relu(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_add(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_mean_pool(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_linear(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_colour_motion(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_drop_path(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
/* batch_norm, of which gamma and beta are not constants, nor need the statistics be. */
int cpu_lower_batch_norm_trained(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_batch_norm_train(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_batch_norm_backward(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_relu_backward(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_mean_pool_backward(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
/* A convolution of which the weights are packed in every execution; cpu_conv_geometry said 1. */
int cpu_lower_conv_trained(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group,
                           const CpuConvShape *shape);
/* Any node by the reference kernel, in one thread: for what is small, or rare. */
int cpu_lower_plain(HedonContext *ctx, CpuPlan *plan, const HedonNode *node);
/* 1 and the shape of the forward convolution of x and w to y when our kernels can do it, else 0. */
int cpu_conv_geometry(const HedonGraph *graph, const HedonConvAttributes *attributes,
                      HedonValueId x, HedonValueId w, HedonValueId y, CpuConvShape *shape);
int cpu_lower_conv_backward_data(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
int cpu_lower_conv_backward_weights(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group);
/* A step that applies an update of the graph to the state. */
CpuStep cpu_update_step(CpuPlan *plan, const HedonGraphUpdate *update, int32_t value);
/* A step that converts a tensor of (N,C,...) between layouts, or copies it. */
CpuStep cpu_layout_step(const CpuPlan *plan, int32_t from, int32_t to);

/* memory.c: storage of every tensor; the arena's size in plan->arena_bytes. */
int cpu_place(HedonContext *ctx, CpuPlan *plan);

/* The scale and shift that a batch norm amounts to; either array has `channels` elements. */
int cpu_norm_coefficients(HedonContext *ctx, const CpuPlan *plan, const HedonNode *norm,
                          double *scale, double *shift);

/* plan.c */
int cpu_compile(HedonContext *ctx, HedonState *state, const HedonCompileOptions *options,
                HedonPlan **out);
int cpu_plan_share(HedonContext *ctx, const HedonPlan *plan, HedonPlan **out);
int cpu_execute(HedonContext *ctx, HedonPlan *plan, const HedonExecution *execution);
void cpu_plan_info(const HedonPlan *plan, HedonPlanInfo *info);
char *cpu_plan_text(const HedonPlan *plan);
void cpu_plan_free(HedonPlan *plan);

#endif
