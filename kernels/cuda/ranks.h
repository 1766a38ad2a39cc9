/* Several GPUs, one a process, that train as one: sums over them by NCCL, and waiting for them.
 *
 * NCCL's work is in one stream, in the order in which it is asked for, which is the plan's and so
 * that of all ranks: one communicator can do no two things at once, and two that wait for each
 * other's place on the GPU may wait for ever. The host waits by asking now and then, so that a rank
 * that has ended is noticed.
 */
#ifndef HEDON_KERNELS_CUDA_RANKS_H
#define HEDON_KERNELS_CUDA_RANKS_H

#include "kernels/cuda/plan.h"

int cuda_ranks_id(HedonContext *ctx, void *id);
int cuda_ranks_join(HedonContext *ctx, HedonDevice *device, const HedonDeviceGroup *ranks);
/** Frees the communicator, whatever it is doing, if there is one. */
void cuda_ranks_leave(CudaDevice *device);
/** The same after a failure: what waits for other ranks on the device ends; nothing can be summed
 * any more. */
void cuda_ranks_abort(CudaDevice *device);
int cuda_ranks_count(const CudaDevice *device);

/** In place, over all ranks, when `stream` comes to it, which goes on with its other work.
 *  dtype: HEDON_F32 or HEDON_F64. */
int cuda_ranks_sum_start(HedonContext *ctx, CudaDevice *device, void *values, int64_t count,
                         HedonDtype dtype, cudaStream_t stream);
/** Work put into `stream` from now on comes after all sums that were started. */
int cuda_ranks_sum_finish(HedonContext *ctx, CudaDevice *device, cudaStream_t stream);

/** The host waits for the stream's work, or for an event; of several ranks no longer than the
 * others live: HEDON_EDEVICE then. */
int cuda_wait(HedonContext *ctx, CudaDevice *device, cudaStream_t stream);
int cuda_wait_event(HedonContext *ctx, CudaDevice *device, cudaEvent_t event);

/* buckets.c: gradients are summed by buckets, ranges of their block in the state that are on
 * their way as soon as the last gradient in them is final. */
int cuda_buckets_make(HedonContext *ctx, CudaState *state);
void cuda_buckets_begin(CudaState *state);
int cuda_buckets_add(HedonContext *ctx, CudaState *state, int parameter, cudaStream_t stream);
int cuda_sum_gradients(HedonContext *ctx, HedonState *state);

#endif
