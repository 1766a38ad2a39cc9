/* VCE as the paper trained it, read off its public fork of VideoMAE (JunShern/VideoMAE, October
 * 2022): run_class_finetuning.py's arguments. */
#include "train/recipe.h"

const HedonRecipe hedon_recipe_vce = {
    .name = "vce",
    .summary = "27 emotion intensities of a clip, as the paper trained them",
    .task = HEDON_TASK_VCE,
    .emotions_loss = HEDON_LOSS_BCE,
    .emotions_weight = 1,
    .optimiser = HEDON_ADAMW,
    .beta1 = .9,
    .beta2 = .999,
    .epsilon = 1e-8,
    .weight_decay = .05,
    .layer_decay = .75,
    .decay = HEDON_DECAY_COSINE,
    .rate = 5e-4,
    .floor = 1e-6,
    .warmup_from = 0,
    .rate_batch = 256,
    .warmup_epochs = 5,
    .epochs = 50,
    .clips = 8,
    .accumulate = 1,
    .sampling = HEDON_CLIP_RATE,
    .clip_rate = 4,
    .leave_out_short = 1,
    .augment = "vce",
    .drop_path = .1,
    .held_out = .05,
    .source = "Mazeika et al. 2022 (JunShern/VideoMAE 35cf177)",
};
