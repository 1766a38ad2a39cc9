/* The three convolution kernels: what they support, the memory they need, and the choice of an
 * instruction set and of a kernel. The arithmetic is in conv_*.inc. */
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_plan.h"
#include "kernels/cpu/winograd.h"

const CpuConvIsa *cpu_conv_best_isa(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return &cpu_conv_isa_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &cpu_conv_isa_avx2;
#endif
    return &cpu_conv_isa_generic;
}

const char *cpu_conv_isa_name(void)
{
    return cpu_conv_best_isa()->name;
}

/* ---- Sizes --------------------------------------------------------------------------------
 */

/* Far from overflow of any byte count derived from it. */
static const int64_t max_elements = (int64_t)1 << 40;

/* Whether all five are positive and their product is at most max_elements. */
static int product_fits(const int64_t factor[5])
{
    int64_t product = 1;
    for (int i = 0; i < 5; i++)
        if (factor[i] < 1 || __builtin_mul_overflow(product, factor[i], &product) ||
            product > max_elements)
            return 0;
    return 1;
}

/* One axis: output size consistent with input, kernel, stride and padding. */
static int axis_valid(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad)
{
    const int64_t limit = (int64_t)1 << 30;
    return in >= 1 && in < limit && kernel >= 1 && kernel < limit && stride >= 1 && pad >= 0 &&
           pad < kernel && in + 2 * pad >= kernel && out == (in + 2 * pad - kernel) / stride + 1;
}

int cpu_conv_shape_valid(const CpuConvShape *s)
{
    const int64_t limit = (int64_t)1 << 30;
    return axis_valid(s->it, s->ot, s->kt, s->st, s->pt) &&
           axis_valid(s->ih, s->oh, s->kh, s->sh, s->ph) &&
           axis_valid(s->iw, s->ow, s->kw, s->sw, s->pw) && s->ic >= 1 && s->ic < limit &&
           s->oc >= 1 && s->oc < limit &&
           product_fits((int64_t[]){s->n, s->it, s->ih, s->iw + 2 * s->pw, cpu_pad_lanes(s->ic)}) &&
           product_fits((int64_t[]){s->n, s->ot, s->oh, s->ow, cpu_pad_lanes(s->oc)}) &&
           product_fits(
               (int64_t[]){s->kt, s->kh, s->kw, cpu_pad_lanes(s->ic), cpu_pad_lanes(s->oc)});
}

static size_t panels_bytes(const CpuConvShape *s, int64_t matrices)
{
    return (size_t)(cpu_pad_lanes(s->oc) * matrices * s->ic) * sizeof(float);
}

/* ---- Spatial Winograd --------------------------------------------------------------------- */

static int spatial_supports(const CpuConvShape *s)
{
    return cpu_conv_shape_valid(s) && s->kt == 1 && s->kh == 3 && s->kw == 3 && s->st == 1 &&
           s->sh == 1 && s->sw == 1;
}

static size_t spatial_packed_bytes(const CpuConvShape *s)
{
    return panels_bytes(s, WINOGRAD_FREQUENCIES_2D);
}

static size_t spatial_scratch_bytes(const CpuConvShape *s, int threads)
{
    ConvSpatialPlan plan;
    cpu_conv_spatial_plan(s, &plan);
    return plan.zeros_bytes + (size_t)threads * plan.m_bytes +
           (plan.shared ? 1 : (size_t)threads) * plan.v_bytes;
}

static void spatial_run(const CpuConvShape *s, const CpuConvCall *call)
{
    cpu_conv_best_isa()->winograd_spatial(s, call);
}

const CpuConvKernel cpu_conv_winograd_spatial = {
    .name = "winograd f4x4,3x3",
    .supports = spatial_supports,
    .packed_bytes = spatial_packed_bytes,
    .pack = cpu_conv_pack_spatial,
    .scratch_bytes = spatial_scratch_bytes,
    .run = spatial_run,
};

/* ---- Temporal Winograd -------------------------------------------------------------------- */

static int temporal_supports(const CpuConvShape *s)
{
    return cpu_conv_shape_valid(s) && s->kt == 3 && s->kh == 1 && s->kw == 1 && s->st == 1 &&
           s->sh == 1 && s->sw == 1;
}

static size_t temporal_packed_bytes(const CpuConvShape *s)
{
    ConvTemporalPlan plan;
    cpu_conv_temporal_plan(s, 1, &plan);
    return panels_bytes(s, plan.frequencies);
}

static size_t temporal_scratch_bytes(const CpuConvShape *s, int threads)
{
    ConvTemporalPlan plan;
    cpu_conv_temporal_plan(s, threads, &plan);
    return plan.zeros_bytes + (size_t)threads * (plan.v_bytes + plan.m_bytes);
}

static void temporal_run(const CpuConvShape *s, const CpuConvCall *call)
{
    cpu_conv_best_isa()->winograd_temporal(s, call);
}

const CpuConvKernel cpu_conv_winograd_temporal = {
    .name = "winograd f4,3 in time",
    .supports = temporal_supports,
    .packed_bytes = temporal_packed_bytes,
    .pack = cpu_conv_pack_temporal,
    .scratch_bytes = temporal_scratch_bytes,
    .run = temporal_run,
};

/* ---- Direct -------------------------------------------------------------------------------
 */

static size_t direct_packed_bytes(const CpuConvShape *s)
{
    return panels_bytes(s, s->kt * s->kh * s->kw);
}

static size_t direct_scratch_bytes(const CpuConvShape *s, int threads)
{
    ConvDirectPlan plan;
    cpu_conv_direct_plan(s, threads, &plan);
    return plan.zeros_bytes + plan.dense_bytes +
           (size_t)threads * (plan.rows_bytes + plan.sums_bytes);
}

static void direct_run(const CpuConvShape *s, const CpuConvCall *call)
{
    cpu_conv_best_isa()->direct(s, call);
}

const CpuConvKernel cpu_conv_direct = {
    .name = "direct",
    .supports = cpu_conv_shape_valid,
    .packed_bytes = direct_packed_bytes,
    .pack = cpu_conv_pack_direct,
    .scratch_bytes = direct_scratch_bytes,
    .run = direct_run,
};

/* ---- Choice -------------------------------------------------------------------------------
 */

/* Measured on Zen 3 over the shapes of R(2+1)D-18: Winograd wins wherever its tiles are mostly
 * full and the transforms are spread over enough channels. */
const CpuConvKernel *cpu_conv_choose(const CpuConvShape *s)
{
    const int wide = s->ic >= CPU_LANES && s->oc >= CPU_LANES;
    if (wide && temporal_supports(s) && s->ot > 1) return &cpu_conv_winograd_temporal;
    if (wide && spatial_supports(s) && s->oh > 4 && s->ow > 4) return &cpu_conv_winograd_spatial;
    return cpu_conv_shape_valid(s) ? &cpu_conv_direct : NULL;
}
