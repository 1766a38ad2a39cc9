/* cuDNN and cuBLASLt of the simulated device, at the level of kernels/cuda/dnn.h and matmul.h:
 * plain loops over the padded, channels-last tensors that the real ones are described. Some fused
 * graphs have no engine (those with 7 taps along an axis), so that what stands behind a convolution
 * goes the other way, too; and convolutions of 2 taps along an axis none at all. */
#include <stdlib.h>

#include "base/error.h"
#include "kernels/cuda/dnn.h"
#include "kernels/cuda/matmul.h"
#include "tests/cuda_sim/number.h"
#include "tests/cuda_sim/sim.h"

enum { WORKSPACE = 1024 };

int dnn_check(HedonContext *ctx, cudnnStatus_t status, const char *what)
{
    return status ? hedon_fail(ctx, HEDON_EDEVICE, "cuDNN: %s", what) : 0;
}

int dnn_graph_make(HedonContext *ctx, DnnGraph *out, const CudaConv *conv)
{
    *out = (DnnGraph){0};
    CudaConv *copy = malloc(sizeof(*copy));
    if (!copy) return hedon_fail(ctx, HEDON_ENOMEM, "out of memory");
    *copy = *conv;
    out->graph = copy;
    return 0;
}

void dnn_graph_free(DnnGraph *graph)
{
    free(graph->graph);
    graph->graph = NULL;
}

static int has_taps(const CudaConv *conv, int64_t taps)
{
    for (int i = 0; i < conv->dims; i++)
        if (conv->w[i] == taps) return 1;
    return 0;
}

int dnn_engines_list(HedonContext *ctx, DnnEngines *out, const DnnGraph *graph,
                     const CudaConv *conv, cudnnBackendDescriptor_t device)
{
    (void)ctx, (void)device;
    *out = (DnnEngines){.offered = 1};
    if (has_taps(conv, 2) || (conv->fused && has_taps(conv, 7))) return 0;
    out->list[out->count++] = (DnnEngine){.config = graph->graph};
    return 0;
}

void dnn_engines_free(DnnEngines *engines)
{
    *engines = (DnnEngines){0};
}

int dnn_plan_make(HedonContext *ctx, DnnPlan *out, const DnnEngine *engine, cudnnHandle_t handle)
{
    (void)ctx, (void)handle;
    *out = (DnnPlan){.plan = engine->config, .workspace = WORKSPACE};
    return 0;
}

void dnn_plan_free(DnnPlan *plan)
{
    *plan = (DnnPlan){0};
}

/* ---- Convolutions --------------------------------------------------------------------------- */

static int64_t row_of(const int64_t *extent, int64_t sample, const int64_t *at)
{
    return ((sample * extent[0] + at[0]) * extent[1] + at[1]) * extent[2] + at[2];
}

/* Calls `visit` for all (row of x, row of y, tap) that meet. */
typedef void (*Visit)(void *opaque, int64_t x, int64_t y, int64_t tap);

static void meet(const CudaConv *c, Visit visit, void *opaque)
{
    int64_t from[3], tap[3], at[3];
    for (int64_t n = 0; n < c->n; n++)
        for (from[0] = 0; from[0] < c->y[0]; from[0]++)
            for (from[1] = 0; from[1] < c->y[1]; from[1]++)
                for (from[2] = 0; from[2] < c->y[2]; from[2]++)
                    for (tap[0] = 0; tap[0] < c->w[0]; tap[0]++)
                        for (tap[1] = 0; tap[1] < c->w[1]; tap[1]++)
                            for (tap[2] = 0; tap[2] < c->w[2]; tap[2]++) {
                                int inside = 1;
                                for (int i = 0; i < 3; i++) {
                                    at[i] = from[i] * c->stride[i] - c->padding[i] +
                                            tap[i] * c->dilation[i];
                                    inside &= at[i] >= 0 && at[i] < c->x[i];
                                }
                                if (inside)
                                    visit(opaque, row_of(c->x, n, at), row_of(c->y, n, from),
                                          (tap[0] * c->w[1] + tap[1]) * c->w[2] + tap[2]);
                            }
}

typedef struct Work {
    const CudaConv *c;
    int64_t taps;
    const float *x, *w, *y;
    float *out;
} Work;

static void forward(void *opaque, int64_t x, int64_t y, int64_t tap)
{
    const Work *work = opaque;
    const CudaConv *c = work->c;
    for (int64_t k = 0; k < c->k; k++) {
        float sum = 0;
        for (int64_t i = 0; i < c->c; i++)
            sum += work->x[x * c->c + i] * work->w[(k * work->taps + tap) * c->c + i];
        work->out[y * c->k + k] += sum;
    }
}

static void data(void *opaque, int64_t x, int64_t y, int64_t tap)
{
    const Work *work = opaque;
    const CudaConv *c = work->c;
    for (int64_t k = 0; k < c->k; k++)
        for (int64_t i = 0; i < c->c; i++)
            work->out[x * c->c + i] +=
                work->y[y * c->k + k] * work->w[(k * work->taps + tap) * c->c + i];
}

static void weights(void *opaque, int64_t x, int64_t y, int64_t tap)
{
    const Work *work = opaque;
    const CudaConv *c = work->c;
    for (int64_t k = 0; k < c->k; k++)
        for (int64_t i = 0; i < c->c; i++)
            work->out[(k * work->taps + tap) * c->c + i] +=
                work->y[y * c->k + k] * work->x[x * c->c + i];
}

static int64_t volume(const int64_t *extent)
{
    return extent[0] * extent[1] * extent[2];
}

static float *widen(CudaType type, const void *from, int64_t count)
{
    float *wide = malloc((size_t)count * sizeof(*wide));
    for (int64_t i = 0; i < count && from; i++) wide[i] = number_at(type, from, i);
    return wide;
}

static void finish(const CudaConv *c, const Work *work, const DnnPointers *p, int64_t count)
{
    const int64_t channels = c->kind == CUDA_CONV_DATA ? c->c : c->k;
    for (int64_t i = 0; i < count; i++) {
        float v = work->out[i];
        if (c->fused & CUDA_CONV_RESIDUAL) v += number_at(c->type, p->at[DNN_RESIDUAL], i);
        if (c->fused & CUDA_CONV_BIAS) v += ((const float *)p->at[DNN_BIAS])[i % channels];
        if (c->fused & CUDA_CONV_RELU && v < 0) v = 0;
        number_set(c->type, p->at[DNN_OUT], i, v);
    }
}

typedef struct Convolution {
    const CudaConv *conv;
    DnnPointers pointers;
    void *workspace;
} Convolution;

static void convolve(void *opaque, cudaStream_t stream)
{
    const Convolution *call = opaque;
    const CudaConv *c = call->conv;
    const DnnPointers *pointers = &call->pointers;
    (void)stream;
    const int64_t x = c->n * volume(c->x) * c->c, w = c->k * volume(c->w) * c->c;
    const int64_t y = c->n * volume(c->y) * c->k;
    const int64_t count = c->kind == CUDA_CONV_FORWARD ? y : c->kind == CUDA_CONV_DATA ? x : w;
    memset(call->workspace, 0x7f, WORKSPACE);
    float *wide[3] = {widen(c->type, pointers->at[DNN_X], x),
                      widen(c->type, pointers->at[DNN_W], w),
                      widen(c->type, pointers->at[DNN_Y], y)};
    Work work = {.c = c, .taps = volume(c->w), .x = wide[0], .w = wide[1], .y = wide[2]};
    work.out = calloc((size_t)count, sizeof(float));
    meet(c,
         c->kind == CUDA_CONV_FORWARD ? forward
         : c->kind == CUDA_CONV_DATA  ? data
                                      : weights,
         &work);
    finish(c, &work, pointers, count);
    for (int i = 0; i < 3; i++) free(wide[i]);
    free(work.out);
}

static _Thread_local cudaStream_t handle_stream; /* there is one handle a thread */

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    (void)handle;
    handle_stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

int dnn_plan_run(HedonContext *ctx, const DnnPlan *plan, cudnnHandle_t handle,
                 const DnnPointers *pointers, void *workspace)
{
    (void)handle;
    const Convolution call = {plan->plan, *pointers, workspace};
    return sim_submit_copy(handle_stream, convolve, &call, sizeof(call))
               ? hedon_fail(ctx, HEDON_EDEVICE, "cuDNN: the capture is spoilt")
               : 0;
}

/* ---- Products ------------------------------------------------------------------------------- */

int cuda_matmul_plan(HedonContext *ctx, CudaDevice *device, CudaMatmul *matmul)
{
    (void)ctx, (void)device;
    matmul->workspace = WORKSPACE;
    return 0;
}

typedef struct Product {
    CudaMatmul matmul;
    const float *a, *b, *bias;
    float *c;
    void *workspace;
} Product;

static void multiply(void *opaque, cudaStream_t stream)
{
    const Product *call = opaque;
    const CudaMatmul *m = &call->matmul;
    const float *left = call->a, *right = call->b, *offset = call->bias;
    (void)stream;
    memset(call->workspace, 0x7f, WORKSPACE);
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->columns; j++) {
            double sum = m->bias ? offset[j] : 0;
            for (int64_t k = 0; k < m->inner; k++)
                sum += (double)left[m->a_transposed ? k * m->rows + i : i * m->inner + k] *
                       right[m->b_transposed ? j * m->inner + k : k * m->columns + j];
            call->c[i * m->columns + j] = (float)sum;
        }
}

int cuda_matmul_run(HedonContext *ctx, CudaDevice *device, const CudaMatmul *m, const void *a,
                    const void *b, const void *bias, void *c, void *workspace, cudaStream_t stream)
{
    (void)device;
    const Product call = {*m, a, b, bias, c, workspace};
    return sim_submit_copy(stream, multiply, &call, sizeof(call))
               ? hedon_fail(ctx, HEDON_EDEVICE, "cuBLASLt: the capture is spoilt")
               : 0;
}
