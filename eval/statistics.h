/* Agreement of two columns of numbers. Everything takes weights, so that a bootstrap resample is a
 * vector of counts and nothing is copied or sorted again: weight w is the same as w equal rows.
 *
 * x, y, positive, weight: n of them; weight NULL: ones. What is not defined (a constant column, no
 * positives) is NaN. `order` is hedon_ascending of x. */
#ifndef HEDON_EVAL_STATISTICS_H
#define HEDON_EVAL_STATISTICS_H

#include "hedon.h"

/** order[0..n-1]: the numbers of x from least to greatest, ties by number. HEDON_ENOMEM. */
int hedon_ascending(HedonContext *ctx, int32_t *order, const double *x, int64_t n);

/* Weighted sums of two columns, from which several statistics follow. */
typedef struct HedonMoments {
    double total, mean_x, mean_y, xx, yy, xy; /* xx, yy, xy: sums of centred products */
} HedonMoments;

HedonMoments hedon_moments(const double *x, const double *y, const int32_t *weight, int64_t n);
/** Those of both columns' rows together. */
HedonMoments hedon_moments_join(HedonMoments a, HedonMoments b);

double hedon_pearson(HedonMoments m);
/** Lin's concordance correlation coefficient, with variances over n as in Lin (1989):
 *  2 cov / (var x + var y + (mean x - mean y)^2). */
double hedon_concordance(HedonMoments m);
/** Least squares: y = intercept + slope x. */
double hedon_slope(HedonMoments m);

double hedon_mean_absolute_error(const double *x, const double *y, const int32_t *weight,
                                 int64_t n);

/** Ranks from 1; equal values share the mean of their ranks. Spearman's correlation is the Pearson
 *  correlation of these. */
void hedon_mean_ranks(double *rank, const double *x, const int32_t *order, const int32_t *weight,
                      int64_t n);

/** The chance that a positive lies above a negative, ties half: area under the ROC curve. */
double hedon_auroc(const double *x, const int32_t *order, const uint8_t *positive,
                   const int32_t *weight, int64_t n);
/** Sum over thresholds of (recall - recall before) precision, equal values being one threshold:
 *  scikit-learn's average_precision_score. */
double hedon_average_precision(const double *x, const int32_t *order, const uint8_t *positive,
                               const int32_t *weight, int64_t n);

/** The p-quantile (0..1) of ascending values, linear between neighbours as NumPy's default. */
double hedon_quantile(const double *ascending, int64_t n, double p);

#endif
