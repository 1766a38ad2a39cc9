/* oneDNN's backward convolutions, for the comparison in conv_backward_bench.h: its own choice of
 * layouts (reorders are not timed), algorithm direct or Winograd, (1,3,3) kernels seen as 2-D over
 * the frames. Needs the C API 2 (Winograd is gone in 3) and HEDON_BENCH_ONEDNN; else nothing. */
#ifndef HEDON_TESTS_CONV_ONEDNN_H
#define HEDON_TESTS_CONV_ONEDNN_H

#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/conv.h"

typedef enum ConvOnednnKind { CONV_ONEDNN_DATA, CONV_ONEDNN_WEIGHTS } ConvOnednnKind;
typedef struct ConvOnednn ConvOnednn;

#ifdef HEDON_BENCH_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif
#if defined(HEDON_BENCH_ONEDNN) && DNNL_VERSION_MAJOR == 2

struct ConvOnednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3];
    void *data[3];
    dnnl_exec_arg_t arguments[3];
};

/* Sizes as oneDNN sees them, 4-D when the kernel is one frame deep. */
typedef struct ConvOnednnDims {
    int rank;
    dnnl_dims_t x, w, y, stride, padding;
} ConvOnednnDims;

static ConvOnednnDims conv_onednn_dims(const CpuConvShape *s)
{
    if (s->kt == 1 && s->st == 1 && s->pt == 0)
        return (ConvOnednnDims){4,
                                {s->n * s->it, s->ic, s->ih, s->iw},
                                {s->oc, s->ic, s->kh, s->kw},
                                {s->n * s->ot, s->oc, s->oh, s->ow},
                                {s->sh, s->sw},
                                {s->ph, s->pw}};
    return (ConvOnednnDims){5,
                            {s->n, s->ic, s->it, s->ih, s->iw},
                            {s->oc, s->ic, s->kt, s->kh, s->kw},
                            {s->n, s->oc, s->ot, s->oh, s->ow},
                            {s->st, s->sh, s->sw},
                            {s->pt, s->ph, s->pw}};
}

static void conv_onednn_free(ConvOnednn *c)
{
    if (!c) return;
    for (int i = 0; i < 3; i++) {
        if (c->memory[i]) dnnl_memory_destroy(c->memory[i]);
        free(c->data[i]);
    }
    if (c->primitive) dnnl_primitive_destroy(c->primitive);
    if (c->stream) dnnl_stream_destroy(c->stream);
    if (c->engine) dnnl_engine_destroy(c->engine);
    free(c);
}

static dnnl_status_t conv_onednn_describe(const CpuConvShape *s, ConvOnednnKind kind, int winograd,
                                          dnnl_engine_t engine, dnnl_primitive_desc_t *out)
{
    const ConvOnednnDims d = conv_onednn_dims(s);
    const dnnl_alg_kind_t algorithm =
        winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    dnnl_memory_desc_t x, w, y;
    dnnl_convolution_desc_t forward, backward;
    dnnl_primitive_desc_t hint;

    dnnl_memory_desc_init_by_tag(&x, d.rank, d.x, dnnl_f32, any);
    dnnl_memory_desc_init_by_tag(&w, d.rank, d.w, dnnl_f32, any);
    dnnl_memory_desc_init_by_tag(&y, d.rank, d.y, dnnl_f32, any);
    dnnl_status_t status =
        dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, algorithm, &x, &w, NULL,
                                           &y, d.stride, d.padding, d.padding);
    if (status == dnnl_success)
        status = kind == CONV_ONEDNN_DATA
                     ? dnnl_convolution_backward_data_desc_init(&backward, algorithm, &x, &w, &y,
                                                                d.stride, d.padding, d.padding)
                     : dnnl_convolution_backward_weights_desc_init(
                           &backward, algorithm, &x, &w, NULL, &y, d.stride, d.padding, d.padding);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_desc_create(out, &backward, NULL, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

/* NULL where oneDNN has no such kernel. */
static ConvOnednn *conv_onednn_new(const CpuConvShape *s, ConvOnednnKind kind, int winograd)
{
    ConvOnednn *c = calloc(1, sizeof *c);
    dnnl_primitive_desc_t descriptor = NULL;
    if (!c) return NULL;
    dnnl_status_t status = dnnl_engine_create(&c->engine, dnnl_cpu, 0);
    if (status == dnnl_success) status = dnnl_stream_create(&c->stream, c->engine, 0);
    if (status == dnnl_success)
        status = conv_onednn_describe(s, kind, winograd, c->engine, &descriptor);
    if (status == dnnl_success) status = dnnl_primitive_create(&c->primitive, descriptor);
    if (status != dnnl_success) {
        conv_onednn_free(c);
        return NULL;
    }
    const dnnl_query_t data[3] = {dnnl_query_diff_dst_md, dnnl_query_weights_md,
                                  dnnl_query_diff_src_md};
    const dnnl_query_t weights[3] = {dnnl_query_diff_dst_md, dnnl_query_src_md,
                                     dnnl_query_diff_weights_md};
    const int data_names[3] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC};
    const int weights_names[3] = {DNNL_ARG_DIFF_DST, DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS};
    for (int i = 0; i < 3; i++) {
        const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(
            descriptor, kind == CONV_ONEDNN_DATA ? data[i] : weights[i], 0);
        const size_t bytes = (dnnl_memory_desc_get_size(md) + 63) / 64 * 64;
        c->data[i] = aligned_alloc(64, bytes);
        memset(c->data[i], 0, bytes);
        dnnl_memory_create(&c->memory[i], md, c->engine, c->data[i]);
        c->arguments[i] = (dnnl_exec_arg_t){
            kind == CONV_ONEDNN_DATA ? data_names[i] : weights_names[i], c->memory[i]};
    }
    dnnl_primitive_desc_destroy(descriptor);
    return c;
}

static void conv_onednn_run(const ConvOnednn *c)
{
    dnnl_primitive_execute(c->primitive, c->stream, 3, c->arguments);
    dnnl_stream_wait(c->stream);
}

#else

static inline ConvOnednn *conv_onednn_new(const CpuConvShape *s, ConvOnednnKind kind, int winograd)
{
    (void)s, (void)kind, (void)winograd;
    return NULL;
}

static inline void conv_onednn_free(ConvOnednn *c)
{
    (void)c;
}

static inline void conv_onednn_run(const ConvOnednn *c)
{
    (void)c;
}
#endif

#endif
