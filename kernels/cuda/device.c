/* Probing, opening and closing a device; memory; what CUDA's errors mean to people. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/ranks.h"
#include "kernels/cuda/tune.h"

enum { LEAST_MAJOR = 8 }; /* Ampere: bfloat16 in the tensor cores, and what we compile for */

/* ---- Errors --------------------------------------------------------------------------------- */

/* After these the process's context is gone, whatever is tried next. */
static int is_lost(cudaError_t code)
{
    return code == cudaErrorIllegalAddress || code == cudaErrorLaunchFailure ||
           code == cudaErrorHardwareStackError || code == cudaErrorIllegalInstruction ||
           code == cudaErrorMisalignedAddress || code == cudaErrorECCUncorrectable ||
           code == cudaErrorLaunchTimeout || code == cudaErrorAssert ||
           code == cudaErrorDevicesUnavailable;
}

int cuda_check(HedonContext *ctx, cudaError_t code, const char *what)
{
    if (code == cudaSuccess) return 0;
    cudaGetLastError(); /* one that is not sticky must not turn up again elsewhere */
    if (code == cudaErrorMemoryAllocation)
        return hedon_fail(ctx, HEDON_ENOMEM, "out of GPU memory: %s", what);
    if (is_lost(code))
        return hedon_fail(ctx, HEDON_EDEVICE,
                          "the GPU is lost to this process (%s: %s): %s; start again",
                          cudaGetErrorName(code), cudaGetErrorString(code), what);
    return hedon_fail(ctx, HEDON_EDEVICE, "%s: %s: %s", cudaGetErrorName(code),
                      cudaGetErrorString(code), what);
}

/* ---- Memory --------------------------------------------------------------------------------- */

int cuda_allocate(HedonContext *ctx, CudaDevice *device, size_t bytes, const char *what, void **out)
{
    *out = NULL;
    const int err = cuda_enter(ctx, device);
    if (err) return err;
    if (!bytes) bytes = 1;
    cudaError_t code = cudaMallocFromPoolAsync(out, bytes, device->pool, device->stream);
    if (code == cudaErrorMemoryAllocation) {
        /* what was freed may still wait in the pool, in pieces */
        cudaGetLastError();
        cudaStreamSynchronize(device->stream);
        cudaMemPoolTrimTo(device->pool, 0);
        code = cudaMallocFromPoolAsync(out, bytes, device->pool, device->stream);
    }
    if (code == cudaErrorMemoryAllocation) {
        size_t available = 0, total = 0;
        cudaGetLastError();
        cudaMemGetInfo(&available, &total);
        return hedon_fail(
            ctx, HEDON_ENOMEM,
            "out of GPU memory: %s needs %.1f MB; of the GPU's %.0f MB, %.1f are free: "
            "take a smaller batch, or close what else uses the GPU",
            what, (double)bytes / 1e6, (double)total / 1e6, (double)available / 1e6);
    }
    /* Other streams use it too, without asking. */
    if (code == cudaSuccess) code = cudaStreamSynchronize(device->stream);
    return cuda_check(ctx, code, what);
}

void cuda_release(CudaDevice *device, void *memory)
{
    if (!memory) return;
    cudaStreamWaitEvent(device->stream, device->busy, 0);
    cudaFreeAsync(memory, device->stream);
}

static int open_pool(HedonContext *ctx, CudaDevice *device)
{
    int has_pools = 0;
    int err = CUDA_TRY(
        ctx, cudaDeviceGetAttribute(&has_pools, cudaDevAttrMemoryPoolsSupported, device->index));
    if (err) return err;
    if (!has_pools)
        return hedon_fail(ctx, HEDON_EDEVICE,
                          "the GPU's driver has no memory pools: update the driver");
    const struct cudaMemPoolProps properties = {
        .allocType = cudaMemAllocationTypePinned,
        .location = {.type = cudaMemLocationTypeDevice, .id = device->index}};
    err = CUDA_TRY(ctx, cudaMemPoolCreate(&device->pool, &properties));
    /* Keep what was freed: the next plan is likely to want as much. */
    uint64_t keep = UINT64_MAX;
    return err ? err
               : CUDA_TRY(ctx, cudaMemPoolSetAttribute(device->pool,
                                                       cudaMemPoolAttrReleaseThreshold, &keep));
}

/* ---- Devices -------------------------------------------------------------------------------- */

/* Its name, or why it will not do. */
static int describe(HedonContext *ctx, int index, char *name, size_t room)
{
    struct cudaDeviceProp properties;
    const int err = CUDA_TRY(ctx, cudaGetDeviceProperties(&properties, index));
    if (err) return err;
    snprintf(name, room, "%.72s, %d SMs", properties.name, properties.multiProcessorCount);
    if (properties.major >= LEAST_MAJOR) return 0;
    return hedon_fail(ctx, HEDON_EDEVICE,
                      "%.72s has compute capability %d.%d; the cuda backend needs %d.0 or later",
                      properties.name, properties.major, properties.minor, LEAST_MAJOR);
}

/* The number of the device so named, after a look whether there is such a one. */
static int find(HedonContext *ctx, const char *name, int *index, int *count)
{
    int err = hedon_device_number(ctx, name, index);
    if (!err) err = CUDA_TRY(ctx, cudaGetDeviceCount(count));
    if (!err && *count < 1) err = hedon_fail(ctx, HEDON_EDEVICE, "CUDA shows no device");
    if (err) return err;
    if (*index < 0) *index = 0;
    if (*index < *count) return 0;
    return *count == 1 ? hedon_fail(ctx, HEDON_EDEVICE,
                                    "there is no cuda:%d: CUDA shows one GPU, cuda:0", *index)
                       : hedon_fail(ctx, HEDON_EDEVICE,
                                    "there is no cuda:%d: CUDA shows %d GPUs, cuda:0 to cuda:%d",
                                    *index, *count, *count - 1);
}

int cuda_probe(HedonContext *ctx, const char *device, HedonBackendInfo *info)
{
    *info = (HedonBackendInfo){0};
    int index;
    int err = find(ctx, device, &index, &info->count);
    if (!err) err = describe(ctx, index, info->device, sizeof(info->device));
    if (err) return err;
    const size_t version = cudnnGetVersion(), blas = cublasLtGetVersion();
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (version / 10000 != CUDNN_MAJOR)
        return hedon_fail(ctx, HEDON_EDEVICE, "cuDNN %zu was found where %d.x is wanted", version,
                          CUDNN_MAJOR);
    info->precisions = 1u << HEDON_F32 | 1u << HEDON_BF16 | 1u << HEDON_F16;
    snprintf(info->library, sizeof(info->library),
             "cuDNN %zu.%zu.%zu, cuBLASLt %zu, CUDA %d.%d, driver %d.%d", version / 10000,
             version / 100 % 100, version % 100, blas, runtime / 1000, runtime / 10 % 100,
             driver / 1000, driver / 10 % 100);
    return 0;
}

static int open_libraries(HedonContext *ctx, CudaDevice *device)
{
    const cudnnStatus_t dnn = cudnnCreate(&device->cudnn);
    if (dnn != CUDNN_STATUS_SUCCESS)
        return hedon_fail(ctx, HEDON_EDEVICE, "cuDNN does not start: %s", cudnnGetErrorString(dnn));
    const cublasStatus_t blas = cublasLtCreate(&device->blas);
    if (blas != CUBLAS_STATUS_SUCCESS)
        return hedon_fail(ctx, HEDON_EDEVICE, "cuBLASLt does not start: %s",
                          cublasLtGetStatusString(blas));
    return 0;
}

int cuda_open(HedonContext *ctx, HedonDevice **out, const HedonDeviceOptions *options)
{
    *out = NULL;
    if (options->precision != HEDON_F32 && options->precision != HEDON_BF16 &&
        options->precision != HEDON_F16)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the cuda device computes in float32, bfloat16 or float16, not %s",
                          hedon_dtype_name(options->precision));
    if (options->tf32 && options->precision != HEDON_F32)
        return hedon_fail(ctx, HEDON_EINVAL, "TF32 is a way to compute float32, not %s",
                          hedon_dtype_name(options->precision));
    if (options->threads < 0)
        return hedon_fail(ctx, HEDON_EINVAL, "%d threads make no sense", options->threads);
    CudaDevice *device = hedon_calloc(1, sizeof(*device));
    if (!device) return hedon_fail_memory(ctx);
    device->base = (HedonDevice){cuda_vtable(), options->precision, 1};
    device->tf32 = options->tf32;
    int count;
    int err = find(ctx, options->device, &device->index, &count);
    if (!err) err = cuda_enter(ctx, device);
    if (!err) err = describe(ctx, device->index, device->name, sizeof(device->name));
    if (!err)
        err = CUDA_TRY(ctx, cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking));
    if (!err) err = CUDA_TRY(ctx, cudaEventCreateWithFlags(&device->busy, cudaEventDisableTiming));
    if (!err) err = open_pool(ctx, device);
    if (!err) err = cuda_staging_open(ctx, device, &device->staging, CUDA_SLOT_BYTES);
    if (!err) err = open_libraries(ctx, device);
    if (!err) err = cuda_tuning_open(ctx, device);
    if (err)
        cuda_close(&device->base);
    else
        *out = &device->base;
    return err;
}

void cuda_close(HedonDevice *base)
{
    CudaDevice *device = (CudaDevice *)base;
    if (!device) return;
    cuda_ranks_leave(device);
    if (device->stream) cudaStreamSynchronize(device->stream);
    cuda_staging_close(&device->staging);
    cuda_tuning_close(device);
    if (device->blas) cublasLtDestroy(device->blas);
    if (device->cudnn) cudnnDestroy(device->cudnn);
    if (device->pool) cudaMemPoolDestroy(device->pool);
    if (device->busy) cudaEventDestroy(device->busy);
    if (device->stream) cudaStreamDestroy(device->stream);
    hedon_free(device);
}

int cuda_enter(HedonContext *ctx, const CudaDevice *device)
{
    return CUDA_TRY(ctx, cudaSetDevice(device->index));
}

cudaStream_t cuda_stream(CudaDevice *device, HedonStream *stream)
{
    cudaSetDevice(device->index); /* where that fails, the stream's use fails */
    return stream ? stream->stream : device->stream;
}

int cuda_after_executions(HedonContext *ctx, CudaDevice *device, cudaStream_t stream)
{
    const int err = cuda_enter(ctx, device);
    return err ? err : CUDA_TRY(ctx, cudaStreamWaitEvent(stream, device->busy, 0));
}
