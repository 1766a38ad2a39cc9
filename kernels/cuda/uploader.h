/* Pictures onto the device and through the kernel: see HedonBackend.uploader_new. */
#ifndef HEDON_KERNELS_CUDA_UPLOADER_H
#define HEDON_KERNELS_CUDA_UPLOADER_H

#include "kernels/cuda/cuda.h"

int cuda_uploader_new(HedonContext *ctx, HedonDevice *device, HedonStream *stream,
                      HedonUploader **out);
int cuda_uploader_prepare(HedonContext *ctx, HedonUploader *uploader,
                          const HedonTransform *transforms, int views, const HedonFrame *like);
int cuda_uploader_send(HedonContext *ctx, HedonUploader *uploader, const HedonFrame *frame);
int cuda_uploader_preprocess(HedonContext *ctx, HedonUploader *uploader, int view, HedonBuffer *out,
                             int64_t first, int64_t channel_stride);
void cuda_uploader_free(HedonUploader *uploader);

#endif
