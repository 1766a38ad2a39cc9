#include "eval/bootstrap.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "eval/statistics.h"

enum { MAX_THREADS = 256 };

typedef struct Resampling {
    const HedonBootstrap *options;
    const HedonEvaluation *evaluation;
    double *values;
    atomic_llong next; /* replicate */
    atomic_int code;
} Resampling;

static void draw(int32_t *weight, int64_t units, uint64_t seed, int64_t replicate)
{
    const HedonRandomKey key = hedon_random_key(seed, (uint64_t)replicate, 0);
    memset(weight, 0, (size_t)units * sizeof(*weight));
    for (int64_t i = 0; i < units; i++)
        weight[(int64_t)((double)units * hedon_random_uniform(key, (uint64_t)i))]++;
}

static void *resample(void *opaque)
{
    Resampling *job = opaque;
    const HedonEvaluation *evaluation = job->evaluation;
    int32_t *weight = hedon_malloc((size_t)evaluation->units, sizeof(*weight));
    double *scratch = hedon_malloc(evaluation->scratch, sizeof(*scratch));
    if (!weight || !scratch) atomic_store(&job->code, HEDON_ENOMEM);
    while (!atomic_load(&job->code)) {
        const int64_t replicate = atomic_fetch_add(&job->next, 1);
        if (replicate >= job->options->replicates) break;
        if (hedon_is_cancelled()) atomic_store(&job->code, HEDON_ECANCELLED);
        draw(weight, evaluation->units, job->options->seed, replicate);
        evaluation->measure(evaluation->data, weight, scratch,
                            job->values + replicate * evaluation->metrics);
    }
    hedon_free(weight);
    hedon_free(scratch);
    return NULL;
}

int hedon_bootstrap_run(HedonContext *ctx, const HedonBootstrap *options,
                        const HedonEvaluation *evaluation, double *values)
{
    if (options->replicates < 1 || evaluation->units < 1)
        return hedon_fail(ctx, HEDON_EINVAL, "there is nothing to resample");
    Resampling job = {.options = options, .evaluation = evaluation, .values = values};
    pthread_t threads[MAX_THREADS];
    int started = 0;
    while (started + 1 < options->threads && started < MAX_THREADS &&
           !pthread_create(&threads[started], NULL, resample, &job))
        started++;
    resample(&job);
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    if (job.code == HEDON_ENOMEM) return hedon_fail_memory(ctx);
    return job.code ? hedon_fail(ctx, job.code, "interrupted") : 0;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int hedon_interval(HedonContext *ctx, HedonInterval *out, const double *column, int64_t replicates,
                   int64_t stride)
{
    *out = (HedonInterval){NAN, NAN, NAN};
    double *sorted = hedon_malloc((size_t)replicates, sizeof(*sorted));
    if (!sorted) return hedon_fail_memory(ctx);
    int64_t n = 0;
    double sum = 0, square = 0;
    for (int64_t r = 0; r < replicates; r++)
        if (!isnan(column[r * stride])) sum += sorted[n++] = column[r * stride];
    if (2 * n >= replicates) {
        qsort(sorted, (size_t)n, sizeof(*sorted), compare_doubles);
        const double mean = sum / (double)n;
        for (int64_t i = 0; i < n; i++) square += (sorted[i] - mean) * (sorted[i] - mean);
        out->low = hedon_quantile(sorted, n, .025);
        out->high = hedon_quantile(sorted, n, .975);
        out->sd = n > 1 ? sqrt(square / (double)(n - 1)) : 0;
    }
    hedon_free(sorted);
    return 0;
}

/* The share of resamples that contradict the sign of the difference, both ways. */
static double two_sided(const double *difference, int64_t replicates, int64_t stride)
{
    int64_t below = 0, above = 0, n = 0;
    for (int64_t r = 0; r < replicates; r++) {
        const double d = difference[r * stride];
        if (isnan(d)) continue;
        below += d <= 0;
        above += d >= 0;
        n++;
    }
    const int64_t least = below < above ? below : above;
    return n ? fmin(1, 2 * (double)(least + 1) / (double)(n + 1)) : NAN;
}

static int fill_differences(HedonContext *ctx, const HedonBootstrap *options, double *first,
                            const double *second, int64_t stride, const HedonMetric *metrics,
                            int count, HedonDifference *out)
{
    double p[HEDON_MOST_METRICS] = {0}, corrected[HEDON_MOST_METRICS];
    for (int64_t i = 0; i < options->replicates * stride; i++) first[i] -= second[i];
    for (int m = 0; m < count; m++) {
        const int code =
            hedon_interval(ctx, &out[m].interval, first + m, options->replicates, stride);
        if (code) return code;
        out[m].p = isnan(out[m].value) ? NAN : two_sided(first + m, options->replicates, stride);
        p[m] = metrics[m].tested ? out[m].p : NAN;
    }
    hedon_holm(corrected, p, count);
    for (int m = 0; m < count; m++) out[m].holm = corrected[m];
    return 0;
}

int hedon_compare(HedonContext *ctx, const HedonBootstrap *options, const HedonEvaluation *first,
                  const HedonEvaluation *second, const HedonMetric *metrics, int count,
                  HedonDifference *out)
{
    if (first->units != second->units || first->metrics != second->metrics ||
        count > HEDON_MOST_METRICS)
        return hedon_fail(ctx, HEDON_EINVAL, "only evaluations of the same videos can be compared");
    const int64_t stride = first->metrics;
    const size_t scratch = first->scratch > second->scratch ? first->scratch : second->scratch;
    const size_t rows = (size_t)options->replicates;
    double *a = hedon_malloc(rows, (size_t)stride * sizeof(*a));
    double *b = hedon_malloc(rows, (size_t)stride * sizeof(*b));
    double *work = hedon_malloc(scratch + (size_t)(2 * stride), sizeof(*work));
    int code = a && b && work ? 0 : hedon_fail_memory(ctx);
    if (!code) code = hedon_bootstrap_run(ctx, options, first, a);
    if (!code) code = hedon_bootstrap_run(ctx, options, second, b);
    if (!code) {
        double *of_first = work + scratch, *of_second = of_first + stride;
        first->measure(first->data, NULL, work, of_first);
        second->measure(second->data, NULL, work, of_second);
        for (int m = 0; m < count; m++) out[m].value = of_first[m] - of_second[m];
        code = fill_differences(ctx, options, a, b, stride, metrics, count, out);
    }
    hedon_free(a);
    hedon_free(b);
    hedon_free(work);
    return code;
}

void hedon_holm(double *corrected, const double *p, int count)
{
    int tests = 0;
    double least = 0;
    for (int i = 0; i < count; i++) {
        corrected[i] = NAN;
        tests += !isnan(p[i]);
    }
    for (int left = tests; left > 0; left--) {
        int next = -1;
        for (int i = 0; i < count; i++)
            if (!isnan(p[i]) && isnan(corrected[i]) && (next < 0 || p[i] < p[next])) next = i;
        least = fmax(least, fmin(1, left * p[next]));
        corrected[next] = least;
    }
}
