/* How far apart two distributions over the emotions are. p and q have n values each, not negative,
 * with sum 1 (hedon_normalise). */
#ifndef HEDON_EVAL_DISTRIBUTION_H
#define HEDON_EVAL_DISTRIBUTION_H

enum { HEDON_DISTRIBUTION_MAX = 32 }; /* n of what follows */

/** Added to every probability, which are then normalised again, before a Kullback-Leibler
 *  divergence: labels and predictions have zeros. */
#define HEDON_KL_EPSILON 1e-6

/** p = x / sum x. Returns 0 when that makes no distribution (all zero, negative, not finite). */
int hedon_normalise(double *p, const double *x, int n);

double hedon_l1(const double *p, const double *q, int n);
double hedon_l2(const double *p, const double *q, int n);
/** 1 - p.q / (|p| |q|) */
double hedon_cosine_distance(const double *p, const double *q, int n);
/** sum p log(p / q) in nats, after adding HEDON_KL_EPSILON to both. */
double hedon_kl(const double *p, const double *q, int n);
/** The square root of the Jensen-Shannon divergence in base 2: a metric from 0 to 1, SciPy's
 *  jensenshannon(p, q, 2). */
double hedon_jensen_shannon(const double *p, const double *q, int n);
/**
 * Wasserstein-1, exact: the least sum of mass times distance that turns p into q.
 *
 * @param cost  n x n distances, a metric: what both have in common then stays where it is
 */
double hedon_wasserstein(const double *p, const double *q, const double *cost, int n);

#endif
