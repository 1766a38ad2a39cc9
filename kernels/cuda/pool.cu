/* The mean over positions, and its gradient. */
#include "kernels/cuda/vector.cuh"

namespace {

template <typename T, int V>
__global__ void __launch_bounds__(BLOCK_THREADS)
    mean_of(const __grid_constant__ CudaMatrix form, const T *x, float *y, int lanes, int lines)
{
    __shared__ float shared[BLOCK_THREADS * V];
    const int lane = threadIdx.x % lanes, line = threadIdx.x / lanes;
    const int64_t channel = ((int64_t)blockIdx.y * lanes + lane) * V, sample = blockIdx.x;
    const bool inside = channel < form.stride;
    float sum[V] = {}, v[V];
    for (int64_t p = line; p < form.positions && inside; p += lines) {
        load<T, V>(v, x + (sample * form.positions + p) * form.stride + channel);
#pragma unroll
        for (int i = 0; i < V; i++) sum[i] += v[i];
    }
#pragma unroll
    for (int i = 0; i < V; i++) shared[(line * lanes + lane) * V + i] = sum[i];
    __syncthreads();
    if (line || !inside) return;
#pragma unroll
    for (int i = 0; i < V; i++) {
        if (channel + i >= form.channels) continue;
        double all = 0;
        for (int l = 0; l < lines; l++) all += shared[(l * lanes + lane) * V + i];
        y[sample * form.channels + channel + i] = (float)(all / (double)form.positions);
    }
}

template <typename T, int V>
__global__ void __launch_bounds__(BLOCK_THREADS)
    spread(const __grid_constant__ CudaMatrix form, const float *dy, T *dx, int lanes, int lines,
           int64_t rows)
{
    const int lane = threadIdx.x % lanes, line = threadIdx.x / lanes;
    const int64_t channel = ((int64_t)blockIdx.y * lanes + lane) * V;
    const int64_t row = (int64_t)blockIdx.x * lines + line;
    if (channel >= form.stride || row >= rows) return;
    float v[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        v[i] = channel + i < form.channels
                   ? dy[row / form.positions * form.channels + channel + i] / (float)form.positions
                   : 0.0f;
    store<T, V>(dx + row * form.stride + channel, v);
}

template <typename T, int V>
cudaError_t pool(const CudaMatrix *form, const void *x, float *y, cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    mean_of<T, V><<<dim3((unsigned)form->samples, b.across), BLOCK_THREADS, 0, stream>>>(
        *form, static_cast<const T *>(x), y, b.lanes, b.rows);
    return cudaGetLastError();
}

template <typename T, int V>
cudaError_t pool_backward(const CudaMatrix *form, const float *dy, void *dx, cudaStream_t stream)
{
    const RowBlocks b = row_blocks(form->stride, V);
    const int64_t rows = cuda_matrix_rows(form);
    spread<T, V><<<dim3((unsigned)((rows + b.rows - 1) / b.rows), b.across), BLOCK_THREADS, 0, stream>>>(
        *form, dy, static_cast<T *>(dx), b.lanes, b.rows, rows);
    return cudaGetLastError();
}

} // namespace

cudaError_t cuda_mean_pool(const CudaMatrix *form, const void *x, float *y, cudaStream_t stream)
{
    return DISPATCH(form, pool, form, x, y, stream);
}

cudaError_t cuda_mean_pool_backward(const CudaMatrix *form, const float *dy, void *dx,
                                    cudaStream_t stream)
{
    return DISPATCH(form, pool_backward, form, dy, dx, stream);
}
