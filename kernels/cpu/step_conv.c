/* conv3d: batch norm folded into the weights, then our kernel, oneDNN's, or the plain one. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/grouped.h"
#include "kernels/cpu/onednn.h"

/* Logical weights and the bias padded to CPU_LANES, after folding. */
typedef struct Folded {
    float *weights, *bias;
} Folded;

static void free_folded(Folded *folded)
{
    hedon_free(folded->weights);
    hedon_free(folded->bias);
}

/* y = scale (conv(x, w) + b) + shift = conv(x, scale w) + (scale b + shift), in double. */
static int fold(HedonContext *ctx, const CpuPlan *plan, const CpuGroup *group, Folded *folded)
{
    const HedonNode *node = group->node;
    const HedonShape *shape = &plan->base.graph->values[node->input[1]].shape;
    const int64_t outputs = shape->dim[0], filter = hedon_shape_count(shape) / outputs;
    const float *weights = cpu_parameter(ctx, plan, node, 1), *bias = NULL;
    if (!weights) return HEDON_EUNSUPPORTED;
    if (node->input_count > 2 && !(bias = cpu_parameter(ctx, plan, node, 2)))
        return HEDON_EUNSUPPORTED;

    double *scale = hedon_malloc((size_t)outputs * 2, sizeof(*scale)), *shift = scale + outputs;
    *folded = (Folded){.weights = hedon_malloc_aligned((size_t)(outputs * filter), sizeof(float)),
                       .bias = hedon_malloc_aligned((size_t)cpu_pad_lanes(outputs), sizeof(float))};
    int err = scale && folded->weights && folded->bias ? 0 : hedon_fail_memory(ctx);
    for (int64_t o = 0; o < outputs && !err; o++) scale[o] = 1, shift[o] = 0;
    if (!err && group->norm) err = cpu_norm_coefficients(ctx, plan, group->norm, scale, shift);
    if (!err) {
        memset(folded->bias, 0, (size_t)cpu_pad_lanes(outputs) * sizeof(float));
        for (int64_t o = 0; o < outputs; o++) {
            folded->bias[o] = (float)((bias ? bias[o] * scale[o] : 0) + shift[o]);
            for (int64_t i = o * filter; i < (o + 1) * filter; i++)
                folded->weights[i] = (float)(weights[i] * scale[o]);
        }
    }
    hedon_free(scale);
    if (err) free_folded(folded);
    return err;
}

static CpuConvShape conv_shape(const HedonGraph *graph, const HedonConvAttributes *a,
                               HedonValueId x_id, HedonValueId w_id, HedonValueId y_id)
{
    const int64_t *x = graph->values[x_id].shape.dim;
    const int64_t *w = graph->values[w_id].shape.dim;
    const int64_t *y = graph->values[y_id].shape.dim;
    return (CpuConvShape){.n = x[0],
                          .ic = x[1],
                          .it = x[2],
                          .ih = x[3],
                          .iw = x[4],
                          .oc = y[1],
                          .ot = y[2],
                          .oh = y[3],
                          .ow = y[4],
                          .kt = w[2],
                          .kh = w[3],
                          .kw = w[4],
                          .st = a->stride[0],
                          .sh = a->stride[1],
                          .sw = a->stride[2],
                          .pt = a->padding[0],
                          .ph = a->padding[1],
                          .pw = a->padding[2]};
}

static int is_dense(const HedonConvAttributes *a)
{
    return a->groups == 1 && a->dilation[0] == 1 && a->dilation[1] == 1 && a->dilation[2] == 1;
}

int cpu_conv_geometry(const HedonGraph *graph, const HedonConvAttributes *attributes,
                      HedonValueId x, HedonValueId w, HedonValueId y, CpuConvShape *shape)
{
    *shape = conv_shape(graph, attributes, x, w, y);
    return is_dense(attributes) && cpu_conv_direct.supports(shape);
}

/* ---- Our kernels ---------------------------------------------------------------------------- */

static void run_own(const CpuStep *step, const CpuArguments *arguments)
{
    const CpuConvCall call = {.x = arguments->x[0],
                              .packed = step->as.conv.packed,
                              .bias = step->as.conv.bias,
                              .residual = arguments->x[1],
                              .y = arguments->y,
                              .scratch = arguments->scratch,
                              .relu = step->relu,
                              .threads = arguments->threads};
    step->as.conv.kernel->run(&step->as.conv.shape, &call);
}

static const float *copy_constant(CpuPlan *plan, const float *from, int64_t count)
{
    float *copy = cpu_constant(plan, (size_t)count * sizeof(float));
    return copy ? memcpy(copy, from, (size_t)count * sizeof(float)) : NULL;
}

static int use_own(HedonContext *ctx, CpuPlan *plan, const CpuConvKernel *kernel,
                   const CpuConvShape *shape, const Folded *folded, CpuStep *step)
{
    void *packed = cpu_constant(plan, kernel->packed_bytes(shape));
    const float *bias = copy_constant(plan, folded->bias, cpu_pad_lanes(shape->oc));
    if (!packed || !bias) return hedon_fail_memory(ctx);
    kernel->pack(shape, folded->weights, packed, plan->base.device->threads);
    step->run = run_own;
    step->as.conv.shape = *shape;
    step->as.conv.kernel = kernel;
    step->as.conv.packed = packed;
    step->as.conv.bias = bias;
    snprintf(step->kernel, sizeof(step->kernel), "%s", kernel->name);
    const size_t scratch = kernel->scratch_bytes(shape, plan->base.device->threads);
    if (scratch) step->scratch = cpu_scratch_new(ctx, plan, scratch);
    return step->scratch < -1 ? step->scratch : 0;
}

/* ---- oneDNN --------------------------------------------------------------------------------- */

static void run_onednn(const CpuStep *step, const CpuArguments *arguments)
{
    cpu_onednn_conv_run(step->as.onednn.conv, arguments, step->as.onednn.n);
}

static void release_onednn(CpuStep *step)
{
    cpu_onednn_conv_free(step->as.onednn.conv);
}

/* 1 when oneDNN has a fast kernel, 0 when not, negative on error. */
static int use_onednn(HedonContext *ctx, CpuPlan *plan, const CpuConvShape *shape,
                      const HedonConvAttributes *attributes, const Folded *folded, CpuStep *step)
{
    const CpuOnednnConvSpec spec = {.shape = shape,
                                    .attributes = attributes,
                                    .weights = folded->weights,
                                    .bias = folded->bias,
                                    .residual = step->input[1] >= 0,
                                    .relu = step->relu,
                                    .threads = plan->base.device->threads};
    CpuOnednnConv *conv;
    int err = cpu_onednn_conv_new(ctx, &conv, &spec);
    if (err == HEDON_EUNSUPPORTED) return 0;
    if (err) return err;
    const size_t scratch = cpu_onednn_conv_scratch_bytes(conv);
    if (scratch) step->scratch = cpu_scratch_new(ctx, plan, scratch);
    if (step->scratch < -1) {
        cpu_onednn_conv_free(conv);
        return step->scratch;
    }
    step->run = run_onednn;
    step->release = release_onednn;
    step->as.onednn.conv = conv;
    step->as.onednn.n = shape->n;
    plan->weight_bytes += (int64_t)cpu_onednn_conv_weight_bytes(conv);
    snprintf(step->kernel, sizeof(step->kernel), "onednn %s", cpu_onednn_conv_name(conv));
    return 1;
}

/* ---- The plain kernel ----------------------------------------------------------------------- */

static void run_grouped(const CpuStep *step, const CpuArguments *arguments)
{
    cpu_grouped_run(step, arguments);
}

static int use_grouped(HedonContext *ctx, CpuPlan *plan, const CpuConvShape *shape,
                       const HedonConvAttributes *attributes, const Folded *folded, CpuStep *step)
{
    const int64_t filter = shape->ic / attributes->groups * shape->kt * shape->kh * shape->kw;
    step->as.grouped.weights = copy_constant(plan, folded->weights, shape->oc * filter);
    step->as.grouped.bias = copy_constant(plan, folded->bias, cpu_pad_lanes(shape->oc));
    if (!step->as.grouped.weights || !step->as.grouped.bias) return hedon_fail_memory(ctx);
    step->run = run_grouped;
    step->as.grouped.shape = *shape;
    step->as.grouped.groups = attributes->groups;
    memcpy(step->as.grouped.dilation, attributes->dilation, sizeof(attributes->dilation));
    snprintf(step->kernel, sizeof(step->kernel), "plain grouped");
    return 0;
}

/* ---- Lowering ------------------------------------------------------------------------------- */

/* Our measured choice; what that table leaves open goes to oneDNN; what oneDNN is not there for or
 * would do by its reference code, to whichever of ours can. */
static int choose(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group, const Folded *folded,
                  CpuStep *step)
{
    const HedonConvAttributes *a = &group->node->attributes.conv;
    const CpuConvShape shape = conv_shape(plan->base.graph, a, group->node->input[0],
                                          group->node->input[1], group->output);
    const int dense = is_dense(a);
    const CpuConvKernel *kernel = dense ? cpu_conv_choose(&shape) : NULL;
    if (kernel) return use_own(ctx, plan, kernel, &shape, folded, step);
    const int used = use_onednn(ctx, plan, &shape, a, folded, step);
    if (used) return used < 0 ? used : 0;
    if (dense && cpu_conv_direct.supports(&shape))
        return use_own(ctx, plan, &cpu_conv_direct, &shape, folded, step);
    return use_grouped(ctx, plan, &shape, a, folded, step);
}

static int lower_trained(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *node = group->node;
    CpuConvShape shape;
    return cpu_conv_geometry(plan->base.graph, &node->attributes.conv, node->input[0],
                             node->input[1], node->output[0], &shape)
               ? cpu_lower_conv_trained(ctx, plan, group, &shape)
               : cpu_lower_plain(ctx, plan, node);
}

int cpu_lower_conv(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    if (plan->trained) return lower_trained(ctx, plan, group);
    CpuStep step = cpu_step_of(group);
    step.input[0] = cpu_tensor(ctx, plan, group->node->input[0], CPU_NTHWC16);
    if (step.input[0] < 0) return step.input[0];
    if (group->residual != HEDON_NONE) {
        step.input[1] = cpu_tensor(ctx, plan, group->residual, CPU_NTHWC16);
        if (step.input[1] < 0) return step.input[1];
        step.overwritable = 2;
    }
    step.output = cpu_tensor_new(ctx, plan, group->output, CPU_NTHWC16);
    if (step.output < 0) return step.output;
    Folded folded = {0};
    int err = fold(ctx, plan, group, &folded);
    if (err) return err;
    err = choose(ctx, plan, group, &folded, &step);
    free_folded(&folded);
    return err ? err : cpu_push(ctx, plan, &step);
}
