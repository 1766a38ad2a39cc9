/* Gradients on their way to the other ranks while the rest of backward is computed: in buckets,
 * ranges of their block, so that nothing is copied. Backward goes from the last parameters to the
 * first, and so do the buckets. */
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/ranks.h"

/* Large enough for the bus, small enough that batch norm's sums, which wait for their turn behind
 * one, do not wait long. */
enum { BUCKET_BYTES = 8 << 20 };

struct CudaBucket {
    int64_t first, count;   /* elements of the block */
    int gradients, missing; /* in it; of those, not final yet in this execution */
};

int cuda_buckets_make(HedonContext *ctx, CudaState *state)
{
    const HedonGraph *graph = state->base.graph;
    const size_t most = (size_t)graph->gradient_count;
    state->buckets = hedon_calloc(most, sizeof(*state->buckets));
    state->bucket_of = hedon_calloc((size_t)graph->parameter_count, sizeof(*state->bucket_of));
    if (!state->buckets || !state->bucket_of) return hedon_fail_memory(ctx);
    CudaBucket *bucket = NULL;
    for (int i = 0; i < graph->parameter_count; i++) {
        if (!state->has_gradient[i]) continue;
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        const int64_t end = state->offset[i] + hedon_shape_count(&value->shape);
        /* what has no gradient, running statistics say, is zero there and goes along */
        if (!bucket || (end - bucket->first) * (int64_t)sizeof(float) > BUCKET_BYTES) {
            bucket = &state->buckets[state->bucket_count++];
            bucket->first = state->offset[i];
        }
        bucket->count = end - bucket->first;
        bucket->gradients++;
        state->bucket_of[i] = state->bucket_count - 1;
    }
    return 0;
}

void cuda_buckets_begin(CudaState *state)
{
    for (int i = 0; i < state->bucket_count; i++)
        state->buckets[i].missing = state->buckets[i].gradients;
}

static int send(HedonContext *ctx, CudaState *state, const CudaBucket *bucket, cudaStream_t stream)
{
    return cuda_ranks_sum_start(ctx, (CudaDevice *)state->base.device,
                                state->parts[HEDON_STATE_GRADIENT] + bucket->first, bucket->count,
                                HEDON_F32, stream);
}

int cuda_buckets_add(HedonContext *ctx, CudaState *state, int parameter, cudaStream_t stream)
{
    CudaBucket *bucket = &state->buckets[state->bucket_of[parameter]];
    return --bucket->missing ? 0 : send(ctx, state, bucket, stream);
}

int cuda_sum_gradients(HedonContext *ctx, HedonState *base)
{
    CudaState *state = (CudaState *)base;
    CudaDevice *device = (CudaDevice *)base->device;
    const cudaStream_t stream = cuda_stream(device, NULL);
    if (cuda_ranks_count(device) == 1)
        return hedon_fail(ctx, HEDON_EINVAL, "the device has joined no others to sum over");
    int err = cuda_after_executions(ctx, device, stream);
    for (int i = 0; i < state->bucket_count && !err; i++)
        err = send(ctx, state, &state->buckets[i], stream);
    if (!err) err = cuda_ranks_sum_finish(ctx, device, stream);
    if (!err) err = cuda_wait(ctx, device, stream);
    if (err) cuda_ranks_abort(device);
    return err;
}
