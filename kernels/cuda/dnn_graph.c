/* From a convolution to cuDNN's operation graph. */
#include <string.h>

#include "base/error.h"
#include "kernels/cuda/dnn.h"

int dnn_check(HedonContext *ctx, cudnnStatus_t status, const char *what)
{
    if (status == CUDNN_STATUS_SUCCESS) return 0;
    char detail[256] = "";
    cudnnGetLastErrorString(detail, sizeof(detail));
    detail[sizeof(detail) - 1] = 0;
    const int code = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED
                         ? HEDON_EUNSUPPORTED
                         : HEDON_EDEVICE;
    return hedon_fail(ctx, code, "cuDNN: %s: %s%s%s", what, cudnnGetErrorString(status),
                      detail[0] ? ": " : "", detail);
}

/* ---- Descriptors ---------------------------------------------------------------------------- */

/* While one is filled in: the first failure stays. */
typedef struct Maker {
    HedonContext *ctx;
    DnnGraph *graph;
    int err;
} Maker;

static cudnnBackendDescriptor_t create(Maker *m, cudnnBackendDescriptorType_t type,
                                       const char *what)
{
    cudnnBackendDescriptor_t descriptor = NULL;
    if (m->err) return NULL;
    if (m->graph->count == DNN_DESCRIPTORS) {
        m->err = hedon_fail(m->ctx, HEDON_EINVAL, "too many operations for one cuDNN graph");
        return NULL;
    }
    m->err = dnn_check(m->ctx, cudnnBackendCreateDescriptor(type, &descriptor), what);
    if (!m->err) m->graph->list[m->graph->count++] = descriptor;
    return descriptor;
}

static void set(Maker *m, cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *value)
{
    if (!m->err)
        m->err = dnn_check(m->ctx, cudnnBackendSetAttribute(descriptor, name, type, count, value),
                           "an attribute");
}

static void refer(Maker *m, cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                  cudnnBackendDescriptor_t other)
{
    set(m, descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other);
}

static cudnnBackendDescriptor_t finish(Maker *m, cudnnBackendDescriptor_t descriptor,
                                       const char *what)
{
    if (!m->err) m->err = dnn_check(m->ctx, cudnnBackendFinalize(descriptor), what);
    return m->err ? NULL : descriptor;
}

static cudnnDataType_t data_type(CudaType type)
{
    return type == CUDA_F32    ? CUDNN_DATA_FLOAT
           : type == CUDA_BF16 ? CUDNN_DATA_BFLOAT16
                               : CUDNN_DATA_HALF;
}

/* (n, c, spatial...) with the channels last in memory. */
static cudnnBackendDescriptor_t tensor(Maker *m, int64_t id, int dims, int64_t n, int64_t c,
                                       const int64_t *spatial, cudnnDataType_t type,
                                       bool is_virtual)
{
    int64_t dim[5] = {n, c}, stride[5] = {0, 1}, step = c;
    for (int i = dims - 1; i >= 0; i--) {
        dim[2 + i] = spatial[i];
        stride[2 + i] = step;
        step *= spatial[i];
    }
    stride[0] = step;
    const int64_t alignment = 16, count = dims + 2;
    cudnnBackendDescriptor_t d = create(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "a tensor");
    set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
    set(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, count, dim);
    set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, count, stride);
    set(m, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
    return finish(m, d, "a tensor");
}

static cudnnBackendDescriptor_t x_tensor(Maker *m, const CudaConv *c, int64_t id, bool is_virtual)
{
    return tensor(m, id, c->dims, c->n, c->c, c->x,
                  is_virtual ? CUDNN_DATA_FLOAT : data_type(c->type), is_virtual);
}

static cudnnBackendDescriptor_t w_tensor(Maker *m, const CudaConv *c, int64_t id)
{
    return tensor(m, id, c->dims, c->k, c->c, c->w, data_type(c->type), false);
}

static cudnnBackendDescriptor_t y_tensor(Maker *m, const CudaConv *c, int64_t id, bool is_virtual)
{
    return tensor(m, id, c->dims, c->n, c->k, c->y,
                  is_virtual ? CUDNN_DATA_FLOAT : data_type(c->type), is_virtual);
}

/* ---- Operations ----------------------------------------------------------------------------- */

static cudnnBackendDescriptor_t convolution(Maker *m, const CudaConv *c)
{
    const int64_t dims = c->dims;
    const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnBackendDescriptor_t d = create(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "a convolution");
    set(m, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &dims);
    set(m, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute);
    set(m, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    set(m, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, dims, c->padding);
    set(m, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, dims, c->padding);
    set(m, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, dims, c->dilation);
    set(m, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, dims, c->stride);
    return finish(m, d, "a convolution");
}

/* The attributes that differ by direction only in name: x or dx, w or dw, y or dy. */
typedef struct Direction {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t x, w, y, conv, alpha, beta;
} Direction;

static const Direction directions[] = {
    [CUDA_CONV_FORWARD] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [CUDA_CONV_DATA] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [CUDA_CONV_WEIGHTS] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                           CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static cudnnBackendDescriptor_t conv_operation(Maker *m, const CudaConv *c,
                                               cudnnBackendDescriptor_t x,
                                               cudnnBackendDescriptor_t w,
                                               cudnnBackendDescriptor_t y)
{
    const Direction *direction = &directions[c->kind];
    const float one = 1, zero = 0;
    cudnnBackendDescriptor_t conv = convolution(m, c);
    cudnnBackendDescriptor_t d = create(m, direction->operation, "the convolution's operation");
    refer(m, d, direction->x, x);
    refer(m, d, direction->w, w);
    refer(m, d, direction->y, y);
    refer(m, d, direction->conv, conv);
    set(m, d, direction->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    set(m, d, direction->beta, CUDNN_TYPE_FLOAT, 1, &zero);
    return finish(m, d, "the convolution's operation");
}

/* to = from + other, or relu(from) when other is NULL. */
static cudnnBackendDescriptor_t pointwise(Maker *m, cudnnBackendDescriptor_t from,
                                          cudnnBackendDescriptor_t other,
                                          cudnnBackendDescriptor_t to)
{
    const cudnnPointwiseMode_t mode = other ? CUDNN_POINTWISE_ADD : CUDNN_POINTWISE_RELU_FWD;
    const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
    cudnnBackendDescriptor_t what =
        create(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "a pointwise function");
    set(m, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    set(m, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &compute);
    finish(m, what, "a pointwise function");
    cudnnBackendDescriptor_t d =
        create(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "a pointwise operation");
    refer(m, d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    refer(m, d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, from);
    if (other) refer(m, d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other);
    refer(m, d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, to);
    return finish(m, d, "a pointwise operation");
}

/* ---- The graph ------------------------------------------------------------------------------ */

typedef struct Operations {
    cudnnBackendDescriptor_t list[4];
    int count;
} Operations;

/* The tensor that a chain's next operation writes: the whole graph's output for the last one. */
static cudnnBackendDescriptor_t next_value(Maker *m, const CudaConv *c, int left)
{
    const int64_t id = left ? DNN_VIRTUAL + m->graph->count : DNN_OUT;
    return c->kind == CUDA_CONV_DATA ? x_tensor(m, c, id, left > 0) : y_tensor(m, c, id, left > 0);
}

/* What follows the convolution, one operation after another. */
static void append_fused(Maker *m, const CudaConv *c, cudnnBackendDescriptor_t value, int left,
                         Operations *operations)
{
    static const int64_t ones[3] = {1, 1, 1};
    for (unsigned bit = CUDA_CONV_RESIDUAL, i = 0; i < 3 && !m->err; i++) {
        static const unsigned order[] = {CUDA_CONV_RESIDUAL, CUDA_CONV_BIAS, CUDA_CONV_RELU};
        bit = order[i];
        if (!(c->fused & bit)) continue;
        cudnnBackendDescriptor_t other = NULL;
        if (bit == CUDA_CONV_RESIDUAL)
            other = c->kind == CUDA_CONV_DATA ? x_tensor(m, c, DNN_RESIDUAL, false)
                                              : y_tensor(m, c, DNN_RESIDUAL, false);
        if (bit == CUDA_CONV_BIAS)
            other = tensor(m, DNN_BIAS, c->dims, 1, c->k, ones, CUDNN_DATA_FLOAT, false);
        cudnnBackendDescriptor_t to = next_value(m, c, --left);
        operations->list[operations->count++] = pointwise(m, value, other, to);
        value = to;
    }
}

int dnn_graph_make(HedonContext *ctx, DnnGraph *out, const CudaConv *c)
{
    *out = (DnnGraph){0};
    Maker m = {.ctx = ctx, .graph = out};
    Operations operations = {0};
    const int left = __builtin_popcount(c->fused);
    cudnnBackendDescriptor_t value = NULL;
    if (c->kind == CUDA_CONV_WEIGHTS) {
        cudnnBackendDescriptor_t x = x_tensor(&m, c, DNN_X, false),
                                 y = y_tensor(&m, c, DNN_Y, false);
        operations.list[operations.count++] = conv_operation(&m, c, x, w_tensor(&m, c, DNN_OUT), y);
    } else {
        const int forward = c->kind == CUDA_CONV_FORWARD;
        cudnnBackendDescriptor_t w = w_tensor(&m, c, DNN_W);
        cudnnBackendDescriptor_t from =
            forward ? x_tensor(&m, c, DNN_X, false) : y_tensor(&m, c, DNN_Y, false);
        value = next_value(&m, c, left);
        operations.list[operations.count++] =
            conv_operation(&m, c, forward ? from : value, w, forward ? value : from);
        append_fused(&m, c, value, left, &operations);
    }
    cudnnBackendDescriptor_t graph =
        create(&m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "an operation graph");
    set(&m, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, operations.count,
        operations.list);
    out->graph = finish(&m, graph, "an operation graph");
    if (m.err) dnn_graph_free(out);
    return m.err;
}

void dnn_graph_free(DnnGraph *graph)
{
    while (graph->count > 0) cudnnBackendDestroyDescriptor(graph->list[--graph->count]);
    graph->graph = NULL;
}
