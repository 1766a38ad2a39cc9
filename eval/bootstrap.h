/* How sure an evaluation's values are: resampling of its units, and what follows from that. */
#ifndef HEDON_EVAL_BOOTSTRAP_H
#define HEDON_EVAL_BOOTSTRAP_H

#include "eval/metric.h"

typedef struct HedonBootstrap {
    uint64_t seed;
    int64_t replicates;
    int threads; /* changes nothing but the time */
} HedonBootstrap;

typedef struct HedonInterval {
    double low, high, sd; /* NaN when fewer than half of the replicates have a value */
} HedonInterval;

/**
 * Measure resamples: replicate r takes as many units as there are, with replacement, unit
 * floor(units u) for each uniform number u of the key (seed, r, 0). Two evaluations of the same
 * number of units are resampled alike, which is what a paired comparison needs.
 *
 * @param values  replicates x evaluation.metrics, replicate by replicate
 * @return 0, HEDON_EINVAL (no replicates), HEDON_ECANCELLED, HEDON_ENOMEM
 */
int hedon_bootstrap_run(HedonContext *ctx, const HedonBootstrap *options,
                        const HedonEvaluation *evaluation, double *values);

/** The percentile interval that holds 95% of the replicates, and their standard deviation.
 *  column: replicates values, `stride` apart. */
int hedon_interval(HedonContext *ctx, HedonInterval *out, const double *column, int64_t replicates,
                   int64_t stride);

typedef struct HedonDifference {
    double value; /* first minus second */
    HedonInterval interval;
    double p; /* two-sided, of no difference: twice the smaller share of replicates whose difference
                 is at most or at least 0, each share with one added above and below */
    double holm; /* p after Holm's correction over the tested metrics; NaN where not tested */
} HedonDifference;

/**
 * Compare two evaluations of the same units, metric by metric, by resampling both alike.
 *
 * @param metrics  count of them, the first of both evaluations' values; those with `tested` are
 *                 corrected for, together
 * @return 0; HEDON_EINVAL when the numbers of units differ; HEDON_ECANCELLED, HEDON_ENOMEM
 */
int hedon_compare(HedonContext *ctx, const HedonBootstrap *options, const HedonEvaluation *first,
                  const HedonEvaluation *second, const HedonMetric *metrics, int count,
                  HedonDifference *out);

/** Holm's step-down correction (1979), monotone and at most 1; NaN stays and does not count. */
void hedon_holm(double *corrected, const double *p, int count);

#endif
