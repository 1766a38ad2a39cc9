#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

static double weight_of(const int32_t *weight, int64_t i)
{
    return weight ? (double)weight[i] : 1;
}

static int compare(const void *a, const void *b, void *opaque)
{
    const double *x = opaque;
    const int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    if (x[i] != x[j]) return x[i] < x[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

int hedon_ascending(HedonContext *ctx, int32_t *order, const double *x, int64_t n)
{
    if (n > INT32_MAX) return hedon_fail(ctx, HEDON_ELIMIT, "too many rows to evaluate");
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
    qsort_r(order, (size_t)n, sizeof(*order), compare, (void *)x);
    return 0;
}

/* Two passes: one would lose digits where the spread is small beside the mean. */
HedonMoments hedon_moments(const double *x, const double *y, const int32_t *weight, int64_t n)
{
    HedonMoments m = {0};
    for (int64_t i = 0; i < n; i++) {
        const double w = weight_of(weight, i);
        m.total += w;
        m.mean_x += w * x[i];
        m.mean_y += w * y[i];
    }
    m.mean_x /= m.total;
    m.mean_y /= m.total;
    for (int64_t i = 0; i < n; i++) {
        const double w = weight_of(weight, i), dx = x[i] - m.mean_x, dy = y[i] - m.mean_y;
        m.xx += w * dx * dx;
        m.yy += w * dy * dy;
        m.xy += w * dx * dy;
    }
    return m;
}

/* Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983. */
HedonMoments hedon_moments_join(HedonMoments a, HedonMoments b)
{
    const double total = a.total + b.total;
    if (!(total > 0)) return a;
    const double dx = b.mean_x - a.mean_x, dy = b.mean_y - a.mean_y;
    const double both = a.total * b.total / total, part = b.total / total;
    return (HedonMoments){.total = total,
                          .mean_x = a.mean_x + part * dx,
                          .mean_y = a.mean_y + part * dy,
                          .xx = a.xx + b.xx + both * dx * dx,
                          .yy = a.yy + b.yy + both * dy * dy,
                          .xy = a.xy + b.xy + both * dx * dy};
}

/* Of a constant column only rounding is left. */
static int is_constant(double square, double mean, double total)
{
    return !(square > 1e-26 * total * mean * mean);
}

double hedon_pearson(HedonMoments m)
{
    if (is_constant(m.xx, m.mean_x, m.total) || is_constant(m.yy, m.mean_y, m.total)) return NAN;
    return fmax(-1, fmin(1, m.xy / (sqrt(m.xx) * sqrt(m.yy))));
}

double hedon_concordance(HedonMoments m)
{
    const double apart = m.mean_x - m.mean_y;
    const double below = m.xx + m.yy + m.total * apart * apart;
    return below > 0 ? 2 * m.xy / below : NAN;
}

double hedon_slope(HedonMoments m)
{
    return is_constant(m.xx, m.mean_x, m.total) ? NAN : m.xy / m.xx;
}

double hedon_mean_absolute_error(const double *x, const double *y, const int32_t *weight, int64_t n)
{
    double sum = 0, total = 0;
    for (int64_t i = 0; i < n; i++) {
        const double w = weight_of(weight, i);
        sum += w * fabs(x[i] - y[i]);
        total += w;
    }
    return sum / total;
}

/* The end of the run of equal values that begins at order[start]. */
static int64_t run_end(const double *x, const int32_t *order, int64_t start, int64_t n)
{
    int64_t end = start + 1;
    while (end < n && x[order[end]] == x[order[start]]) end++;
    return end;
}

void hedon_mean_ranks(double *rank, const double *x, const int32_t *order, const int32_t *weight,
                      int64_t n)
{
    double below = 0;
    for (int64_t start = 0, end; start < n; start = end) {
        end = run_end(x, order, start, n);
        double total = 0;
        for (int64_t i = start; i < end; i++) total += weight_of(weight, order[i]);
        for (int64_t i = start; i < end; i++) rank[order[i]] = below + (total + 1) / 2;
        below += total;
    }
}

double hedon_auroc(const double *x, const int32_t *order, const uint8_t *positive,
                   const int32_t *weight, int64_t n)
{
    double above = 0, positives = 0, negatives = 0;
    for (int64_t start = 0, end; start < n; start = end) {
        end = run_end(x, order, start, n);
        double here[2] = {0};
        for (int64_t i = start; i < end; i++)
            here[positive[order[i]] != 0] += weight_of(weight, order[i]);
        above += here[1] * (negatives + here[0] / 2);
        negatives += here[0];
        positives += here[1];
    }
    return positives > 0 && negatives > 0 ? above / (positives * negatives) : NAN;
}

double hedon_average_precision(const double *x, const int32_t *order, const uint8_t *positive,
                               const int32_t *weight, int64_t n)
{
    double sum = 0, positives = 0, taken = 0;
    for (int64_t end = n, start; end > 0; end = start) {
        double here[2] = {0};
        for (start = end; start > 0 && x[order[start - 1]] == x[order[end - 1]]; start--)
            here[positive[order[start - 1]] != 0] += weight_of(weight, order[start - 1]);
        positives += here[1];
        taken += here[0] + here[1];
        if (taken > 0) sum += here[1] * positives / taken;
    }
    return positives > 0 ? sum / positives : NAN;
}

double hedon_quantile(const double *ascending, int64_t n, double p)
{
    if (n < 1) return NAN;
    const double place = p * (double)(n - 1);
    const int64_t below = (int64_t)floor(place);
    if (below >= n - 1) return ascending[n - 1];
    const double part = place - (double)below;
    return ascending[below] + part * (ascending[below + 1] - ascending[below]);
}
