/* VCE as a task: a row is a video with intensities. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "eval/study.h"
#include "eval/vce.h"

enum { N = HEDON_EMOTIONS };

static const HedonDatasetItem *item_of(const HedonStudy *study, int64_t row)
{
    return hedon_dataset_item(study->dataset, row);
}

static int in_part(const HedonStudy *study, int64_t row)
{
    const HedonDatasetItem *item = item_of(study, row);
    if (!item->intensities) return 0;
    switch (study->part) {
    case HEDON_PART_DEFAULT:
    case HEDON_PART_TEST:
        return item->split == HEDON_SPLIT_TEST;
    case HEDON_PART_TRAIN:
        return item->split == HEDON_SPLIT_TRAIN;
    case HEDON_PART_HOLDOUT:
        return item->split == HEDON_SPLIT_TRAIN && study->held_items[row];
    case HEDON_PART_LISTS:
        return 0;
    }
    return 0;
}

static int has(const HedonStudy *study, const HedonOutputs *outputs, int64_t row)
{
    (void)study;
    return outputs->present[row];
}

static void mark(const HedonStudy *study, int64_t row, uint8_t *items)
{
    (void)study;
    items[row] = 1;
}

static double strength(const HedonDatasetItem *item, int rank)
{
    double first = -1, second = -1;
    for (int e = 0; e < N; e++) {
        const double x = item->intensities[e];
        if (x > first) {
            second = first;
            first = x;
        } else if (x > second) {
            second = x;
        }
    }
    return rank ? second : first;
}

/* margin: how far the strongest emotion is above the next; 0 is a tie that class order breaks.
 * strongest: its intensity. label: the class. */
enum { MARGIN, STRONGEST, LABEL };
static const char *const columns[] = {"margin", "strongest", "label", NULL};

static double own_column(const HedonStudy *study, int number, int64_t row)
{
    const HedonDatasetItem *item = item_of(study, row);
    if (number == LABEL) return item->label;
    if (number == STRONGEST) return strength(item, 0);
    return round(1e6 * (strength(item, 0) - strength(item, 1))) / 1e6; /* labels are floats */
}

static const char *own_category(int number, int value)
{
    return number == LABEL ? hedon_emotion_name(value) : NULL;
}

static double of_items(const HedonStudy *study, const double *value, int classes, int64_t row)
{
    (void)study;
    (void)classes;
    return value[row];
}

static void intensities_of(const HedonOutputs *outputs, const double *value, double *intensity)
{
    double most = value[0], sum = 0;
    for (int e = 1; e < N; e++) most = fmax(most, value[e]);
    for (int e = 0; e < N; e++) {
        intensity[e] = value[e];
        if (outputs->scale == HEDON_SCALE_LOGITS) intensity[e] = 1 / (1 + exp(-value[e]));
        if (outputs->scale == HEDON_SCALE_SOFTMAX) sum += intensity[e] = exp(value[e] - most);
    }
    for (int e = 0; e < N && outputs->scale == HEDON_SCALE_SOFTMAX; e++) intensity[e] /= sum;
}

static void fill_row(const HedonDatasetItem *item, const HedonOutputs *outputs, const double *value,
                     HedonVceRow *row)
{
    memset(row, 0, sizeof(*row));
    for (int e = 0; e < N; e++) row->label[e] = item->intensities[e];
    for (int t = 0; t < HEDON_TOP; t++)
        if (item->top[t] >= 0) row->positive[item->top[t]] = 1;
    memcpy(row->output, value, sizeof(row->output));
    intensities_of(outputs, value, row->predicted);
}

static int prepare(HedonContext *ctx, const HedonStudy *study, const HedonOutputs *outputs,
                   const int64_t *rows, int64_t count, void **prepared, HedonResult *result,
                   HedonEvaluation *evaluation)
{
    HedonVce *vce = NULL;
    HedonVceRow *made = hedon_malloc((size_t)count, sizeof(*made));
    if (!made) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < count; i++)
        fill_row(item_of(study, rows[i]), outputs, outputs->value + rows[i] * N, &made[i]);
    int code = hedon_vce_new(ctx, &vce, made, count);
    hedon_free(made);
    if (!code) code = hedon_vce_deciles(ctx, vce, result->bins);
    if (!code) {
        result->all_zero = hedon_vce_all_zero(vce);
        result->zero_predictions = hedon_vce_zero_predictions(vce);
        result->output_ties = hedon_vce_output_ties(vce);
        *evaluation = hedon_vce_evaluation(vce);
    }
    *prepared = vce;
    return code;
}

static void release(void *prepared)
{
    hedon_vce_free(prepared);
}

/* ---- Baselines */

/* The same for every video: how often each class is the label in train, or the mean intensities. */
static void fill_constant(const HedonStudy *study, int majority, HedonOutputs *outputs)
{
    double sum[N] = {0}, count = 0;
    for (int64_t i = 0; i < outputs->items; i++) {
        const HedonDatasetItem *item = item_of(study, i);
        if (item->split != HEDON_SPLIT_TRAIN || !item->intensities) continue;
        count++;
        if (majority)
            sum[item->label]++;
        else
            for (int e = 0; e < N; e++) sum[e] += item->intensities[e];
    }
    if (!count) return;
    for (int64_t i = 0; i < outputs->items; i++) {
        for (int e = 0; e < N; e++) outputs->value[i * N + e] = sum[e] / count;
        outputs->present[i] = 1;
    }
    outputs->count = outputs->items;
}

static void fill_random(const HedonStudy *study, HedonOutputs *outputs)
{
    for (int64_t i = 0; i < outputs->items; i++) {
        const HedonRandomKey key =
            hedon_random_key_name(study->bootstrap.seed, item_of(study, i)->id);
        for (int e = 0; e < N; e++)
            outputs->value[i * N + e] = hedon_random_uniform(key, (uint64_t)e);
        outputs->present[i] = 1;
    }
    outputs->count = outputs->items;
}

static int baseline(HedonContext *ctx, const HedonStudy *study, int number, HedonOutputs **outputs,
                    const char **note)
{
    static const char *const names[] = {"majority", "mean label", "random"};
    static const char *const notes[] = {
        "how often each emotion is the label in train, for every video",
        "train's mean intensities, for every video", "uniform numbers from the seed"};
    *outputs = NULL;
    if (number >= 3) return 0;
    HedonOutputs *made =
        hedon_outputs_new(ctx, names[number], N, hedon_dataset_size(study->dataset));
    if (!made) return HEDON_ENOMEM;
    made->scale = HEDON_SCALE_INTENSITIES;
    if (number == 2)
        fill_random(study, made);
    else
        fill_constant(study, number == 0, made);
    *note = notes[number];
    *outputs = made;
    return 0;
}

static int64_t row_count(const HedonDataset *dataset)
{
    return hedon_dataset_size(dataset);
}

static const int headline[] = {HEDON_VCE_TOP3, HEDON_VCE_JENSEN_SHANNON, HEDON_VCE_PEARSON, -1};

const HedonEvalTask hedon_eval_vce = {
    .name = "vce",
    .title = "VCE",
    .width = N,
    .metrics = hedon_vce_metrics,
    .metric_count = HEDON_VCE_METRICS,
    .headline = headline,
    .value_count = HEDON_VCE_VALUES,
    .in_part = in_part,
    .row_count = row_count,
    .has = has,
    .mark = mark,
    .columns = columns,
    .own_column = own_column,
    .own_category = own_category,
    .of_items = of_items,
    .prepare = prepare,
    .release = release,
    .baseline = baseline,
};
