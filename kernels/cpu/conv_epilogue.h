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
    int stream;      /* y is written past the caches */
} ConvEpilogue;

/* From this size on y is streamed: what reads it next would find little of it in L3, and weights
 * and transformed tiles stay there instead. */
enum { CONV_STREAM_BYTES = 8 << 20 };

/* Whether an output of that many floats is streamed; each vector must be a whole cache line. */
static inline int conv_streams(int64_t floats, const float *y, const float *residual)
{
    return SIMD_LANES == CPU_LANES && residual != y &&
           floats * (int64_t)sizeof(float) >= CONV_STREAM_BYTES;
}

static inline int conv_streams_y(const CpuConvShape *s, const CpuConvCall *call)
{
    return conv_streams(s->n * s->ot * s->oh * s->ow * cpu_pad_lanes(s->oc), call->y,
                        call->residual);
}

static inline ConvEpilogue conv_epilogue(const CpuConvCall *call, int stream, int64_t channel)
{
    return (ConvEpilogue){.y = call->y,
                          .stream = stream,
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
    sum = vec_zero_below(sum, e->floor);
    if (e->stream)
        vec_stream(e->y + at, sum);
    else
        vec_store(e->y + at, sum);
}

#endif
