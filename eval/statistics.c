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

double hedon_weighted_mean(const double *x, const int32_t *weight, int64_t n)
{
    double sum = 0, total = 0;
    for (int64_t i = 0; i < n; i++) {
        const double w = weight_of(weight, i);
        if (w == 0) continue; /* a row left out may be NaN */
        sum += w * x[i];
        total += w;
    }
    return sum / total;
}

typedef struct Moments {
    double total, mean_x, mean_y, xx, yy, xy; /* sums of centred products */
} Moments;

/* Two passes: one would lose digits where the spread is small beside the mean. */
static Moments moments(const double *x, const double *y, const int32_t *weight, int64_t n)
{
    Moments m = {0};
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
    /* of a constant column only rounding is left */
    const double tiny = 1e-26 * m.total;
    if (m.xx <= tiny * m.mean_x * m.mean_x) m.xx = 0;
    if (m.yy <= tiny * m.mean_y * m.mean_y) m.yy = 0;
    return m;
}

double hedon_pearson(const double *x, const double *y, const int32_t *weight, int64_t n)
{
    const Moments m = moments(x, y, weight, n);
    if (!(m.xx > 0) || !(m.yy > 0)) return NAN;
    return fmax(-1, fmin(1, m.xy / (sqrt(m.xx) * sqrt(m.yy))));
}

double hedon_concordance(const double *x, const double *y, const int32_t *weight, int64_t n)
{
    const Moments m = moments(x, y, weight, n);
    const double apart = m.mean_x - m.mean_y;
    const double below = m.xx + m.yy + m.total * apart * apart;
    return below > 0 ? 2 * m.xy / below : NAN;
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

double hedon_slope(const double *x, const double *y, const int32_t *weight, int64_t n,
                   double *intercept)
{
    const Moments m = moments(x, y, weight, n);
    const double slope = m.xx > 0 ? m.xy / m.xx : NAN;
    if (intercept) *intercept = m.mean_y - slope * m.mean_x;
    return slope;
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
