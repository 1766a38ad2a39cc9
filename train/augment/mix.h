/* Mixup and cutmix of a batch: each clip with the one opposite in the batch (the first with the
 * last), and their targets alike. Semantics of timm's Mixup in its batch mode. Options; off in the
 * paper's recipes. */
#ifndef HEDON_TRAIN_AUGMENT_MIX_H
#define HEDON_TRAIN_AUGMENT_MIX_H

#include "base/random.h"
#include "hedon.h"

typedef struct HedonMixRecipe {
    double mixup_alpha, cutmix_alpha; /* of the Beta distribution of the share; 0: off */
    double p;                         /* that a batch is mixed at all */
    double switch_p;                  /* that cutmix is chosen where both are on */
} HedonMixRecipe;

typedef struct HedonMixDraw {
    double share;                /* of a clip's own pixels and target; 1: nothing is mixed */
    int cut;                     /* cutmix: the box is the other clip's; else pixels are blended */
    int32_t x, y, width, height; /* the box */
} HedonMixDraw;

/** The draw of one batch of clips of width x height. HEDON_EINVAL for a recipe that makes no sense.
 */
int hedon_mix_draw(HedonContext *ctx, HedonRandomKey key, const HedonMixRecipe *recipe,
                   int32_t width, int32_t height, HedonMixDraw *out);

/**
 * Mix a batch in place.
 *
 * @param clips    (batch, planes, height, width); planes counts channels and frames together
 * @param targets  (batch, classes): any soft targets
 * @param batch    even, as timm asks: HEDON_EINVAL otherwise
 */
int hedon_mix_apply(HedonContext *ctx, const HedonMixDraw *draw, float *clips, float *targets,
                    int64_t batch, int64_t planes, int32_t width, int32_t height, int64_t classes);

#endif
