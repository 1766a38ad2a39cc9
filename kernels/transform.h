/* What pre-processing does to every frame of a clip: the same parameters for all of them. */
#ifndef HEDON_KERNELS_TRANSFORM_H
#define HEDON_KERNELS_TRANSFORM_H

#include <stdint.h>

typedef enum HedonInterpolation { HEDON_BILINEAR, HEDON_BICUBIC /* a = -.5 antialiased, -.75 not, as PyTorch */ } HedonInterpolation;

/* In order: the box of the source picture, resized, cropped, flipped, converted to RGB 0..1,
 * normalised. All of it happens in one pass. */
typedef struct HedonTransform {
    int32_t source_x, source_y, source_width, source_height; /* box in the picture, pixels */
    int32_t resize_width, resize_height;                     /* of that box */
    HedonInterpolation interpolation;
    int32_t antialias; /* widen the filter when shrinking, as torchvision's antialias=True */
    int32_t crop_x, crop_y, crop_width, crop_height; /* within the resized picture */
    int32_t flip;                                    /* left and right exchanged */
    float mean[3], std[3];                           /* (rgb - mean) / std */
} HedonTransform;

#endif
