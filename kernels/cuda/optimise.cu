/* One step of an optimiser over all parameters: a launch for the gradients' norm, one that decides, one
 * that updates. Sums are taken piece by piece in one order, in double. */
#include "kernels/cuda/kernels.h"

namespace {

enum { THREADS = 256 };

__device__ double block_sum(double value)
{
    __shared__ double shared[THREADS];
    shared[threadIdx.x] = value;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    }
    __syncthreads();
    return shared[0];
}

__global__ void square_sums(const __grid_constant__ CudaOptimise call)
{
    const CudaPiece piece = call.pieces[blockIdx.x];
    double sum = 0;
    if (call.rules[piece.ordinal].learns)
        for (int i = threadIdx.x; i < piece.count; i += THREADS) {
            const double g = call.gradients[piece.offset + i];
            sum += g * g;
        }
    sum = block_sum(sum);
    if (threadIdx.x == 0) call.sums[blockIdx.x] = sum;
}

__global__ void decide(const __grid_constant__ CudaOptimise call)
{
    double sum = 0;
    for (int i = threadIdx.x; i < call.piece_count; i += THREADS) sum += call.sums[i];
    sum = block_sum(sum);
    if (threadIdx.x) return;
    const double norm = sqrt(sum) * fabs(call.gradient_scale);
    double factor = call.gradient_scale;
    /* the 1e-6 is torch.nn.utils.clip_grad_norm_'s */
    if (call.clip_norm > 0) factor *= fmin(call.clip_norm / (norm + 1e-6), 1.0);
    call.result[0] = norm;
    call.result[1] = isfinite(norm) ? 1 : 0;
    call.result[2] = factor;
}

__global__ void update(const __grid_constant__ CudaOptimise call)
{
    if (call.result[1] == 0) return; /* not finite: nothing changes */
    const CudaPiece piece = call.pieces[blockIdx.x];
    const CudaRule rule = call.rules[piece.ordinal];
    const float factor = (float)call.result[2];
    const float keep = (float)call.average_decay, rest = (float)(1 - call.average_decay);
    for (int k = threadIdx.x; k < piece.count; k += THREADS) {
        const int64_t i = piece.offset + k;
        float p = call.parameters[i];
        if (rule.learns) {
            const float g = call.gradients[i];
            float m = call.moment1 ? call.moment1[i] : 0, v = call.moment2 ? call.moment2[i] : 0;
            p = call.adamw ? cuda_adamw(p, g, &m, &v, &rule.update, factor)
                           : cuda_sgd(p, g, &m, &rule.update, factor);
            call.parameters[i] = p;
            if (call.moment1) call.moment1[i] = m;
            if (call.moment2) call.moment2[i] = v;
        }
        if (call.average) call.average[i] = keep * call.average[i] + rest * p;
    }
}

} // namespace

cudaError_t cuda_optimise_run(const CudaOptimise *call, cudaStream_t stream)
{
    const unsigned pieces = (unsigned)call->piece_count;
    square_sums<<<pieces, THREADS, 0, stream>>>(*call);
    decide<<<1, THREADS, 0, stream>>>(*call);
    update<<<pieces, THREADS, 0, stream>>>(*call);
    return cudaGetLastError();
}
