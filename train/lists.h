/* What the Plackett-Luce loss trains on: lists of two to four videos, from least to most pleasant.
 *
 * V2V trains on pairs alone. Pairs that follow each other, a below b and b below c, make one list
 * of three, which also says that a is below c; so the training pairs are divided into paths of the
 * comparison graph, each pair in exactly one. Lists that a dataset has in its training part are
 * taken as they are. */
#ifndef HEDON_TRAIN_LISTS_H
#define HEDON_TRAIN_LISTS_H

#include "datasets/dataset.h"

typedef struct HedonTrainList {
    int count;                        /* 2 or more */
    int32_t item[HEDON_MAX_COMPARED]; /* of the dataset, no video twice */
} HedonTrainList;

/**
 * Divide comparisons into lists: the given lists, then the paths, in the order of their first pair.
 * A pure function of its arguments. Pairs of a video with itself are left out; ties must not be
 * among the comparisons.
 *
 * @param comparisons  numbers of the dataset's comparisons, `count` of them
 * @param lists        *count_out of them; hedon_free
 * @return 0, HEDON_ENOMEM
 */
int hedon_train_lists_make(HedonContext *ctx, const HedonDataset *dataset,
                           const int32_t *comparisons, int64_t count, HedonTrainList **lists,
                           int64_t *count_out);

#endif
