/* What a model wants done to a video before it sees it, as its file says: which frames, what size,
 * which numbers. Names everything; nothing is implied. */
#ifndef HEDON_MODELS_PREPROCESSING_H
#define HEDON_MODELS_PREPROCESSING_H

#include "hedon.h"
#include "kernels/transform.h"

typedef enum HedonResize { HEDON_RESIZE_EXACT, HEDON_RESIZE_SHORT_SIDE } HedonResize;
typedef enum HedonCrop { HEDON_CROP_CENTRE, HEDON_CROP_THREE } HedonCrop;

typedef struct HedonPreprocessing {
    /* sampling of the whole video when no window is asked for, by decode/sampler.h's names */
    char sampling[16];         /* "even", "contiguous", "segments", "windows" */
    int64_t clip_frames;       /* T */
    int64_t frame_stride;      /* contiguous, segments */
    double window_s, stride_s; /* windows; also the timeline's default */
    HedonResize resize;
    int32_t resize_width, resize_height; /* EXACT; SHORT_SIDE: resize_height is the short side */
    HedonInterpolation interpolation;
    int32_t antialias;
    HedonCrop crop; /* THREE: at 0, half and full of the long side */
    int32_t crop_width, crop_height;
    float mean[3], std[3]; /* RGB, 0..1 */
} HedonPreprocessing;

/** Crops per clip: 1 or 3. */
int hedon_preprocessing_views(const HedonPreprocessing *preprocessing);
/**
 * The transform of one view for pictures of width x height.
 *
 * Centre crop offsets are round((size - crop) / 2) half to even, as torchvision. HEDON_EINVAL when
 * the crop exceeds the resized picture.
 */
int hedon_preprocessing_transform(HedonContext *ctx, const HedonPreprocessing *preprocessing,
                                  int64_t width, int64_t height, int view, HedonTransform *out);

#endif
