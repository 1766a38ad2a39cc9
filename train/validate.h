/* How good a model is on the held-out part of training data, by one clip a video from its middle:
 * for choosing the best epoch and for watching. The paper's test protocol is hedon eval's. */
#ifndef HEDON_TRAIN_VALIDATE_H
#define HEDON_TRAIN_VALIDATE_H

#include "train/data.h"
#include "train/process_group.h"

typedef struct HedonValidation {
    int64_t clips, pairs, broken;
    double top3; /* share of clips whose label is among the three highest logits; NaN: no clips */
    double pairs_right; /* share of pairs whose more pleasant video has the higher utility; NaN */
    double emotions_loss, utility_loss; /* binary cross-entropy, Bradley-Terry; NaN */
    double
        metric; /* what chooses the best: top3, pairs_right, or their mean; NaN: nothing held out */
    double *utilities; /* ascending, of held-out videos as scoring finds them (reference.h); NULL
                          without a utility head. hedon_free */
    int64_t utility_count;
} HedonValidation;

/**
 * @param group  divides the videos; all ranks get the result, which does not depend on their number
 * @param stop   asked between batches; nonzero gives HEDON_ECANCELLED. May be NULL
 */
int hedon_validate(HedonContext *ctx, HedonValidation *out, const HedonModel *model,
                   const HedonTrainData *data, const HedonTrainConfig *config, int workers,
                   HedonProcessGroup *group, int (*stop)(void *opaque), void *opaque);

/** Whether label is among the three highest of 27 logits; ties go to the earlier class. */
int hedon_in_top3(const float *logits, int label);

#endif
