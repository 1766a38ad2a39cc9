#include "eval/v2v.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { BINS = HEDON_CALIBRATION_BINS };

const HedonMetric hedon_v2v_metrics[HEDON_V2V_METRICS] = {
    [HEDON_V2V_PAIR_ACCURACY] = {"pair_accuracy", "pairs right", 1, 1, 1},
    [HEDON_V2V_PAIR_TIES] = {"pair_ties", "pairs tied", -1, 1, 0},
    [HEDON_V2V_PAIR_ACCURACY_HALF] = {"pair_accuracy_ties_half", "right, ties half", 1, 1, 0},
    [HEDON_V2V_LOG_LOSS] = {"log_loss", "log loss", -1, 0, 1},
    [HEDON_V2V_BRIER] = {"brier", "Brier", -1, 0, 1},
    [HEDON_V2V_CALIBRATION_ERROR] = {"calibration_error", "calibration error", -1, 0, 0},
    [HEDON_V2V_LOG_LOSS_FITTED] = {"log_loss_fitted", "log loss, fitted T", -1, 0, 0},
    [HEDON_V2V_BRIER_FITTED] = {"brier_fitted", "Brier, fitted T", -1, 0, 0},
    [HEDON_V2V_CALIBRATION_ERROR_FITTED] = {"calibration_error_fitted", "calibration, fitted T", -1,
                                            0, 0},
    [HEDON_V2V_LIST_PAPER] = {"list_paper", "lists, paper's count", 1, 1, 0},
    [HEDON_V2V_LIST_STRICT] = {"list_strict", "lists, strict", 1, 1, 1},
    [HEDON_V2V_LIST_TIES] = {"list_ties", "lists with ties", -1, 1, 0},
    [HEDON_V2V_LIST_CHANCE] = {"list_chance", "lists by chance", 0, 1, 0},
    [HEDON_V2V_KENDALL] = {"kendall_tau_b", "Kendall tau-b", 1, 0, 1},
    [HEDON_V2V_RECIPROCAL_RANK] = {"reciprocal_rank", "recip. rank of best", 1, 0, 1},
};

typedef struct Pair {
    double difference, half; /* utility preferred - other; 1, 0, or .5 for a tie */
    double value[HEDON_V2V_BRIER_FITTED + 1];
    double confidence[2]; /* as it is; with the temperature */
    int bin[2];
    int32_t group;
} Pair;

typedef struct List {
    double value[HEDON_V2V_METRICS - HEDON_V2V_LIST_PAPER];
    int32_t group;
} List;

struct HedonV2v {
    int64_t groups, pair_count, list_count;
    double temperature;
    Pair *pairs;
    List *lists;
};

double hedon_kendall(const double *utility, int count)
{
    double concordant = 0, distinct = 0;
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++) {
            concordant += (utility[j] > utility[i]) - (utility[j] < utility[i]);
            distinct += utility[j] != utility[i];
        }
    const double all = .5 * count * (count - 1);
    return distinct > 0 ? concordant / sqrt(all * distinct) : 0;
}

double hedon_list_chance(int count)
{
    double chance = 1;
    for (int i = 2; i <= count; i++) chance /= i;
    return chance;
}

static void fill_pair(Pair *pair, double difference, double temperature, int32_t group)
{
    const double fitted = difference / temperature; /* NaN without a temperature */
    pair->difference = difference;
    pair->half = difference > 0 ? 1 : difference < 0 ? 0 : .5;
    pair->group = group;
    pair->value[HEDON_V2V_PAIR_ACCURACY] = difference > 0;
    pair->value[HEDON_V2V_PAIR_TIES] = difference == 0;
    pair->value[HEDON_V2V_PAIR_ACCURACY_HALF] = pair->half;
    pair->value[HEDON_V2V_LOG_LOSS] = hedon_pair_log_loss(difference);
    pair->value[HEDON_V2V_BRIER] = hedon_pair_brier(difference);
    pair->bin[0] = hedon_confidence_bin(difference, &pair->confidence[0]);
    if (isnan(temperature)) return;
    pair->value[HEDON_V2V_LOG_LOSS_FITTED] = hedon_pair_log_loss(fitted);
    pair->value[HEDON_V2V_BRIER_FITTED] = hedon_pair_brier(fitted);
    pair->bin[1] = hedon_confidence_bin(fitted, &pair->confidence[1]);
}

static double *list_value(List *list, HedonV2vMetric metric)
{
    return &list->value[metric - HEDON_V2V_LIST_PAPER];
}

static void fill_list(List *list, const HedonV2vRow *row)
{
    const double *u = row->utility, best = u[row->count - 1];
    int falls = 0, level = 0, above = 0;
    for (int i = 0; i + 1 < row->count; i++) {
        falls += u[i + 1] < u[i];
        level += u[i + 1] == u[i];
        above += u[i] >= best;
    }
    list->group = row->group;
    *list_value(list, HEDON_V2V_LIST_PAPER) = !falls;
    *list_value(list, HEDON_V2V_LIST_STRICT) = !falls && !level;
    *list_value(list, HEDON_V2V_LIST_TIES) = level > 0;
    *list_value(list, HEDON_V2V_LIST_CHANCE) = hedon_list_chance(row->count);
    *list_value(list, HEDON_V2V_KENDALL) = hedon_kendall(u, row->count);
    *list_value(list, HEDON_V2V_RECIPROCAL_RANK) = 1.0 / (above + 1);
}

static int fill(HedonContext *ctx, HedonV2v *v2v, const HedonV2vRow *rows, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const HedonV2vRow *row = &rows[i];
        if (row->count < 2 || row->count > HEDON_V2V_LIST_MAX || (!row->is_list && row->count > 2))
            return hedon_fail(ctx, HEDON_EINVAL, "comparison %lld has %d videos", (long long)i + 1,
                              row->count);
        for (int k = 0; k < row->count; k++)
            if (!isfinite(row->utility[k]))
                return hedon_fail(ctx, HEDON_EINVAL,
                                  "comparison %lld has a utility that is not finite",
                                  (long long)i + 1);
        if (row->is_list)
            fill_list(&v2v->lists[v2v->list_count++], row);
        else
            fill_pair(&v2v->pairs[v2v->pair_count++], row->utility[1] - row->utility[0],
                      v2v->temperature, row->group);
    }
    return 0;
}

int hedon_v2v_new(HedonContext *ctx, HedonV2v **out, const HedonV2vRow *rows, int64_t count,
                  int64_t groups, double temperature)
{
    *out = NULL;
    if (count < 1) return hedon_fail(ctx, HEDON_EINVAL, "there is no comparison to evaluate");
    HedonV2v *v2v = hedon_calloc(1, sizeof(*v2v));
    if (!v2v) return hedon_fail_memory(ctx);
    v2v->groups = groups;
    v2v->temperature = temperature;
    v2v->pairs = hedon_calloc((size_t)count, sizeof(*v2v->pairs));
    v2v->lists = hedon_calloc((size_t)count, sizeof(*v2v->lists));
    const int code =
        v2v->pairs && v2v->lists ? fill(ctx, v2v, rows, count) : hedon_fail_memory(ctx);
    if (code)
        hedon_v2v_free(v2v);
    else
        *out = v2v;
    return code;
}

void hedon_v2v_free(HedonV2v *v2v)
{
    if (!v2v) return;
    hedon_free(v2v->pairs);
    hedon_free(v2v->lists);
    hedon_free(v2v);
}

/* sum over bins of |sum of confidence - sum of accuracy|, over all pairs */
static double calibration_error(const HedonV2v *v2v, const int32_t *weight, int fitted)
{
    double apart[BINS] = {0}, total = 0, sum = 0;
    for (int64_t i = 0; i < v2v->pair_count; i++) {
        const Pair *pair = &v2v->pairs[i];
        const double w = weight ? weight[pair->group] : 1;
        apart[pair->bin[fitted]] += w * (pair->confidence[fitted] - pair->half);
        total += w;
    }
    for (int b = 0; b < BINS; b++) sum += fabs(apart[b]);
    return sum / total;
}

static void measure(const void *data, const int32_t *weight, double *scratch, double *values)
{
    (void)scratch;
    const HedonV2v *v2v = data;
    double pairs = 0, lists = 0;
    for (int m = 0; m < HEDON_V2V_METRICS; m++) values[m] = 0;
    for (int64_t i = 0; i < v2v->pair_count; i++) {
        const Pair *pair = &v2v->pairs[i];
        const double w = weight ? weight[pair->group] : 1;
        pairs += w;
        for (int m = 0; m <= HEDON_V2V_BRIER_FITTED; m++) values[m] += w * pair->value[m];
    }
    for (int64_t i = 0; i < v2v->list_count; i++) {
        const List *list = &v2v->lists[i];
        const double w = weight ? weight[list->group] : 1;
        lists += w;
        for (int m = HEDON_V2V_LIST_PAPER; m < HEDON_V2V_METRICS; m++)
            values[m] += w * list->value[m - HEDON_V2V_LIST_PAPER];
    }
    for (int m = 0; m < HEDON_V2V_METRICS; m++)
        values[m] /= m < HEDON_V2V_LIST_PAPER ? pairs : lists; /* 0 / 0: there are none */
    values[HEDON_V2V_CALIBRATION_ERROR] = calibration_error(v2v, weight, 0);
    values[HEDON_V2V_CALIBRATION_ERROR_FITTED] = calibration_error(v2v, weight, 1);
    if (isnan(v2v->temperature))
        values[HEDON_V2V_LOG_LOSS_FITTED] = values[HEDON_V2V_BRIER_FITTED] =
            values[HEDON_V2V_CALIBRATION_ERROR_FITTED] = NAN;
}

HedonEvaluation hedon_v2v_evaluation(const HedonV2v *v2v)
{
    return (HedonEvaluation){
        .units = v2v->groups, .metrics = HEDON_V2V_METRICS, .data = v2v, .measure = measure};
}

int64_t hedon_v2v_pairs(const HedonV2v *v2v)
{
    return v2v->pair_count;
}

int64_t hedon_v2v_lists(const HedonV2v *v2v)
{
    return v2v->list_count;
}

void hedon_v2v_reliability(const HedonV2v *v2v, double temperature, HedonCalibrationBin bins[BINS])
{
    memset(bins, 0, BINS * sizeof(*bins));
    for (int64_t i = 0; i < v2v->pair_count; i++) {
        double confidence;
        HedonCalibrationBin *bin =
            &bins[hedon_confidence_bin(v2v->pairs[i].difference / temperature, &confidence)];
        bin->predicted += confidence;
        bin->observed += v2v->pairs[i].half;
        bin->count++;
    }
    for (int b = 0; b < BINS; b++) {
        bins[b].predicted /= (double)bins[b].count;
        bins[b].observed /= (double)bins[b].count;
    }
}

static int32_t root_of(int32_t *parent, int32_t item)
{
    while (parent[item] != item) item = parent[item] = parent[parent[item]];
    return item;
}

int64_t hedon_comparison_groups(HedonContext *ctx, int32_t *groups, const int32_t *items,
                                const int64_t *offsets, int64_t comparisons, int64_t item_count)
{
    int32_t *parent = hedon_malloc((size_t)item_count, sizeof(*parent));
    int32_t *number = hedon_malloc((size_t)item_count, sizeof(*number));
    int64_t count = 0;
    if (!parent || !number) {
        count = hedon_fail_memory(ctx);
        goto done;
    }
    for (int64_t i = 0; i < item_count; i++) {
        parent[i] = (int32_t)i;
        number[i] = -1;
    }
    for (int64_t c = 0; c < comparisons; c++)
        for (int64_t k = offsets[c] + 1; k < offsets[c + 1]; k++) {
            const int32_t a = root_of(parent, items[offsets[c]]), b = root_of(parent, items[k]);
            if (a < b)
                parent[b] = a;
            else
                parent[a] = b;
        }
    for (int64_t c = 0; c < comparisons; c++) {
        const int32_t root = root_of(parent, items[offsets[c]]);
        if (number[root] < 0) number[root] = (int32_t)count++;
        groups[c] = number[root];
    }
done:
    hedon_free(parent);
    hedon_free(number);
    return count;
}
