/* RandAugment's operations on one picture; Pillow's ImageOps, ImageEnhance and transforms. */
#ifndef HEDON_TRAIN_AUGMENT_OPERATIONS_H
#define HEDON_TRAIN_AUGMENT_OPERATIONS_H

#include "train/augment/augment.h"
#include "train/augment/loops.h"

/* Two buffers of a picture's size; the picture is in `pixels`. */
typedef struct HedonPicture {
    uint32_t *pixels, *spare;
    int32_t width, height;
} HedonPicture;

/** The result is in picture->pixels; the two buffers may have been exchanged. */
void hedon_augment_operation(const HedonAugmentLoops *loops, HedonPicture *picture,
                             const HedonAugmentOperation *operation);

#endif
