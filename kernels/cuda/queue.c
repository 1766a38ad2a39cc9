/* Streams and events of the vtable. */
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/ranks.h"

int cuda_stream_new(HedonContext *ctx, HedonDevice *device, HedonStream **out)
{
    *out = NULL;
    HedonStream *stream = hedon_calloc(1, sizeof(*stream));
    if (!stream) return hedon_fail_memory(ctx);
    stream->device = (CudaDevice *)device;
    int err = cuda_enter(ctx, stream->device);
    if (!err)
        err = CUDA_TRY(ctx, cudaStreamCreateWithFlags(&stream->stream, cudaStreamNonBlocking));
    if (err)
        hedon_free(stream);
    else
        *out = stream;
    return err;
}

void cuda_stream_free(HedonStream *stream)
{
    if (!stream) return;
    cudaStreamSynchronize(stream->stream);
    cudaStreamDestroy(stream->stream);
    hedon_free(stream);
}

int cuda_stream_wait(HedonContext *ctx, HedonStream *stream)
{
    return cuda_wait(ctx, stream->device, stream->stream);
}

int cuda_event_record(HedonContext *ctx, HedonStream *stream, HedonEvent **out)
{
    *out = NULL;
    HedonEvent *event = hedon_calloc(1, sizeof(*event));
    if (!event) return hedon_fail_memory(ctx);
    int err = cuda_enter(ctx, stream->device);
    if (!err) err = CUDA_TRY(ctx, cudaEventCreateWithFlags(&event->event, cudaEventDisableTiming));
    if (!err) err = CUDA_TRY(ctx, cudaEventRecord(event->event, stream->stream));
    if (err)
        cuda_event_free(event);
    else
        *out = event;
    return err;
}

int cuda_event_await(HedonContext *ctx, HedonStream *stream, HedonEvent *event)
{
    return CUDA_TRY(ctx, cudaStreamWaitEvent(stream->stream, event->event, 0));
}

int cuda_event_renew(HedonContext *ctx, HedonStream *stream, HedonEvent *event)
{
    return CUDA_TRY(ctx, cudaEventRecord(event->event, stream->stream));
}

void cuda_event_free(HedonEvent *event)
{
    if (!event) return;
    if (event->event) cudaEventDestroy(event->event);
    hedon_free(event);
}
