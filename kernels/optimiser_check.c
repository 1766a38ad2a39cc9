#include "kernels/optimiser_check.h"

#include <math.h>

#include "base/error.h"

int hedon_optimiser_check(HedonContext *ctx, const HedonGraph *graph, const HedonOptimiserStep *step)
{
    if (!graph->gradient_count)
        return hedon_fail(ctx, HEDON_EINVAL, "nothing to optimise: the graph has no gradients");
    if (step->kind != HEDON_SGD && step->kind != HEDON_ADAMW)
        return hedon_fail(ctx, HEDON_EINVAL, "no optimiser %d", (int)step->kind);
    if (!isfinite(step->learning_rate) || !isfinite(step->gradient_scale) ||
        !(step->clip_norm >= 0) || !(step->average_decay >= 0 && step->average_decay <= 1))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "learning rate, gradient scale, clipping or averaging make no sense");
    if (step->kind == HEDON_SGD && step->nesterov && !(step->momentum > 0))
        return hedon_fail(ctx, HEDON_EINVAL, "Nesterov's form needs a momentum");
    if (step->kind == HEDON_ADAMW &&
        (step->number < 1 || !(step->beta1 >= 0 && step->beta1 < 1) ||
         !(step->beta2 >= 0 && step->beta2 < 1) || !(step->epsilon >= 0)))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "AdamW counts steps from 1 and wants its betas between 0 and 1");
    return 0;
}
