/* The recipes by name, and the schedule that follows from one. */
#include "train/recipe.h"

#include <math.h>
#include <string.h>

#include "datasets/dataset.h"

static const HedonRecipe *const recipes[] = {&hedon_recipe_vce, &hedon_recipe_v2v,
                                             &hedon_recipe_joint, NULL};

const HedonRecipe *hedon_recipe_find(const char *name)
{
    for (int i = 0; recipes[i]; i++)
        if (!strcmp(recipes[i]->name, name)) return recipes[i];
    return NULL;
}

int64_t hedon_recipe_compared(const HedonRecipe *recipe)
{
    return recipe->utility_loss == HEDON_LOSS_PLACKETT_LUCE ? HEDON_MAX_COMPARED : 2;
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
