/* Between the graph's layouts and ours, and small copies with arithmetic. */
#include "kernels/cuda/vector.cuh"

namespace {

enum { THREADS = 256 };

unsigned blocks_for(int64_t count)
{
    return (unsigned)((count + THREADS - 1) / THREADS);
}

/* A thread for each vector of a position's channels, neighbours along the positions: reading is in a
 * row, and so is writing where a position is one vector (clips). */
template <typename T, int V>
__global__ void to_rows(const __grid_constant__ CudaMatrix form, const float *from, T *to,
                        int64_t vectors)
{
    const int64_t number = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (number >= form.samples * vectors * form.positions) return;
    const int64_t position = number % form.positions, rest = number / form.positions;
    const int64_t vector = rest % vectors, sample = rest / vectors;
    float v[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        const int64_t c = vector * V + i;
        v[i] = c < form.channels
                   ? from[(sample * form.channels + c) * form.positions + position]
                   : 0.0f;
    }
    store<T, V>(to + (sample * form.positions + position) * form.stride + vector * V, v);
}

template <typename T, int V>
__global__ void from_rows(const __grid_constant__ CudaMatrix form, const T *from, float *to)
{
    const int64_t number = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (number >= form.samples * form.channels * form.positions) return;
    const int64_t position = number % form.positions, rest = number / form.positions;
    const int64_t channel = rest % form.channels, sample = rest / form.channels;
    to[number] = to_float(from[(sample * form.positions + position) * form.stride + channel]);
}

template <typename T, int V>
cudaError_t run_to_rows(const CudaMatrix *form, const float *from, void *to, cudaStream_t stream)
{
    const int64_t vectors = form->stride / V;
    to_rows<T, V><<<blocks_for(cuda_matrix_rows(form) * vectors), THREADS, 0, stream>>>(
        *form, from, static_cast<T *>(to), vectors);
    return cudaGetLastError();
}

template <typename T, int V>
cudaError_t run_from_rows(const CudaMatrix *form, const void *from, float *to, cudaStream_t stream)
{
    from_rows<T, V><<<blocks_for(cuda_matrix_rows(form) * form->channels), THREADS, 0, stream>>>(
        *form, static_cast<const T *>(from), to);
    return cudaGetLastError();
}

/* ---- Weights -------------------------------------------------------------------------------- */

/* The item whose pairs hold number `pair`. */
__device__ const CudaPackItem &item_of(const CudaPackItem *items, int count, int64_t pair)
{
    int low = 0, high = count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (items[middle].first <= pair)
            low = middle;
        else
            high = middle - 1;
    }
    return items[low];
}

/* A thread for each (padded) pair of output and input. */
template <typename T>
__global__ void pack(const CudaPackItem *items, int count, int64_t pairs)
{
    const int64_t number = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (number >= pairs) return;
    const CudaPackItem &item = item_of(items, count, number);
    const int64_t pair = number - item.first;
    const int64_t output = pair / item.padded_inputs, input = pair % item.padded_inputs;
    const bool real = output < item.outputs && input < item.inputs;
    const float *from = item.from + (output * item.inputs + input) * item.taps;
    T *to = static_cast<T *>(item.to) + output * item.taps * item.padded_inputs + input;
    for (int tap = 0; tap < item.taps; tap++)
        to[(int64_t)tap * item.padded_inputs] = from_float<T>(real ? from[tap] : 0.0f);
}

template <typename T>
__global__ void unpack(const T *from, float *to, int64_t outputs, int64_t inputs, int64_t taps,
                       int64_t padded)
{
    const int64_t pair = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (pair >= outputs * inputs) return;
    const int64_t output = pair / inputs, input = pair % inputs;
    for (int64_t tap = 0; tap < taps; tap++)
        to[pair * taps + tap] = to_float(from[(output * taps + tap) * padded + input]);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

__global__ void deliver(float *to, const float *from, int64_t count, const float *factor, int add)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= count) return;
    const float value = factor ? from[i] * *factor : from[i];
    to[i] = add ? to[i] + value : value;
}

__global__ void apply_updates(const CudaUpdateItem *items)
{
    const CudaUpdateItem item = items[blockIdx.x];
    for (int64_t i = threadIdx.x; i < item.count; i += THREADS)
        item.parameter[i] =
            (float)((1 - item.rate) * item.parameter[i] + item.rate * (item.scale * item.value[i]));
}

__global__ void set_key(uint64_t *to, uint64_t value)
{
    *to = value;
}

} // namespace

cudaError_t cuda_to_rows(const CudaMatrix *form, const float *from, void *to, cudaStream_t stream)
{
    return DISPATCH(form, run_to_rows, form, from, to, stream);
}

cudaError_t cuda_from_rows(const CudaMatrix *form, const void *from, float *to, cudaStream_t stream)
{
    return DISPATCH(form, run_from_rows, form, from, to, stream);
}

cudaError_t cuda_pack(CudaType type, const CudaPackItem *items, int count, int64_t pairs,
                      cudaStream_t stream)
{
    const unsigned blocks = blocks_for(pairs);
    if (type == CUDA_F32)
        pack<float><<<blocks, THREADS, 0, stream>>>(items, count, pairs);
    else if (type == CUDA_BF16)
        pack<__nv_bfloat16><<<blocks, THREADS, 0, stream>>>(items, count, pairs);
    else
        pack<__half><<<blocks, THREADS, 0, stream>>>(items, count, pairs);
    return cudaGetLastError();
}

cudaError_t cuda_unpack(CudaType type, const void *from, float *to, int64_t outputs, int64_t inputs,
                        int64_t taps, cudaStream_t stream)
{
    const unsigned blocks = blocks_for(outputs * inputs);
    const int64_t padded = cuda_pad_channels(type, inputs);
    if (type == CUDA_F32)
        unpack<float><<<blocks, THREADS, 0, stream>>>(static_cast<const float *>(from), to, outputs, inputs,
                                               taps, padded);
    else if (type == CUDA_BF16)
        unpack<__nv_bfloat16><<<blocks, THREADS, 0, stream>>>(static_cast<const __nv_bfloat16 *>(from), to, outputs,
                                               inputs, taps, padded);
    else
        unpack<__half><<<blocks, THREADS, 0, stream>>>(static_cast<const __half *>(from), to, outputs, inputs,
                                               taps, padded);
    return cudaGetLastError();
}

cudaError_t cuda_deliver(float *to, const float *from, int64_t count, const float *factor, int add,
                         cudaStream_t stream)
{
    deliver<<<blocks_for(count), THREADS, 0, stream>>>(to, from, count, factor, add);
    return cudaGetLastError();
}

cudaError_t cuda_apply_updates(const CudaUpdateItem *items, int count, cudaStream_t stream)
{
    apply_updates<<<(unsigned)count, THREADS, 0, stream>>>(items);
    return cudaGetLastError();
}

cudaError_t cuda_set_key(uint64_t *to, uint64_t value, cudaStream_t stream)
{
    set_key<<<1, 1, 0, stream>>>(to, value);
    return cudaGetLastError();
}
