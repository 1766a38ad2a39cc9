/* Buffers and copies. Host memory is read into one of two pinned slots, from where the bus takes it
 * while the other is being filled. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/ranks.h"

/* ---- Staging -------------------------------------------------------------------------------- */

int cuda_staging_open(HedonContext *ctx, CudaDevice *device, CudaStaging *staging,
                      size_t slot_bytes)
{
    int err = 0;
    staging->device = device;
    staging->bytes = slot_bytes;
    for (int i = 0; i < CUDA_SLOTS && !err; i++) {
        CudaSlot *slot = &staging->slot[i];
        err = CUDA_TRY(ctx, cudaHostAlloc(&slot->pinned, slot_bytes, cudaHostAllocDefault));
        if (!err)
            err = CUDA_TRY(ctx, cudaEventCreateWithFlags(&slot->copied, cudaEventDisableTiming));
    }
    return err;
}

void cuda_staging_close(CudaStaging *staging)
{
    for (int i = 0; i < CUDA_SLOTS; i++) {
        CudaSlot *slot = &staging->slot[i];
        if (slot->copied) {
            cudaEventSynchronize(slot->copied);
            cudaEventDestroy(slot->copied);
        }
        if (slot->pinned) cudaFreeHost(slot->pinned);
    }
}

/* Bytes `at` to `at + bytes` of the rows, as they will lie without gaps. */
static void pack(char *to, const char *from, int64_t stride, size_t row, size_t at, size_t bytes)
{
    while (bytes > 0) {
        const size_t column = at % row, left = row - column, part = left < bytes ? left : bytes;
        memcpy(to, from + (int64_t)(at / row) * stride + column, part);
        to += part;
        at += part;
        bytes -= part;
    }
}

int cuda_staging_copy(HedonContext *ctx, CudaStaging *staging, void *to, const void *from,
                      int64_t stride, size_t row, size_t rows, cudaStream_t stream)
{
    const size_t bytes = row * rows;
    int err = 0;
    for (size_t done = 0; done < bytes && !err;) {
        CudaSlot *slot = &staging->slot[staging->next];
        const size_t left = bytes - done, part = left < staging->bytes ? left : staging->bytes;
        err = cuda_wait_event(ctx, staging->device, slot->copied);
        if (err) break;
        pack(slot->pinned, from, stride, row, done, part);
        err = CUDA_TRY(ctx, cudaMemcpyAsync((char *)to + done, slot->pinned, part,
                                            cudaMemcpyHostToDevice, stream));
        if (!err) err = CUDA_TRY(ctx, cudaEventRecord(slot->copied, stream));
        staging->next = (staging->next + 1) % CUDA_SLOTS;
        done += part;
    }
    return err;
}

int cuda_copy_in(HedonContext *ctx, CudaDevice *device, void *to, const void *from, size_t bytes,
                 cudaStream_t stream)
{
    return cuda_staging_copy(ctx, &device->staging, to, from, 0, bytes, 1, stream);
}

/* ---- Buffers -------------------------------------------------------------------------------- */

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

int cuda_copy(HedonContext *ctx, HedonBuffer *to, size_t to_offset, HedonBuffer *from,
              size_t from_offset, size_t bytes, HedonStream *stream)
{
    CudaDevice *device = (CudaDevice *)to->device;
    const cudaStream_t queue = cuda_stream(device, stream);
    int err = check_range(ctx, to, to_offset, bytes);
    if (!err) err = check_range(ctx, from, from_offset, bytes);
    if (err || !bytes) return err;
    if (!stream) err = cuda_after_executions(ctx, device, queue);
    if (!err)
        err = CUDA_TRY(ctx, cudaMemcpyAsync((char *)to->data + to_offset,
                                            (const char *)from->data + from_offset, bytes,
                                            cudaMemcpyDeviceToDevice, queue));
    if (!err && !stream) err = cuda_wait(ctx, device, queue);
    return err;
}
