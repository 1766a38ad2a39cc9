/* oneDNN behind a small interface, for its C API 2 (Debian 12) and 3.
 *
 * Channels-last throughout: with its channels padded to CPU_LANES a value is a dense ndhwc tensor,
 * and zero weights keep the padding zero. One primitive computes one clip: oneDNN chooses its
 * algorithm by the batch, and a clip's bits must not depend on its neighbours. Scratch is the
 * caller's. oneDNN of Debian runs on OpenMP: the team is set before each call.
 */
#include "kernels/cpu/onednn.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct CpuOnednnConv {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, y, weights, bias, scratch; /* x, y and scratch are only described: see Call */
    float *weight_data, *bias_data; /* owned */
    size_t weight_bytes, scratch_bytes;
    int64_t x_count, y_count; /* floats of a clip */
    int threads;
    char name[40];
};

/* The convolution as oneDNN sees it: channels padded, groups first. */
typedef struct Geometry {
    int64_t groups, in, out; /* channels of a group */
    dnnl_dims_t x, y, weights, bias;
    dnnl_dims_t stride, dilation, padding;
    int rank; /* of the weights */
} Geometry;

/* ---- What differs between the C API's versions ---------------------------------------------- */

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t DescriptorView;

static dnnl_status_t describe(dnnl_memory_desc_t *out, int rank, const dnnl_dims_t dims,
                              dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(out, rank, dims, dnnl_f32, tag);
}

static void forget(dnnl_memory_desc_t *descriptor)
{
    if (*descriptor) dnnl_memory_desc_destroy(*descriptor);
}

static DescriptorView view(const dnnl_memory_desc_t *descriptor)
{
    return *descriptor;
}

static dnnl_status_t append_sum_and_relu(dnnl_post_ops_t ops, int sum, int relu)
{
    dnnl_status_t status = dnnl_success;
    if (sum) status = dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
    if (relu && status == dnnl_success)
        status = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
    return status;
}

static dnnl_status_t describe_conv(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                   const dnnl_memory_desc_t x, const dnnl_memory_desc_t weights,
                                   const dnnl_memory_desc_t bias, const dnnl_memory_desc_t y,
                                   const Geometry *g, const_dnnl_primitive_attr_t attributes)
{
    return dnnl_convolution_forward_primitive_desc_create(
        out, engine, dnnl_forward_inference, dnnl_convolution_direct, x, weights, bias, y,
        g->stride, g->dilation, g->padding, g->padding, attributes);
}
#else
typedef const dnnl_memory_desc_t *DescriptorView;

static dnnl_status_t describe(dnnl_memory_desc_t *out, int rank, const dnnl_dims_t dims,
                              dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(out, rank, dims, dnnl_f32, tag);
}

static void forget(dnnl_memory_desc_t *descriptor)
{
    (void)descriptor; /* a plain struct */
}

static DescriptorView view(const dnnl_memory_desc_t *descriptor)
{
    return descriptor;
}

static dnnl_status_t append_sum_and_relu(dnnl_post_ops_t ops, int sum, int relu)
{
    dnnl_status_t status = dnnl_success;
    if (sum) status = dnnl_post_ops_append_sum(ops, 1);
    if (relu && status == dnnl_success)
        status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
    return status;
}

static dnnl_status_t describe_conv(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                   const dnnl_memory_desc_t x, const dnnl_memory_desc_t weights,
                                   const dnnl_memory_desc_t bias, const dnnl_memory_desc_t y,
                                   const Geometry *g, const_dnnl_primitive_attr_t attributes)
{
    dnnl_convolution_desc_t conv;
    const dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &conv, dnnl_forward_inference, dnnl_convolution_direct, &x, &weights, &bias, &y, g->stride,
        g->dilation, g->padding, g->padding);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &conv, attributes, engine, NULL)
                                  : status;
}
#endif

/* ---- Building ------------------------------------------------------------------------------- */

static void copy(int64_t *to, int count, const int64_t *from)
{
    memcpy(to, from, (size_t)count * sizeof(*to));
}

static int geometry_of(const CpuOnednnConvSpec *spec, Geometry *g)
{
    const CpuConvShape *s = spec->shape;
    const int64_t groups = spec->attributes->groups;
    const int64_t in = cpu_pad_lanes(s->ic), out = cpu_pad_lanes(s->oc);
    const int depthwise = groups == s->ic && groups == s->oc;
    /* Between these, a group's padding would lie amid the channels. */
    if (groups > 1 && !depthwise && (in != s->ic || out != s->oc)) return HEDON_EUNSUPPORTED;
    g->groups = groups > 1 && depthwise ? in : groups;
    g->in = in / g->groups;
    g->out = out / g->groups;
    g->rank = g->groups > 1 ? 6 : 5;
    copy(g->x, 5, (int64_t[]){1, in, s->it, s->ih, s->iw});
    copy(g->y, 5, (int64_t[]){1, out, s->ot, s->oh, s->ow});
    copy(g->weights, 1, &g->groups);
    copy(g->weights + g->rank - 5, 5, (int64_t[]){g->out, g->in, s->kt, s->kh, s->kw});
    copy(g->stride, 3, spec->attributes->stride);
    copy(g->padding, 3, spec->attributes->padding);
    for (int i = 0; i < 3; i++) g->dilation[i] = spec->attributes->dilation[i] - 1; /* gaps */
    g->bias[0] = out;
    return 0;
}

static dnnl_status_t describe_attributes(dnnl_primitive_attr_t *attributes, dnnl_post_ops_t *ops,
                                         const CpuOnednnConvSpec *spec)
{
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) status = dnnl_post_ops_create(ops);
    if (status == dnnl_success) status = append_sum_and_relu(*ops, spec->residual, spec->relu);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*attributes, *ops);
    return status;
}

/* The primitive and its memories but the weights'. */
static dnnl_status_t create(CpuOnednnConv *conv, const CpuOnednnConvSpec *spec, const Geometry *g)
{
    dnnl_memory_desc_t x = {0}, y = {0}, weights = {0}, bias = {0};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_engine_create(&conv->engine, dnnl_cpu, 0);
#define TRY(call)                                                                                  \
    if (status == dnnl_success) status = (call)
    TRY(dnnl_stream_create(&conv->stream, conv->engine, dnnl_stream_default_flags));
    TRY(describe(&x, 5, g->x, dnnl_ndhwc));
    TRY(describe(&y, 5, g->y, dnnl_ndhwc));
    TRY(describe(&weights, g->rank, g->weights, dnnl_format_tag_any));
    TRY(describe(&bias, 1, g->bias, dnnl_a));
    TRY(describe_attributes(&attributes, &ops, spec));
    TRY(describe_conv(&conv->descriptor, conv->engine, x, weights, bias, y, g, attributes));
    TRY(dnnl_primitive_create(&conv->primitive, conv->descriptor));
    TRY(dnnl_memory_create(&conv->x, view(&x), conv->engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&conv->y, view(&y), conv->engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&conv->bias, view(&bias), conv->engine, DNNL_MEMORY_NONE));
    if (status == dnnl_success) {
        DescriptorView scratch =
            dnnl_primitive_desc_query_md(conv->descriptor, dnnl_query_scratchpad_md, 0);
        conv->scratch_bytes = dnnl_memory_desc_get_size(scratch);
        status = dnnl_memory_create(&conv->scratch, scratch, conv->engine, DNNL_MEMORY_NONE);
    }
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (ops) dnnl_post_ops_destroy(ops);
    forget(&x), forget(&y), forget(&weights), forget(&bias);
    return status;
}

/* Logical weights with zeros where channels are padded. */
static float *pad_weights(const CpuOnednnConvSpec *spec, const Geometry *g)
{
    const CpuConvShape *s = spec->shape;
    const int64_t taps = s->kt * s->kh * s->kw, in = s->ic / spec->attributes->groups;
    const int64_t count = g->groups * g->out * g->in * taps;
    float *padded = hedon_calloc((size_t)count, sizeof(float));
    for (int64_t o = 0; o < s->oc && padded; o++)
        memcpy(padded + o * g->in * taps, spec->weights + o * in * taps,
               (size_t)(in * taps) * sizeof(float));
    return padded;
}

/* Weights in the format that the primitive wants. */
static dnnl_status_t pack(CpuOnednnConv *conv, const Geometry *g, float *padded)
{
    DescriptorView wanted =
        dnnl_primitive_desc_query_md(conv->descriptor, dnnl_query_weights_md, 0);
    conv->weight_bytes = dnnl_memory_desc_get_size(wanted);
    conv->weight_data = hedon_malloc_aligned(conv->weight_bytes, 1);
    if (!conv->weight_data) return dnnl_out_of_memory;

    dnnl_memory_desc_t plain = {0};
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_status_t status =
        describe(&plain, g->rank, g->weights, g->rank == 6 ? dnnl_abcdef : dnnl_abcde);
    TRY(dnnl_memory_create(&from, view(&plain), conv->engine, padded));
    TRY(dnnl_memory_create(&conv->weights, wanted, conv->engine, conv->weight_data));
    TRY(dnnl_reorder_primitive_desc_create(&descriptor, view(&plain), conv->engine, wanted,
                                           conv->engine, NULL));
    TRY(dnnl_primitive_create(&reorder, descriptor));
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, conv->weights}};
    TRY(dnnl_primitive_execute(reorder, conv->stream, 2, arguments));
    TRY(dnnl_stream_wait(conv->stream));
    if (reorder) dnnl_primitive_destroy(reorder);
    if (descriptor) dnnl_primitive_desc_destroy(descriptor);
    if (from) dnnl_memory_destroy(from);
    forget(&plain);
    return status;
}
#undef TRY

/* What oneDNN does not take, for whatever reason, our own kernels do. */
static int failed(HedonContext *ctx, dnnl_status_t status)
{
    return status == dnnl_out_of_memory ? hedon_fail_memory(ctx) : HEDON_EUNSUPPORTED;
}

static int build(HedonContext *ctx, CpuOnednnConv *conv, const CpuOnednnConvSpec *spec)
{
    Geometry g = {0};
    int err = geometry_of(spec, &g);
    if (err) return err;
    dnnl_status_t status = create(conv, spec, &g);
    if (status != dnnl_success) return failed(ctx, status);
    const char *name = "";
    dnnl_primitive_desc_query(conv->descriptor, dnnl_query_impl_info_str, 0, &name);
    /* Its reference loops are slower than ours. */
    if (strncmp(name, "ref", 3) == 0) return HEDON_EUNSUPPORTED;
    strncpy(conv->name, name, sizeof(conv->name) - 1);

    float *padded = pad_weights(spec, &g);
    conv->bias_data = hedon_malloc_aligned((size_t)g.bias[0], sizeof(float));
    if (padded && conv->bias_data) {
        memcpy(conv->bias_data, spec->bias, (size_t)g.bias[0] * sizeof(float));
        status = pack(conv, &g, padded);
        if (status == dnnl_success)
            status = dnnl_memory_set_data_handle(conv->bias, conv->bias_data);
    } else {
        status = dnnl_out_of_memory;
    }
    hedon_free(padded);
    conv->x_count = g.x[1] * g.x[2] * g.x[3] * g.x[4];
    conv->y_count = g.y[1] * g.y[2] * g.y[3] * g.y[4];
    return status == dnnl_success ? 0 : failed(ctx, status);
}

/* ---- The interface -------------------------------------------------------------------------- */

#define TEXT(x)  TEXT_(x)
#define TEXT_(x) #x

const char *cpu_onednn_version(void)
{
    return "oneDNN " TEXT(DNNL_VERSION_MAJOR) "." TEXT(DNNL_VERSION_MINOR) "." TEXT(
        DNNL_VERSION_PATCH);
}

int cpu_onednn_conv_new(HedonContext *ctx, CpuOnednnConv **out, const CpuOnednnConvSpec *spec)
{
    *out = NULL;
    CpuOnednnConv *conv = hedon_calloc(1, sizeof(*conv));
    if (!conv) return hedon_fail_memory(ctx);
    conv->threads = spec->threads;
    const int before = omp_get_max_threads();
    omp_set_num_threads(spec->threads);
    const int err = build(ctx, conv, spec);
    omp_set_num_threads(before);
    if (err)
        cpu_onednn_conv_free(conv);
    else
        *out = conv;
    return err;
}

void cpu_onednn_conv_free(CpuOnednnConv *conv)
{
    if (!conv) return;
    const dnnl_memory_t memories[] = {conv->x, conv->y, conv->weights, conv->bias, conv->scratch};
    for (size_t i = 0; i < sizeof(memories) / sizeof(*memories); i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    if (conv->primitive) dnnl_primitive_destroy(conv->primitive);
    if (conv->descriptor) dnnl_primitive_desc_destroy(conv->descriptor);
    if (conv->stream) dnnl_stream_destroy(conv->stream);
    if (conv->engine) dnnl_engine_destroy(conv->engine);
    hedon_free(conv->weight_data);
    hedon_free(conv->bias_data);
    hedon_free(conv);
}

const char *cpu_onednn_conv_name(const CpuOnednnConv *conv)
{
    return conv->name;
}

size_t cpu_onednn_conv_scratch_bytes(const CpuOnednnConv *conv)
{
    return conv->scratch_bytes;
}

size_t cpu_onednn_conv_weight_bytes(const CpuOnednnConv *conv)
{
    return conv->weight_bytes;
}

/* What one execution says of its memory: a convolution may be executing on several threads. */
typedef struct Call {
    dnnl_stream_t stream;
    dnnl_memory_t x, y, scratch;
} Call;

static dnnl_status_t memory_like(dnnl_memory_t *out, const dnnl_memory_t like, dnnl_engine_t engine)
{
    DescriptorView descriptor;
    const dnnl_status_t status = dnnl_memory_get_memory_desc(like, &descriptor);
    return status == dnnl_success ? dnnl_memory_create(out, descriptor, engine, DNNL_MEMORY_NONE)
                                  : status;
}

static dnnl_status_t call_new(const CpuOnednnConv *conv, Call *call)
{
    dnnl_status_t status =
        dnnl_stream_create(&call->stream, conv->engine, dnnl_stream_default_flags);
    if (status == dnnl_success) status = memory_like(&call->x, conv->x, conv->engine);
    if (status == dnnl_success) status = memory_like(&call->y, conv->y, conv->engine);
    if (status == dnnl_success) status = memory_like(&call->scratch, conv->scratch, conv->engine);
    return status;
}

static void call_free(Call *call)
{
    const dnnl_memory_t memories[] = {call->x, call->y, call->scratch};
    for (size_t i = 0; i < sizeof(memories) / sizeof(*memories); i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    if (call->stream) dnnl_stream_destroy(call->stream);
}

void cpu_onednn_conv_run(const CpuOnednnConv *conv, const CpuArguments *arguments, int64_t n)
{
    const float *residual = arguments->x[1];
    float *y = arguments->y;
    /* The post-operation adds to what the output holds. */
    if (residual && residual != y) {
        const int64_t count = n * conv->y_count;
#pragma omp parallel for simd num_threads(conv->threads) schedule(static)
        for (int64_t i = 0; i < count; i++) y[i] = residual[i];
    }
    const int before = omp_get_max_threads();
    omp_set_num_threads(conv->threads);
    Call call = {0};
    dnnl_status_t status = call_new(conv, &call);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(call.scratch, arguments->scratch);
    const dnnl_exec_arg_t io[] = {{DNNL_ARG_SRC, call.x},
                                  {DNNL_ARG_DST, call.y},
                                  {DNNL_ARG_WEIGHTS, conv->weights},
                                  {DNNL_ARG_BIAS, conv->bias},
                                  {DNNL_ARG_SCRATCHPAD, call.scratch}};
    for (int64_t i = 0; i < n && status == dnnl_success; i++) {
        const float *x = arguments->x[0] + i * conv->x_count;
        dnnl_memory_set_data_handle(call.x, (void *)(uintptr_t)x);
        dnnl_memory_set_data_handle(call.y, y + i * conv->y_count);
        status = dnnl_primitive_execute(conv->primitive, call.stream, 5, io);
    }
    if (status == dnnl_success) status = dnnl_stream_wait(call.stream);
    call_free(&call);
    if (status != dnnl_success) *arguments->error = HEDON_EDEVICE;
    omp_set_num_threads(before);
}
