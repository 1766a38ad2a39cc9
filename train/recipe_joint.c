/* One backbone, both heads. The paper has no such run: the optimiser, schedule and losses are its
 * VCE recipe's, the pairs and their loss its V2V recipe's.
 *
 * VCE clips and V2V pairs share each batch, so that batch norm and the optimiser see both at every
 * step and no schedule of turns is needed; a mask keeps each loss to its own part. An epoch is one
 * pass over VCE's training part; pairs have a permutation of their own and start again when they
 * are through. The two losses are added with equal weights: Bradley-Terry starts at log 2 = .69 as
 * binary cross-entropy does, so neither drowns the other. */
#include "train/recipe.h"

const HedonRecipe hedon_recipe_joint = {
    .name = "joint",
    .summary = "both at once: one backbone, an emotions and a utility head",
    .task = HEDON_TASK_JOINT,
    .emotions_loss = HEDON_LOSS_BCE,
    .emotions_weight = 1,
    .utility_weight = 1,
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
    .clips = 4,
    .pairs = 2,
    .accumulate = 1,
    .sampling = HEDON_CLIP_RATE,
    .clip_rate = 4,
    .augment = "vce",
    .drop_path = .1,
    .held_out = .05,
    .source = "hedon's own, from the paper's two (JunShern/VideoMAE 35cf177)",
};
