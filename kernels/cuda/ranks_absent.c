/* In ranks.c's place where NCCL's header is missing: one GPU is all there ever is. */
#include "base/error.h"
#include "kernels/cuda/ranks.h"

static int absent(HedonContext *ctx)
{
    return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                      "several GPUs need NCCL: this hedon was built without its header, nccl.h "
                      "(libnccl-dev)");
}

int cuda_ranks_id(HedonContext *ctx, void *id)
{
    (void)id;
    return absent(ctx);
}

int cuda_ranks_join(HedonContext *ctx, HedonDevice *device, const HedonDeviceGroup *group)
{
    (void)device, (void)group;
    return absent(ctx);
}

void cuda_ranks_leave(CudaDevice *device)
{
    (void)device;
}

void cuda_ranks_abort(CudaDevice *device)
{
    (void)device;
}

int cuda_ranks_count(const CudaDevice *device)
{
    (void)device;
    return 1;
}

int cuda_ranks_sum_start(HedonContext *ctx, CudaDevice *device, void *values, int64_t count,
                         HedonDtype dtype, cudaStream_t stream)
{
    (void)device, (void)values, (void)count, (void)dtype, (void)stream;
    return absent(ctx);
}

int cuda_ranks_sum_finish(HedonContext *ctx, CudaDevice *device, cudaStream_t stream)
{
    (void)device, (void)stream;
    return absent(ctx);
}

int cuda_wait(HedonContext *ctx, CudaDevice *device, cudaStream_t stream)
{
    (void)device;
    return CUDA_TRY(ctx, cudaStreamSynchronize(stream));
}

int cuda_wait_event(HedonContext *ctx, CudaDevice *device, cudaEvent_t event)
{
    (void)device;
    return CUDA_TRY(ctx, cudaEventSynchronize(event));
}
