/* Losses: a few thousand logits at most, so one thread block, which sums in double and in one order. */
#include "kernels/cuda/kernels.h"

namespace {

enum { THREADS = 256 };

/* The block's sum, in every thread. */
__device__ double block_sum(double value)
{
    __shared__ double shared[THREADS];
    __syncthreads();
    shared[threadIdx.x] = value;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    }
    __syncthreads();
    return shared[0];
}

__device__ double weight_of(const CudaLoss &call, int64_t n)
{
    return call.weights ? (double)call.weights[n] : 1.0;
}

/* From sums to means; the gradient holds weighted ones. `count` elements. */
__device__ void divide(const CudaLoss &call, double loss, double total, int64_t count)
{
    const double scale = call.scale ? (double)*call.scale : 1.0;
    if (threadIdx.x == 0) *call.loss = (float)(total > 0 ? loss / total : 0);
    for (int64_t i = threadIdx.x; i < count; i += THREADS)
        call.gradient[i] = total > 0 ? (float)(call.gradient[i] / total * scale) : 0.0f;
}

__device__ void finish(const CudaLoss &call, double loss, double total, int64_t count)
{
    loss = block_sum(loss);
    total = block_sum(total);
    if (!call.sums) {
        divide(call, loss, total, count);
    } else if (threadIdx.x == 0) {
        call.sums[0] = loss;
        call.sums[1] = total;
    }
}

__global__ void share(const __grid_constant__ CudaLoss call, int64_t count)
{
    divide(call, call.sums[0], call.sums[1], count);
}

__global__ void bce(const __grid_constant__ CudaLoss call)
{
    double loss = 0, total = 0, slope;
    const int64_t C = call.size, count = call.samples * C;
    for (int64_t i = threadIdx.x; i < count; i += THREADS) {
        const double w = weight_of(call, i / C);
        call.gradient[i] = 0;
        if (w == 0) continue; /* masked: whatever it holds */
        loss += w * cuda_loss_bce(call.x[i], call.target[i], &slope) / (double)C;
        call.gradient[i] = (float)(w * slope / (double)C);
    }
    for (int64_t n = threadIdx.x; n < call.samples; n += THREADS) total += weight_of(call, n);
    finish(call, loss, total, count);
}

__global__ void softmax(const __grid_constant__ CudaLoss call)
{
    double loss = 0, total = 0;
    const int64_t C = call.size;
    for (int64_t n = threadIdx.x; n < call.samples; n += THREADS) {
        const double w = weight_of(call, n);
        int counts;
        const double one = cuda_loss_softmax(call.x + n * C, call.target + n * C, C, w,
                                             call.divergence, call.gradient + n * C, &counts);
        if (!counts) continue;
        loss += w * one;
        total += w;
    }
    finish(call, loss, total, call.samples * C);
}

__global__ void pairs(const __grid_constant__ CudaLoss call)
{
    double loss = 0, total = 0, slope;
    for (int64_t p = threadIdx.x; p < call.samples; p += THREADS) {
        const double w = weight_of(call, p), tie = call.target ? (double)call.target[p] : 0.0;
        float *gradient = call.gradient + 2 * p;
        gradient[0] = gradient[1] = 0;
        if (w == 0) continue;
        loss += w * cuda_loss_pair(call.x[2 * p], call.x[2 * p + 1], tie, call.margin, &slope);
        total += w;
        gradient[1] = (float)(w * slope);
        gradient[0] = -gradient[1];
    }
    finish(call, loss, total, 2 * call.samples);
}

__global__ void lists(const __grid_constant__ CudaLoss call)
{
    double loss = 0, total = 0;
    const int64_t L = call.size;
    for (int64_t b = threadIdx.x; b < call.samples; b += THREADS) {
        const double w = weight_of(call, b);
        int counts;
        const double one = cuda_loss_list(call.x + b * L, call.target + b * L, L, w,
                                          call.gradient + b * L, &counts);
        if (!counts) continue;
        loss += w * one;
        total += w;
    }
    finish(call, loss, total, call.samples * L);
}

} // namespace

cudaError_t cuda_loss_bce_run(const CudaLoss *call, cudaStream_t stream)
{
    bce<<<1, THREADS, 0, stream>>>(*call);
    return cudaGetLastError();
}

cudaError_t cuda_loss_softmax_run(const CudaLoss *call, cudaStream_t stream)
{
    softmax<<<1, THREADS, 0, stream>>>(*call);
    return cudaGetLastError();
}

cudaError_t cuda_loss_pairs_run(const CudaLoss *call, cudaStream_t stream)
{
    pairs<<<1, THREADS, 0, stream>>>(*call);
    return cudaGetLastError();
}

cudaError_t cuda_loss_lists_run(const CudaLoss *call, cudaStream_t stream)
{
    lists<<<1, THREADS, 0, stream>>>(*call);
    return cudaGetLastError();
}

cudaError_t cuda_loss_share(const CudaLoss *call, int64_t count, cudaStream_t stream)
{
    share<<<1, THREADS, 0, stream>>>(*call, count);
    return cudaGetLastError();
}
