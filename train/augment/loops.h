/* The inner loops over pixels, once for each instruction set. All give the same bits. Pixels are
 * red | green << 8 | blue << 16, the top byte 0. */
#ifndef HEDON_TRAIN_AUGMENT_LOOPS_H
#define HEDON_TRAIN_AUGMENT_LOOPS_H

#include <stdint.h>

typedef struct HedonAugmentLoops {
    /** Lowest and highest level of each channel of n pixels (n > 0). */
    void (*range)(const uint32_t *pixels, int64_t n, uint8_t low[3], uint8_t high[3]);
    /** The sum of Pillow's luma (mode "L") over n pixels. */
    int64_t (*luma_sum)(const uint32_t *pixels, int64_t n);
    /** Each channel through its table, whose entries are already in the channel's place. */
    void (*look_up)(uint32_t *pixels, int64_t n, uint32_t table[3][256]);
    /** Pillow's blend of the gray picture (0) and the picture (1). In place. */
    void (*colour)(uint32_t *pixels, int64_t n, float factor);
    /** Pillow's blend of the smoothed picture (0) and the picture (1); the outermost pixels stay.
     */
    void (*sharpness)(uint32_t *to, const uint32_t *from, int32_t width, int32_t height,
                      float factor);
    /** Pillow's affine transform, bicubic, filled with 128: output pixel (x, y) is the source at
     *  (m0 x + m1 y + m2, m3 x + m4 y + m5), pixel centres at halves. */
    void (*affine)(uint32_t *to, const uint32_t *from, int32_t width, int32_t height,
                   const double m[6]);
    /** A row of pixels to three rows of n floats, bilinearly: (1 - w[i]) row[left[i]] + w[i]
     * row[right[i]]. */
    void (*columns)(float *to, const uint32_t *row, const int32_t *left, const int32_t *right,
                    const float *w, int64_t n);
    /** to[i] = ((1 - w) a[i] + w b[i]) scale + bias. */
    void (*rows)(float *to, const float *a, const float *b, float w, float scale, float bias,
                 int64_t n);
    /** 3 x n floats of 0..255 rounded to n pixels. */
    void (*pack)(uint32_t *to, const float *rgb, int64_t n);
    /** n words of random bits to 2n standard normal numbers (Box-Muller, 24 bits each). */
    void (*normals)(float *to, const uint64_t *bits, int64_t n);
} HedonAugmentLoops;

extern const HedonAugmentLoops hedon_augment_loops_generic, hedon_augment_loops_avx2;

/** The fastest that this processor runs. */
const HedonAugmentLoops *hedon_augment_loops(void);

#endif
