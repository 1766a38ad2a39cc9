/* Pre-processing as it is defined: see HedonBackend's three preprocess entries. */
#ifndef HEDON_KERNELS_REF_PREPROCESS_H
#define HEDON_KERNELS_REF_PREPROCESS_H

#include "kernels/backend.h"

int ref_preprocessor_new(HedonContext *ctx, const HedonTransform *transform, const HedonFrame *like,
                         HedonPreprocessor **out);
void ref_preprocess(HedonPreprocessor *preprocessor, const HedonFrame *frame, float *out,
                    int64_t channel_stride);
void ref_preprocessor_free(HedonPreprocessor *preprocessor);

#endif
