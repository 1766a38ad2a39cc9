/* What a training run does, apart from the model and the data: a recipe is one const struct at the
 * end of its recipe_*.c, copied and then changed by the user's options. */
#ifndef HEDON_TRAIN_RECIPE_H
#define HEDON_TRAIN_RECIPE_H

#include "kernels/backend.h"
#include "train/schedule.h"

typedef enum HedonTask { HEDON_TASK_VCE, HEDON_TASK_V2V, HEDON_TASK_JOINT, HEDON_TASKS } HedonTask;

/* Of the emotions head, on the 27 intensities. */
typedef enum HedonEmotionsLoss {
    HEDON_LOSS_BCE,           /* logits against intensities as soft targets, mean over all */
    HEDON_LOSS_KL,            /* softmax against the intensities normalised to sum to 1 */
    HEDON_LOSS_CROSS_ENTROPY, /* the same without the targets' own entropy */
    HEDON_EMOTIONS_LOSSES
} HedonEmotionsLoss;

/* Of the utility head, on comparisons. */
typedef enum HedonUtilityLoss {
    HEDON_LOSS_BRADLEY_TERRY, /* of pairs */
    HEDON_LOSS_PLACKETT_LUCE, /* of lists of up to HEDON_MAX_COMPARED (lists.h) */
    HEDON_UTILITY_LOSSES
} HedonUtilityLoss;

/* What becomes of pairs of which neither video is the more pleasant (Bradley-Terry). */
typedef enum HedonTies {
    HEDON_TIES_HALF, /* half a win for each, without the margin */
    HEDON_TIES_LEAVE_OUT,
    HEDON_TIES_KINDS
} HedonTies;

/* Which 16 (or the model's number of) frames a training clip shows. */
typedef enum HedonClipSampling {
    HEDON_CLIP_RATE, /* consecutive frames of the video resampled to clip_rate a second, uniform
                        start */
    HEDON_CLIP_EVEN, /* spread evenly over the whole video */
    HEDON_CLIP_SAMPLINGS
} HedonClipSampling;

typedef struct HedonRecipe {
    const char *name, *summary;
    HedonTask task;

    HedonEmotionsLoss emotions_loss;
    double emotions_weight, utility_weight; /* of the two losses in their sum */
    int prior_bias; /* the emotions head begins with the mean ratings (prior.h), else with 0 */
    HedonUtilityLoss utility_loss;
    double margin; /* -log sigmoid(u_more - u_less - margin); Bradley-Terry's alone */
    HedonTies ties;

    HedonOptimiserKind optimiser;
    double beta1, beta2, epsilon; /* AdamW */
    double momentum;              /* SGD */
    int nesterov;
    double weight_decay;
    double layer_decay; /* 1: none */

    HedonDecay decay;
    double rate, floor, warmup_from;
    int64_t rate_batch; /* rate, floor and warmup_from are for this total batch and scaled to the
                           run's own; 0: taken as they are */
    double warmup_epochs;
    double factor;                          /* STEP decay: times this at each milestone */
    double milestone[HEDON_MAX_MILESTONES]; /* STEP: epochs */
    int milestones;

    int64_t epochs;
    int64_t clips;      /* VCE clips in a batch */
    int64_t pairs;      /* V2V pairs in a batch, two clips each; Plackett-Luce: lists, four each */
    int64_t accumulate; /* batches in an optimiser step */

    HedonClipSampling sampling;
    double clip_rate;     /* frames a second */
    int leave_out_short;  /* a video too short for a clip is left out; else its frames are taken
                             evenly */
    const char *augment;  /* a name that train/augment/augment.h knows */
    double drop_path;     /* of the last block, from 0 at the first, linear over depth */
    double mixup, cutmix; /* alpha of Beta(alpha, alpha); 0: off. On VCE clips only */

    double clip_norm;   /* of all gradients; 0: off */
    double average;     /* decay of the exponential moving average of weights; 0: off */
    double held_out;    /* share of the training part that validates */
    const char *source; /* where its numbers are from */
} HedonRecipe;

extern const HedonRecipe hedon_recipe_vce, hedon_recipe_v2v, hedon_recipe_joint;

/** By name; NULL when there is none. */
const HedonRecipe *hedon_recipe_find(const char *name);

/** Clips of each of the recipe's comparisons in a batch: 2, or HEDON_MAX_COMPARED. */
int64_t hedon_recipe_compared(const HedonRecipe *recipe);

/** The schedule of a run of so many optimiser steps an epoch. total_batch: VCE clips or V2V pairs
 * in a step (joint: VCE clips), accumulation included. */
void hedon_recipe_rates(const HedonRecipe *recipe, int64_t steps_per_epoch, int64_t total_batch,
                        HedonRates *rates);

#endif
