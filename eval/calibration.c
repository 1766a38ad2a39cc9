#include "eval/calibration.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "eval/statistics.h"

enum { BINS = HEDON_CALIBRATION_BINS };

int hedon_deciles(HedonContext *ctx, HedonCalibrationBin bins[BINS], const double *predicted,
                  const double *observed, int64_t n)
{
    int32_t *order = hedon_malloc((size_t)n, sizeof(*order));
    double *rank = hedon_malloc((size_t)n, sizeof(*rank));
    int code = order && rank ? hedon_ascending(ctx, order, predicted, n) : hedon_fail_memory(ctx);
    if (!code) {
        memset(bins, 0, BINS * sizeof(*bins));
        hedon_mean_ranks(rank, predicted, order, NULL, n);
        for (int64_t i = 0; i < n; i++) {
            HedonCalibrationBin *bin = &bins[(int)(BINS * (rank[i] - .5) / (double)n)];
            bin->predicted += predicted[i];
            bin->observed += observed[i];
            bin->count++;
        }
        for (int b = 0; b < BINS; b++) {
            bins[b].predicted /= (double)bins[b].count;
            bins[b].observed /= (double)bins[b].count;
        }
    }
    hedon_free(order);
    hedon_free(rank);
    return code;
}

double hedon_pair_log_loss(double d)
{
    return fmax(0, -d) + log1p(exp(-fabs(d)));
}

double hedon_pair_brier(double d)
{
    const double wrong = 1 / (1 + exp(d));
    return wrong * wrong;
}

int hedon_confidence_bin(double d, double *confidence)
{
    *confidence = 1 / (1 + exp(-fabs(d)));
    const int bin = (int)((*confidence - .5) * 2 * BINS);
    return bin < BINS ? bin : BINS - 1;
}

/* d/ds of the mean log loss at s = 1 / T; it rises with s. */
static double loss_slope(const double *d, int64_t n, double s)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum -= d[i] / (1 + exp(s * d[i]));
    return sum;
}

double hedon_fit_temperature(const double *d, int64_t n)
{
    double low = 1e-3, high = 1e3; /* of s */
    if (n < 1 || !(loss_slope(d, n, low) < 0) || !(loss_slope(d, n, high) > 0)) return NAN;
    for (int i = 0; i < 100; i++) {
        const double middle = sqrt(low * high);
        if (loss_slope(d, n, middle) < 0)
            low = middle;
        else
            high = middle;
    }
    return 1 / sqrt(low * high);
}
