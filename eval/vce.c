#include "eval/vce.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "eval/distribution.h"
#include "eval/statistics.h"
#include "models/emotion_words.h"

enum { N = HEDON_EMOTIONS, DISTANCES = HEDON_VCE_WASSERSTEIN - HEDON_VCE_L1 + 1 };

const HedonMetric hedon_vce_metrics[HEDON_VCE_METRICS] = {
    [HEDON_VCE_TOP1] = {"top1", "top-1", 1, 1, 1},
    [HEDON_VCE_TOP2] = {"top2", "top-2", 1, 1, 0},
    [HEDON_VCE_TOP3] = {"top3", "top-3", 1, 1, 1},
    [HEDON_VCE_TOP5] = {"top5", "top-5", 1, 1, 0},
    [HEDON_VCE_MACRO_TOP1] = {"macro_top1", "top-1, macro", 1, 1, 0},
    [HEDON_VCE_MACRO_TOP2] = {"macro_top2", "top-2, macro", 1, 1, 0},
    [HEDON_VCE_MACRO_TOP3] = {"macro_top3", "top-3, macro", 1, 1, 1},
    [HEDON_VCE_MACRO_TOP5] = {"macro_top5", "top-5, macro", 1, 1, 0},
    [HEDON_VCE_L1] = {"l1", "L1", -1, 0, 1},
    [HEDON_VCE_L2] = {"l2", "L2", -1, 0, 0},
    [HEDON_VCE_COSINE] = {"cosine", "cosine", -1, 0, 0},
    [HEDON_VCE_KL_LABEL] = {"kl_label_prediction", "KL label||prediction", -1, 0, 0},
    [HEDON_VCE_KL_PREDICTION] = {"kl_prediction_label", "KL prediction||label", -1, 0, 0},
    [HEDON_VCE_JENSEN_SHANNON] = {"jensen_shannon", "Jensen-Shannon", -1, 0, 1},
    [HEDON_VCE_WASSERSTEIN] = {"wasserstein", "Wasserstein (PAD)", -1, 0, 1},
    [HEDON_VCE_PEARSON] = {"pearson", "Pearson", 1, 0, 1},
    [HEDON_VCE_SPEARMAN] = {"spearman", "Spearman", 1, 0, 1},
    [HEDON_VCE_CCC] = {"ccc", "CCC", 1, 0, 1},
    [HEDON_VCE_MAE] = {"mae", "MAE", -1, 0, 1},
    [HEDON_VCE_AUROC] = {"auroc", "AUROC", 1, 0, 1},
    [HEDON_VCE_AP] = {"average_precision", "average precision", 1, 0, 1},
    [HEDON_VCE_SLOPE] = {"slope", "slope", 0, 0, 0},
};

const HedonMetric hedon_vce_emotion_metrics[HEDON_VCE_EMOTION_METRICS] = {
    [HEDON_VCE_EMOTION_PEARSON] = {"pearson", "Pearson", 1, 0, 0},
    [HEDON_VCE_EMOTION_SPEARMAN] = {"spearman", "Spearman", 1, 0, 0},
    [HEDON_VCE_EMOTION_CCC] = {"ccc", "CCC", 1, 0, 0},
    [HEDON_VCE_EMOTION_MAE] = {"mae", "MAE", -1, 0, 0},
    [HEDON_VCE_EMOTION_AUROC] = {"auroc", "AUROC", 1, 0, 0},
    [HEDON_VCE_EMOTION_AP] = {"average_precision", "AP", 1, 0, 0},
    [HEDON_VCE_EMOTION_SLOPE] = {"slope", "slope", 0, 0, 0},
};

/* Prepared so that a resample is measured without sorting: what depends on one video is computed
 * once, what depends on an emotion's column is sorted once. */
struct HedonVce {
    int64_t count, all_zero, zero_predictions, output_ties;
    uint8_t *label, *place;                  /* count each */
    double *distance;                        /* (count, DISTANCES); NaN where left out */
    double *labels, *predictions;            /* (27, count) */
    uint8_t *positive;                       /* (27, count) */
    int32_t *label_order, *prediction_order; /* (27, count) */
};

int hedon_vce_label(const double intensities[N])
{
    int first = 0;
    for (int i = 1; i < N; i++)
        if (intensities[i] > intensities[first]) first = i;
    return first;
}

int hedon_vce_place(const double output[N], int label)
{
    int place = 1;
    for (int i = 0; i < N; i++)
        place += output[i] > output[label] || (i < label && output[i] == output[label]);
    return place;
}

void hedon_vce_ground_metric(double cost[N * N])
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double square = 0;
            for (int d = 0; d < HEDON_PAD; d++) {
                const double apart = hedon_emotion_word(i)[d] - hedon_emotion_word(j)[d];
                square += apart * apart;
            }
            cost[i * N + j] = sqrt(square);
        }
}

static void fill_distances(HedonVce *vce, int64_t row, const HedonVceRow *from, const double *cost)
{
    double p[N], q[N], *distance = vce->distance + row * DISTANCES;
    const int labelled = hedon_normalise(p, from->label, N);
    const int predicted = hedon_normalise(q, from->predicted, N);
    vce->all_zero += !labelled;
    vce->zero_predictions += labelled && !predicted;
    for (int d = 0; d < DISTANCES; d++) distance[d] = NAN;
    if (!labelled || !predicted) return;
    distance[HEDON_VCE_L1 - HEDON_VCE_L1] = hedon_l1(p, q, N);
    distance[HEDON_VCE_L2 - HEDON_VCE_L1] = hedon_l2(p, q, N);
    distance[HEDON_VCE_COSINE - HEDON_VCE_L1] = hedon_cosine_distance(p, q, N);
    distance[HEDON_VCE_KL_LABEL - HEDON_VCE_L1] = hedon_kl(p, q, N);
    distance[HEDON_VCE_KL_PREDICTION - HEDON_VCE_L1] = hedon_kl(q, p, N);
    distance[HEDON_VCE_JENSEN_SHANNON - HEDON_VCE_L1] = hedon_jensen_shannon(p, q, N);
    distance[HEDON_VCE_WASSERSTEIN - HEDON_VCE_L1] = hedon_wasserstein(p, q, cost, N);
}

static int is_finite_row(const HedonVceRow *row)
{
    for (int i = 0; i < N; i++)
        if (!isfinite(row->label[i]) || !isfinite(row->predicted[i]) || !isfinite(row->output[i]))
            return 0;
    return 1;
}

static int fill(HedonContext *ctx, HedonVce *vce, const HedonVceRow *rows)
{
    double cost[N * N];
    hedon_vce_ground_metric(cost);
    for (int64_t i = 0; i < vce->count; i++) {
        if (!is_finite_row(&rows[i]))
            return hedon_fail(ctx, HEDON_EINVAL, "row %lld has a number that is not finite",
                              (long long)i + 1);
        const int label = hedon_vce_label(rows[i].label);
        vce->label[i] = (uint8_t)label;
        vce->place[i] = (uint8_t)hedon_vce_place(rows[i].output, label);
        int equal = 0;
        for (int e = 0; e < N; e++) {
            equal += rows[i].output[e] == rows[i].output[label];
            vce->labels[e * vce->count + i] = rows[i].label[e];
            vce->predictions[e * vce->count + i] = rows[i].predicted[e];
            vce->positive[e * vce->count + i] = rows[i].positive[e];
        }
        vce->output_ties += equal > 1;
        fill_distances(vce, i, &rows[i], cost);
    }
    int code = 0;
    for (int64_t e = 0; e < N && !code; e++) {
        const int64_t at = e * vce->count;
        code = hedon_ascending(ctx, vce->label_order + at, vce->labels + at, vce->count);
        if (!code)
            code =
                hedon_ascending(ctx, vce->prediction_order + at, vce->predictions + at, vce->count);
    }
    return code;
}

int hedon_vce_new(HedonContext *ctx, HedonVce **out, const HedonVceRow *rows, int64_t count)
{
    *out = NULL;
    if (count < 1) return hedon_fail(ctx, HEDON_EINVAL, "there is no video to evaluate");
    HedonVce *vce = hedon_calloc(1, sizeof(*vce));
    if (!vce) return hedon_fail_memory(ctx);
    const size_t n = (size_t)count;
    vce->count = count;
    vce->label = hedon_malloc(n, 1);
    vce->place = hedon_malloc(n, 1);
    vce->distance = hedon_malloc(n, DISTANCES * sizeof(double));
    vce->labels = hedon_malloc(n, N * sizeof(double));
    vce->predictions = hedon_malloc(n, N * sizeof(double));
    vce->positive = hedon_malloc(n, N);
    vce->label_order = hedon_malloc(n, N * sizeof(int32_t));
    vce->prediction_order = hedon_malloc(n, N * sizeof(int32_t));
    const int complete = vce->label && vce->place && vce->distance && vce->labels &&
                         vce->predictions && vce->positive && vce->label_order &&
                         vce->prediction_order;
    const int code = complete ? fill(ctx, vce, rows) : hedon_fail_memory(ctx);
    if (code)
        hedon_vce_free(vce);
    else
        *out = vce;
    return code;
}

void hedon_vce_free(HedonVce *vce)
{
    if (!vce) return;
    hedon_free(vce->label);
    hedon_free(vce->place);
    hedon_free(vce->distance);
    hedon_free(vce->labels);
    hedon_free(vce->predictions);
    hedon_free(vce->positive);
    hedon_free(vce->label_order);
    hedon_free(vce->prediction_order);
    hedon_free(vce);
}

/* Macro: the mean over the classes that occur of the share of their videos that are hit. */
static void measure_top(const HedonVce *vce, const int32_t *weight, double *values)
{
    static const int k[] = {1, 2, 3, 5};
    double total = 0, of_class[N] = {0}, hits[4][N] = {{0}};
    for (int64_t i = 0; i < vce->count; i++) {
        const double w = weight ? weight[i] : 1;
        total += w;
        of_class[vce->label[i]] += w;
        for (int j = 0; j < 4; j++)
            if (vce->place[i] <= k[j]) hits[j][vce->label[i]] += w;
    }
    for (int j = 0; j < 4; j++) {
        double all = 0, shares = 0;
        int classes = 0;
        for (int c = 0; c < N; c++) {
            if (!(of_class[c] > 0)) continue;
            all += hits[j][c];
            shares += hits[j][c] / of_class[c];
            classes++;
        }
        values[HEDON_VCE_TOP1 + j] = all / total;
        values[HEDON_VCE_MACRO_TOP1 + j] = shares / classes;
    }
}

static void measure_distances(const HedonVce *vce, const int32_t *weight, double *values)
{
    double sum[DISTANCES] = {0}, total = 0;
    for (int64_t i = 0; i < vce->count; i++) {
        const double *distance = vce->distance + i * DISTANCES, w = weight ? weight[i] : 1;
        if (isnan(distance[0])) continue;
        total += w;
        for (int d = 0; d < DISTANCES; d++) sum[d] += w * distance[d];
    }
    for (int d = 0; d < DISTANCES; d++) values[HEDON_VCE_L1 + d] = sum[d] / total;
}

/* Returns the moments of prediction and label. */
static HedonMoments measure_emotion(const HedonVce *vce, int e, const int32_t *weight,
                                    double *scratch, double *values)
{
    const int64_t n = vce->count, at = e * n;
    const double *label = vce->labels + at, *predicted = vce->predictions + at;
    const int32_t *order = vce->prediction_order + at;
    const uint8_t *positive = vce->positive + at;
    double *label_rank = scratch, *predicted_rank = scratch + n;
    hedon_mean_ranks(label_rank, label, vce->label_order + at, weight, n);
    hedon_mean_ranks(predicted_rank, predicted, order, weight, n);
    const HedonMoments ranks = hedon_moments(predicted_rank, label_rank, weight, n);
    const HedonMoments moments = hedon_moments(predicted, label, weight, n);
    values[HEDON_VCE_EMOTION_PEARSON] = hedon_pearson(moments);
    values[HEDON_VCE_EMOTION_SPEARMAN] = hedon_pearson(ranks);
    values[HEDON_VCE_EMOTION_CCC] = hedon_concordance(moments);
    values[HEDON_VCE_EMOTION_SLOPE] = hedon_slope(moments);
    values[HEDON_VCE_EMOTION_MAE] = hedon_mean_absolute_error(predicted, label, weight, n);
    values[HEDON_VCE_EMOTION_AUROC] = hedon_auroc(predicted, order, positive, weight, n);
    values[HEDON_VCE_EMOTION_AP] = hedon_average_precision(predicted, order, positive, weight, n);
    return moments;
}

static void measure(const void *data, const int32_t *weight, double *scratch, double *values)
{
    const HedonVce *vce = data;
    double *emotions = values + HEDON_VCE_METRICS;
    measure_top(vce, weight, values);
    measure_distances(vce, weight, values);
    HedonMoments pooled = {0};
    for (int e = 0; e < N; e++)
        pooled =
            hedon_moments_join(pooled, measure_emotion(vce, e, weight, scratch,
                                                       emotions + e * HEDON_VCE_EMOTION_METRICS));
    for (int m = HEDON_VCE_EMOTION_PEARSON; m <= HEDON_VCE_EMOTION_AP; m++) {
        double sum = 0;
        int defined = 0;
        for (int e = 0; e < N; e++) {
            const double value = emotions[e * HEDON_VCE_EMOTION_METRICS + m];
            if (isnan(value)) continue;
            sum += value;
            defined++;
        }
        values[HEDON_VCE_PEARSON + m] = sum / defined;
    }
    values[HEDON_VCE_SLOPE] = hedon_slope(pooled);
}

HedonEvaluation hedon_vce_evaluation(const HedonVce *vce)
{
    return (HedonEvaluation){.units = vce->count,
                             .metrics = HEDON_VCE_VALUES,
                             .scratch = 2 * (size_t)vce->count,
                             .data = vce,
                             .measure = measure};
}

int64_t hedon_vce_all_zero(const HedonVce *vce)
{
    return vce->all_zero;
}

int64_t hedon_vce_zero_predictions(const HedonVce *vce)
{
    return vce->zero_predictions;
}

int64_t hedon_vce_output_ties(const HedonVce *vce)
{
    return vce->output_ties;
}

int hedon_vce_deciles(HedonContext *ctx, const HedonVce *vce,
                      HedonCalibrationBin bins[HEDON_CALIBRATION_BINS])
{
    return hedon_deciles(ctx, bins, vce->predictions, vce->labels, N * vce->count);
}
