/* Chains of element-wise operations: one read of x and of each operand, one write. */
#include "kernels/cuda/vector.cuh"

namespace {

enum { ROWS_A_THREAD = 4 };

#define EACH(statement) \
    do { \
        _Pragma("unroll") for (int i = 0; i < V; i++) statement; \
    } while (0)

template <typename T, int V>
__device__ __forceinline__ void apply(float *v, const CudaChain &chain, const CudaMatrix &form,
                                      int64_t at, int64_t row, int64_t channel, const float *scale,
                                      const float *centre, const float *shift, uint64_t key)
{
    for (int k = 0; k < chain.count; k++) {
        const CudaChainOp &op = chain.op[k];
        float other[V];
        if (op.kind == CUDA_CHAIN_ADD || op.kind == CUDA_CHAIN_MASK)
            load<T, V>(other, static_cast<const T *>(op.tensor) + at);
        switch (op.kind) {
        case CUDA_CHAIN_ADD: EACH(v[i] += other[i]); break;
        case CUDA_CHAIN_SCALE: EACH(v[i] *= op.factor); break;
        case CUDA_CHAIN_NORM: EACH(v[i] = cuda_norm(v[i], centre[i], scale[i], shift[i])); break;
        case CUDA_CHAIN_BIAS: EACH(v[i] += shift[i]); break;
        case CUDA_CHAIN_RELU: EACH(v[i] = cuda_relu(v[i])); break;
        case CUDA_CHAIN_MASK: EACH(v[i] = cuda_relu_backward(other[i], v[i])); break;
        case CUDA_CHAIN_DROPOUT: {
            const int64_t sample = chain.samples[row / form.positions], position = row % form.positions;
            const int64_t number = (sample * form.channels + channel) * form.positions + position;
            EACH(v[i] = cuda_drop(v[i], key, op.number, (uint64_t)(number + i * form.positions), op.rate));
            break;
        }
        case CUDA_CHAIN_DROP_PATH: {
            const uint64_t sample = (uint64_t)chain.samples[row / form.positions];
            EACH(v[i] = cuda_drop(v[i], key, op.number, sample, op.rate));
            break;
        }
        }
    }
}

template <typename T, int V>
__global__ void __launch_bounds__(BLOCK_THREADS)
    run(const __grid_constant__ CudaMatrix form, const T *x, T *y,
        const __grid_constant__ CudaChain chain, int lanes, int rows, int64_t row_count)
{
    const int lane = threadIdx.x % lanes, line = threadIdx.x / lanes;
    const int64_t channel = ((int64_t)blockIdx.y * lanes + lane) * V;
    if (channel >= form.stride) return;
    float scale[V], centre[V], shift[V];
#pragma unroll
    for (int i = 0; i < V; i++) {
        const int64_t c = channel + i;
        const bool real = c < form.channels;
        const bool has_norm = chain.mean != nullptr;
        scale[i] = real && has_norm
                       ? cuda_norm_scale(chain.gamma[c], chain.variance[c], chain.epsilon)
                       : 0.0f;
        centre[i] = real && has_norm ? chain.mean[c] : 0.0f;
        shift[i] = real && chain.beta ? chain.beta[c] : 0.0f;
    }
    const uint64_t key = chain.key ? *chain.key : 0;
    const int64_t first = (int64_t)blockIdx.x * rows * ROWS_A_THREAD + line;
#pragma unroll
    for (int k = 0; k < ROWS_A_THREAD; k++) {
        const int64_t row = first + (int64_t)k * rows;
        if (row >= row_count) return;
        const int64_t at = row * form.stride + channel;
        float v[V];
        load<T, V>(v, x + at);
        apply<T, V>(v, chain, form, at, row, channel, scale, centre, shift, key);
#pragma unroll
        for (int i = 0; i < V; i++)
            if (channel + i >= form.channels) v[i] = 0; /* the padding stays zero */
        store<T, V>(y + at, v);
    }
}

template <typename T, int V>
cudaError_t launch(const CudaMatrix *form, const void *x, void *y, const CudaChain *chain,
                   cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    const int64_t rows = cuda_matrix_rows(form), tile = (int64_t)b.rows * ROWS_A_THREAD;
    const dim3 grid((unsigned)((rows + tile - 1) / tile), b.across);
    run<T, V><<<grid, BLOCK_THREADS, 0, stream>>>(*form, static_cast<const T *>(x),
                                                  static_cast<T *>(y), *chain, b.lanes, b.rows, rows);
    return cudaGetLastError();
}

} // namespace

cudaError_t cuda_chain(const CudaMatrix *form, const void *x, void *y, const CudaChain *chain,
                       cudaStream_t stream)
{
    return DISPATCH(form, launch, form, x, y, chain, stream);
}
