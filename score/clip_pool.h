/* Clips in the memory of a device that pre-processes them itself: one block, planned before the run, of which
 * a loader's slots are parts. */
#ifndef HEDON_SCORE_CLIP_POOL_H
#define HEDON_SCORE_CLIP_POOL_H

#include "models/predictor.h"
#include "score/scorer.h"

typedef struct HedonClipPool HedonClipPool;

/**
 * Memory for all the clips that a loader of these options can have under way, and `held` more. Where a
 * device has too little, the loader's max_bytes are lowered to what fits beside the threads' pictures.
 *
 * @return 0, HEDON_ENOMEM, HEDON_EDEVICE
 */
int hedon_clip_pool_new(HedonContext *ctx, HedonClipPool **out, const HedonScorer *scorer,
                        HedonLoaderOptions *options, int64_t held);
/** A slot: the clip's views one after the other, whatever clip was in it before. NULL when all are taken. */
HedonDeviceClip *hedon_clip_pool_take(HedonClipPool *pool);
void hedon_clip_pool_give_back(HedonClipPool *pool, HedonDeviceClip *clip);
void hedon_clip_pool_free(HedonClipPool *pool);

#endif
