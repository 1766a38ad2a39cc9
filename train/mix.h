/* Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) over the clips of a batch, as timm's batch
 * mode does them: clip i is mixed with clip n-1-i, all by the same proportion and box. */
#ifndef HEDON_TRAIN_MIX_H
#define HEDON_TRAIN_MIX_H

#include "base/random.h"
#include "hedon.h"

typedef struct HedonMixing {
    double mixup, cutmix; /* alpha of Beta(alpha, alpha); 0: off. Both: either with probability .5 */
    int64_t frames, height, width;
} HedonMixing;

/** Change pixels, intensities (n,27) and weights of the first n clips in place. A clip without weight
 *  mixes with nothing. */
void hedon_mix(const HedonMixing *mixing, HedonRandomKey key, float **pixels, float *targets,
               const float *weights, int64_t n);

/** A Beta(alpha, alpha) number from two gamma numbers (Marsaglia & Tsang
 *  2000). Pure function of the key. */
double hedon_beta(HedonRandomKey key, double alpha);

#endif
