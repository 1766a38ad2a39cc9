/* The arithmetic of single elements, for nvcc and for the C compiler: the kernels call it on the
 * GPU, and the simulated device of tests/cuda_sim compares it with ref on any machine. */
#ifndef HEDON_KERNELS_CUDA_ELEMENT_H
#define HEDON_KERNELS_CUDA_ELEMENT_H

#include <math.h>
#include <stdint.h>

#include "kernels/cuda/types.h"

/* ---- Random numbers: base/random.h's ----------------------------------------------------------
 */

CUDA_BOTH uint64_t cuda_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* hedon_random_key(seed, epoch, 0) */
CUDA_BOTH uint64_t cuda_random_key(uint64_t seed, uint64_t epoch)
{
    const uint64_t weyl = 0x9e3779b97f4a7c15u;
    return cuda_mix(cuda_mix(cuda_mix(seed + weyl) + epoch + weyl) + weyl);
}

/* hedon_random_uniform */
CUDA_BOTH double cuda_random_uniform(uint64_t key, uint64_t counter)
{
    return (double)(cuda_mix(key + (counter + 1) * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

/* x / (1 - rate), or 0 for number `counter` of the node's key. */
CUDA_BOTH float cuda_drop(float x, uint64_t key, uint64_t node, uint64_t counter, double rate)
{
    const int dropped = cuda_random_uniform(cuda_random_key(key, node), counter) < rate;
    return dropped ? 0 : (float)(x / (1 - rate));
}

/* ---- Element-wise ---------------------------------------------------------------------------- */

CUDA_BOTH float cuda_relu(float x)
{
    return x < 0 ? 0 : x; /* a NaN stays one */
}

CUDA_BOTH float cuda_relu_backward(float y, float dy)
{
    return y <= 0 ? 0 : dy;
}

/* The scale that a batch norm amounts to. */
CUDA_BOTH float cuda_norm_scale(float gamma, float variance, float epsilon)
{
    return gamma / sqrtf(variance + epsilon);
}

CUDA_BOTH float cuda_norm(float x, float mean, float scale, float beta)
{
    return (x - mean) * scale + beta;
}

/* level = sum of dy / m, slope = sum of dy (x - mean) / (m (var + epsilon)); both 0 where the
 * statistics are constants. */
CUDA_BOTH float cuda_norm_backward(float x, float dy, float mean, float scale, float level,
                                   float slope)
{
    return scale * (dy - level - (x - mean) * slope);
}

/* ---- Losses: ref/losses.inc -------------------------------------------------------------------
 */

CUDA_BOTH double cuda_softplus(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

CUDA_BOTH double cuda_sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* One class of one sample; the gradient in *slope. */
CUDA_BOTH double cuda_loss_bce(double x, double target, double *slope)
{
    *slope = cuda_sigmoid(x) - target;
    return cuda_softplus(x) - target * x;
}

/* One sample: x, target and gradient of C classes; 0 in *counts when nothing was rated. */
CUDA_BOTH double cuda_loss_softmax(const float *x, const float *target, int64_t C, double weight,
                                   int divergence, float *gradient, int *counts)
{
    double mass = 0, top = x[0], sum = 0, loss = 0;
    for (int64_t c = 0; c < C; c++) {
        mass += target[c];
        gradient[c] = 0;
    }
    *counts = mass != 0 && weight != 0;
    if (!*counts) return 0;
    for (int64_t c = 1; c < C; c++) top = fmax(top, (double)x[c]);
    for (int64_t c = 0; c < C; c++) sum += exp(x[c] - top);
    for (int64_t c = 0; c < C; c++) {
        const double q = target[c] / mass, log_p = x[c] - top - log(sum);
        if (q > 0) loss += q * ((divergence ? log(q) : 0) - log_p);
        gradient[c] = (float)(weight * (exp(log_p) - q));
    }
    return loss;
}

/* One pair; the gradient by the second utility in *slope. */
CUDA_BOTH double cuda_loss_pair(double less, double more, double tie, double margin, double *slope)
{
    const double a = 1 - tie / 2, z = more - less - (1 - tie) * margin;
    *slope = cuda_sigmoid(z) - a;
    return cuda_softplus(z) - a * z;
}

/* One list of L utilities; 0 in *counts for fewer than two. */
CUDA_BOTH double cuda_loss_list(const float *u, const float *mask, int64_t L, double weight,
                                float *gradient, int *counts)
{
    double loss = 0;
    int64_t elements = 0;
    for (int64_t k = 0; k < L; k++) {
        elements += mask[k] != 0;
        gradient[k] = 0;
    }
    *counts = elements >= 2 && weight != 0;
    if (!*counts) return 0;
    for (int64_t k = 0; k < L; k++) {
        double top = -INFINITY, sum = 0;
        int before = 0;
        if (mask[k] == 0) continue;
        for (int64_t j = 0; j <= k; j++)
            if (mask[j] != 0) {
                top = fmax(top, (double)u[j]);
                before += j < k;
            }
        if (!before) continue;
        for (int64_t j = 0; j <= k; j++)
            if (mask[j] != 0) sum += exp(u[j] - top);
        const double all = top + log(sum);
        loss += all - u[k];
        gradient[k] -= (float)weight;
        for (int64_t j = 0; j <= k; j++)
            if (mask[j] != 0) gradient[j] += (float)(weight * exp(u[j] - all));
    }
    return loss;
}

/* ---- Optimisers: host_optimise.inc -------------------------------------------------------------
 */

typedef struct CudaUpdate {
    float rate, decay; /* of the parameter: learning rate, weight decay */
    float keep;        /* AdamW: 1 - rate decay */
    float momentum;    /* SGD; has_momentum and nesterov say how */
    int has_momentum, nesterov;
    float beta1, rest1, beta2, rest2, epsilon;
    float size, root; /* rate / correction 1; 1 / sqrt(correction 2) */
} CudaUpdate;

CUDA_BOTH float cuda_sgd(float p, float g, float *m, const CudaUpdate *u, float factor)
{
    const float d = factor * g + u->decay * p;
    if (!u->has_momentum) return p - u->rate * d;
    *m = u->momentum * *m + d;
    return p - u->rate * (u->nesterov ? d + u->momentum * *m : *m);
}

CUDA_BOTH float cuda_adamw(float p, float g, float *m, float *v, const CudaUpdate *u, float factor)
{
    const float d = factor * g;
    *m = u->beta1 * *m + u->rest1 * d;
    *v = u->beta2 * *v + u->rest2 * d * d;
    return u->keep * p - u->size * *m / (sqrtf(*v) * u->root + u->epsilon);
}

#endif
