/* Pre-processing: one pass from planes to normalised floats. */
#include "kernels/cuda/kernels.h"

namespace {

enum { THREADS = 128 };

__global__ void pixels(const __grid_constant__ CudaPixels call)
{
    const int number = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (number < call.width * call.height)
        cuda_pixel_write(&call, number % call.width, number / call.width);
}

} // namespace

cudaError_t cuda_pixels_run(const CudaPixels *call, cudaStream_t stream)
{
    const int count = call->width * call->height;
    pixels<<<(unsigned)((count + THREADS - 1) / THREADS), THREADS, 0, stream>>>(*call);
    return cudaGetLastError();
}
