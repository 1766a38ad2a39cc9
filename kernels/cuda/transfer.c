/* Buffers and copies. Host memory is read into one of two pinned slots, from where the bus takes it
 * while the other is being filled. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/ranks.h"

int cuda_slots_open(HedonContext *ctx, CudaDevice *device)
{
    int err = 0;
    for (int i = 0; i < CUDA_SLOTS && !err; i++) {
        err = CUDA_TRY(
            ctx, cudaHostAlloc(&device->slot[i].pinned, CUDA_SLOT_BYTES, cudaHostAllocDefault));
        if (!err)
            err = CUDA_TRY(
                ctx, cudaEventCreateWithFlags(&device->slot[i].copied, cudaEventDisableTiming));
    }
    return err;
}

void cuda_slots_close(CudaDevice *device)
{
    for (int i = 0; i < CUDA_SLOTS; i++) {
        if (device->slot[i].copied) {
            cudaEventSynchronize(device->slot[i].copied);
            cudaEventDestroy(device->slot[i].copied);
        }
        if (device->slot[i].pinned) cudaFreeHost(device->slot[i].pinned);
    }
}

int cuda_copy_in(HedonContext *ctx, CudaDevice *device, void *to, const void *from, size_t bytes,
                 cudaStream_t stream)
{
    int err = 0;
    for (size_t done = 0; done < bytes && !err;) {
        CudaSlot *slot = &device->slot[device->next_slot];
        const size_t left = bytes - done, part = left < CUDA_SLOT_BYTES ? left : CUDA_SLOT_BYTES;
        err = cuda_wait_event(ctx, device, slot->copied);
        if (err) break;
        memcpy(slot->pinned, (const char *)from + done, part);
        err = CUDA_TRY(ctx, cudaMemcpyAsync((char *)to + done, slot->pinned, part,
                                            cudaMemcpyHostToDevice, stream));
        if (!err) err = CUDA_TRY(ctx, cudaEventRecord(slot->copied, stream));
        device->next_slot = (device->next_slot + 1) % CUDA_SLOTS;
        done += part;
    }
    return err;
}

int cuda_buffer_new(HedonContext *ctx, HedonDevice *base, size_t bytes, HedonBuffer **out)
{
    CudaDevice *device = (CudaDevice *)base;
    *out = NULL;
    HedonBuffer *buffer = hedon_calloc(1, sizeof(*buffer));
    if (!buffer) return hedon_fail_memory(ctx);
    *buffer = (HedonBuffer){base, bytes, NULL};
    int err = cuda_allocate(ctx, device, bytes, "a buffer", &buffer->data);
    if (!err) err = CUDA_TRY(ctx, cudaMemsetAsync(buffer->data, 0, bytes, device->stream));
    if (!err) err = CUDA_TRY(ctx, cudaStreamSynchronize(device->stream));
    if (err)
        cuda_buffer_free(buffer);
    else
        *out = buffer;
    return err;
}

void cuda_buffer_free(HedonBuffer *buffer)
{
    if (!buffer) return;
    cuda_release((CudaDevice *)buffer->device, buffer->data);
    hedon_free(buffer);
}

static int check_range(HedonContext *ctx, const HedonBuffer *buffer, size_t offset, size_t bytes)
{
    if (offset <= buffer->bytes && bytes <= buffer->bytes - offset) return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "%zu bytes at %zu are outside a buffer of %zu", bytes,
                      offset, buffer->bytes);
}

int cuda_upload(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from, size_t bytes,
                HedonStream *stream)
{
    CudaDevice *device = (CudaDevice *)to->device;
    const cudaStream_t queue = cuda_stream(device, stream);
    int err = check_range(ctx, to, offset, bytes);
    if (err || !bytes) return err;
    /* Nobody said in which order: what was executed without a stream may still read the buffer. */
    if (!stream) err = cuda_after_executions(ctx, device, queue);
    if (!err) err = cuda_copy_in(ctx, device, (char *)to->data + offset, from, bytes, queue);
    if (!err && !stream) err = cuda_wait(ctx, device, queue);
    return err;
}

int cuda_download(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes,
                  HedonStream *stream)
{
    CudaDevice *device = (CudaDevice *)from->device;
    const cudaStream_t queue = cuda_stream(device, stream);
    int err = check_range(ctx, from, offset, bytes);
    if (err || !bytes) return err;
    if (!stream) err = cuda_after_executions(ctx, device, queue);
    if (!err)
        err = CUDA_TRY(ctx, cudaMemcpyAsync(to, (const char *)from->data + offset, bytes,
                                            cudaMemcpyDeviceToHost, queue));
    if (!err && !stream) err = cuda_wait(ctx, device, queue);
    return err;
}
