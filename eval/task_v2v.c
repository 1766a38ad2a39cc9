/* V2V as a task: a row is a comparison, a pair or a list. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "eval/study.h"
#include "eval/v2v.h"

enum { FEWEST_PAIRS = 20 }; /* that a temperature is fitted on */

static const HedonComparison *comparison_of(const HedonStudy *study, int64_t row)
{
    return hedon_dataset_comparison(study->dataset, row);
}

/* V2V's lists may have two videos; a table's may stand in any split. */
static int is_list(const HedonComparison *comparison)
{
    return comparison->split == HEDON_SPLIT_LISTS || comparison->count > 2;
}

static int in_part(const HedonStudy *study, int64_t row)
{
    const HedonSplit split = comparison_of(study, row)->split;
    if (comparison_of(study, row)->tied) return 0; /* no answer would be right */
    switch (study->part) {
    case HEDON_PART_DEFAULT:
        return split != HEDON_SPLIT_TRAIN;
    case HEDON_PART_TEST:
        return split == HEDON_SPLIT_TEST;
    case HEDON_PART_TRAIN:
        return split == HEDON_SPLIT_TRAIN;
    case HEDON_PART_LISTS:
        return split == HEDON_SPLIT_LISTS;
    case HEDON_PART_HOLDOUT:
        return split == HEDON_SPLIT_TRAIN && study->held_comparisons[row];
    }
    return 0;
}

static int has(const HedonStudy *study, const HedonOutputs *outputs, int64_t row)
{
    const HedonComparison *comparison = comparison_of(study, row);
    for (int k = 0; k < comparison->count; k++)
        if (!outputs->present[comparison->item[k]]) return 0;
    return 1;
}

static void mark(const HedonStudy *study, int64_t row, uint8_t *items)
{
    const HedonComparison *comparison = comparison_of(study, row);
    for (int k = 0; k < comparison->count; k++) items[comparison->item[k]] = 1;
}

/* Videos of the comparison. */
static const char *const columns[] = {"length", NULL};

static double own_column(const HedonStudy *study, int number, int64_t row)
{
    (void)number;
    return comparison_of(study, row)->count;
}

static const char *own_category(int number, int value)
{
    (void)number;
    (void)value;
    return NULL;
}

/* The mean over the videos; of classes the one that they share. */
static double of_items(const HedonStudy *study, const double *value, int classes, int64_t row)
{
    const HedonComparison *comparison = comparison_of(study, row);
    double sum = 0;
    for (int k = 0; k < comparison->count; k++) {
        if (classes && value[comparison->item[k]] != value[comparison->item[0]]) return NAN;
        sum += value[comparison->item[k]];
    }
    return sum / comparison->count;
}

/* ---- Preparing */

static double difference(const HedonStudy *study, const HedonOutputs *outputs, int64_t row)
{
    const HedonComparison *comparison = comparison_of(study, row);
    return outputs->value[comparison->item[1]] - outputs->value[comparison->item[0]];
}

/* On train's held-out pairs, so that what is tested on is not looked at. */
static int fit(HedonContext *ctx, const HedonStudy *study, const HedonOutputs *outputs,
               HedonResult *result)
{
    const int64_t rows = hedon_dataset_comparisons(study->dataset);
    result->temperature = NAN;
    if (study->part == HEDON_PART_TRAIN || study->part == HEDON_PART_HOLDOUT) return 0;
    double *d = hedon_malloc((size_t)rows, sizeof(*d));
    if (!d) return hedon_fail_memory(ctx);
    for (int64_t row = 0; row < rows; row++)
        if (study->held_comparisons[row] && comparison_of(study, row)->count == 2 &&
            !comparison_of(study, row)->tied && has(study, outputs, row))
            d[result->temperature_pairs++] = difference(study, outputs, row);
    if (result->temperature_pairs >= FEWEST_PAIRS)
        result->temperature = hedon_fit_temperature(d, result->temperature_pairs);
    hedon_free(d);
    return 0;
}

typedef struct Rows {
    HedonV2vRow *row;
    double *utility;
    int32_t *item, *group;
    int64_t *offset;
} Rows;

static void rows_free(Rows *rows)
{
    hedon_free(rows->row);
    hedon_free(rows->utility);
    hedon_free(rows->item);
    hedon_free(rows->group);
    hedon_free(rows->offset);
}

/* The share of the comparisons that the largest group has; size: scratch for groups of them. */
static double largest_group(const int32_t *group, int64_t count, int64_t groups, int64_t *size)
{
    int64_t most = 0;
    memset(size, 0, (size_t)groups * sizeof(*size));
    for (int64_t i = 0; i < count; i++) {
        size[group[i]]++;
        if (size[group[i]] > most) most = size[group[i]];
    }
    return (double)most / (double)count;
}

/* Returns the number of groups, or a failure. */
static int64_t fill_rows(HedonContext *ctx, const HedonStudy *study, const HedonOutputs *outputs,
                         const int64_t *numbers, int64_t count, Rows *rows, double *largest)
{
    const size_t n = (size_t)count;
    rows->row = hedon_calloc(n, sizeof(*rows->row));
    rows->utility = hedon_malloc(n, HEDON_MAX_COMPARED * sizeof(*rows->utility));
    rows->item = hedon_malloc(n, HEDON_MAX_COMPARED * sizeof(*rows->item));
    rows->group = hedon_malloc(n, sizeof(*rows->group));
    rows->offset = hedon_malloc(n + 1, sizeof(*rows->offset));
    if (!rows->row || !rows->utility || !rows->item || !rows->group || !rows->offset)
        return hedon_fail_memory(ctx);
    int64_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        const HedonComparison *comparison = comparison_of(study, numbers[i]);
        rows->offset[i] = used;
        rows->row[i] = (HedonV2vRow){.utility = rows->utility + used,
                                     .count = comparison->count,
                                     .is_list = is_list(comparison)};
        for (int k = 0; k < comparison->count; k++) {
            rows->item[used] = comparison->item[k];
            rows->utility[used++] = outputs->value[comparison->item[k]];
        }
    }
    rows->offset[count] = used;
    int64_t groups = hedon_comparison_groups(ctx, rows->group, rows->item, rows->offset, count,
                                             hedon_dataset_size(study->dataset));
    if (groups < 0) return groups;
    *largest = largest_group(rows->group, count, groups, rows->offset);
    for (int64_t i = 0; i < count; i++)
        rows->row[i].group = study->ungrouped ? (int32_t)i : rows->group[i];
    return study->ungrouped ? count : groups;
}

static int prepare(HedonContext *ctx, const HedonStudy *study, const HedonOutputs *outputs,
                   const int64_t *numbers, int64_t count, void **prepared, HedonResult *result,
                   HedonEvaluation *evaluation)
{
    Rows rows = {0};
    HedonV2v *v2v = NULL;
    int code = fit(ctx, study, outputs, result);
    const int64_t groups =
        code ? code : fill_rows(ctx, study, outputs, numbers, count, &rows, &result->largest_group);
    code = groups < 0 ? (int)groups
                      : hedon_v2v_new(ctx, &v2v, rows.row, count, groups, result->temperature);
    rows_free(&rows);
    if (!code) {
        result->pairs = hedon_v2v_pairs(v2v);
        result->lists = hedon_v2v_lists(v2v);
        hedon_v2v_reliability(v2v, isnan(result->temperature) ? 1 : result->temperature,
                              result->bins);
        *evaluation = hedon_v2v_evaluation(v2v);
    }
    *prepared = v2v;
    return code;
}

static void release(void *prepared)
{
    hedon_v2v_free(prepared);
}

/* ---- Baselines */

/* The sign that fits train's pairs: longer or shorter is more pleasant. */
static void fill_duration(const HedonStudy *study, HedonOutputs *outputs)
{
    double sum = 0;
    for (int64_t i = 0; i < outputs->items; i++) {
        outputs->value[i] = log(hedon_dataset_item(study->dataset, i)->duration_s);
        outputs->present[i] = isfinite(outputs->value[i]);
        outputs->count += outputs->present[i];
    }
    for (int64_t row = 0; row < hedon_dataset_comparisons(study->dataset); row++) {
        if (comparison_of(study, row)->split != HEDON_SPLIT_TRAIN ||
            comparison_of(study, row)->tied || !has(study, outputs, row))
            continue;
        const double d = difference(study, outputs, row);
        sum += (d > 0) - (d < 0);
    }
    for (int64_t i = 0; i < outputs->items; i++) {
        if (!outputs->present[i]) outputs->value[i] = 0;
        if (sum < 0) outputs->value[i] = -outputs->value[i];
    }
}

static int baseline(HedonContext *ctx, const HedonStudy *study, int number, HedonOutputs **outputs,
                    const char **note)
{
    *outputs = NULL;
    if (number) return 0;
    HedonOutputs *made = hedon_outputs_new(ctx, "duration", 1, hedon_dataset_size(study->dataset));
    if (!made) return HEDON_ENOMEM;
    fill_duration(study, made);
    *note = "log of the duration; whether longer or shorter is better by train's pairs";
    *outputs = made;
    return 0;
}

/* A coin for each pair; a random order for each list, without ties. */
static void chance(const HedonStudy *study, double *values)
{
    double pairs = 0, lists = 0, order = 0, rank = 0;
    for (int m = 0; m < HEDON_V2V_METRICS; m++) values[m] = NAN;
    for (int64_t i = 0; i < study->row_count; i++) {
        const HedonComparison *comparison = comparison_of(study, study->rows[i]);
        if (!is_list(comparison)) {
            pairs++;
            continue;
        }
        lists++;
        order += hedon_list_chance(comparison->count);
        for (int k = 1; k <= comparison->count; k++) rank += 1.0 / k / comparison->count;
    }
    if (pairs > 0) {
        values[HEDON_V2V_PAIR_ACCURACY] = values[HEDON_V2V_PAIR_ACCURACY_HALF] = .5;
        values[HEDON_V2V_PAIR_TIES] = 0;
        values[HEDON_V2V_LOG_LOSS] = log(2);
        values[HEDON_V2V_BRIER] = .25;
    }
    if (lists > 0) {
        values[HEDON_V2V_LIST_PAPER] = values[HEDON_V2V_LIST_STRICT] =
            values[HEDON_V2V_LIST_CHANCE] = order / lists;
        values[HEDON_V2V_LIST_TIES] = values[HEDON_V2V_KENDALL] = 0;
        values[HEDON_V2V_RECIPROCAL_RANK] = rank / lists;
    }
}

static int64_t row_count(const HedonDataset *dataset)
{
    return hedon_dataset_comparisons(dataset);
}

static const int headline[] = {HEDON_V2V_PAIR_ACCURACY, HEDON_V2V_LIST_STRICT, HEDON_V2V_KENDALL,
                               -1};

const HedonEvalTask hedon_eval_v2v = {
    .name = "v2v",
    .title = "V2V",
    .width = 1,
    .metrics = hedon_v2v_metrics,
    .metric_count = HEDON_V2V_METRICS,
    .headline = headline,
    .value_count = HEDON_V2V_METRICS,
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
    .chance = chance,
};
