/* The backward convolution kernels: what they support, the memory they need, and the choice of a
 * kernel. The arithmetic is in conv_data_direct.inc, conv_weights*.inc and, for backward data of
 * stride 1, in the forward kernels. */
#include "kernels/cpu/conv_backward.h"

#include <string.h>

#include "kernels/cpu/conv_plan.h"

/* ---- Backward data by a forward kernel ------------------------------------------------------ */

/* The forward kernels want a bias: zeros at the head of the scratch. */
static size_t bias_bytes(const CpuConvShape *s)
{
    return (size_t)cpu_pad_lanes(s->ic) * sizeof(float);
}

static CpuConvCall forward_call(const CpuConvShape *s, const CpuConvDataCall *call)
{
    memset(call->scratch, 0, bias_bytes(s));
    return (CpuConvCall){.x = call->dy,
                         .packed = call->packed,
                         .bias = call->scratch,
                         .residual = call->residual,
                         .y = call->dx,
                         .scratch = (char *)call->scratch + bias_bytes(s),
                         .threads = call->threads};
}

static size_t data_spatial_packed_bytes(const CpuConvShape *s)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    return cpu_conv_winograd_spatial.packed_bytes(&adjoint);
}

static size_t data_spatial_scratch_bytes(const CpuConvShape *s, int threads)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    return bias_bytes(s) + cpu_conv_winograd_spatial.scratch_bytes(&adjoint, threads);
}

void cpu_conv_data_spatial_on(const CpuConvIsa *isa, const CpuConvShape *s,
                              const CpuConvDataCall *call)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    const CpuConvCall forward = forward_call(s, call);
    isa->winograd_spatial(&adjoint, &forward);
}

static void data_spatial_run(const CpuConvShape *s, const CpuConvDataCall *call)
{
    cpu_conv_data_spatial_on(cpu_conv_best_isa(), s, call);
}

static int spatial_supports(const CpuConvShape *s)
{
    return cpu_conv_winograd_spatial.supports(s);
}

const CpuConvDataKernel cpu_conv_data_winograd_spatial = {
    .name = "winograd f4x4,3x3",
    .supports = spatial_supports,
    .packed_bytes = data_spatial_packed_bytes,
    .pack = cpu_conv_pack_data_spatial,
    .scratch_bytes = data_spatial_scratch_bytes,
    .run = data_spatial_run,
};

static size_t data_temporal_packed_bytes(const CpuConvShape *s)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    return cpu_conv_winograd_temporal.packed_bytes(&adjoint);
}

static size_t data_temporal_scratch_bytes(const CpuConvShape *s, int threads)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    return bias_bytes(s) + cpu_conv_winograd_temporal.scratch_bytes(&adjoint, threads);
}

void cpu_conv_data_temporal_on(const CpuConvIsa *isa, const CpuConvShape *s,
                               const CpuConvDataCall *call)
{
    const CpuConvShape adjoint = cpu_conv_adjoint(s);
    const CpuConvCall forward = forward_call(s, call);
    isa->winograd_temporal(&adjoint, &forward);
}

static void data_temporal_run(const CpuConvShape *s, const CpuConvDataCall *call)
{
    cpu_conv_data_temporal_on(cpu_conv_best_isa(), s, call);
}

static int temporal_supports(const CpuConvShape *s)
{
    return cpu_conv_winograd_temporal.supports(s);
}

const CpuConvDataKernel cpu_conv_data_winograd_temporal = {
    .name = "winograd f4,3 in time",
    .supports = temporal_supports,
    .packed_bytes = data_temporal_packed_bytes,
    .pack = cpu_conv_pack_data_temporal,
    .scratch_bytes = data_temporal_scratch_bytes,
    .run = data_temporal_run,
};

/* ---- Backward data, direct ------------------------------------------------------------------ */

/* Phases are counted one by one. */
static int data_direct_supports(const CpuConvShape *s)
{
    const int64_t limit = (int64_t)1 << 8;
    return cpu_conv_shape_valid(s) && s->st < limit && s->sh < limit && s->sw < limit;
}

static size_t data_direct_packed_bytes(const CpuConvShape *s)
{
    return (size_t)(cpu_pad_lanes(s->ic) * s->kt * s->kh * s->kw * s->oc) * sizeof(float);
}

static size_t data_direct_scratch_bytes(const CpuConvShape *s, int threads)
{
    ConvDataPlan plan;
    cpu_conv_data_plan(s, &plan);
    return plan.zeros_bytes + (size_t)threads * (plan.rows_bytes + plan.sums_bytes);
}

static void data_direct_run(const CpuConvShape *s, const CpuConvDataCall *call)
{
    cpu_conv_best_isa()->data_direct(s, call);
}

const CpuConvDataKernel cpu_conv_data_direct = {
    .name = "direct",
    .supports = data_direct_supports,
    .packed_bytes = data_direct_packed_bytes,
    .pack = cpu_conv_pack_data_direct,
    .scratch_bytes = data_direct_scratch_bytes,
    .run = data_direct_run,
};

/* ---- Backward weights ----------------------------------------------------------------------- */

static ConvWeightsForm temporal_form(const CpuConvShape *s)
{
    return s->it == 2 && s->ot == 2 ? CONV_WEIGHTS_PAIR : CONV_WEIGHTS_TEMPORAL;
}

/* With few input channels most lanes of a tap would be padding. */
static ConvWeightsForm direct_form(const CpuConvShape *s)
{
    const int64_t taps = s->kt * s->kh * s->kw;
    return s->ic < CPU_LANES && taps > 1 && taps * s->ic <= CONV_WEIGHTS_DENSE_LANES
               ? CONV_WEIGHTS_DENSE
               : CONV_WEIGHTS_TAPS;
}

ConvWeightsForm cpu_conv_weights_form(const CpuConvWeightsKernel *kernel, const CpuConvShape *s)
{
    if (kernel == &cpu_conv_weights_winograd_spatial) return CONV_WEIGHTS_SPATIAL;
    return kernel == &cpu_conv_weights_winograd_temporal ? temporal_form(s) : direct_form(s);
}

static size_t weights_scratch_bytes(const CpuConvShape *s, ConvWeightsForm form, int threads)
{
    ConvWeightsPlan plan;
    cpu_conv_weights_plan(s, form, &plan);
    const size_t copies = plan.parts ? (size_t)threads : 1;
    const size_t m_copies = plan.parts ? (size_t)plan.parts : 1;
    return plan.zeros_bytes + plan.dense_bytes + copies * (plan.v_bytes + plan.d_bytes) +
           (plan.fused ? (size_t)threads : m_copies * (size_t)plan.items) * plan.item_bytes;
}

static size_t weights_spatial_scratch_bytes(const CpuConvShape *s, int threads)
{
    return weights_scratch_bytes(s, CONV_WEIGHTS_SPATIAL, threads);
}

static void weights_spatial_run(const CpuConvShape *s, const CpuConvWeightsCall *call)
{
    cpu_conv_best_isa()->weights(s, call, CONV_WEIGHTS_SPATIAL);
}

const CpuConvWeightsKernel cpu_conv_weights_winograd_spatial = {
    .name = "winograd f3x3,4x4",
    .supports = spatial_supports,
    .scratch_bytes = weights_spatial_scratch_bytes,
    .run = weights_spatial_run,
};

static size_t weights_temporal_scratch_bytes(const CpuConvShape *s, int threads)
{
    return weights_scratch_bytes(s, temporal_form(s), threads);
}

static void weights_temporal_run(const CpuConvShape *s, const CpuConvWeightsCall *call)
{
    cpu_conv_best_isa()->weights(s, call, temporal_form(s));
}

const CpuConvWeightsKernel cpu_conv_weights_winograd_temporal = {
    .name = "winograd f3,4 in time",
    .supports = temporal_supports,
    .scratch_bytes = weights_temporal_scratch_bytes,
    .run = weights_temporal_run,
};

static size_t weights_direct_scratch_bytes(const CpuConvShape *s, int threads)
{
    return weights_scratch_bytes(s, direct_form(s), threads);
}

static void weights_direct_run(const CpuConvShape *s, const CpuConvWeightsCall *call)
{
    cpu_conv_best_isa()->weights(s, call, direct_form(s));
}

const CpuConvWeightsKernel cpu_conv_weights_direct = {
    .name = "direct",
    .supports = cpu_conv_shape_valid,
    .scratch_bytes = weights_direct_scratch_bytes,
    .run = weights_direct_run,
};

/* ---- Choice --------------------------------------------------------------------------------- */

static int wide(const CpuConvShape *s)
{
    return s->ic >= CPU_LANES && s->oc >= CPU_LANES;
}

/* As cpu_conv_choose: the same trade, seen from the other side. */
const CpuConvDataKernel *cpu_conv_data_choose(const CpuConvShape *s)
{
    if (wide(s) && temporal_supports(s) && s->it > 1) return &cpu_conv_data_winograd_temporal;
    if (wide(s) && spatial_supports(s) && s->ih > 4 && s->iw > 4)
        return &cpu_conv_data_winograd_spatial;
    return data_direct_supports(s) ? &cpu_conv_data_direct : NULL;
}

const CpuConvWeightsKernel *cpu_conv_weights_choose(const CpuConvShape *s)
{
    if (wide(s) && temporal_supports(s) && s->ot > 1) return &cpu_conv_weights_winograd_temporal;
    if (wide(s) && spatial_supports(s) && s->oh > 4 && s->ow > 4)
        return &cpu_conv_weights_winograd_spatial;
    return cpu_conv_shape_valid(s) ? &cpu_conv_weights_direct : NULL;
}
