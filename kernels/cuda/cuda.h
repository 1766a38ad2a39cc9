/* The cuda backend's inside, part one: the device. Plans are in plan.h, cuDNN in dnn.h, kernels in
 * kernels.h.
 *
 * A device is one of those that CUDA shows, by number. A thread works on one device at a time:
 * every entry makes its own the thread's. Its own stream takes the work of callers that name none;
 * buffers and plans live in a stream-ordered pool. Uploads go through pinned slots in turn, so that
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

/* Pinned memory that host memory is read into, on its way to the device. One thread's at a time. */
typedef struct CudaStaging {
    struct CudaDevice *device;
    CudaSlot slot[CUDA_SLOTS];
    size_t bytes; /* of a slot */
    int next;
} CudaStaging;

typedef struct CudaDevice {
    HedonDevice base;
    int index;
    int tf32;            /* float32 matmuls and convolutions may round their factors to TF32 */
    cudaStream_t stream; /* of callers that name none */
    cudaEvent_t busy;    /* the end of what was last executed, whatever the stream */
    cudaMemPool_t pool;
    cudnnHandle_t cudnn;
    cublasLtHandle_t blas;
    CudaStaging staging;
    char name[96];           /* "NVIDIA H100 80GB HBM3, 132 SMs" */
    struct CudaRanks *ranks; /* NULL: this device alone */
    struct CudaTuning *tuning;
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
int cuda_staging_open(HedonContext *ctx, struct CudaDevice *device, CudaStaging *staging,
                      size_t slot_bytes);
/** Waits for the copies under way. */
void cuda_staging_close(CudaStaging *staging);
/** rows x row bytes, `stride` bytes apart in host memory, to device memory without gaps; `from` may be
 *  reused on return, the copy is in `stream`. */
int cuda_staging_copy(HedonContext *ctx, CudaStaging *staging, void *to, const void *from,
                      int64_t stride, size_t row, size_t rows, cudaStream_t stream);
int cuda_buffer_new(HedonContext *ctx, HedonDevice *device, size_t bytes, HedonBuffer **out);
void cuda_buffer_free(HedonBuffer *buffer);
int cuda_upload(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from, size_t bytes,
                HedonStream *stream);
int cuda_download(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes,
                  HedonStream *stream);
int cuda_copy(HedonContext *ctx, HedonBuffer *to, size_t to_offset, HedonBuffer *from,
              size_t from_offset, size_t bytes, HedonStream *stream);
/** Host memory to device memory through the device's slots, likewise. */
int cuda_copy_in(HedonContext *ctx, CudaDevice *device, void *to, const void *from, size_t bytes,
                 cudaStream_t stream);

/* queue.c */
int cuda_stream_new(HedonContext *ctx, HedonDevice *device, HedonStream **out);
void cuda_stream_free(HedonStream *stream);
int cuda_stream_wait(HedonContext *ctx, HedonStream *stream);
int cuda_event_record(HedonContext *ctx, HedonStream *stream, HedonEvent **out);
int cuda_event_await(HedonContext *ctx, HedonStream *stream, HedonEvent *event);
int cuda_event_renew(HedonContext *ctx, HedonStream *stream, HedonEvent *event);
void cuda_event_free(HedonEvent *event);

#endif
