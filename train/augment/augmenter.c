/* Applying a draw: work space, and the frame's way through it. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/backend.h"
#include "train/augment/operations.h"

enum { NOISE_CHUNK = 256 }; /* words of random bits at a time */

struct HedonAugmenter {
    const HedonAugmentLoops *loops;
    uint32_t *pixels[2]; /* RandAugment's picture and its other buffer */
    int64_t pixel_room;
    uint32_t *rgb; /* hedon_augment_rgb's */
    float *planes; /* the same before rounding */
    int64_t rgb_room;
    HedonPreprocessor *convert; /* for frames like `like` */
    HedonFrame like;
    int32_t *left, *right; /* of each output column */
    float *weight;         /* of right */
    float *row[2];         /* source rows with the output's columns, 3 x width */
    int32_t row_y[2];      /* which they are; -1: none */
    float *noise;          /* of one channel's box, and of one word's second number too many */
    int32_t width, height; /* of the output that these are for */
};

int hedon_augmenter_new(HedonContext *ctx, HedonAugmenter **out)
{
    *out = hedon_calloc(1, sizeof **out);
    if (!*out) return hedon_fail_memory(ctx);
    (*out)->loops = hedon_augment_loops();
    return 0;
}

static void release_output(HedonAugmenter *a)
{
    hedon_free(a->left);
    hedon_free(a->right);
    hedon_free(a->weight);
    hedon_free(a->row[0]);
    hedon_free(a->row[1]);
    hedon_free(a->noise);
    a->left = a->right = NULL;
    a->weight = a->row[0] = a->row[1] = a->noise = NULL;
    a->width = a->height = 0;
}

void hedon_augmenter_free(HedonAugmenter *a)
{
    if (!a) return;
    if (a->convert) a->convert->backend->preprocessor_free(a->convert);
    hedon_free(a->pixels[0]);
    hedon_free(a->pixels[1]);
    hedon_free(a->rgb);
    hedon_free(a->planes);
    release_output(a);
    hedon_free(a);
}

static int reserve_pixels(HedonContext *ctx, HedonAugmenter *a, int64_t count)
{
    if (count <= a->pixel_room) return 0;
    a->pixel_room = 0;
    for (int i = 0; i < 2; i++) {
        hedon_free(a->pixels[i]);
        a->pixels[i] = hedon_malloc_aligned((size_t)count, sizeof *a->pixels[i]);
    }
    if (!a->pixels[0] || !a->pixels[1]) return hedon_fail_memory(ctx);
    a->pixel_room = count;
    return 0;
}

static int reserve_output(HedonContext *ctx, HedonAugmenter *a, int32_t width, int32_t height)
{
    if (a->width == width && a->height == height) return 0;
    release_output(a);
    const size_t columns = (size_t)width;
    a->left = hedon_malloc(columns, sizeof *a->left);
    a->right = hedon_malloc(columns, sizeof *a->right);
    a->weight = hedon_malloc(columns, sizeof *a->weight);
    a->row[0] = hedon_malloc_aligned(3 * columns, sizeof *a->row[0]);
    a->row[1] = hedon_malloc_aligned(3 * columns, sizeof *a->row[1]);
    a->noise = hedon_malloc_aligned(columns * (size_t)height + 1, sizeof *a->noise);
    if (!a->left || !a->right || !a->weight || !a->row[0] || !a->row[1] || !a->noise) {
        release_output(a);
        return hedon_fail_memory(ctx);
    }
    a->width = width;
    a->height = height;
    return 0;
}

/* ---- From decoded planes to RGB ---------------------------------------------------------------
 */

/* The cpu backend's pre-processing at the frame's own size, giving 0..255. */
static int converter_for(HedonContext *ctx, HedonAugmenter *a, const HedonFrame *frame)
{
    if (a->convert && hedon_frame_matches(frame, &a->like)) return 0;
    if (a->convert) a->convert->backend->preprocessor_free(a->convert);
    a->convert = NULL;
    const HedonTransform transform = {
        .source_width = frame->width,
        .source_height = frame->height,
        .resize_width = frame->width,
        .resize_height = frame->height,
        .interpolation = HEDON_BILINEAR,
        .crop_width = frame->width,
        .crop_height = frame->height,
        .std = {1 / 255.f, 1 / 255.f, 1 / 255.f},
    };
    const int code = hedon_backend_cpu.preprocessor_new(ctx, &transform, frame, &a->convert);
    if (code) return code;
    a->like = *frame;
    const int64_t count = (int64_t)frame->width * frame->height;
    if (count <= a->rgb_room) return 0;
    hedon_free(a->rgb);
    hedon_free(a->planes);
    a->rgb_room = 0;
    a->rgb = hedon_malloc_aligned((size_t)count, sizeof *a->rgb);
    a->planes = hedon_malloc_aligned((size_t)count, 3 * sizeof *a->planes);
    if (!a->rgb || !a->planes) {
        a->convert->backend->preprocessor_free(a->convert);
        a->convert = NULL; /* so that the next call tries again */
        return hedon_fail_memory(ctx);
    }
    a->rgb_room = count;
    return 0;
}

int hedon_augment_rgb(HedonContext *ctx, HedonAugmenter *a, const HedonFrame *frame,
                      const uint32_t **rgb)
{
    const int code = converter_for(ctx, a, frame);
    if (code) return code;
    const int64_t count = (int64_t)frame->width * frame->height;
    a->convert->backend->preprocess(a->convert, frame, a->planes, count);
    a->loops->pack(a->rgb, a->planes, count);
    *rgb = a->rgb;
    return 0;
}

/* ---- RandAugment, crop and resize, erase ------------------------------------------------------
 */

int hedon_augment_operations(HedonContext *ctx, HedonAugmenter *a, const HedonAugmentDraw *draw,
                             const uint32_t *rgb, int32_t width, int32_t height,
                             const uint32_t **out)
{
    const int code = reserve_pixels(ctx, a, (int64_t)width * height);
    if (code) return code;
    HedonPicture picture = {a->pixels[0], a->pixels[1], width, height};
    memcpy(picture.pixels, rgb, (size_t)width * (size_t)height * sizeof *rgb);
    for (int i = 0; i < draw->operation_count; i++)
        hedon_augment_operation(a->loops, &picture, &draw->operation[i]);
    *out = picture.pixels;
    return 0;
}

/* Where output i of `outputs` lies among `inputs` pixels, as torch.nn.functional.interpolate has it
 * (align_corners=False), in its 32-bit floats. */
static void bilinear_tap(int32_t i, int32_t inputs, int32_t outputs, int32_t *first,
                         int32_t *second, float *weight)
{
    const float scale = (float)inputs / (float)outputs;
    float at = scale * ((float)i + .5f) - .5f;
    if (at < 0) at = 0;
    *first = (int32_t)at;
    if (*first > inputs - 1) *first = inputs - 1;
    *second = *first < inputs - 1 ? *first + 1 : *first;
    *weight = at - (float)*first;
    if (*weight > 1) *weight = 1;
}

/* The source row y with the output's columns; the last two are kept. */
static const float *source_row(HedonAugmenter *a, const uint32_t *pixels, int32_t stride, int32_t y,
                               int32_t keep)
{
    for (int i = 0; i < 2; i++)
        if (a->row_y[i] == y) return a->row[i];
    const int place = a->row_y[0] == keep;
    a->row_y[place] = y;
    a->loops->columns(a->row[place], pixels + (int64_t)y * stride, a->left, a->right, a->weight,
                      a->width);
    return a->row[place];
}

/* Crop, resize, flip, normalise. */
static void resize(HedonAugmenter *a, const HedonAugmentRecipe *recipe,
                   const HedonAugmentDraw *draw, const uint32_t *pixels, int32_t stride,
                   float *channel, int64_t channel_stride)
{
    for (int32_t i = 0; i < a->width; i++) {
        const int32_t to = draw->flip ? a->width - 1 - i : i;
        bilinear_tap(i, draw->crop_width, a->width, &a->left[to], &a->right[to], &a->weight[to]);
    }
    a->row_y[0] = a->row_y[1] = -1;
    pixels += (int64_t)draw->crop_y * stride + draw->crop_x;
    for (int32_t j = 0; j < a->height; j++) {
        int32_t above, below;
        float weight;
        bilinear_tap(j, draw->crop_height, a->height, &above, &below, &weight);
        const float *upper = source_row(a, pixels, stride, above, below);
        const float *lower = source_row(a, pixels, stride, below, above);
        for (int c = 0; c < 3; c++)
            a->loops->rows(channel + c * channel_stride + (int64_t)j * a->width,
                           upper + (int64_t)c * a->width, lower + (int64_t)c * a->width, weight,
                           1 / (255 * recipe->std[c]), -recipe->mean[c] / recipe->std[c], a->width);
    }
}

/* count normal numbers, from word `first` of the key on. */
static void fill_noise(HedonAugmenter *a, HedonRandomKey key, uint64_t first, int64_t count)
{
    uint64_t bits[NOISE_CHUNK];
    for (int64_t i = 0; i < count; i += 2 * NOISE_CHUNK) {
        const int64_t left = (count - i + 1) / 2, words = left < NOISE_CHUNK ? left : NOISE_CHUNK;
        for (int64_t k = 0; k < words; k++)
            bits[k] = hedon_random_u64(key, first + (uint64_t)(i / 2 + k));
        a->loops->normals(a->noise + i, bits, words);
    }
}

/* Fresh noise for each frame and channel, in the same box. */
static void erase(HedonAugmenter *a, const HedonAugmentDraw *draw, int64_t t, float *channel,
                  int64_t channel_stride)
{
    const int64_t count = (int64_t)draw->erase_width * draw->erase_height;
    for (int c = 0; c < 3; c++) {
        fill_noise(a, draw->noise, (uint64_t)((t * 3 + c) * ((count + 1) / 2)), count);
        for (int32_t y = 0; y < draw->erase_height; y++)
            memcpy(channel + c * channel_stride + (int64_t)(draw->erase_y + y) * a->width +
                       draw->erase_x,
                   a->noise + (int64_t)y * draw->erase_width,
                   (size_t)draw->erase_width * sizeof *a->noise);
    }
}

/* Whether a box of `size` from `start` lies within n; the draw may come from anywhere. */
static int fits(int32_t start, int32_t size, int32_t n)
{
    return start >= 0 && size >= 0 && start <= n && size <= n - start;
}

static int check_draw(HedonContext *ctx, const HedonAugmentRecipe *recipe,
                      const HedonAugmentDraw *draw, int32_t width, int32_t height)
{
    if (width < 1 || height < 1 || draw->crop_width < 1 || draw->crop_height < 1 ||
        !fits(draw->crop_x, draw->crop_width, width) ||
        !fits(draw->crop_y, draw->crop_height, height))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "a frame of %d x %d has no crop of %d x %d at %d, %d: was it drawn for "
                          "another size?",
                          (int)width, (int)height, (int)draw->crop_width, (int)draw->crop_height,
                          (int)draw->crop_x, (int)draw->crop_y);
    if (!fits(draw->erase_x, draw->erase_width, recipe->width) ||
        !fits(draw->erase_y, draw->erase_height, recipe->height))
        return hedon_fail(ctx, HEDON_EINVAL, "the erased box lies outside the clip");
    return 0;
}

int hedon_augment_apply(HedonContext *ctx, HedonAugmenter *a, const HedonAugmentRecipe *recipe,
                        const HedonAugmentDraw *draw, const uint32_t *rgb, int32_t width,
                        int32_t height, int64_t t, int64_t frames, float *clip)
{
    int code = check_draw(ctx, recipe, draw, width, height);
    if (!code) code = reserve_output(ctx, a, recipe->width, recipe->height);
    if (!code && draw->operation_count)
        code = hedon_augment_operations(ctx, a, draw, rgb, width, height, &rgb);
    if (code) return code;
    const int64_t size = (int64_t)recipe->width * recipe->height;
    float *channel = clip + t * size;
    resize(a, recipe, draw, rgb, width, channel, frames * size);
    if (draw->erase_width && draw->erase_height) erase(a, draw, t, channel, frames * size);
    return 0;
}

int hedon_augment_frame(HedonContext *ctx, HedonAugmenter *a, const HedonAugmentRecipe *recipe,
                        const HedonAugmentDraw *draw, const HedonFrame *frame, int64_t t,
                        int64_t frames, float *clip)
{
    const uint32_t *rgb;
    const int code = hedon_augment_rgb(ctx, a, frame, &rgb);
    if (code) return code;
    return hedon_augment_apply(ctx, a, recipe, draw, rgb, frame->width, frame->height, t, frames,
                               clip);
}
