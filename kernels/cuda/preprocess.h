/* Pre-processing on the device: see HedonBackend.preprocess_frames. */
#ifndef HEDON_KERNELS_CUDA_PREPROCESS_H
#define HEDON_KERNELS_CUDA_PREPROCESS_H

#include "kernels/cuda/cuda.h"

int cuda_preprocess_frames(HedonContext *ctx, HedonDevice *device, const HedonTransform *transform,
                           const HedonFrame *frames, int count, HedonBuffer *out, int64_t first,
                           int64_t channel_stride, int64_t frame_stride, HedonStream *stream);
void cuda_pictures_free(CudaDevice *device);

#endif
