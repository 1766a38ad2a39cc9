#include "train/data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/holdout.h"

/* One mark for each item or comparison of a dataset. */
typedef struct Marks {
    uint8_t *vce_out, *pair_out; /* joint: tested on by the other */
    uint8_t *vce_held, *v2v_held, *pair_held;
} Marks;

static uint8_t *marks_new(int64_t count)
{
    return hedon_calloc((size_t)count + 1, 1);
}

static int marks_open(HedonContext *ctx, Marks *marks, const HedonTrainData *data)
{
    const int64_t vce = data->vce ? hedon_dataset_size(data->vce) : 0,
                  v2v = data->v2v ? hedon_dataset_size(data->v2v) : 0,
                  pairs = data->v2v ? hedon_dataset_comparisons(data->v2v) : 0;
    *marks =
        (Marks){marks_new(vce), marks_new(pairs), marks_new(vce), marks_new(v2v), marks_new(pairs)};
    return marks->vce_out && marks->pair_out && marks->vce_held && marks->v2v_held &&
                   marks->pair_held
               ? 0
               : hedon_fail_memory(ctx);
}

static void marks_close(Marks *marks)
{
    hedon_free(marks->vce_out);
    hedon_free(marks->pair_out);
    hedon_free(marks->vce_held);
    hedon_free(marks->v2v_held);
    hedon_free(marks->pair_held);
}

/* Each dataset by itself, then, when there are both, V2V's word on the videos that it trains on. */
static int hold_out(HedonContext *ctx, HedonTrainData *data, const HedonTrainConfig *config,
                    Marks *marks)
{
    const uint64_t seed = (uint64_t)config->seed;
    const double share = config->recipe.held_out;
    HedonHoldout report = {0};
    int code = 0;
    if (data->vce)
        code = hedon_dataset_holdout(ctx, data->vce, seed, share, marks->vce_held, NULL, NULL);
    if (!code && data->v2v)
        code = hedon_dataset_holdout(ctx, data->v2v, seed, share, marks->v2v_held, marks->pair_held,
                                     &report);
    data->held_shared = report.shared;
    if (code || !data->vce || !data->v2v) return code;
    HedonJoint joint;
    hedon_dataset_joint(data->vce, data->v2v, marks->vce_out, NULL, marks->pair_out, &joint);
    data->vce_left_out = joint.vce_items;
    data->v2v_left_out = joint.v2v_comparisons;
    for (int64_t i = 0; i < hedon_dataset_size(data->v2v); i++) {
        const HedonDatasetItem *item = hedon_dataset_item(data->v2v, i);
        const int64_t same = hedon_dataset_find(data->vce, item->id);
        if (same >= 0 && item->split == HEDON_SPLIT_TRAIN)
            marks->vce_held[same] = marks->v2v_held[i];
    }
    return 0;
}

static int list_clips(HedonContext *ctx, HedonTrainData *data, const Marks *marks)
{
    const int64_t items = hedon_dataset_size(data->vce);
    data->train.clips = hedon_calloc((size_t)items + 1, sizeof(int32_t));
    data->held.clips = hedon_calloc((size_t)items + 1, sizeof(int32_t));
    if (!data->train.clips || !data->held.clips) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < items; i++) {
        const HedonDatasetItem *item = hedon_dataset_item(data->vce, i);
        if (item->split != HEDON_SPLIT_TRAIN || !item->intensities || marks->vce_out[i]) continue;
        HedonTrainPart *part = marks->vce_held[i] ? &data->held : &data->train;
        part->clips[part->clip_count++] = (int32_t)i;
    }
    return 0;
}

/* Nobody is right about a tie, so none validates. */
static int takes(HedonTrainData *data, const HedonRecipe *recipe, const HedonComparison *comparison,
                 int held)
{
    const int lists = recipe->utility_loss == HEDON_LOSS_PLACKETT_LUCE;
    if (comparison->count > 2) {
        data->lists_left_out += !lists;
        return lists;
    }
    if (!comparison->tied) return 1;
    const int take = !held && !lists && recipe->ties == HEDON_TIES_HALF;
    data->ties += take;
    data->ties_left_out += !take;
    return take;
}

static int list_pairs(HedonContext *ctx, HedonTrainData *data, const HedonRecipe *recipe,
                      const Marks *marks)
{
    const int64_t comparisons = hedon_dataset_comparisons(data->v2v);
    data->train.pairs = hedon_calloc((size_t)comparisons + 1, sizeof(int32_t));
    data->held.pairs = hedon_calloc((size_t)comparisons + 1, sizeof(int32_t));
    if (!data->train.pairs || !data->held.pairs) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < comparisons; i++) {
        const HedonComparison *pair = hedon_dataset_comparison(data->v2v, i);
        if (pair->split != HEDON_SPLIT_TRAIN || marks->pair_out[i]) continue;
        HedonTrainPart *part = marks->pair_held[i] ? &data->held : &data->train;
        if (takes(data, recipe, pair, marks->pair_held[i]))
            part->pairs[part->pair_count++] = (int32_t)i;
    }
    if (recipe->utility_loss != HEDON_LOSS_PLACKETT_LUCE) return 0;
    return hedon_train_lists_make(ctx, data->v2v, data->train.pairs, data->train.pair_count,
                                  &data->lists, &data->list_count);
}

static int divide(HedonContext *ctx, HedonTrainData *data, const HedonTrainConfig *config)
{
    Marks marks;
    int code = marks_open(ctx, &marks, data);
    if (!code) code = hold_out(ctx, data, config, &marks);
    if (!code && data->vce) code = list_clips(ctx, data, &marks);
    if (!code && data->v2v) code = list_pairs(ctx, data, &config->recipe, &marks);
    marks_close(&marks);
    return code;
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
    *data = (HedonTrainData){0};
    int code = 0;
    if (task != HEDON_TASK_V2V) code = open_one(ctx, data, &data->vce, config->vce, "VCE");
    if (!code && task != HEDON_TASK_VCE) code = open_one(ctx, data, &data->v2v, config->v2v, "V2V");
    if (!code) code = divide(ctx, data, config);
    if (!code && data->vce && !data->train.clip_count)
        code =
            hedon_fail(ctx, HEDON_EDATA, "%s has no training video with intensities", config->vce);
    if (!code && data->v2v && !(data->lists ? data->list_count : data->train.pair_count))
        code = hedon_fail(ctx, HEDON_EDATA, "%s has no pair of videos to train on", config->v2v);
    if (code) hedon_train_data_close(data);
    return code;
}

void hedon_train_data_close(HedonTrainData *data)
{
    hedon_free(data->train.clips);
    hedon_free(data->train.pairs);
    hedon_free(data->held.clips);
    hedon_free(data->held.pairs);
    hedon_free(data->lists);
    hedon_dataset_close(data->vce);
    hedon_dataset_close(data->v2v);
    *data = (HedonTrainData){0};
}
