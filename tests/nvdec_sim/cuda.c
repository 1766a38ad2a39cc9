/* A simulated libcuda.so.1, as far as libavutil's CUDA device goes: device memory is host memory.
 * It does what makes a driver hard to confine: reserves addresses without end, starts a thread, and
 * talks to its device to the last. Names and numbers are cuda.h's. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { SUCCESS, INVALID_DEVICE = 101, OUT_OF_MEMORY = 2, NOT_SUPPORTED = 801 };
enum { TEXTURE_ALIGNMENT = 14, ALIGNMENT = 512, MEMORY_HOST = 1 };

typedef struct Copy { /* CUDA_MEMCPY2D */
    size_t src_x, src_y;
    int src_type;
    const void *src_host;
    uint64_t src_device;
    void *src_array;
    size_t src_pitch;
    size_t dst_x, dst_y;
    int dst_type;
    void *dst_host;
    uint64_t dst_device;
    void *dst_array;
    size_t dst_pitch;
    size_t width, height;
} Copy;

EXPORT int cuInit(unsigned flags)
{
    (void)flags;
    return SUCCESS;
}

EXPORT int cuDeviceGetCount(int *count)
{
    *count = 1;
    return SUCCESS;
}

EXPORT int cuDeviceGet(int *device, int ordinal)
{
    *device = ordinal;
    return ordinal ? INVALID_DEVICE : SUCCESS;
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    *value = attribute == TEXTURE_ALIGNMENT ? ALIGNMENT : 0;
    return SUCCESS;
}

EXPORT int cuDeviceGetName(char *name, int size, int device)
{
    (void)device;
    strncpy(name, "simulated", (size_t)size);
    return SUCCESS;
}

static int device_file = -1;

static void *linger(void *opaque)
{
    for (;;) pause();
    return opaque;
}

EXPORT int cuCtxCreate_v2(void **context, unsigned flags, int device)
{
    static int one;
    (void)flags, (void)device;
    pthread_t thread;
    const size_t reserved = (size_t)256 << 30;
    if (mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
            MAP_FAILED ||
        pthread_create(&thread, NULL, linger, NULL))
        return OUT_OF_MEMORY;
    if (device_file < 0) device_file = open("/dev/null", O_RDONLY);
    if (device_file < 0) return OUT_OF_MEMORY;
    *context = &one;
    return SUCCESS;
}

EXPORT int cuCtxPushCurrent_v2(void *context)
{
    (void)context;
    return SUCCESS;
}

EXPORT int cuCtxPopCurrent_v2(void **context)
{
    *context = NULL;
    return SUCCESS;
}

/* A driver does not live on when its device is kept from it. */
EXPORT int cuCtxDestroy_v2(void *context)
{
    int bytes;
    (void)context;
    if (ioctl(device_file, FIONREAD, &bytes) < 0 && errno != ENOTTY) abort();
    return SUCCESS;
}

EXPORT int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    *address = (uint64_t)(uintptr_t)malloc(bytes);
    return *address ? SUCCESS : OUT_OF_MEMORY;
}

EXPORT int cuMemFree_v2(uint64_t address)
{
    free((void *)(uintptr_t)address);
    return SUCCESS;
}

EXPORT int cuMemcpy2D_v2(const Copy *copy)
{
    const char *from =
        copy->src_type == MEMORY_HOST ? copy->src_host : (const char *)(uintptr_t)copy->src_device;
    char *to = copy->dst_type == MEMORY_HOST ? copy->dst_host : (char *)(uintptr_t)copy->dst_device;
    from += copy->src_y * copy->src_pitch + copy->src_x;
    to += copy->dst_y * copy->dst_pitch + copy->dst_x;
    for (size_t y = 0; y < copy->height; y++)
        memcpy(to + y * copy->dst_pitch, from + y * copy->src_pitch, copy->width);
    return SUCCESS;
}

EXPORT int cuMemcpy2DAsync_v2(const Copy *copy, void *stream)
{
    (void)stream;
    return cuMemcpy2D_v2(copy);
}

EXPORT int cuStreamCreate(void **stream, unsigned flags)
{
    (void)flags;
    *stream = NULL;
    return SUCCESS;
}

#define DOES_NOTHING(name)                                                                         \
    EXPORT int name(void *handle)                                                                  \
    {                                                                                              \
        (void)handle;                                                                              \
        return SUCCESS;                                                                            \
    }
DOES_NOTHING(cuStreamQuery)
DOES_NOTHING(cuStreamSynchronize)
DOES_NOTHING(cuStreamDestroy_v2)

EXPORT int cuGetErrorName(int error, const char **text)
{
    *text = error ? "an error" : "CUDA_SUCCESS";
    return SUCCESS;
}

EXPORT int cuGetErrorString(int error, const char **text)
{
    return cuGetErrorName(error, text);
}

/* Asked for when libavutil loads the driver, never called. */
#define UNUSED(name)                                                                               \
    EXPORT int name(void)                                                                          \
    {                                                                                              \
        return NOT_SUPPORTED;                                                                      \
    }
UNUSED(cuArray3DCreate_v2)
UNUSED(cuArrayDestroy)
UNUSED(cuCtxGetDevice)
UNUSED(cuCtxSetLimit)
UNUSED(cuDestroyExternalMemory)
UNUSED(cuDestroyExternalSemaphore)
UNUSED(cuDeviceComputeCapability)
UNUSED(cuDeviceGetUuid)
UNUSED(cuDevicePrimaryCtxGetState)
UNUSED(cuDevicePrimaryCtxRelease)
UNUSED(cuDevicePrimaryCtxReset)
UNUSED(cuDevicePrimaryCtxRetain)
UNUSED(cuDevicePrimaryCtxSetFlags)
UNUSED(cuEventCreate)
UNUSED(cuEventDestroy_v2)
UNUSED(cuEventQuery)
UNUSED(cuEventRecord)
UNUSED(cuEventSynchronize)
UNUSED(cuExternalMemoryGetMappedBuffer)
UNUSED(cuExternalMemoryGetMappedMipmappedArray)
UNUSED(cuGLGetDevices_v2)
UNUSED(cuGraphicsGLRegisterImage)
UNUSED(cuGraphicsMapResources)
UNUSED(cuGraphicsResourceGetMappedPointer_v2)
UNUSED(cuGraphicsSubResourceGetMappedArray)
UNUSED(cuGraphicsUnmapResources)
UNUSED(cuGraphicsUnregisterResource)
UNUSED(cuImportExternalMemory)
UNUSED(cuImportExternalSemaphore)
UNUSED(cuLaunchKernel)
UNUSED(cuLinkAddData)
UNUSED(cuLinkComplete)
UNUSED(cuLinkCreate)
UNUSED(cuLinkDestroy)
UNUSED(cuMemAllocManaged)
UNUSED(cuMemAllocPitch_v2)
UNUSED(cuMemcpy)
UNUSED(cuMemcpyAsync)
UNUSED(cuMemcpyDtoDAsync_v2)
UNUSED(cuMemcpyDtoD_v2)
UNUSED(cuMemcpyDtoHAsync_v2)
UNUSED(cuMemcpyDtoH_v2)
UNUSED(cuMemcpyHtoDAsync_v2)
UNUSED(cuMemcpyHtoD_v2)
UNUSED(cuMemsetD8Async)
UNUSED(cuMipmappedArrayDestroy)
UNUSED(cuMipmappedArrayGetLevel)
UNUSED(cuModuleGetFunction)
UNUSED(cuModuleGetGlobal)
UNUSED(cuModuleLoadData)
UNUSED(cuModuleUnload)
UNUSED(cuSignalExternalSemaphoresAsync)
UNUSED(cuStreamAddCallback)
UNUSED(cuTexObjectCreate)
UNUSED(cuTexObjectDestroy)
UNUSED(cuWaitExternalSemaphoresAsync)
