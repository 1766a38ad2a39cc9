/* Where the emotions head begins. */
#ifndef HEDON_TRAIN_PRIOR_H
#define HEDON_TRAIN_PRIOR_H

#include "models/model.h"
#include "train/data.h"

/**
 * Set each bias of the emotions head to the log odds of the emotion's mean intensity over the
 * training part, so that a fresh model begins with the mean label. From zero, an optimiser that
 * moves every weight by about the rate spends hundreds of steps on getting there, and the features
 * learn that offset instead of the videos (Lin et al. 2017, arXiv 1708.02002, section 3.3, do it for the
 * same reason).
 *
 * @return 0; HEDON_EINVAL when the model has no emotions head
 */
int hedon_train_prior_bias(HedonContext *ctx, HedonModel *model, const HedonTrainData *data);

#endif
