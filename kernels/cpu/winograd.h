/* Winograd's minimal filtering F(4,3) and F(4x4,3x3): Lavin & Gray, "Fast Algorithms for
 * Convolutional Neural Networks", CVPR 2016 (arXiv 1509.09308), sections 4.1 and 4.3, here for
 * the points 0, +-P, +-Q, infinity (theirs: P = 1, Q = 2).
 *
 * y (4 outputs) = A^T [ (G w) . (B^T d) ], d 6 inputs, w 3 taps. With f(x) = x (x^2 - P^2)(x^2 -
 * Q^2), row i of B^T holds the coefficients of f(x) / (x - x_i), row i of G is (1, x_i, x_i^2) /
 * f'(x_i) (infinity: B^T has f itself, G (0, 0, 1)), and row k of A^T the powers x_i^k
 * (infinity: 1 in the last row only).
 */
#ifndef HEDON_KERNELS_CPU_WINOGRAD_H
#define HEDON_KERNELS_CPU_WINOGRAD_H

/* Measured on layers of R(2+1)D-18 (128 to 576 channels): half the rms error of the customary 1
 * and 2, a quarter of the largest, and every coefficient is still exact in fp32. The error
 * depends on the points; see Barabasz et al., arXiv 1803.10986. */
#define WINOGRAD_P 0.75
#define WINOGRAD_Q 1.5

enum { WINOGRAD_IN = 6, WINOGRAD_OUT = 4, WINOGRAD_FREQUENCIES_2D = 36 };

/* Order of the frequencies: 0, P, -P, Q, -Q, infinity. */

/* The weights of 16 output channels: transformed together, in double. */
typedef double WinogradLanes __attribute__((vector_size(16 * sizeof(double)), may_alias));

/* u[6] = G w[3] */
static inline void winograd_weights(const WinogradLanes w[3], WinogradLanes u[6])
{
    const double p = WINOGRAD_P, q = WINOGRAD_Q, pp = p * p, qq = q * q;
    const double at_p = 1 / (2 * pp * (pp - qq)), at_q = 1 / (2 * qq * (qq - pp)); /* 1 / f' */
    const WinogradLanes even_p = w[0] + pp * w[2], odd_p = p * w[1];
    const WinogradLanes even_q = w[0] + qq * w[2], odd_q = q * w[1];

    u[0] = w[0] * (1 / (pp * qq));
    u[1] = (even_p + odd_p) * at_p;
    u[2] = (even_p - odd_p) * at_p;
    u[3] = (even_q + odd_q) * at_q;
    u[4] = (even_q - odd_q) * at_q;
    u[5] = w[2];
}

#ifdef SIMD_LANES
/* v = B^T d; output i is v[i * step]. */
static inline __attribute__((always_inline)) void winograd_input(const Vec *d, Vec *v, int step)
{
    const float p = (float)WINOGRAD_P, q = (float)WINOGRAD_Q;
    const Vec pp = vec_set1(-p * p), qq = vec_set1(-q * q), sum = vec_set1(-(p * p + q * q)),
              product = vec_set1(p * p * q * q);
    const Vec even_p = vec_fma(qq, d[2], d[4]), odd_p = vec_fma(qq, d[1], d[3]);
    const Vec even_q = vec_fma(pp, d[2], d[4]), odd_q = vec_fma(pp, d[1], d[3]);

    v[0] = vec_fma(product, d[0], vec_fma(sum, d[2], d[4]));
    v[step] = vec_fma(vec_set1(p), odd_p, even_p);
    v[2 * step] = vec_fma(vec_set1(-p), odd_p, even_p);
    v[3 * step] = vec_fma(vec_set1(q), odd_q, even_q);
    v[4 * step] = vec_fma(vec_set1(-q), odd_q, even_q);
    v[5 * step] = vec_fma(product, d[1], vec_fma(sum, d[3], d[5]));
}

/* y = A^T m; output i is y[i * step]. */
static inline __attribute__((always_inline)) void winograd_output(const Vec *m, Vec *y, int step)
{
    const float p = (float)WINOGRAD_P, q = (float)WINOGRAD_Q;
    const Vec even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const Vec even_q = m[3] + m[4], odd_q = m[3] - m[4];

    y[0] = m[0] + (even_p + even_q);
    y[step] = vec_fma(vec_set1(p), odd_p, vec_set1(q) * odd_q);
    y[2 * step] = vec_fma(vec_set1(p * p), even_p, vec_set1(q * q) * even_q);
    y[3 * step] = vec_fma(vec_set1(p * p * p), odd_p, vec_fma(vec_set1(q * q * q), odd_q, m[5]));
}

/* Backward by the weights, F(3,4) in the same domain (the transpose of the above in w and y): the
 * gradient of the 3 taps is G^T [ sum over tiles (B^T d) . (A dy) ]. */

/* v = A dy, 4 gradients of outputs; frequency i is v[i * step]. */
static inline __attribute__((always_inline)) void winograd_gradient(const Vec *dy, Vec *v, int step)
{
    const float p = (float)WINOGRAD_P, q = (float)WINOGRAD_Q;
    const Vec pp = vec_set1(p * p), qq = vec_set1(q * q);
    const Vec even_p = vec_fma(pp, dy[2], dy[0]), odd_p = vec_fma(pp, dy[3], dy[1]);
    const Vec even_q = vec_fma(qq, dy[2], dy[0]), odd_q = vec_fma(qq, dy[3], dy[1]);

    v[0] = dy[0];
    v[step] = vec_fma(vec_set1(p), odd_p, even_p);
    v[2 * step] = vec_fma(vec_set1(-p), odd_p, even_p);
    v[3 * step] = vec_fma(vec_set1(q), odd_q, even_q);
    v[4 * step] = vec_fma(vec_set1(-q), odd_q, even_q);
    v[5 * step] = dy[3];
}

/* w = G^T m; tap i is w[i * step]. */
static inline __attribute__((always_inline)) void winograd_taps(const Vec *m, Vec *w, int step)
{
    const double p = WINOGRAD_P, q = WINOGRAD_Q, pp = p * p, qq = q * q;
    const double at_p = 1 / (2 * pp * (pp - qq)), at_q = 1 / (2 * qq * (qq - pp)); /* 1 / f' */
    const Vec even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const Vec even_q = m[3] + m[4], odd_q = m[3] - m[4];

    w[0] = vec_fma(vec_set1((float)(1 / (pp * qq))), m[0],
                   vec_fma(vec_set1((float)at_p), even_p, vec_set1((float)at_q) * even_q));
    w[step] = vec_fma(vec_set1((float)(at_p * p)), odd_p, vec_set1((float)(at_q * q)) * odd_q);
    w[2 * step] = vec_fma(vec_set1((float)(at_p * pp)), even_p,
                          vec_fma(vec_set1((float)(at_q * qq)), even_q, m[5]));
}
#endif

#endif
