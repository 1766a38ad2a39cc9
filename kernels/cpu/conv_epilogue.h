/* The end of every convolution: bias, residual and activation of one vector of channels. */
#ifndef HEDON_KERNELS_CPU_CONV_EPILOGUE_H
#define HEDON_KERNELS_CPU_CONV_EPILOGUE_H

#include <math.h>

#include "kernels/cpu/conv.h"
#include "kernels/cpu/simd.h"

typedef struct ConvEpilogue {
    float *y;
    const float *residual;
    Vec bias, floor; /* floor: below it becomes 0; 0 for ReLU, else minus infinity */
} ConvEpilogue;

static inline ConvEpilogue conv_epilogue(const CpuConvCall *call, int64_t channel)
{
    return (ConvEpilogue){.y = call->y,
                          .residual = call->residual,
                          .bias = vec_load(call->bias + channel),
                          .floor = vec_set1(call->relu ? 0.0f : -INFINITY)};
}

/* y[at] = act(sum + bias + residual[at]); with_residual is a constant after inlining. */
static inline __attribute__((always_inline)) void conv_finish(const ConvEpilogue *e, int64_t at,
                                                              Vec sum, int with_residual)
{
    sum += e->bias;
    if (with_residual) sum += vec_load(e->residual + at);
    vec_store(e->y + at, vec_zero_below(sum, e->floor));
}

#endif
