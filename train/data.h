/* What a run trains on and what it validates on: item and comparison numbers of the opened
 * datasets, divided by seed. The datasets' own test parts are never among them. */
#ifndef HEDON_TRAIN_DATA_H
#define HEDON_TRAIN_DATA_H

#include "datasets/dataset.h"
#include "train/config.h"
#include "train/lists.h"

typedef struct HedonTrainPart {
    int32_t *clips; /* items of vce with intensities */
    int32_t *pairs; /* comparisons of v2v: of two videos, with Plackett-Luce of more too */
    int64_t clip_count, pair_count;
} HedonTrainPart;

typedef struct HedonTrainData {
    HedonDataset *vce, *v2v; /* NULL where the task needs none */
    HedonTrainPart train, held;
    HedonTrainList *lists; /* Plackett-Luce: train.pairs as lists; else NULL */
    int64_t list_count;
    int64_t vce_left_out;   /* joint: VCE training videos that V2V tests on */
    int64_t v2v_left_out;   /* joint: V2V training pairs with a video that VCE tests on */
    int64_t held_shared;    /* held-out V2V videos that training pairs show too */
    int64_t lists_left_out; /* Bradley-Terry: training comparisons of more than two videos */
    int64_t ties;           /* among train.pairs */
    int64_t ties_left_out;  /* the others: recipe.ties, Plackett-Luce, held out */
    int synthetic;          /* some dataset's folder has a synth.json */
    char trained_on[512];   /* for the model file: which folders, which parts */
} HedonTrainData;

/**
 * Open the task's datasets and divide their training parts.
 *
 * datasets/holdout.h says which part validates and what joint training leaves out. Joint: a video
 * that V2V trains on is on the same side of both.
 *
 * @return 0; what hedon_dataset_open says; HEDON_EDATA when nothing is left to train on
 */
int hedon_train_data_open(HedonContext *ctx, HedonTrainData *data, const HedonTrainConfig *config);
void hedon_train_data_close(HedonTrainData *data);

#endif
