/* A simulated CUDA: device memory is the host's, streams (order.c) do their work at once, the
 * kernels are those that nvcc compiles (device.h), libraries are plain loops. With it the cuda
 * backend's code is compared with ref like any other backend, on machines without a GPU. This file
 * is the runtime; graphs are in capture.c. Sums over ranks alone are late: see sim.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "tests/cuda_sim/order.h"
#include "tests/cuda_sim/sim.h"

static unsigned long long number_of(const char *variable, unsigned long long otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Bytes of its memory. */
static size_t capacity(void)
{
    return number_of("HEDON_SIM_BYTES", 1 << 30);
}

typedef struct Block {
    size_t bytes;
    char pad[256 - sizeof(size_t)];
} Block;

static _Atomic size_t in_use; /* loader threads allocate, too */
static char something;        /* what handles point to */
static _Thread_local int current;
static _Atomic int is_lost; /* for good */
static _Atomic uint64_t launches;
static _Thread_local cudaError_t last_error;

/* ---- What goes wrong ------------------------------------------------------------------------ */

cudaError_t sim_verdict(void)
{
    return is_lost ? cudaErrorLaunchFailure : cudaSuccess;
}

int sim_device(void)
{
    return current;
}

uint64_t sim_launches(void)
{
    return launches;
}

void sim_launch(cudaStream_t stream, cudaError_t code)
{
    const uint64_t number = ++launches;
    if (number == number_of("HEDON_SIM_KILL", 0)) raise(SIGKILL);
    if (number == number_of("HEDON_SIM_LOSE", 0)) is_lost = 1;
    if (stream && stream->device != current) code = cudaErrorInvalidResourceHandle;
    if (stream) stream->seen = number;
    if (!code) code = sim_verdict();
    if (code) last_error = code;
}

cudaError_t cudaGetLastError(void)
{
    const cudaError_t code = last_error;
    last_error = cudaSuccess;
    return code;
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
    *count = (int)number_of("HEDON_SIM_GPUS", 1);
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    if (device < 0 || (unsigned)device >= number_of("HEDON_SIM_GPUS", 1))
        return cudaErrorInvalidDevice;
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
    if (is_lost) return sim_verdict();
    const size_t most = capacity();
    if (in_use > most || bytes > most - in_use) return cudaErrorMemoryAllocation;
    void *memory; /* not a byte more than asked for: sanitizers then see who reads further */
    if (posix_memalign(&memory, 256, sizeof(Block) + bytes)) return cudaErrorMemoryAllocation;
    Block *block = memory;
    block->bytes = bytes;
    in_use += bytes;
    memset(block + 1, 0xff, bytes);
    order_forget(block + 1, bytes);
    *out = block + 1;
    return cudaSuccess;
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream)
{
    Block *block = (Block *)memory - 1;
    order_access(stream, memory, block->bytes, 1, "freeing memory");
    in_use -= block->bytes;
    free(block);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    *total = capacity();
    *available = in_use < *total ? *total - in_use : 0;
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
    const cudaError_t code = sim_not_in_capture();
    if (code) return code;
    *out = malloc(bytes);
    return *out ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *memory)
{
    free(memory);
    return cudaSuccess;
}

typedef struct Copy {
    void *to;
    const void *from;
    size_t bytes;
    enum cudaMemcpyKind kind;
} Copy;

static void run_copy(void *opaque, cudaStream_t stream)
{
    const Copy *c = opaque;
    if (c->kind != cudaMemcpyHostToDevice)
        order_access(stream, c->from, c->bytes, 0, "copying from memory");
    if (c->kind != cudaMemcpyDeviceToHost)
        order_access(stream, c->to, c->bytes, 1, "copying to memory");
    memcpy(c->to, c->from, c->bytes);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    /* tests have it break down */
    if (kind == cudaMemcpyHostToDevice && getenv("HEDON_SIM_LOST")) return cudaErrorIllegalAddress;
    const Copy copy = {to, from, bytes, kind};
    const cudaError_t code = sim_submit_copy(stream, run_copy, &copy, sizeof(copy));
    return code ? code : sim_verdict();
}

typedef struct Fill {
    void *to;
    int value;
    size_t bytes;
} Fill;

static void run_fill(void *opaque, cudaStream_t stream)
{
    const Fill *f = opaque;
    order_access(stream, f->to, f->bytes, 1, "clearing memory");
    memset(f->to, f->value, f->bytes);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    const Fill fill = {to, value, bytes};
    const cudaError_t code = sim_submit_copy(stream, run_fill, &fill, sizeof(fill));
    return code ? code : sim_verdict();
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
