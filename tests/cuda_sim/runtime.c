/* A simulated CUDA: device memory is the host's, streams do their work at once, libraries are plain
 * loops. With it the cuda backend's host code (fusing, lowering, memory, states, executions) is
 * compared with ref like any other backend, on machines without a GPU. This file is the runtime;
 * captures are refused, as a driver may. Sums over ranks alone are late: see sim.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "tests/cuda_sim/sim.h"

enum { CAPACITY = 1 << 30 };

typedef struct Block {
    size_t bytes;
    char pad[256 - sizeof(size_t)];
} Block;

struct CUevent_st {
    cudaStream_t stream; /* where it was recorded last */
    uint64_t seen, sums;
};

static size_t in_use;
static char something; /* what handles point to */
static _Thread_local int current;
static int is_lost; /* for good */
static uint64_t launches;

/* ---- What goes wrong ------------------------------------------------------------------------ */

static cudaError_t verdict(void)
{
    return is_lost ? cudaErrorLaunchFailure : cudaSuccess;
}

static int number_of(const char *variable, int otherwise)
{
    const char *text = getenv(variable);
    return text ? atoi(text) : otherwise;
}

cudaError_t sim_launch(cudaStream_t stream)
{
    launches++;
    if (launches == (uint64_t)number_of("HEDON_SIM_KILL", -1)) raise(SIGKILL);
    if (launches == (uint64_t)number_of("HEDON_SIM_LOSE", -1)) is_lost = 1;
    if (stream && stream->device != current) return cudaErrorInvalidResourceHandle;
    if (stream) stream->seen = launches;
    return verdict();
}

cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}

const char *cudaGetErrorName(cudaError_t code)
{
    return code == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
           : code == cudaErrorLaunchFailure  ? "cudaErrorLaunchFailure"
                                             : "cudaErrorSimulated";
}

const char *cudaGetErrorString(cudaError_t code)
{
    return code == cudaErrorMemoryAllocation ? "out of memory" : "simulated";
}

/* ---- Devices -------------------------------------------------------------------------------- */

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = number_of("HEDON_SIM_GPUS", 1);
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    if (device < 0 || device >= number_of("HEDON_SIM_GPUS", 1)) return cudaErrorInvalidDevice;
    current = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
    memset(properties, 0, sizeof(*properties));
    snprintf(properties->name, sizeof(properties->name), "simulated GPU %d", device);
    properties->major = 9;
    properties->multiProcessorCount = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
    (void)attribute, (void)device;
    *value = 1;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

/* ---- Memory: filled with NaNs, so that nothing counts on what it finds ------------------------
 */

cudaError_t cudaMallocFromPoolAsync(void **out, size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream)
{
    (void)pool, (void)stream;
    if (is_lost) return verdict();
    if (bytes > CAPACITY - in_use) return cudaErrorMemoryAllocation;
    Block *block = aligned_alloc(256, (sizeof(Block) + bytes + 255) / 256 * 256);
    if (!block) return cudaErrorMemoryAllocation;
    block->bytes = bytes;
    in_use += bytes;
    memset(block + 1, 0xff, bytes);
    *out = block + 1;
    return cudaSuccess;
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream)
{
    (void)stream;
    Block *block = (Block *)memory - 1;
    in_use -= block->bytes;
    free(block);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    *available = CAPACITY - in_use;
    *total = CAPACITY;
    return cudaSuccess;
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t *pool, const struct cudaMemPoolProps *properties)
{
    (void)properties;
    *pool = (cudaMemPool_t)&something;
    return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool)
{
    (void)pool;
    return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr attribute, void *value)
{
    (void)pool, (void)attribute, (void)value;
    return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep)
{
    (void)pool, (void)keep;
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned flags)
{
    (void)flags;
    *out = malloc(bytes);
    return *out ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *memory)
{
    free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    (void)kind, (void)stream;
    memcpy(to, from, bytes);
    return verdict();
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    (void)stream;
    memset(to, value, bytes);
    return verdict();
}

/* ---- Streams and events ---------------------------------------------------------------------- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    (void)flags;
    *stream = calloc(1, sizeof(**stream));
    if (!*stream) return cudaErrorMemoryAllocation;
    (*stream)->device = current;
    (*stream)->launches = &launches;
    return verdict();
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    free(stream);
    return cudaSuccess;
}

static void deliver(cudaStream_t stream, uint64_t sums)
{
    if (stream && stream->deliver) stream->deliver(stream->opaque, sums);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    if (stream) deliver(stream, stream->sums);
    return verdict();
}

/* What was asked for is done, but never known at the first look. */
static cudaError_t look(void)
{
    static _Thread_local unsigned looks;
    return ++looks % 2 && !is_lost ? cudaErrorNotReady : verdict();
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    if (stream) deliver(stream, stream->sums);
    return look();
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    deliver(event->stream, event->sums);
    return look();
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    (void)flags;
    if (!event->stream) return cudaSuccess; /* it was never recorded */
    if (stream->seen < event->seen) stream->seen = event->seen;
    deliver(event->stream, event->sums);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    *event = calloc(1, sizeof(**event));
    return *event ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    (void)flags;
    return cudaEventCreate(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    free(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    *event = (struct CUevent_st){stream, stream->seen, stream->sums};
    return verdict();
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    deliver(event->stream, event->sums);
    return verdict();
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end)
{
    (void)start, (void)end;
    *milliseconds = 1;
    return cudaSuccess;
}

/* ---- Graphs ---------------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    (void)stream, (void)mode;
    return cudaErrorStreamCaptureUnsupported;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    (void)stream;
    *graph = NULL;
    return cudaErrorStreamCaptureUnsupported;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags)
{
    (void)graph, (void)flags;
    *out = NULL;
    return cudaErrorStreamCaptureUnsupported;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    (void)graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph)
{
    (void)graph;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream)
{
    (void)graph, (void)stream;
    return cudaErrorStreamCaptureUnsupported;
}

/* ---- The libraries' handles -------------------------------------------------------------------
 */

size_t cudnnGetVersion(void)
{
    return CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    return status ? "simulated" : "success";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = (cudnnHandle_t)&something;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    (void)handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    (void)handle, (void)stream;
    return CUDNN_STATUS_SUCCESS;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    *handle = (cublasLtHandle_t)&something;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    (void)handle;
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
    return CUBLAS_VERSION;
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
    return status ? "simulated" : "success";
}
