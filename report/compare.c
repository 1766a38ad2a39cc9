#include "report/compare.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "eval/statistics.h"
#include "report/sample.h"

/* ---- What is resampled */

typedef struct Pairs {
    const HedonSample *first, *second;
    const int32_t *order[2]; /* per column, the videos from least to greatest */
} Pairs;

static double mean_of(const double *x, const int32_t *weight, int64_t n)
{
    double sum = 0, total = 0;
    for (int64_t i = 0; i < n; i++) {
        const double w = weight ? weight[i] : 1;
        sum += w * x[i];
        total += w;
    }
    return sum / total;
}

/* values: the differences of the columns' means, then their rank correlations. scratch: 2 n. */
static void measure_pairs(const void *data, const int32_t *weight, double *scratch, double *values)
{
    const Pairs *pairs = data;
    const int64_t n = pairs->first->count;
    for (int c = 0; c < HEDON_COMPARED; c++) {
        const double *x = hedon_sample_column(pairs->first, c);
        const double *y = hedon_sample_column(pairs->second, c);
        values[c] = mean_of(x, weight, n) - mean_of(y, weight, n);
        values[HEDON_COMPARED + c] = NAN;
        if (isnan(x[0]) || isnan(y[0])) continue;
        hedon_mean_ranks(scratch, x, pairs->order[0] + c * n, weight, n);
        hedon_mean_ranks(scratch + n, y, pairs->order[1] + c * n, weight, n);
        values[HEDON_COMPARED + c] = hedon_pearson(hedon_moments(scratch, scratch + n, weight, n));
    }
}

static void measure_means(const void *data, const int32_t *weight, double *scratch, double *values)
{
    const HedonSample *sample = data;
    (void)scratch;
    for (int c = 0; c < HEDON_COMPARED; c++)
        values[c] = mean_of(hedon_sample_column(sample, c), weight, sample->count);
}

/* ---- Two models */

static int order_columns(HedonContext *ctx, int32_t **order, const HedonSample *sample)
{
    *order = hedon_malloc((size_t)sample->count, HEDON_COMPARED * sizeof(**order));
    int code = *order ? 0 : hedon_fail_memory(ctx);
    for (int c = 0; c < HEDON_COMPARED && !code; c++)
        code = hedon_ascending(ctx, *order + c * sample->count, hedon_sample_column(sample, c),
                               sample->count);
    return code;
}

static int compare_pairs(HedonContext *ctx, HedonComparison *out, const HedonSample *first,
                         const HedonSample *second, const HedonBootstrap *bootstrap)
{
    enum { VALUES = 2 * HEDON_COMPARED };
    int32_t *order[2] = {NULL, NULL};
    double *values = hedon_malloc((size_t)bootstrap->replicates, VALUES * sizeof(*values));
    double *scratch = hedon_malloc((size_t)first->count, 2 * sizeof(*scratch));
    double whole[VALUES];
    int code = values && scratch ? 0 : hedon_fail_memory(ctx);
    if (!code) code = order_columns(ctx, &order[0], first);
    if (!code) code = order_columns(ctx, &order[1], second);
    const Pairs pairs = {.first = first, .second = second, .order = {order[0], order[1]}};
    const HedonEvaluation evaluation = {.units = first->count,
                                        .metrics = VALUES,
                                        .scratch = 2 * (size_t)first->count,
                                        .data = &pairs,
                                        .measure = measure_pairs};
    if (!code) code = hedon_bootstrap_run(ctx, bootstrap, &evaluation, values);
    if (!code) measure_pairs(&pairs, NULL, scratch, whole);
    for (int c = 0; c < HEDON_COMPARED && !code; c++) {
        HedonComparedValue *value = &out->value[c];
        value->difference = whole[c];
        value->rank_correlation = whole[HEDON_COMPARED + c];
        code = hedon_interval(ctx, &value->interval, values + c, bootstrap->replicates, VALUES);
        if (!code)
            code = hedon_interval(ctx, &value->rank_interval, values + HEDON_COMPARED + c,
                                  bootstrap->replicates, VALUES);
    }
    hedon_free(order[0]);
    hedon_free(order[1]);
    hedon_free(values);
    hedon_free(scratch);
    return code;
}

/* ---- Two folders */

static int resample_means(HedonContext *ctx, double **values, const HedonSample *sample,
                          const HedonBootstrap *bootstrap)
{
    *values = hedon_malloc((size_t)bootstrap->replicates, HEDON_COMPARED * sizeof(**values));
    if (!*values) return hedon_fail_memory(ctx);
    const HedonEvaluation evaluation = {.units = sample->count,
                                        .metrics = HEDON_COMPARED,
                                        .scratch = 1,
                                        .data = sample,
                                        .measure = measure_means};
    return hedon_bootstrap_run(ctx, bootstrap, &evaluation, *values);
}

static int compare_samples(HedonContext *ctx, HedonComparison *out, const HedonSample *first,
                           const HedonSample *second, const HedonBootstrap *bootstrap)
{
    double *a = NULL, *b = NULL;
    /* another seed, or samples of the same size would be drawn alike, as pairs are */
    HedonBootstrap other = *bootstrap;
    other.seed = ~bootstrap->seed;
    int code = resample_means(ctx, &a, first, bootstrap);
    if (!code) code = resample_means(ctx, &b, second, &other);
    const int64_t count = bootstrap->replicates * HEDON_COMPARED;
    for (int64_t i = 0; i < count && !code; i++) a[i] -= b[i];
    for (int c = 0; c < HEDON_COMPARED && !code; c++) {
        HedonComparedValue *value = &out->value[c];
        value->difference = value->first - value->second;
        value->rank_correlation = NAN;
        value->rank_interval = (HedonInterval){NAN, NAN, NAN};
        code = hedon_interval(ctx, &value->interval, a + c, bootstrap->replicates, HEDON_COMPARED);
    }
    hedon_free(a);
    hedon_free(b);
    return code;
}

static int check_counts(HedonContext *ctx, const HedonComparison *out)
{
    if (out->first_videos < 2 || out->second_videos < 2)
        return hedon_fail(ctx, HEDON_EINVAL, "%s has fewer than two annotated videos to compare",
                          out->first_videos < 2 ? "the first" : "the second");
    if (out->paired && out->videos < 2)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "the two runs have fewer than two annotated videos in common");
    return 0;
}

int hedon_compare_sides(HedonContext *ctx, HedonComparison *out, HedonStore *store,
                        const HedonCompareSide *first, const HedonCompareSide *second,
                        const char *where, const HedonBootstrap *bootstrap)
{
    HedonSample a = {0}, b = {0};
    *out = (HedonComparison){.paired = first->run != second->run};
    int code = hedon_sample_load(ctx, &a, store, first, where);
    if (!code) code = hedon_sample_load(ctx, &b, store, second, where);
    out->first_videos = a.count;
    out->second_videos = b.count;
    if (!code && out->paired) {
        code = hedon_sample_pair(ctx, &a, &b);
        out->videos = a.count;
    }
    if (!code) code = check_counts(ctx, out);
    for (int c = 0; c < HEDON_COMPARED && !code; c++) {
        HedonComparedValue *value = &out->value[c];
        value->first = mean_of(hedon_sample_column(&a, c), NULL, a.count);
        value->second = mean_of(hedon_sample_column(&b, c), NULL, b.count);
        value->measured = !isnan(value->first) && !isnan(value->second);
    }
    if (!code)
        code = out->paired ? compare_pairs(ctx, out, &a, &b, bootstrap)
                           : compare_samples(ctx, out, &a, &b, bootstrap);
    hedon_sample_clear(&a);
    hedon_sample_clear(&b);
    return code;
}
