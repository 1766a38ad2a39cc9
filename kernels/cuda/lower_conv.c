/* Convolutions and their gradients: cuDNN with what it fuses, else cuDNN and a chain behind it,
 * else our own direct kernels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/plan.h"

static int64_t round_up(int64_t bytes)
{
    return (bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
}

/* ---- Running -------------------------------------------------------------------------------- */

/* x[0] x or dy, x[1] weights, x[2] bias, x[3] what is added. */
static int run_dnn(HedonContext *ctx, CudaPlan *plan, const CudaStep *step, const CudaCall *call)
{
    const int forward = step->as.dnn.conv.kind == CUDA_CONV_FORWARD;
    DnnPointers pointers = {{NULL}};
    pointers.at[forward ? DNN_X : DNN_Y] = call->x[0];
    pointers.at[DNN_W] = call->x[1];
    pointers.at[DNN_OUT] = call->y;
    pointers.at[DNN_BIAS] = call->x[2];
    pointers.at[DNN_RESIDUAL] = call->x[3];
    return dnn_plan_run(ctx, &step->as.dnn.algorithm->plan, plan->device->cudnn, &pointers,
                        call->scratch);
}

/* x[0] x, x[1] dy; scratch: the packed gradient, then cuDNN's. */
static int run_dnn_weights(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                           const CudaCall *call)
{
    DnnPointers pointers = {{NULL}};
    pointers.at[DNN_X] = call->x[0];
    pointers.at[DNN_Y] = call->x[1];
    pointers.at[DNN_OUT] = call->scratch;
    const int err = dnn_plan_run(ctx, &step->as.dnn.algorithm->plan, plan->device->cudnn, &pointers,
                                 (char *)call->scratch + step->as.dnn.packed_bytes);
    return err ? err
               : CUDA_TRY(ctx, cuda_unpack(plan->type, call->scratch, call->y, step->as.dnn.outputs,
                                           step->as.dnn.inputs, step->as.dnn.taps, call->stream));
}

static int run_direct_forward(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                              const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(
        ctx, cuda_direct_forward(&step->as.direct, call->x[0], call->x[1], call->y, call->stream));
}

static int run_direct_data(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                           const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(
        ctx, cuda_direct_data(&step->as.direct, call->x[0], call->x[1], call->y, call->stream));
}

static int run_direct_weights(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                              const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(
        ctx, cuda_direct_weights(&step->as.direct, call->x[0], call->x[1], call->y, call->stream));
}

/* ---- What is asked for ---------------------------------------------------------------------- */

static const HedonShape *shape_of(const CudaPlan *plan, HedonValueId value)
{
    return &plan->base.graph->values[value].shape;
}

static CudaDirect direct_of(const CudaPlan *plan, HedonValueId x, HedonValueId w, HedonValueId y,
                            const HedonConvAttributes *attributes)
{
    CudaDirect d = {.x = cuda_matrix_of(shape_of(plan, x), CUDA_ROWS, plan->type),
                    .y = cuda_matrix_of(shape_of(plan, y), CUDA_ROWS, plan->type),
                    .groups = attributes->groups};
    memcpy(d.xs, shape_of(plan, x)->dim + 2, sizeof(d.xs));
    memcpy(d.ys, shape_of(plan, y)->dim + 2, sizeof(d.ys));
    memcpy(d.ws, shape_of(plan, w)->dim + 2, sizeof(d.ws));
    memcpy(d.stride, attributes->stride, sizeof(d.stride));
    memcpy(d.padding, attributes->padding, sizeof(d.padding));
    memcpy(d.dilation, attributes->dilation, sizeof(d.dilation));
    return d;
}

static int view(const CudaPlan *plan, CudaConv *conv, CudaConvKind kind, HedonValueId x,
                HedonValueId w, HedonValueId y, const HedonConvAttributes *attributes)
{
    const int fits = cuda_conv_view(conv, kind, plan->type, shape_of(plan, x), shape_of(plan, w),
                                    shape_of(plan, y), attributes);
    conv->tf32 = plan->device->tf32;
    return fits;
}

/* cuDNN's algorithm with `fused`, or HEDON_EUNSUPPORTED. */
static int ask_dnn(HedonContext *ctx, CudaPlan *plan, CudaStep *step, unsigned fused)
{
    step->as.dnn.conv.fused = fused;
    return cuda_algorithm(ctx, plan->device, &step->as.dnn.conv, &step->as.dnn.algorithm);
}

static void name_dnn(CudaStep *step)
{
    char name[32];
    cuda_conv_name(&step->as.dnn.conv, name, sizeof(name));
    snprintf(step->kernel, sizeof(step->kernel), "cudnn %s, engine %lld", name,
             (long long)step->as.dnn.algorithm->engine);
}

static int add_workspace(HedonContext *ctx, CudaPlan *plan, CudaStep *step, int64_t before)
{
    const int64_t bytes = before + step->as.dnn.algorithm->plan.workspace;
    if (bytes) step->scratch = cuda_scratch_new(ctx, plan, bytes);
    return bytes && step->scratch < 0 ? step->scratch : 0;
}

/* ---- Forward -------------------------------------------------------------------------------- */

/* A convolution on its way: the batch norm's scale and the sum of all that is added by channel. */
typedef struct Folded {
    double *scale; /* or NULL */
    float *bias;   /* padded; or NULL */
} Folded;

static void folded_free(Folded *folded)
{
    hedon_free(folded->scale);
    hedon_free(folded->bias);
}

/* The batch norm's part: y = scale x + bias. */
static int fold_norm(HedonContext *ctx, CudaPlan *plan, const HedonNode *norm, int64_t channels,
                     Folded *folded)
{
    float *p[4] = {NULL}; /* gamma, beta, mean, variance */
    int err = 0;
    for (int i = 0; i < 4 && !err; i++) err = cuda_parameter(ctx, plan, norm, 1 + i, &p[i]);
    folded->scale = hedon_calloc((size_t)channels, sizeof(double));
    if (!err && !folded->scale) err = hedon_fail_memory(ctx);
    for (int64_t c = 0; c < channels && !err; c++) {
        folded->scale[c] = p[0][c] / sqrt(p[3][c] + norm->attributes.batch_norm.epsilon);
        folded->bias[c] = (float)(p[1][c] + (folded->bias[c] - (double)p[2][c]) * folded->scale[c]);
    }
    for (int i = 0; i < 4; i++) hedon_free(p[i]);
    return err;
}

/* At inference: bias and batch norm as scales of the weights and one padded bias. */
static int fold(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group, Folded *folded)
{
    const HedonNode *node = group->node;
    const int64_t channels = shape_of(plan, node->output[0])->dim[1];
    const int has_bias = node->input_count > 2 && node->input[2] != HEDON_NONE;
    *folded = (Folded){0};
    if (!has_bias && !group->norm) return 0;
    folded->bias = hedon_calloc((size_t)cuda_pad_channels(plan->type, channels), sizeof(float));
    if (!folded->bias) return hedon_fail_memory(ctx);
    if (has_bias) {
        float *bias;
        const int err = cuda_parameter(ctx, plan, node, 2, &bias);
        if (err) return err;
        memcpy(folded->bias, bias, (size_t)channels * sizeof(float));
        hedon_free(bias);
    }
    return group->norm ? fold_norm(ctx, plan, group->norm, channels, folded) : 0;
}

/* The nodes behind a convolution as bits: an addition, a relu. */
static unsigned fused_of(const CudaGroup *group, int32_t bias)
{
    unsigned fused = bias >= 0 ? CUDA_CONV_BIAS : 0;
    for (int i = 0; i < group->chain_count; i++)
        fused |= group->chain[i]->op == HEDON_OP_ADD ? CUDA_CONV_RESIDUAL : CUDA_CONV_RELU;
    return fused;
}

/* What an addition behind the group's first node adds. */
static HedonValueId added(const CudaGroup *group, HedonValueId to)
{
    const HedonNode *node = group->chain[0];
    return node->input[0] == to ? node->input[1] : node->input[0];
}

/* The step of the convolution itself gives `value` when all is fused, otherwise a new tensor, over
 * which a chain goes. */
static int push_conv(HedonContext *ctx, CudaPlan *plan, CudaStep *step, const CudaGroup *group,
                     int32_t bias, int fused_all)
{
    const HedonNode *node = group->node;
    const HedonValueId inner = group->norm ? group->norm->output[0] : node->output[0];
    step->output = fused_all ? cuda_output_new(ctx, plan, group->output)
                             : cuda_tensor_new(ctx, plan, node->output[0], CUDA_ROWS);
    if (step->output < 0) return step->output;
    plan->tensors[step->output].scaled = plan->tensors[step->input[0]].scaled;
    int err = cuda_push(ctx, plan, step);
    if (err || fused_all) return err;
    CudaStep chain = cuda_step_of(group);
    chain.flops = 0;
    return cuda_push_chain(ctx, plan, &chain, step->output, inner, bias, group->chain,
                           group->chain_count, group->output);
}

static int lower_dnn(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group, CudaStep *step,
                     const Folded *folded, int32_t bias)
{
    const HedonNode *node = group->node;
    /* a bias that learns is not padded, as cuDNN would read it */
    const unsigned wanted = fused_of(group, bias);
    const unsigned fused = plan->trained && bias >= 0 ? 0 : wanted;
    int err = ask_dnn(ctx, plan, step, fused);
    const int fused_all = !err;
    if (err == HEDON_EUNSUPPORTED && fused) err = ask_dnn(ctx, plan, step, 0);
    if (err) return err;
    step->run = run_dnn;
    step->input[1] = cuda_packed(ctx, plan, node->input[1], folded->scale);
    if (step->input[1] < 0) return step->input[1];
    if (fused_all && fused & CUDA_CONV_BIAS) step->input[2] = bias;
    if (fused_all && fused & CUDA_CONV_RESIDUAL) {
        const HedonValueId inner = group->norm ? group->norm->output[0] : node->output[0];
        step->input[3] = cuda_value(ctx, plan, added(group, inner));
        if (step->input[3] < 0) return step->input[3];
    }
    err = add_workspace(ctx, plan, step, 0);
    if (err) return err;
    name_dnn(step);
    return push_conv(ctx, plan, step, group, bias, fused_all && fused == wanted);
}

/* The weights as the graph has them, times the scales. */
static int32_t plain_weights(HedonContext *ctx, CudaPlan *plan, const HedonNode *node,
                             const double *scale)
{
    if (!scale) return cuda_tensor(ctx, plan, node->input[1], CUDA_LOGICAL);
    const HedonShape *shape = shape_of(plan, node->input[1]);
    const int64_t count = hedon_shape_count(shape), each = count / shape->dim[0];
    float *weights;
    const int err = cuda_parameter(ctx, plan, node, 1, &weights);
    if (err) return err;
    for (int64_t i = 0; i < count; i++) weights[i] = (float)(weights[i] * scale[i / each]);
    const int32_t tensor = cuda_constant_tensor(ctx, plan, weights, count);
    hedon_free(weights);
    return tensor;
}

static int lower_direct(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group, CudaStep *step,
                        const Folded *folded, int32_t bias)
{
    const HedonNode *node = group->node;
    step->run = run_direct_forward;
    step->as.direct =
        direct_of(plan, node->input[0], node->input[1], node->output[0], &node->attributes.conv);
    step->input[1] = plain_weights(ctx, plan, node, folded->scale);
    if (step->input[1] < 0) return step->input[1];
    snprintf(step->kernel, sizeof(step->kernel), "own direct");
    return push_conv(ctx, plan, step, group, bias, bias < 0 && group->chain_count == 0);
}

int cuda_lower_conv(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    Folded folded = {0};
    CudaStep step = cuda_step_of(group);
    int32_t bias = -1;
    int err = 0;
    step.input[0] = cuda_tensor(ctx, plan, node->input[0], CUDA_ROWS);
    if (step.input[0] < 0) return step.input[0];
    if (!plan->trained) {
        err = fold(ctx, plan, group, &folded);
        if (!err && folded.bias)
            bias = cuda_constant_tensor(
                ctx, plan, folded.bias,
                cuda_pad_channels(plan->type, shape_of(plan, node->output[0])->dim[1]));
        if (!err && folded.bias && bias < 0) err = bias;
    } else if (node->input_count > 2 && node->input[2] != HEDON_NONE) {
        bias = cuda_tensor(ctx, plan, node->input[2], CUDA_LOGICAL);
        if (bias < 0) err = bias;
    }
    if (!err) {
        err = HEDON_EUNSUPPORTED;
        if (view(plan, &step.as.dnn.conv, CUDA_CONV_FORWARD, node->input[0], node->input[1],
                 node->output[0], &node->attributes.conv))
            err = lower_dnn(ctx, plan, group, &step, &folded, bias);
        if (err == HEDON_EUNSUPPORTED) err = lower_direct(ctx, plan, group, &step, &folded, bias);
    }
    folded_free(&folded);
    return err;
}

/* ---- Backward ------------------------------------------------------------------------------- */

int cuda_lower_conv_data(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    const HedonConvAttributes *attributes = &node->attributes.conv_backward.conv;
    CudaStep step = cuda_step_of(group);
    int err = HEDON_EUNSUPPORTED, fused_all = group->chain_count == 0;
    step.input[0] = cuda_tensor(ctx, plan, node->input[0], CUDA_ROWS);
    if (step.input[0] < 0) return step.input[0];
    if (view(plan, &step.as.dnn.conv, CUDA_CONV_DATA, node->output[0], node->input[1],
             node->input[0], attributes)) {
        step.run = run_dnn;
        if (!fused_all) {
            err = ask_dnn(ctx, plan, &step, CUDA_CONV_RESIDUAL);
            fused_all = !err;
        }
        if (err == HEDON_EUNSUPPORTED) err = ask_dnn(ctx, plan, &step, 0);
    }
    if (err && err != HEDON_EUNSUPPORTED) return err;
    if (!err) {
        step.input[1] = cuda_packed(ctx, plan, node->input[1], NULL);
        if (step.input[1] < 0) return step.input[1];
        if (step.as.dnn.conv.fused) {
            step.input[3] = cuda_value(ctx, plan, added(group, node->output[0]));
            if (step.input[3] < 0) return step.input[3];
            err = cuda_same_scale(ctx, plan, node, step.input[0], step.input[3]);
            if (err) return err;
        }
        err = add_workspace(ctx, plan, &step, 0);
        if (err) return err;
        name_dnn(&step);
    } else {
        step.run = run_direct_data;
        step.as.direct =
            direct_of(plan, node->output[0], node->input[1], node->input[0], attributes);
        step.input[1] = cuda_tensor(ctx, plan, node->input[1], CUDA_LOGICAL);
        if (step.input[1] < 0) return step.input[1];
        snprintf(step.kernel, sizeof(step.kernel), "own direct");
    }
    return push_conv(ctx, plan, &step, group, -1, fused_all);
}

int cuda_lower_conv_weights(HedonContext *ctx, CudaPlan *plan, const CudaGroup *group)
{
    const HedonNode *node = group->node;
    const HedonConvAttributes *attributes = &node->attributes.conv_backward.conv;
    const HedonShape *w = shape_of(plan, node->output[0]);
    CudaStep step = cuda_step_of(group);
    int err = HEDON_EUNSUPPORTED;
    for (int i = 0; i < 2; i++) {
        step.input[i] = cuda_tensor(ctx, plan, node->input[i], CUDA_ROWS);
        if (step.input[i] < 0) return step.input[i];
    }
    if (view(plan, &step.as.dnn.conv, CUDA_CONV_WEIGHTS, node->input[0], node->output[0],
             node->input[1], attributes))
        err = ask_dnn(ctx, plan, &step, 0);
    if (err && err != HEDON_EUNSUPPORTED) return err;
    if (!err) {
        const CudaConv *conv = &step.as.dnn.conv;
        step.run = run_dnn_weights;
        step.as.dnn.outputs = w->dim[0];
        step.as.dnn.inputs = w->dim[1];
        step.as.dnn.taps = w->dim[2] * w->dim[3] * w->dim[4];
        step.as.dnn.packed_bytes =
            round_up(conv->k * conv->c * step.as.dnn.taps * cuda_type_size(plan->type));
        err = add_workspace(ctx, plan, &step, step.as.dnn.packed_bytes);
        if (err) return err;
        name_dnn(&step);
    } else {
        step.run = run_direct_weights;
        step.as.direct =
            direct_of(plan, node->input[0], node->output[0], node->input[1], attributes);
        snprintf(step.kernel, sizeof(step.kernel), "own direct");
    }
    step.output = cuda_tensor_new(ctx, plan, node->output[0], CUDA_LOGICAL);
    if (step.output < 0) return step.output;
    plan->tensors[step.output].scaled = plan->tensors[step.input[1]].scaled;
    return cuda_push(ctx, plan, &step);
}
