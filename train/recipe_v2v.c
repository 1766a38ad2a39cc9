/* V2V as the paper trained it, read off its public fork of VideoMAE (JunShern/VideoMAE, October
 * 2022). */
#include "train/recipe.h"

const HedonRecipe hedon_recipe_v2v = {
    .name = "v2v",
    .summary = "which of two videos is the more pleasant, as the paper trained it",
    .task = HEDON_TASK_V2V,
    .utility_weight = 1,
    .optimiser = HEDON_SGD,
    .momentum = .9,
    .nesterov = 1,
    .layer_decay = 1,
    .decay = HEDON_DECAY_COSINE,
    .rate = .01,
    .floor = 0,
    .epochs = 10,
    .pairs = 4,
    .accumulate = 1,
    .sampling = HEDON_CLIP_EVEN,
    .augment = "none",
    .drop_path = .1,
    .held_out = .05,
    .source = "Mazeika et al. 2022 (JunShern/VideoMAE 35cf177)",
};
