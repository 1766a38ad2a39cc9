/* Ceiling and floor of what can be scored on a synthetic dataset's labels. */
#include "datasets/synth.h"

/* The k most frequent labels of train, as a set. */
static void majority(const int64_t counts[HEDON_EMOTIONS], int k, int chosen[HEDON_EMOTIONS])
{
    for (int i = 0; i < HEDON_EMOTIONS; i++) chosen[i] = 0;
    while (k-- > 0) {
        int best = -1;
        for (int i = 0; i < HEDON_EMOTIONS; i++)
            if (!chosen[i] && (best < 0 || counts[i] > counts[best])) best = i;
        chosen[best] = 1;
    }
}

HedonSynthVceBounds hedon_synth_vce_bounds(const HedonSynthPlan *plan)
{
    const HedonSynthUniverse universe = plan->universe;
    int64_t counts[2][HEDON_EMOTIONS] = {{0}}; /* of train and of test */
    int64_t top1 = 0, top3 = 0;
    for (int64_t i = 0; i < universe.videos; i++) {
        const int label = hedon_synth_rate(universe.seed, i).label;
        counts[plan->vce_test[i]][label]++;
        if (!plan->vce_test[i]) continue;
        int order[HEDON_EMOTIONS];
        const HedonSynthLatent latent = hedon_synth_latent(universe.seed, i);
        hedon_synth_nearest(&latent, order);
        top1 += order[0] == label;
        top3 += order[0] == label || order[1] == label || order[2] == label;
    }
    const double test = (double)(universe.videos - plan->vce_train);
    int first[HEDON_EMOTIONS], three[HEDON_EMOTIONS];
    int64_t majority1 = 0, majority3 = 0;
    majority(counts[0], 1, first);
    majority(counts[0], 3, three);
    for (int k = 0; k < HEDON_EMOTIONS; k++) {
        majority1 += first[k] ? counts[1][k] : 0;
        majority3 += three[k] ? counts[1][k] : 0;
    }
    return (HedonSynthVceBounds){
        .oracle_top1 = (double)top1 / test,
        .oracle_top3 = (double)top3 / test,
        .majority_top1 = (double)majority1 / test,
        .majority_top3 = (double)majority3 / test,
        .chance_top1 = 1.0 / HEDON_EMOTIONS,
        .chance_top3 = 3.0 / HEDON_EMOTIONS,
    };
}

static double oracle(const HedonSynthComparisons *comparisons, uint64_t seed)
{
    int64_t right = 0;
    for (int64_t i = 0; i < comparisons->count; i++) {
        const HedonSynthComparison *one = &comparisons->at[i];
        int ascends = 1;
        for (int k = 1; k < one->count; k++)
            ascends &= hedon_synth_latent(seed, one->video[k]).at[HEDON_PLEASURE] >
                       hedon_synth_latent(seed, one->video[k - 1]).at[HEDON_PLEASURE];
        right += ascends;
    }
    return (double)right / (double)comparisons->count;
}

HedonSynthV2vBounds hedon_synth_v2v_bounds(const HedonSynthPlan *plan)
{
    static const double orders[] = {1, 1, 2, 6, 24};
    double chance = 0;
    for (int64_t i = 0; i < plan->lists.count; i++) chance += 1 / orders[plan->lists.at[i].count];
    return (HedonSynthV2vBounds){
        .oracle_pairs = oracle(&plan->pairs_test, plan->universe.seed),
        .oracle_lists = oracle(&plan->lists, plan->universe.seed),
        .chance_pairs = 0.5,
        .chance_lists = chance / (double)plan->lists.count,
    };
}
