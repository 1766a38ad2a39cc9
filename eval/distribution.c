#include "eval/distribution.h"

#include <math.h>

int hedon_normalise(double *p, const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        if (!(x[i] >= 0)) return 0;
        sum += x[i];
    }
    if (!(sum > 0) || !isfinite(sum)) return 0;
    for (int i = 0; i < n; i++) p[i] = x[i] / sum;
    return 1;
}

double hedon_l1(const double *p, const double *q, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += fabs(p[i] - q[i]);
    return sum;
}

double hedon_l2(const double *p, const double *q, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (p[i] - q[i]) * (p[i] - q[i]);
    return sqrt(sum);
}

double hedon_cosine_distance(const double *p, const double *q, int n)
{
    double pq = 0, pp = 0, qq = 0;
    for (int i = 0; i < n; i++) {
        pq += p[i] * q[i];
        pp += p[i] * p[i];
        qq += q[i] * q[i];
    }
    return 1 - pq / (sqrt(pp) * sqrt(qq));
}

double hedon_kl(const double *p, const double *q, int n)
{
    const double rest = 1 + n * HEDON_KL_EPSILON;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const double a = (p[i] + HEDON_KL_EPSILON) / rest, b = (q[i] + HEDON_KL_EPSILON) / rest;
        sum += a * log(a / b);
    }
    return sum;
}

double hedon_jensen_shannon(const double *p, const double *q, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        const double middle = (p[i] + q[i]) / 2;
        if (p[i] > 0) sum += p[i] * log2(p[i] / middle);
        if (q[i] > 0) sum += q[i] * log2(q[i] / middle);
    }
    return sqrt(fmax(0, sum / 2));
}
