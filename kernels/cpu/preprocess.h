/* Pre-processing, fast: the same results as ref's up to rounding, and where source pixels leave the
 * gamut (preprocess.c). */
#ifndef HEDON_KERNELS_CPU_PREPROCESS_H
#define HEDON_KERNELS_CPU_PREPROCESS_H

#include "kernels/backend.h"

int cpu_preprocessor_new(HedonContext *ctx, const HedonTransform *transform, const HedonFrame *like,
                         HedonPreprocessor **out);
void cpu_preprocess(HedonPreprocessor *preprocessor, const HedonFrame *frame, float *out,
                    int64_t channel_stride);
void cpu_preprocessor_free(HedonPreprocessor *preprocessor);

#endif
