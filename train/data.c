#include "train/data.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

enum { UNDECIDED, TRAIN, HELD }; /* which side a V2V video is on */

/* 0..1 by seed and id, the same in both datasets. */
static double draw(uint64_t seed, const char *id)
{
    return hedon_random_uniform(hedon_random_key_name(seed, id), 0);
}

/* ---- V2V: components of the comparison graph */

typedef struct Components {
    int32_t *parent; /* by item: union-find with path halving */
    int32_t *size;   /* of a root's component, in pairs */
    char *side;      /* of a root's component */
} Components;

static int32_t root_of(int32_t *parent, int32_t item)
{
    while (parent[item] != item) item = parent[item] = parent[parent[item]];
    return item;
}

/* The smaller number becomes the root, so that roots don't depend on the order of pairs. */
static void join(int32_t *parent, int32_t a, int32_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

typedef struct Ranked {
    double draw;
    int32_t root;
} Ranked;

static int by_draw(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->draw != y->draw) return x->draw < y->draw ? -1 : 1;
    return x->root < y->root ? -1 : x->root > y->root;
}

/* Hold out components in the order of their draws until `wanted` pairs are. */
static void hold_out(Components *components, Ranked *ranked, int64_t count, int64_t wanted)
{
    int64_t held = 0;
    qsort(ranked, (size_t)count, sizeof(*ranked), by_draw);
    for (int64_t i = 0; i < count; i++) {
        const int32_t root = ranked[i].root;
        components->side[root] = TRAIN;
        if (held + components->size[root] > wanted) continue;
        components->side[root] = HELD;
        held += components->size[root];
    }
}

/* Joint: whether VCE tests on one of the pair's videos. */
static int vce_tests(const HedonTrainData *data, const HedonComparison *pair)
{
    for (int k = 0; data->vce && k < pair->count; k++) {
        const int64_t i =
            hedon_dataset_find(data->vce, hedon_dataset_item(data->v2v, pair->item[k])->id);
        if (i >= 0 && hedon_dataset_item(data->vce, i)->split != HEDON_SPLIT_TRAIN) return 1;
    }
    return 0;
}

/* The training pairs that may be used, and which videos they connect. */
static int64_t connect(HedonTrainData *data, Components *components, int32_t *pairs)
{
    const int64_t comparisons = hedon_dataset_comparisons(data->v2v);
    int64_t count = 0;
    for (int64_t i = 0; i < comparisons; i++) {
        const HedonComparison *pair = hedon_dataset_comparison(data->v2v, i);
        if (pair->split != HEDON_SPLIT_TRAIN) continue;
        if (pair->count != 2) {
            data->lists_left_out++;
            continue;
        }
        if (vce_tests(data, pair)) {
            data->v2v_left_out++;
            continue;
        }
        pairs[count++] = (int32_t)i;
        join(components->parent, pair->item[0], pair->item[1]);
    }
    return count;
}

/* Count each component's pairs, and draw its place in the order of holding out. */
static int64_t rank(const HedonTrainData *data, uint64_t seed, Components *components,
                    const int32_t *pairs, int64_t count, Ranked *ranked)
{
    int64_t roots = 0;
    for (int64_t i = 0; i < count; i++) {
        const HedonComparison *pair = hedon_dataset_comparison(data->v2v, pairs[i]);
        const int32_t root = root_of(components->parent, pair->item[0]);
        if (!components->size[root]++)
            ranked[roots++] = (Ranked){draw(seed, hedon_dataset_item(data->v2v, root)->id), root};
    }
    return roots;
}

static void share_out(HedonTrainData *data, Components *components, const int32_t *pairs,
                      int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const HedonComparison *pair = hedon_dataset_comparison(data->v2v, pairs[i]);
        const int held = components->side[root_of(components->parent, pair->item[0])] == HELD;
        HedonTrainPart *part = held ? &data->held : &data->train;
        part->pairs[part->pair_count++] = pairs[i];
    }
}

static int divide_pairs(HedonContext *ctx, HedonTrainData *data, const HedonTrainConfig *config,
                        Components *components)
{
    const size_t items = (size_t)hedon_dataset_size(data->v2v),
                 comparisons = (size_t)hedon_dataset_comparisons(data->v2v);
    Ranked *ranked = hedon_calloc(items + 1, sizeof(*ranked));
    int32_t *pairs = hedon_calloc(comparisons + 1, sizeof(*pairs));
    components->parent = hedon_calloc(items + 1, sizeof(*components->parent));
    components->size = hedon_calloc(items + 1, sizeof(*components->size));
    components->side = hedon_calloc(items + 1, 1);
    data->train.pairs = hedon_calloc(comparisons + 1, sizeof(int32_t));
    data->held.pairs = hedon_calloc(comparisons + 1, sizeof(int32_t));
    const int good = ranked && pairs && components->parent && components->size &&
                     components->side && data->train.pairs && data->held.pairs;
    if (good) {
        for (size_t i = 0; i < items; i++) components->parent[i] = (int32_t)i;
        const int64_t count = connect(data, components, pairs);
        const int64_t roots = rank(data, (uint64_t)config->seed, components, pairs, count, ranked);
        hold_out(components, ranked, roots, (int64_t)(config->recipe.held_out * (double)count));
        share_out(data, components, pairs, count);
    }
    hedon_free(pairs);
    hedon_free(ranked);
    return good ? 0 : hedon_fail_memory(ctx);
}

/* ---- VCE */

/* Joint: which side V2V has put a video on; -1 when it tests on it. */
static int side_in_v2v(const HedonTrainData *data, const Components *components, const char *id)
{
    const int64_t i = data->v2v ? hedon_dataset_find(data->v2v, id) : -1;
    if (i < 0) return UNDECIDED;
    if (hedon_dataset_item(data->v2v, i)->split != HEDON_SPLIT_TRAIN) return -1;
    return components->side[root_of(components->parent, (int32_t)i)];
}

static int divide_clips(HedonContext *ctx, HedonTrainData *data, const HedonTrainConfig *config,
                        const Components *components)
{
    const int64_t items = hedon_dataset_size(data->vce);
    data->train.clips = hedon_calloc((size_t)items + 1, sizeof(int32_t));
    data->held.clips = hedon_calloc((size_t)items + 1, sizeof(int32_t));
    if (!data->train.clips || !data->held.clips) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < items; i++) {
        const HedonDatasetItem *item = hedon_dataset_item(data->vce, i);
        if (item->split != HEDON_SPLIT_TRAIN || !item->intensities) continue;
        int side = side_in_v2v(data, components, item->id);
        if (side < 0) {
            data->vce_left_out++;
            continue;
        }
        if (side == UNDECIDED)
            side = draw((uint64_t)config->seed, item->id) < config->recipe.held_out ? HELD : TRAIN;
        HedonTrainPart *part = side == HELD ? &data->held : &data->train;
        part->clips[part->clip_count++] = (int32_t)i;
    }
    return 0;
}

/* ---- Opening */

static int is_synthetic(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/synth.json", dir);
    return !access(path, F_OK);
}

static int open_one(HedonContext *ctx, HedonTrainData *data, HedonDataset **out, const char *dir,
                    const char *what)
{
    if (!dir) return hedon_fail(ctx, HEDON_EINVAL, "no %s dataset was given", what);
    const int code = hedon_dataset_open(ctx, out, NULL, dir, NULL);
    if (code) return code;
    const int synthetic = is_synthetic(dir);
    const size_t used = strlen(data->trained_on);
    data->synthetic |= synthetic;
    snprintf(data->trained_on + used, sizeof(data->trained_on) - used, "%s%s%s train part",
             used ? " and " : "", synthetic ? "synthetic " : "", what);
    return 0;
}

int hedon_train_data_open(HedonContext *ctx, HedonTrainData *data, const HedonTrainConfig *config)
{
    const HedonTask task = config->recipe.task;
    Components components = {0};
    *data = (HedonTrainData){0};
    int code = 0;
    if (task != HEDON_TASK_V2V) code = open_one(ctx, data, &data->vce, config->vce, "VCE");
    if (!code && task != HEDON_TASK_VCE) code = open_one(ctx, data, &data->v2v, config->v2v, "V2V");
    if (!code && data->v2v) code = divide_pairs(ctx, data, config, &components);
    if (!code && data->vce) code = divide_clips(ctx, data, config, &components);
    if (!code && data->vce && !data->train.clip_count)
        code =
            hedon_fail(ctx, HEDON_EDATA, "%s has no training video with intensities", config->vce);
    if (!code && data->v2v && !data->train.pair_count)
        code = hedon_fail(ctx, HEDON_EDATA, "%s has no pair of videos to train on", config->v2v);
    hedon_free(components.parent);
    hedon_free(components.size);
    hedon_free(components.side);
    if (code) hedon_train_data_close(data);
    return code;
}

void hedon_train_data_close(HedonTrainData *data)
{
    hedon_free(data->train.clips);
    hedon_free(data->train.pairs);
    hedon_free(data->held.clips);
    hedon_free(data->held.pairs);
    hedon_dataset_close(data->vce);
    hedon_dataset_close(data->v2v);
    *data = (HedonTrainData){0};
}
