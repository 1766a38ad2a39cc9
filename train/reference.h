/* What percentiles of a trained model refer to: the utilities of held-out videos, as scoring finds
 * them. */
#ifndef HEDON_TRAIN_REFERENCE_H
#define HEDON_TRAIN_REFERENCE_H

#include "datasets/dataset.h"
#include "models/model.h"
#include "train/process_group.h"

enum { HEDON_REFERENCE_VIDEOS = 256 }; /* at most; an epoch's end waits for them */

/**
 * Score videos with the model's own sampling, as hedon score does.
 *
 * @param items      of `count` videos; of more than HEDON_REFERENCE_VIDEOS so many, evenly spread
 * @param group      divides the videos; all ranks get the result
 * @param stop       asked before each video; may be NULL
 * @param utilities  ascending, *found of them; videos that cannot be scored have none. hedon_free
 * @return 0; HEDON_ECANCELLED (also when stop says so), HEDON_EDEVICE, HEDON_ENOMEM
 */
int hedon_train_reference(HedonContext *ctx, const HedonModel *model,
                          const HedonDatasetItem *const *items, int64_t count,
                          const HedonDeviceOptions *device, HedonDecoder decoder, int workers,
                          HedonProcessGroup *group, int (*stop)(void *opaque), void *opaque,
                          double **utilities, int64_t *found);

#endif
