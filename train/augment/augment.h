/* What training does to a clip on its way to the model: RandAugment on whole 8-bit frames, then
 * normalise, random resized crop, flip, random erasing; the same for all frames of a clip, but for
 * the noise that erasing leaves.
 *
 * Drawing and applying are apart. A draw is a plain struct, a pure function of a key, so that
 * resume, order and the number of workers change nothing; applying it is a pure function of draw
 * and frame. The semantics are those of the paper's fork of VideoMAE (rand_augment.py,
 * video_transforms.py, random_erasing.py; from timm) over Pillow, bit for bit on 8-bit frames:
 * tests/test_augment.c.
 */
#ifndef HEDON_TRAIN_AUGMENT_AUGMENT_H
#define HEDON_TRAIN_AUGMENT_AUGMENT_H

#include "base/frame.h"
#include "base/random.h"
#include "hedon.h"

/* timm's 'increasing' operations, in its order. */
typedef enum HedonAugmentKind {
    HEDON_AUGMENT_AUTO_CONTRAST,
    HEDON_AUGMENT_EQUALIZE,
    HEDON_AUGMENT_INVERT,
    HEDON_AUGMENT_ROTATE,       /* argument: degrees, counter-clockwise */
    HEDON_AUGMENT_POSTERIZE,    /* bits kept */
    HEDON_AUGMENT_SOLARIZE,     /* levels from here on are inverted */
    HEDON_AUGMENT_SOLARIZE_ADD, /* added to levels below 128 */
    HEDON_AUGMENT_COLOUR, /* this and the next three: Pillow's enhancement factor; 1: unchanged */
    HEDON_AUGMENT_CONTRAST,
    HEDON_AUGMENT_BRIGHTNESS,
    HEDON_AUGMENT_SHARPNESS,
    HEDON_AUGMENT_SHEAR_X, /* source x = x + argument y */
    HEDON_AUGMENT_SHEAR_Y,
    HEDON_AUGMENT_TRANSLATE_X, /* fraction of the width */
    HEDON_AUGMENT_TRANSLATE_Y,
    HEDON_AUGMENT_KINDS
} HedonAugmentKind;

enum { HEDON_AUGMENT_MAX_OPERATIONS = 8 };

/* What may be drawn. */
typedef struct HedonAugmentRecipe {
    int operations;                  /* RandAugment's n, chosen with replacement; 0: none */
    double operation_p;              /* that a chosen operation is applied */
    double magnitude, magnitude_std; /* normal, clipped to 0..10 */
    int resized_crop;                /* 0: the whole frame is resized */
    double area[2], ratio[2];        /* of the crop: share of the frame, uniform; width by height,
                                       log-uniform. Ten tries, then the centre */
    double flip_p;
    double erase_p, erase_area[2], erase_ratio[2]; /* likewise; height by width */
    int32_t width, height;                         /* of the clip's frames */
    float mean[3], std[3];                         /* (rgb - mean) / std of rgb in 0..1 */
} HedonAugmentRecipe;

typedef struct HedonAugmentOperation {
    HedonAugmentKind kind;
    double argument;
} HedonAugmentOperation;

/* What was drawn for one clip. */
typedef struct HedonAugmentDraw {
    int operation_count;
    HedonAugmentOperation operation[HEDON_AUGMENT_MAX_OPERATIONS];
    int32_t crop_x, crop_y, crop_width, crop_height; /* in the source frame */
    int flip;
    int32_t erase_x, erase_y, erase_width, erase_height; /* in the output; width 0: nothing */
    HedonRandomKey noise;
} HedonAugmentDraw;

typedef struct HedonAugmenter HedonAugmenter;

/**
 * A recipe by name: "none" (frames resized, normalised, nothing drawn: V2V's), "vce" (the paper's
 * rand-m7-n4-mstd0.5-inc1, crop, flip, erasing) or "crop" (mild crops and flips). 224x224 with ImageNet's mean and deviation, as the
 * paper's; change width, height, mean and std for another model.
 * HEDON_EINVAL names the known ones.
 */
int hedon_augment_recipe(HedonContext *ctx, HedonAugmentRecipe *out, const char *name);

/** HEDON_EINVAL when a recipe's numbers make no sense, with a sentence that names them. */
int hedon_augment_check(HedonContext *ctx, const HedonAugmentRecipe *recipe);

/** The draw of one clip whose source frames are width x height. The recipe was checked. It takes
 * about a microsecond: drawing again for each frame is as good as keeping it. */
void hedon_augment_draw(HedonRandomKey key, const HedonAugmentRecipe *recipe, int32_t width,
                        int32_t height, HedonAugmentDraw *out);

/** An operation's argument at a magnitude of 0..10, with or without its sign turned (operations
 *  without a sign ignore that). */
double hedon_augment_argument(HedonAugmentKind kind, double magnitude, int negative);
/** timm's name: "AutoContrast", ..., "TranslateYRel". */
const char *hedon_augment_name(HedonAugmentKind kind);

/** Work space for one thread; it grows to the largest frame seen and then allocates no more. */
int hedon_augmenter_new(HedonContext *ctx, HedonAugmenter **out);
void hedon_augmenter_free(HedonAugmenter *augmenter);

/**
 * A decoded frame as 8-bit RGB at its own size, by the cpu backend's colour arithmetic, rounded.
 *
 * @param rgb  set to width x height pixels, red | green << 8 | blue << 16, that belong to the
 *             augmenter and live until its next use; they may be given to hedon_augment_apply
 * @return 0; HEDON_EINVAL for a frame that makes no sense; HEDON_ENOMEM
 */
int hedon_augment_rgb(HedonContext *ctx, HedonAugmenter *augmenter, const HedonFrame *frame,
                      const uint32_t **rgb);

/**
 * RandAugment's part alone, on one frame.
 *
 * @param out  width x height pixels of the augmenter's, until its next use
 */
int hedon_augment_operations(HedonContext *ctx, HedonAugmenter *augmenter,
                             const HedonAugmentDraw *draw, const uint32_t *rgb, int32_t width,
                             int32_t height, const uint32_t **out);

/**
 * One frame into its place in a clip.
 *
 * @param rgb     width x height pixels as above
 * @param t       the frame's place among `frames`
 * @param clip    (3, frames, recipe->height, recipe->width) floats; only those of frame t are
 * written
 * @return 0; HEDON_EINVAL when the draw is not for this size; HEDON_ENOMEM
 */
int hedon_augment_apply(HedonContext *ctx, HedonAugmenter *augmenter,
                        const HedonAugmentRecipe *recipe, const HedonAugmentDraw *draw,
                        const uint32_t *rgb, int32_t width, int32_t height, int64_t t,
                        int64_t frames, float *clip);

/** A decoded frame into its place: hedon_augment_rgb, then hedon_augment_apply. */
int hedon_augment_frame(HedonContext *ctx, HedonAugmenter *augmenter,
                        const HedonAugmentRecipe *recipe, const HedonAugmentDraw *draw,
                        const HedonFrame *frame, int64_t t, int64_t frames, float *clip);

#endif
