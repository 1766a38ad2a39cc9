#include "eval/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/holdout.h"
#include "eval/columns.h"

static int choose_rows(HedonContext *ctx, HedonStudy *study)
{
    const int64_t count = study->task->row_count(study->dataset);
    study->rows = hedon_malloc((size_t)count, sizeof(*study->rows));
    if (!study->rows) return hedon_fail_memory(ctx);
    for (int64_t row = 0; row < count; row++)
        if (study->task->in_part(study, row)) study->rows[study->row_count++] = row;
    if (study->row_count) return 0;
    return hedon_fail(ctx, HEDON_EINVAL,
                      "has nothing labelled in that part: choose another --split");
}

int hedon_study_open(HedonContext *ctx, HedonStudy **out, const HedonDataset *dataset,
                     const HedonStudyOptions *options)
{
    *out = NULL;
    HedonStudy *study = hedon_calloc(1, sizeof(*study));
    if (!study) return hedon_fail_memory(ctx);
    study->dataset = dataset;
    study->task = options->task;
    study->part = options->part;
    study->bootstrap = options->bootstrap;
    study->holdout_seed = options->holdout_seed;
    study->holdout_share = options->holdout_share;
    study->ungrouped = options->ungrouped;
    study->held_items = hedon_calloc((size_t)hedon_dataset_size(dataset), 1);
    study->held_comparisons = hedon_calloc((size_t)hedon_dataset_comparisons(dataset), 1);
    int code = study->held_items && study->held_comparisons ? 0 : hedon_fail_memory(ctx);
    if (!code)
        code = hedon_dataset_holdout(ctx, dataset, options->holdout_seed, options->holdout_share,
                                     study->held_items, study->held_comparisons, NULL);
    if (!code) code = choose_rows(ctx, study);
    if (code)
        hedon_study_close(study);
    else
        *out = study;
    return code;
}

static void result_clear(HedonResult *result)
{
    hedon_free(result->value);
    hedon_free(result->interval);
}

void hedon_study_close(HedonStudy *study)
{
    if (!study) return;
    for (int i = 0; i < study->result_count; i++) result_clear(&study->result[i]);
    for (int i = 0; i < study->slice_count; i++) result_clear(&study->slices[i].result);
    for (int i = 0; i < study->owned_count; i++) hedon_outputs_free(study->owned[i]);
    hedon_free(study->slices);
    hedon_free(study->difference);
    hedon_free(study->mean);
    hedon_free(study->sd);
    hedon_free(study->rows);
    hedon_free(study->held_items);
    hedon_free(study->held_comparisons);
    hedon_free(study);
}

static int wants_temperature(const HedonStudy *study)
{
    return study->task->width == 1 && study->part == HEDON_PART_DEFAULT;
}

void hedon_study_wanted(const HedonStudy *study, uint8_t *items)
{
    const HedonDataset *dataset = study->dataset;
    memset(items, 0, (size_t)hedon_dataset_size(dataset));
    for (int64_t i = 0; i < study->row_count; i++) study->task->mark(study, study->rows[i], items);
    for (int64_t i = 0; wants_temperature(study) && i < hedon_dataset_comparisons(dataset); i++)
        if (study->held_comparisons[i]) study->task->mark(study, i, items);
}

/* ---- Measuring */

/* Values without resampling, or with. */
static int fill_result(HedonContext *ctx, const HedonStudy *study,
                       const HedonEvaluation *evaluation, HedonResult *result)
{
    const size_t values = (size_t)study->task->value_count;
    const HedonBootstrap *bootstrap = &study->bootstrap;
    double *scratch = hedon_malloc(evaluation->scratch, sizeof(*scratch));
    double *replicates = hedon_malloc((size_t)bootstrap->replicates, values * sizeof(*replicates));
    result->units = evaluation->units;
    result->value = hedon_calloc(values, sizeof(*result->value));
    result->interval = hedon_calloc(values, sizeof(*result->interval));
    int code =
        scratch && replicates && result->value && result->interval ? 0 : hedon_fail_memory(ctx);
    if (!code) {
        evaluation->measure(evaluation->data, NULL, scratch, result->value);
        code = hedon_bootstrap_run(ctx, bootstrap, evaluation, replicates);
    }
    for (size_t m = 0; m < values && !code; m++)
        code = hedon_interval(ctx, &result->interval[m], replicates + m, bootstrap->replicates,
                              (int64_t)values);
    hedon_free(scratch);
    hedon_free(replicates);
    return code;
}

/* Of `rows`, those that the outputs cover; kept has room for count. */
static int64_t covered(const HedonStudy *study, const HedonOutputs *outputs, const int64_t *rows,
                       int64_t count, int64_t *kept)
{
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (study->task->has(study, outputs, rows[i])) kept[n++] = rows[i];
    return n;
}

static int measure(HedonContext *ctx, const HedonStudy *study, const HedonOutputs *outputs,
                   const int64_t *rows, int64_t count, HedonResult *result)
{
    void *prepared = NULL;
    HedonEvaluation evaluation;
    *result = (HedonResult){.name = outputs->name, .outputs = outputs, .temperature = NAN};
    int64_t *kept = hedon_malloc((size_t)count, sizeof(*kept));
    if (!kept) return hedon_fail_memory(ctx);
    result->rows = covered(study, outputs, rows, count, kept);
    result->missing = count - result->rows;
    int code = result->rows ? 0
                            : hedon_fail(ctx, HEDON_EINVAL,
                                         "%s says nothing about the videos of this part: "
                                         "are its ids those of the dataset?",
                                         outputs->name);
    if (!code)
        code = study->task->prepare(ctx, study, outputs, kept, result->rows, &prepared, result,
                                    &evaluation);
    if (!code) code = fill_result(ctx, study, &evaluation, result);
    study->task->release(prepared);
    hedon_free(kept);
    return code;
}

static int own(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs)
{
    if (study->owned_count == HEDON_STUDY_RESULTS || study->result_count == HEDON_STUDY_RESULTS) {
        hedon_outputs_free(outputs);
        return hedon_fail(ctx, HEDON_ELIMIT, "too many models in one table");
    }
    study->owned[study->owned_count++] = outputs;
    return 0;
}

int hedon_study_add_subject(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs)
{
    int code = own(ctx, study, outputs);
    if (code) return code;
    code = measure(ctx, study, outputs, study->rows, study->row_count,
                   &study->result[study->result_count++]);
    study->subject_count = study->result_count;
    return code;
}

int hedon_study_add_baseline(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs,
                             const char *note)
{
    int code = own(ctx, study, outputs);
    if (code) return code;
    HedonResult *result = &study->result[study->result_count++];
    code = measure(ctx, study, outputs, study->rows, study->row_count, result);
    result->note = note;
    return code;
}

static int add_chance(HedonContext *ctx, HedonStudy *study)
{
    HedonResult *result = &study->result[study->result_count++];
    *result = (HedonResult){.name = "chance",
                            .note = "what guessing gets on average, exactly",
                            .rows = study->row_count,
                            .temperature = NAN};
    result->value = hedon_calloc((size_t)study->task->value_count, sizeof(*result->value));
    if (!result->value) return hedon_fail_memory(ctx);
    study->task->chance(study, result->value);
    return 0;
}

int hedon_study_add_cheap_baselines(HedonContext *ctx, HedonStudy *study)
{
    int code = study->task->chance ? add_chance(ctx, study) : 0;
    for (int number = 0; !code; number++) {
        HedonOutputs *outputs = NULL;
        const char *note = NULL;
        code = study->task->baseline(ctx, study, number, &outputs, &note);
        if (code || !outputs) break;
        if (outputs->count)
            code = hedon_study_add_baseline(ctx, study, outputs, note);
        else /* metadata.json says nothing */
            hedon_outputs_free(outputs);
    }
    return code;
}

/* ---- Comparing */

int hedon_study_compare(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs)
{
    const HedonOutputs *first = study->result[0].outputs;
    void *prepared[2] = {NULL, NULL};
    HedonResult ignored = {0};
    HedonEvaluation evaluation[2];
    int code = own(ctx, study, outputs);
    if (code) return code;
    int64_t *kept = hedon_malloc((size_t)study->row_count, sizeof(*kept));
    study->difference = hedon_calloc((size_t)study->task->metric_count, sizeof(*study->difference));
    if (!kept || !study->difference) {
        code = hedon_fail_memory(ctx);
        goto done;
    }
    study->against = outputs->name;
    study->common = covered(study, first, study->rows, study->row_count, kept);
    study->common = covered(study, outputs, kept, study->common, kept);
    if (!study->common) {
        code = hedon_fail(ctx, HEDON_EINVAL, "%s and %s have no video in common", first->name,
                          outputs->name);
        goto done;
    }
    code = study->task->prepare(ctx, study, first, kept, study->common, &prepared[0], &ignored,
                                &evaluation[0]);
    if (!code)
        code = study->task->prepare(ctx, study, outputs, kept, study->common, &prepared[1],
                                    &ignored, &evaluation[1]);
    if (!code)
        code = hedon_compare(ctx, &study->bootstrap, &evaluation[0], &evaluation[1],
                             study->task->metrics, study->task->metric_count, study->difference);
done:
    study->task->release(prepared[0]);
    study->task->release(prepared[1]);
    hedon_free(kept);
    return code;
}

int hedon_study_spread(HedonContext *ctx, HedonStudy *study)
{
    const int subjects = study->subject_count, metrics = study->task->metric_count;
    if (subjects < 2) return 0;
    study->mean = hedon_calloc((size_t)metrics, sizeof(*study->mean));
    study->sd = hedon_calloc((size_t)metrics, sizeof(*study->sd));
    if (!study->mean || !study->sd) return hedon_fail_memory(ctx);
    for (int m = 0; m < metrics; m++) {
        double square = 0;
        for (int s = 0; s < subjects; s++)
            study->mean[m] += study->result[s].value[m] / (double)subjects;
        for (int s = 0; s < subjects; s++) {
            const double apart = study->result[s].value[m] - study->mean[m];
            square += apart * apart;
        }
        study->sd[m] = sqrt(square / (double)(subjects - 1));
    }
    return 0;
}

/* ---- Slices */

enum { QUARTERS = 4, MOST_VALUES = 8, MOST_CLASSES = 32 };

/* A column by rows. */
typedef struct SliceColumn {
    const char *name;
    double *value; /* row_count */
    int own;       /* number of the task's own column, or -1 */
    HedonColumn items;
} SliceColumn;

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static const char *category(const HedonStudy *study, const SliceColumn *column, double value)
{
    if (column->own >= 0) return study->task->own_category(column->own, (int)value);
    return column->items.category ? column->items.category[(int)value] : NULL;
}

static int fill_column(HedonContext *ctx, const HedonStudy *study, SliceColumn *column)
{
    const HedonOutputs *brightness = study->brightness;
    const int is_brightness = !strcmp(column->name, "brightness") && brightness;
    column->own = -1;
    for (int i = 0; study->task->columns[i]; i++)
        if (!strcmp(column->name, study->task->columns[i])) column->own = i;
    column->value = hedon_malloc((size_t)study->row_count, sizeof(*column->value));
    if (!column->value) return hedon_fail_memory(ctx);
    if (column->own < 0 && !is_brightness) {
        const int code = hedon_column_load(ctx, &column->items, study->dataset, column->name);
        if (code) return code;
    }
    const double *items = is_brightness ? brightness->value : column->items.value;
    const int classes = column->items.category != NULL;
    for (int64_t i = 0; i < study->row_count; i++) {
        const int64_t row = study->rows[i];
        column->value[i] = column->own >= 0 ? study->task->own_column(study, column->own, row)
                                            : study->task->of_items(study, items, classes, row);
        if (is_brightness && !study->task->has(study, brightness, row)) column->value[i] = NAN;
    }
    return 0;
}

/* The least value of each slice, and how many slices; ascending values, n > 0. Equal values are
 * never torn apart, so that quarters may be uneven. */
static int slice_starts(const double *ascending, int64_t n, int most, double *starts)
{
    int count = 0;
    for (int64_t i = 0; i < n && count <= most; i++) {
        if (i && ascending[i] == ascending[i - 1]) continue;
        if (count < most) starts[count] = ascending[i];
        count++;
    }
    if (count <= most) return count;
    count = 0;
    for (int q = 0; q < QUARTERS; q++) {
        const double start = ascending[q * n / QUARTERS];
        if (!count || start > starts[count - 1]) starts[count++] = start;
    }
    return count;
}

static int add_slice(HedonContext *ctx, HedonStudy *study, const SliceColumn *column, double low,
                     double below)
{
    if (study->slice_count == HEDON_STUDY_SLICES)
        return hedon_fail(ctx, HEDON_ELIMIT, "too many slices");
    int64_t *rows = hedon_malloc((size_t)study->row_count, sizeof(*rows)), count = 0;
    if (!rows) return hedon_fail_memory(ctx);
    double high = low;
    for (int64_t i = 0; i < study->row_count; i++)
        if (column->value[i] >= low && column->value[i] < below &&
            study->task->has(study, study->result[0].outputs, study->rows[i])) {
            rows[count++] = study->rows[i];
            high = fmax(high, column->value[i]);
        }
    HedonSlice *slice = &study->slices[study->slice_count];
    const char *word = category(study, column, low);
    if (word && high == low)
        snprintf(slice->name, sizeof(slice->name), "%.40s %.40s", column->name, word);
    else if (high > low)
        snprintf(slice->name, sizeof(slice->name), "%.40s %.4g to %.4g", column->name, low, high);
    else
        snprintf(slice->name, sizeof(slice->name), "%.40s %.4g", column->name, low);
    int code = 0;
    if (count) {
        study->slice_count++;
        code = measure(ctx, study, study->result[0].outputs, rows, count, &slice->result);
    }
    hedon_free(rows);
    return code;
}

int hedon_study_slice(HedonContext *ctx, HedonStudy *study, const char *name)
{
    SliceColumn column = {.name = name};
    double *sorted = hedon_malloc((size_t)study->row_count, sizeof(*sorted));
    if (!study->slices) study->slices = hedon_calloc(HEDON_STUDY_SLICES, sizeof(*study->slices));
    int code = sorted && study->slices ? 0 : hedon_fail_memory(ctx);
    if (!code) code = fill_column(ctx, study, &column);
    int64_t known = 0;
    for (int64_t i = 0; i < study->row_count && !code; i++)
        if (!isnan(column.value[i])) sorted[known++] = column.value[i];
    if (!code && !known)
        code = hedon_fail(ctx, HEDON_EINVAL, "nothing in this part has '%s'", name);
    if (!code) {
        double starts[MOST_CLASSES];
        qsort(sorted, (size_t)known, sizeof(*sorted), compare_doubles);
        const int most = category(study, &column, sorted[0]) ? MOST_CLASSES : MOST_VALUES;
        const int count = slice_starts(sorted, known, most, starts);
        for (int s = 0; s < count && !code; s++)
            code =
                add_slice(ctx, study, &column, starts[s], s + 1 < count ? starts[s + 1] : INFINITY);
    }
    hedon_column_free(&column.items);
    hedon_free(column.value);
    hedon_free(sorted);
    return code;
}
