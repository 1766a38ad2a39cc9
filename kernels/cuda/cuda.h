/* The cuda backend's inside, part one: the device. Plans are in plan.h, cuDNN in dnn.h, kernels in
 * kernels.h.
 *
 * A device is one of those that CUDA shows, by number. A thread works on one device at a time:
 * every entry makes its own the thread's. Its own stream takes the work of callers that name none;
 * buffers and plans live in a stream-ordered pool. Uploads go through two pinned slots, so that
 * reading the caller's memory, the bus and the kernels overlap.
 */
#ifndef HEDON_KERNELS_CUDA_CUDA_H
#define HEDON_KERNELS_CUDA_CUDA_H

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "kernels/backend.h"

enum { CUDA_SLOTS = 2, CUDA_SLOT_BYTES = 16 << 20, CUDA_ALIGNMENT = 256 };

typedef struct CudaSlot {
    void *pinned;
    cudaEvent_t copied; /* the last copy out of it */
} CudaSlot;

typedef struct CudaDevice {
    HedonDevice base;
    int index;
    int tf32;            /* float32 matmuls and convolutions may round their factors to TF32 */
    cudaStream_t stream; /* of callers that name none */
    cudaEvent_t busy;    /* the end of what was last executed, whatever the stream */
    cudaMemPool_t pool;
    cudnnHandle_t cudnn;
    cublasLtHandle_t blas;
    CudaSlot slot[CUDA_SLOTS];
    int next_slot;
    char name[96];            /* "NVIDIA H100 80GB HBM3, 132 SMs" */
    struct CudaRanks *ranks;  /* NULL: this device alone */
    struct CudaPlan *summing; /* whose executions sum over the group; NULL */
    struct CudaTuning *tuning;
    struct CudaPictures *pictures; /* NULL: none were pre-processed yet */
} CudaDevice;

struct HedonStream {
    CudaDevice *device;
    cudaStream_t stream;
};

struct HedonEvent {
    cudaEvent_t event;
};

extern const HedonBackend hedon_backend_cuda;
/* The same with what the program has filled in. */
const HedonBackend *cuda_vtable(void);

/** 0, or HEDON_EDEVICE with `what` and CUDA's own words; HEDON_ENOMEM for memory. */
int cuda_check(HedonContext *ctx, cudaError_t code, const char *what);
#define CUDA_TRY(ctx, call) cuda_check(ctx, call, #call)

/** Device memory, 256-byte aligned, not cleared. HEDON_ENOMEM says what was needed for `what`, and
 * what is free. */
int cuda_allocate(HedonContext *ctx, CudaDevice *device, size_t bytes, const char *what,
                  void **out);
void cuda_release(CudaDevice *device, void *memory);

/** Make the device the calling thread's. cuda_stream, cuda_allocate and cuda_after_executions do
 * it, too. */
int cuda_enter(HedonContext *ctx, const CudaDevice *device);
/** The stream to work in. */
cudaStream_t cuda_stream(CudaDevice *device, HedonStream *stream);
/** Work put into `stream` from now on comes after everything that was executed. */
int cuda_after_executions(HedonContext *ctx, CudaDevice *device, cudaStream_t stream);

/* device.c */
int cuda_probe(HedonContext *ctx, const char *device, HedonBackendInfo *info);
int cuda_open(HedonContext *ctx, HedonDevice **out, const HedonDeviceOptions *options);
void cuda_close(HedonDevice *device);

/* transfer.c */
int cuda_slots_open(HedonContext *ctx, CudaDevice *device);
void cuda_slots_close(CudaDevice *device);
int cuda_buffer_new(HedonContext *ctx, HedonDevice *device, size_t bytes, HedonBuffer **out);
void cuda_buffer_free(HedonBuffer *buffer);
int cuda_upload(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from, size_t bytes,
                HedonStream *stream);
int cuda_download(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes,
                  HedonStream *stream);
/** Host memory to device memory through the slots; `from` may be reused on return, the copy is in
 *  `stream`. */
int cuda_copy_in(HedonContext *ctx, CudaDevice *device, void *to, const void *from, size_t bytes,
                 cudaStream_t stream);

/* queue.c */
int cuda_stream_new(HedonContext *ctx, HedonDevice *device, HedonStream **out);
void cuda_stream_free(HedonStream *stream);
int cuda_stream_wait(HedonContext *ctx, HedonStream *stream);
int cuda_event_record(HedonContext *ctx, HedonStream *stream, HedonEvent **out);
int cuda_event_await(HedonContext *ctx, HedonStream *stream, HedonEvent *event);
void cuda_event_free(HedonEvent *event);

#endif
