#include "train/clip_painter.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* One thread's tables, kept while videos have the same geometry. */
typedef struct HedonClipPainter {
    const HedonContext *thread;
    HedonFrame geometry; /* of the tables; width 0: none */
    HedonPreprocessor *view;
    HedonAugmenter *augmenter;
} HedonClipPainter;

int hedon_clip_painters_open(HedonContext *ctx, HedonClipPainters *painters,
                             const HedonBackend *backend, const HedonPreprocessing *preprocessing,
                             const char *augment, int threads)
{
    *painters = (HedonClipPainters){.backend = backend,
                                    .preprocessing = *preprocessing,
                                    .augmented = strcmp(augment, "none") != 0};
    HedonAugmentRecipe *recipe = &painters->recipe;
    int code = hedon_augment_recipe(ctx, recipe, augment);
    if (code) return code;
    recipe->width = preprocessing->crop_width;
    recipe->height = preprocessing->crop_height;
    memcpy(recipe->mean, preprocessing->mean, sizeof(recipe->mean));
    memcpy(recipe->std, preprocessing->std, sizeof(recipe->std));
    code = hedon_augment_check(ctx, recipe);
    if (code) return code;
    painters->painter = hedon_calloc((size_t)threads, sizeof(*painters->painter));
    if (!painters->painter) return hedon_fail_memory(ctx);
    painters->count = threads;
    pthread_mutex_init(&painters->lock, NULL);
    return 0;
}

void hedon_clip_painters_close(HedonClipPainters *painters)
{
    if (!painters->painter) return;
    for (int i = 0; i < painters->count; i++) {
        HedonClipPainter *painter = &painters->painter[i];
        if (painter->view) painters->backend->preprocessor_free(painter->view);
        hedon_augmenter_free(painter->augmenter);
    }
    hedon_free(painters->painter);
    painters->painter = NULL;
    pthread_mutex_destroy(&painters->lock);
}

static HedonClipPainter *painter_of(HedonClipPainters *painters, const HedonContext *thread)
{
    HedonClipPainter *found = NULL;
    pthread_mutex_lock(&painters->lock);
    for (int i = 0; i < painters->count && !found; i++) {
        HedonClipPainter *painter = &painters->painter[i];
        if (!painter->thread) painter->thread = thread;
        if (painter->thread == thread) found = painter;
    }
    pthread_mutex_unlock(&painters->lock);
    return found;
}

static int prepare(HedonContext *ctx, HedonClipPainters *painters, HedonClipPainter *painter,
                   const HedonFrame *frame)
{
    HedonTransform transform;
    if (hedon_frame_matches(&painter->geometry, frame)) return 0;
    int code = hedon_preprocessing_transform(ctx, &painters->preprocessing, frame->width,
                                             frame->height, 0, &transform);
    if (code) return code;
    if (painter->view) painters->backend->preprocessor_free(painter->view);
    painter->view = NULL;
    painter->geometry = (HedonFrame){.width = 0};
    code = painters->backend->preprocessor_new(ctx, &transform, frame, &painter->view);
    if (!code) painter->geometry = *frame; /* only its geometry is looked at: the planes die */
    return code;
}

/* Drawing takes a microsecond: it is done again for each frame. */
static int paint_augmented(HedonContext *ctx, HedonClipPainters *painters,
                           HedonClipPainter *painter, HedonRandomKey key, const HedonFrame *frame,
                           int64_t t, float *clip)
{
    HedonAugmentDraw draw;
    const int code = painter->augmenter ? 0 : hedon_augmenter_new(ctx, &painter->augmenter);
    if (code) return code;
    hedon_augment_draw(key, &painters->recipe, frame->width, frame->height, &draw);
    return hedon_augment_frame(ctx, painter->augmenter, &painters->recipe, &draw, frame, t,
                               painters->preprocessing.clip_frames, clip);
}

int hedon_clip_paint(HedonContext *ctx, HedonClipPainters *painters, HedonRandomKey key,
                     const HedonFrame *frame, int64_t t, float *clip)
{
    HedonClipPainter *painter = painter_of(painters, ctx);
    if (!painter) return hedon_fail(ctx, HEDON_EINVAL, "more threads than expected");
    if (painters->augmented) return paint_augmented(ctx, painters, painter, key, frame, t, clip);
    const HedonPreprocessing *p = &painters->preprocessing;
    const int64_t area = (int64_t)p->crop_width * p->crop_height;
    const int code = prepare(ctx, painters, painter, frame);
    if (!code)
        painters->backend->preprocess(painter->view, frame, clip + t * area, p->clip_frames * area);
    return code;
}
