/* The recipes by name, the names of their choices, and the schedule that follows from one. */
#include "train/recipe.h"

#include <math.h>
#include <string.h>

static const HedonRecipe *const recipes[] = {&hedon_recipe_vce, &hedon_recipe_v2v,
                                             &hedon_recipe_joint, NULL};

const HedonRecipe *hedon_recipe_find(const char *name)
{
    for (int i = 0; recipes[i]; i++)
        if (!strcmp(recipes[i]->name, name)) return recipes[i];
    return NULL;
}

static const char *const tasks[HEDON_TASKS] = {"vce", "v2v", "joint"};
static const char *const losses[HEDON_EMOTIONS_LOSSES] = {"bce", "kl", "cross_entropy"};
static const char *const optimisers[] = {[HEDON_SGD] = "sgd", [HEDON_ADAMW] = "adamw"};
static const char *const samplings[HEDON_CLIP_SAMPLINGS] = {"rate", "even"};

static int index_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

const char *hedon_task_name(HedonTask task)
{
    return tasks[task];
}

const char *hedon_emotions_loss_name(HedonEmotionsLoss loss)
{
    return losses[loss];
}

const char *hedon_optimiser_name(HedonOptimiserKind kind)
{
    return optimisers[kind];
}

const char *hedon_clip_sampling_name(HedonClipSampling sampling)
{
    return samplings[sampling];
}

int hedon_task_from_name(const char *name)
{
    return index_of(tasks, HEDON_TASKS, name);
}

int hedon_emotions_loss_from_name(const char *name)
{
    return index_of(losses, HEDON_EMOTIONS_LOSSES, name);
}

int hedon_optimiser_from_name(const char *name)
{
    return index_of(optimisers, 2, name);
}

int hedon_clip_sampling_from_name(const char *name)
{
    return index_of(samplings, HEDON_CLIP_SAMPLINGS, name);
}

void hedon_recipe_rates(const HedonRecipe *recipe, int64_t steps_per_epoch, int64_t total_batch,
                        HedonRates *rates)
{
    const double scale = recipe->rate_batch ? (double)total_batch / (double)recipe->rate_batch : 1;
    *rates = (HedonRates){
        .decay = recipe->decay,
        .rate = recipe->rate * scale,
        .floor = recipe->floor * scale,
        .warmup_from = recipe->warmup_from * scale,
        .warmup_steps = (int64_t)(recipe->warmup_epochs * (double)steps_per_epoch),
        .steps = recipe->epochs * steps_per_epoch,
        .factor = recipe->factor,
        .milestones = recipe->milestones,
    };
    if (rates->warmup_steps > rates->steps) rates->warmup_steps = rates->steps;
    for (int i = 0; i < recipe->milestones; i++)
        rates->milestone[i] = (int64_t)llround(recipe->milestone[i] * (double)steps_per_epoch);
}
