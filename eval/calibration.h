/* Whether numbers mean what they say: deciles of labels over predictions, confidence against
 * accuracy. */
#ifndef HEDON_EVAL_CALIBRATION_H
#define HEDON_EVAL_CALIBRATION_H

#include "hedon.h"

enum { HEDON_CALIBRATION_BINS = 10 };

typedef struct HedonCalibrationBin {
    double predicted, observed; /* means; NaN when the bin is empty */
    int64_t count;
} HedonCalibrationBin;

/** Bins of equal count by prediction: decile i holds the values whose mean rank r (equal values
 * share one, so that the order of rows changes nothing) has floor(10 (r - 1/2) / n) = i.
 * HEDON_ENOMEM. */
int hedon_deciles(HedonContext *ctx, HedonCalibrationBin bins[HEDON_CALIBRATION_BINS],
                  const double *predicted, const double *observed, int64_t n);

/* Pairs: d = utility of the one that people preferred minus utility of the other; the model's
 * probability for what people chose is 1 / (1 + exp(-d / T)). All scaled by 1 / temperature. */

/** Mean of -log probability, in nats; stable for any d. */
double hedon_pair_log_loss(double d);
/** (1 - probability)^2 */
double hedon_pair_brier(double d);
/** Confidence max(p, 1 - p), from .5 to 1, in ten bins of equal width; observed: how often the
 *  preferred one was right, ties half. */
int hedon_confidence_bin(double d, double *confidence);
/** The temperature in (1e-3, 1e3) at which the log loss over d is least; NaN when there are no
 *  pairs, or when none or all are wrong (then the least is at 0 or without bound). */
double hedon_fit_temperature(const double *d, int64_t n);

#endif
