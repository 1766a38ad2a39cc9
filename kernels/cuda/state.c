/* States: each part (parameters, gradients, moments, average) is one block of float32, in which
 * parameter number i has the same place; so an optimiser is one launch, and gradients can be sent
 * in pieces of any size. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/ranks.h"
#include "kernels/parameter_tensor.h"

enum { ALIGNED_FLOATS = CUDA_ALIGNMENT / 4 };

static const float FIRST_SCALE = 65536; /* torch.amp.GradScaler's */

void cuda_state_free(HedonState *base)
{
    CudaState *state = (CudaState *)base;
    if (!state) return;
    CudaDevice *device = (CudaDevice *)base->device;
    for (int part = 0; part < HEDON_STATE_PARTS; part++) cuda_release(device, state->parts[part]);
    cuda_release(device, state->pieces);
    cuda_release(device, state->rules);
    cuda_release(device, state->sums);
    cuda_release(device, state->result);
    cuda_release(device, state->loss_scale);
    hedon_free(state->offset);
    hedon_free(state->gradients);
    hedon_free(state->has_gradient);
    hedon_free(state->buckets);
    hedon_free(state->bucket_of);
    hedon_free(state);
}

static int lay_out(HedonContext *ctx, CudaState *state)
{
    const HedonGraph *graph = state->base.graph;
    const size_t count = (size_t)graph->parameter_count;
    state->offset = hedon_calloc(count, sizeof(*state->offset));
    state->gradients = hedon_calloc(count, sizeof(*state->gradients));
    state->has_gradient = hedon_calloc(count, 1);
    if (!state->offset || !state->gradients || !state->has_gradient) return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->parameter_count; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        const int64_t elements = hedon_shape_count(&value->shape);
        state->offset[i] = state->elements;
        state->elements += (elements + ALIGNED_FLOATS - 1) / ALIGNED_FLOATS * ALIGNED_FLOATS;
        state->piece_count += (int)((elements + CUDA_BLOCK - 1) / CUDA_BLOCK);
    }
    for (int i = 0; i < graph->gradient_count; i++)
        state->has_gradient[graph->values[graph->gradients[i].parameter].ordinal] = 1;
    return 0;
}

static int new_block(HedonContext *ctx, CudaState *state, HedonStatePart part)
{
    CudaDevice *device = (CudaDevice *)state->base.device;
    const size_t bytes = (size_t)state->elements * sizeof(float);
    void *block;
    int err = cuda_allocate(ctx, device, bytes, "the parameters and what is kept for them", &block);
    if (!err) err = CUDA_TRY(ctx, cudaMemsetAsync(block, 0, bytes, device->stream));
    if (!err) err = CUDA_TRY(ctx, cudaStreamSynchronize(device->stream));
    if (err)
        cuda_release(device, block);
    else
        state->parts[part] = block;
    return err;
}

/* Where the optimiser's thread blocks begin. */
static int make_pieces(HedonContext *ctx, CudaState *state)
{
    const HedonGraph *graph = state->base.graph;
    CudaDevice *device = (CudaDevice *)state->base.device;
    const size_t bytes = (size_t)state->piece_count * sizeof(CudaPiece);
    CudaPiece *pieces = hedon_calloc((size_t)state->piece_count, sizeof(*pieces));
    if (!pieces) return hedon_fail_memory(ctx);
    int n = 0;
    for (int i = 0; i < graph->parameter_count; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        const int64_t elements = hedon_shape_count(&value->shape);
        for (int64_t done = 0; done < elements; done += CUDA_BLOCK) {
            const int64_t left = elements - done;
            pieces[n++] = (CudaPiece){.offset = state->offset[i] + done,
                                      .count = (int32_t)(left < CUDA_BLOCK ? left : CUDA_BLOCK),
                                      .ordinal = i};
        }
    }
    void *memory;
    int err = cuda_allocate(ctx, device, bytes, "the optimiser", &memory);
    state->pieces = memory;
    if (!err) err = cuda_copy_in(ctx, device, memory, pieces, bytes, device->stream);
    hedon_free(pieces);
    if (!err)
        err = cuda_allocate(ctx, device, (size_t)graph->parameter_count * sizeof(CudaRule),
                            "the optimiser", &memory);
    if (!err) state->rules = memory;
    if (!err)
        err = cuda_allocate(ctx, device, (size_t)state->piece_count * sizeof(double),
                            "the optimiser", &memory);
    if (!err) state->sums = memory;
    if (!err) err = cuda_allocate(ctx, device, 4 * sizeof(double), "the optimiser", &memory);
    if (!err) state->result = memory;
    return err;
}

static int make_gradients(HedonContext *ctx, CudaState *state)
{
    const HedonGraph *graph = state->base.graph;
    CudaDevice *device = (CudaDevice *)state->base.device;
    if (!graph->gradient_count) return 0;
    int err = new_block(ctx, state, HEDON_STATE_GRADIENT);
    if (!err) err = make_pieces(ctx, state);
    if (!err) err = cuda_buckets_make(ctx, state);
    for (int i = 0; i < graph->parameter_count && !err; i++) {
        if (!state->has_gradient[i]) continue;
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        state->gradients[i] = (HedonBuffer){
            state->base.device, (size_t)hedon_shape_count(&value->shape) * sizeof(float),
            cuda_state_parameter(state, HEDON_STATE_GRADIENT, i)};
    }
    if (err || state->base.device->precision != HEDON_F16) return err;
    void *memory;
    err = cuda_allocate(ctx, device, 2 * sizeof(float), "the loss scale", &memory);
    if (err) return err;
    state->loss_scale = memory;
    state->scale = FIRST_SCALE;
    const float both[2] = {FIRST_SCALE, 1 / FIRST_SCALE};
    return cuda_copy_in(ctx, device, memory, both, sizeof(both), device->stream);
}

static int fill_parameters(HedonContext *ctx, CudaState *state, const HedonTensor *parameters)
{
    const HedonGraph *graph = state->base.graph;
    for (int i = 0; i < graph->parameter_count; i++) {
        const int err =
            cuda_state_write(ctx, &state->base, HEDON_STATE_PARAMETER, i, &parameters[i]);
        if (err) return err;
    }
    return 0;
}

int cuda_state_new(HedonContext *ctx, HedonDevice *device, const HedonGraph *graph,
                   const HedonTensor *parameters, HedonState **out)
{
    *out = NULL;
    CudaState *state = hedon_calloc(1, sizeof(*state));
    if (!state) return hedon_fail_memory(ctx);
    state->base = (HedonState){device, graph};
    int err = lay_out(ctx, state);
    if (!err) err = new_block(ctx, state, HEDON_STATE_PARAMETER);
    if (!err) err = fill_parameters(ctx, state, parameters);
    if (!err) err = make_gradients(ctx, state);
    if (!err) err = CUDA_TRY(ctx, cudaStreamSynchronize(((CudaDevice *)device)->stream));
    if (err)
        cuda_state_free(&state->base);
    else
        *out = &state->base;
    return err;
}

int cuda_state_keep(HedonContext *ctx, CudaState *state, HedonStatePart part)
{
    CudaDevice *device = (CudaDevice *)state->base.device;
    if (state->parts[part]) return 0;
    int err = new_block(ctx, state, part);
    if (err || part != HEDON_STATE_AVERAGE) return err;
    err = cuda_after_executions(ctx, device, device->stream);
    if (!err)
        err = CUDA_TRY(ctx, cudaMemcpyAsync(state->parts[part], state->parts[HEDON_STATE_PARAMETER],
                                            (size_t)state->elements * sizeof(float),
                                            cudaMemcpyDeviceToDevice, device->stream));
    return err ? err : CUDA_TRY(ctx, cudaStreamSynchronize(device->stream));
}

/* ---- Reading and writing -------------------------------------------------------------------- */

/* Where a part of a parameter lies, after the checks. */
static int find(HedonContext *ctx, CudaState *state, HedonStatePart part, int parameter,
                const HedonTensor *tensor, float **out)
{
    int err = hedon_parameter_tensor_check(ctx, state->base.graph, parameter, tensor);
    if (!err && (unsigned)part >= HEDON_STATE_PARTS)
        err = hedon_fail(ctx, HEDON_EINVAL, "a state has no part %d", (int)part);
    if (!err && part == HEDON_STATE_GRADIENT && !state->has_gradient[parameter])
        err =
            hedon_fail(ctx, HEDON_EINVAL, "parameter %d has no gradient in this graph", parameter);
    if (!err) err = cuda_state_keep(ctx, state, part);
    if (!err) *out = cuda_state_parameter(state, part, parameter);
    return err;
}

int cuda_state_read(HedonContext *ctx, HedonState *base, HedonStatePart part, int parameter,
                    HedonTensor *out)
{
    CudaState *state = (CudaState *)base;
    CudaDevice *device = (CudaDevice *)base->device;
    float *from;
    int err = find(ctx, state, part, parameter, out, &from);
    if (err) return err;
    const int64_t count = hedon_shape_count(&out->shape);
    float *narrow =
        out->dtype == HEDON_F32 ? out->data : hedon_malloc((size_t)count, sizeof(float));
    if (!narrow) return hedon_fail_memory(ctx);
    err = cuda_after_executions(ctx, device, device->stream);
    if (!err)
        err = CUDA_TRY(ctx, cudaMemcpyAsync(narrow, from, (size_t)count * sizeof(float),
                                            cudaMemcpyDeviceToHost, device->stream));
    if (!err) err = cuda_wait(ctx, device, device->stream);
    if (narrow != out->data) {
        if (!err) hedon_convert_reals(out->data, out->dtype, narrow, HEDON_F32, count);
        hedon_free(narrow);
    }
    return err;
}

int cuda_state_write(HedonContext *ctx, HedonState *base, HedonStatePart part, int parameter,
                     const HedonTensor *value)
{
    CudaState *state = (CudaState *)base;
    CudaDevice *device = (CudaDevice *)base->device;
    float *to, *narrow = NULL;
    int err = find(ctx, state, part, parameter, value, &to);
    if (err) return err;
    const int64_t count = hedon_shape_count(&value->shape);
    const void *from = value->data;
    if (value->dtype != HEDON_F32) {
        narrow = hedon_malloc((size_t)count, sizeof(float));
        if (!narrow) return hedon_fail_memory(ctx);
        hedon_convert_reals(narrow, HEDON_F32, value->data, value->dtype, count);
        from = narrow;
    }
    err = cuda_after_executions(ctx, device, device->stream);
    if (!err)
        err = cuda_copy_in(ctx, device, to, from, (size_t)count * sizeof(float), device->stream);
    if (!err) err = cuda_wait(ctx, device, device->stream);
    hedon_free(narrow);
    return err;
}
