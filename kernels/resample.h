/* What the pre-processing implementations share: which transforms make sense, and which source
 * samples an output sample is made of. */
#ifndef HEDON_KERNELS_RESAMPLE_H
#define HEDON_KERNELS_RESAMPLE_H

#include "base/frame.h"
#include "hedon.h"
#include "kernels/transform.h"

/** HEDON_EINVAL with the reason unless the transform can be applied to frames like `like`: picture
 *  1 to 65536 each way, box inside the picture, resize 1 to 16384, crop inside the resized box. */
int hedon_transform_check(HedonContext *ctx, const HedonTransform *transform,
                          const HedonFrame *like);

/* One axis: output i is the sum over k < count[i] of weight[i * width + k] * sample[first[i] + k].
 * Every sample that is named exists, and the weights of an output sum to 1. */
typedef struct HedonTaps {
    int32_t outputs, width;
    int32_t *first, *count; /* outputs */
    double *weight;         /* outputs x width, 0 from count[i] on */
} HedonTaps;

/** A table of so many outputs with up to `width` taps each. HEDON_ENOMEM. */
int hedon_taps_alloc(HedonContext *ctx, HedonTaps *taps, int32_t outputs, int32_t width);
void hedon_taps_free(HedonTaps *taps);

/**
 * Outputs start .. start + outputs - 1 of `from` samples resized to `to`, as PyTorch's
 * interpolate(align_corners=False) does it.
 *
 * @param taps  freed with hedon_taps_free
 * @return 0 or HEDON_ENOMEM
 */
int hedon_taps_new(HedonContext *ctx, HedonTaps *taps, HedonInterpolation interpolation,
                   int antialias, int32_t from, int32_t to, int32_t start, int32_t outputs);

#endif
