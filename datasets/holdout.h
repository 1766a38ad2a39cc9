/* Which part of train is kept for choosing the best checkpoint, and which videos joint training
 * leaves out: pure functions of ids and a seed. Test is never chosen on. */
#ifndef HEDON_DATASETS_HOLDOUT_H
#define HEDON_DATASETS_HOLDOUT_H

#include "datasets/dataset.h"

/** Whether the video is among the `share` (0..1) of all ids that this seed holds out. */
int hedon_holdout(uint64_t seed, const char *id, double share);

typedef struct HedonHoldout {
    int64_t items, comparisons; /* held out */
    int64_t shared; /* held-out videos that training's comparisons show too; see below */
} HedonHoldout;

/**
 * Mark what is held out of the training split.
 *
 * Without comparisons: each video by its id alone (hedon_holdout). With comparisons: whole
 * connected components of the training graph, by their smallest id, so that no video is on both
 * sides. Components of more than a twentieth of the training videos stay in training, and the
 * others' share is raised to make up for them; where the others are too few for that, single
 * comparisons are held out by their ids instead, and `shared` counts the videos on both sides.
 *
 * @param items        of hedon_dataset_size: 1 held out, 0 otherwise (test and lists: 0)
 * @param comparisons  of hedon_dataset_comparisons; may be NULL when there are none
 * @param report       may be NULL
 * @return 0, HEDON_EINVAL (share not in 0..1), HEDON_ENOMEM
 */
int hedon_dataset_holdout(HedonContext *ctx, const HedonDataset *dataset, uint64_t seed,
                          double share, uint8_t *items, uint8_t *comparisons, HedonHoldout *report);

typedef struct HedonJoint {
    int64_t vce_items;       /* of VCE's train, left out: V2V tests on them (test, lists) */
    int64_t v2v_items;       /* of V2V's train, left out: VCE tests on them */
    int64_t v2v_comparisons; /* of V2V's train, left out: they show one of those */
    int64_t unknown;         /* V2V's videos that VCE has not: 0 of the real ones */
} HedonJoint;

/**
 * What training on both must leave out, so that neither's test is seen in the other's training.
 *
 * @param vce_out          of vce's items: 1 leave out of training, 0 otherwise
 * @param v2v_out          of v2v's items, likewise
 * @param comparisons_out  of v2v's comparisons, likewise
 *                         Each may be NULL.
 */
void hedon_dataset_joint(const HedonDataset *vce, const HedonDataset *v2v, uint8_t *vce_out,
                         uint8_t *v2v_out, uint8_t *comparisons_out, HedonJoint *counts);

#endif
