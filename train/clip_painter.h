/* Decoded frames into clips: by the model's own pre-processing, or augmented. */
#ifndef HEDON_TRAIN_CLIP_PAINTER_H
#define HEDON_TRAIN_CLIP_PAINTER_H

#include <pthread.h>

#include "kernels/backend.h"
#include "models/preprocessing.h"
#include "train/augment/augment.h"

/* What each thread keeps between frames. */
typedef struct HedonClipPainters {
    const HedonBackend *backend;
    HedonPreprocessing preprocessing;
    HedonAugmentRecipe recipe;
    int augmented;
    pthread_mutex_t lock;
    int count;
    struct HedonClipPainter *painter; /* one a thread, found by the thread's context */
} HedonClipPainters;

/** augment: a name that train/augment/augment.h knows; "none" leaves the model's own
 * pre-processing. HEDON_EINVAL for another, HEDON_ENOMEM. */
int hedon_clip_painters_open(HedonContext *ctx, HedonClipPainters *painters,
                             const HedonBackend *backend, const HedonPreprocessing *preprocessing,
                             const char *augment, int threads);
/** Frame t of a clip (3,T,H,W). key: of the clip's draw, the same for all its frames. Called from
 * up to `threads` threads, each with a context of its own. */
int hedon_clip_paint(HedonContext *ctx, HedonClipPainters *painters, HedonRandomKey key,
                     const HedonFrame *frame, int64_t t, float *clip);
void hedon_clip_painters_close(HedonClipPainters *painters);

#endif
