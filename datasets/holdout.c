#include "datasets/holdout.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "datasets/graph.h"

/* An arbitrary constant: the same seed draws other things too, by the same ids. */
static const uint64_t purpose = 0x1a6e3d2f5c84b790u;

static double draw(uint64_t seed, const char *id)
{
    return hedon_random_uniform(hedon_random_key_name(seed ^ purpose, id), 0);
}

int hedon_holdout(uint64_t seed, const char *id, double share)
{
    return draw(seed, id) < share;
}

typedef struct Parting {
    const HedonDataset *dataset;
    int32_t *component; /* of each item */
    int64_t *size;      /* of a component, by its first item; train's compared videos only */
    const char **name;  /* its smallest id */
} Parting;

static int is_trained_on(const HedonComparison *comparison)
{
    return comparison->split == HEDON_SPLIT_TRAIN;
}

/* Components of the training comparisons. Returns how many videos those compare. */
static int64_t measure(Parting *p)
{
    const HedonDataset *dataset = p->dataset;
    hedon_graph_components(dataset, HEDON_SPLIT_BIT(HEDON_SPLIT_TRAIN), p->component);
    int64_t total = 0;
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        if (item->split != HEDON_SPLIT_TRAIN) continue;
        const int32_t c = p->component[i];
        p->size[c]++;
        total++;
        if (!p->name[c] || strcmp(item->id, p->name[c]) < 0) p->name[c] = item->id;
    }
    return total;
}

static void mark_items_by_id(const HedonDataset *dataset, uint64_t seed, double share,
                             uint8_t *items)
{
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        items[i] = item->split == HEDON_SPLIT_TRAIN && hedon_holdout(seed, item->id, share);
    }
}

/* Comparisons of held-out components. */
static void mark_components(const Parting *p, uint64_t seed, double share, int64_t largest,
                            uint8_t *items, uint8_t *comparisons)
{
    const HedonDataset *dataset = p->dataset;
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        const int32_t c = p->component[i];
        items[i] = hedon_dataset_item(dataset, i)->split == HEDON_SPLIT_TRAIN &&
                   p->size[c] <= largest && hedon_holdout(seed, p->name[c], share);
    }
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++) {
        const HedonComparison *comparison = hedon_dataset_comparison(dataset, c);
        comparisons[c] = is_trained_on(comparison) && items[comparison->item[0]];
    }
}

/* Single comparisons, by the ids in them: both orders of a pair fall on the same side. An item
 * counts as held out when no training comparison is left that shows it. */
static void mark_comparisons(const HedonDataset *dataset, uint64_t seed, double share,
                             uint8_t *items, uint8_t *comparisons, int64_t *shared)
{
    enum { TRAINED = 1, HELD = 2 };
    memset(items, 0, (size_t)hedon_dataset_size(dataset));
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++) {
        const HedonComparison *comparison = hedon_dataset_comparison(dataset, c);
        uint64_t sum = 0;
        for (int k = 0; k < comparison->count; k++) {
            const char *id = hedon_dataset_item(dataset, comparison->item[k])->id;
            sum += hedon_random_key_name(seed ^ purpose, id).value;
        }
        comparisons[c] =
            is_trained_on(comparison) && hedon_random_uniform((HedonRandomKey){sum}, 0) < share;
        for (int k = 0; k < comparison->count && is_trained_on(comparison); k++)
            items[comparison->item[k]] |= comparisons[c] ? HELD : TRAINED;
    }
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        *shared += items[i] == (TRAINED | HELD);
        items[i] = items[i] == HELD;
    }
}

static void hold_out_comparisons(Parting *p, uint64_t seed, double share, uint8_t *items,
                                 uint8_t *comparisons, int64_t *shared)
{
    const int64_t total = measure(p), largest = total / 20 > 4 ? total / 20 : 4;
    int64_t eligible = 0;
    for (int64_t i = 0; i < hedon_dataset_size(p->dataset); i++)
        if (p->size[i] <= largest) eligible += p->size[i];
    /* At least half of the small components stay in training. */
    if ((double)eligible >= 2 * share * (double)total)
        mark_components(p, seed, eligible ? share * (double)total / (double)eligible : 0, largest,
                        items, comparisons);
    else
        mark_comparisons(p->dataset, seed, share, items, comparisons, shared);
}

int hedon_dataset_holdout(HedonContext *ctx, const HedonDataset *dataset, uint64_t seed,
                          double share, uint8_t *items, uint8_t *comparisons, HedonHoldout *report)
{
    if (!(share >= 0 && share <= 1))
        return hedon_fail(ctx, HEDON_EINVAL, "the held-out share %g is not within 0..1", share);
    const size_t size = (size_t)hedon_dataset_size(dataset);
    HedonHoldout counts = {0};
    if (!hedon_dataset_comparisons(dataset)) {
        mark_items_by_id(dataset, seed, share, items);
    } else {
        Parting p = {.dataset = dataset,
                     .component = hedon_malloc(size, sizeof(*p.component)),
                     .size = hedon_calloc(size, sizeof(*p.size)),
                     .name = hedon_calloc(size, sizeof(*p.name))};
        const int good = p.component && p.size && p.name;
        if (good) hold_out_comparisons(&p, seed, share, items, comparisons, &counts.shared);
        hedon_free(p.component);
        hedon_free(p.size);
        hedon_free(p.name);
        if (!good) return hedon_fail_memory(ctx);
    }
    for (size_t i = 0; i < size; i++) counts.items += items[i];
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++)
        counts.comparisons += comparisons[c];
    if (report) *report = counts;
    return 0;
}

/* ---- Joint training ------------------------------------------------------------------------- */

/* Whether the other dataset tests on that video. */
static int is_tested_on(const HedonDataset *other, const char *id)
{
    const int64_t i = hedon_dataset_find(other, id);
    return i >= 0 && hedon_dataset_item(other, i)->split != HEDON_SPLIT_TRAIN;
}

static int64_t leave_out(const HedonDataset *dataset, const HedonDataset *other, uint8_t *out)
{
    int64_t count = 0;
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        const int leave = item->split == HEDON_SPLIT_TRAIN && is_tested_on(other, item->id);
        if (out) out[i] = (uint8_t)leave;
        count += leave;
    }
    return count;
}

void hedon_dataset_joint(const HedonDataset *vce, const HedonDataset *v2v, uint8_t *vce_out,
                         uint8_t *v2v_out, uint8_t *comparisons_out, HedonJoint *counts)
{
    *counts = (HedonJoint){.vce_items = leave_out(vce, v2v, vce_out),
                           .v2v_items = leave_out(v2v, vce, v2v_out)};
    for (int64_t i = 0; i < hedon_dataset_size(v2v); i++)
        counts->unknown += hedon_dataset_find(vce, hedon_dataset_item(v2v, i)->id) < 0;
    for (int64_t c = 0; c < hedon_dataset_comparisons(v2v); c++) {
        const HedonComparison *comparison = hedon_dataset_comparison(v2v, c);
        int leave = 0;
        for (int k = 0; k < comparison->count && is_trained_on(comparison); k++)
            leave |= is_tested_on(vce, hedon_dataset_item(v2v, comparison->item[k])->id);
        if (comparisons_out) comparisons_out[c] = (uint8_t)leave;
        counts->v2v_comparisons += leave;
    }
}
