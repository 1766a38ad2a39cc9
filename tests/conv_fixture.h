/* What the tests of the cpu backend's convolutions share: the instruction sets to try, buffers that
 * notice what they should not hold, random data. */
#ifndef HEDON_TESTS_CONV_FIXTURE_H
#define HEDON_TESTS_CONV_FIXTURE_H

#if defined(__x86_64__)
/* The 16-lane source, for processors without AVX-512: the compiler splits each vector in two. */
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* OpenMP may be off here: one thread then */
#pragma GCC diagnostic ignored "-Wpsabi"           /* no vector crosses into another file */
#define SIMD_LANES    16
#define CONV_ISA      isa_16_lanes_on_avx2
#define CONV_ISA_NAME "16 lanes on avx2"
#include "kernels/cpu/conv_plan.h"
extern const CpuConvIsa isa_16_lanes_on_avx2;
#include "kernels/cpu/conv_kernels.inc"
#pragma GCC pop_options
#else
#include "kernels/cpu/conv_plan.h"
#endif

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The instruction sets of this processor; returns how many. */
static inline int runnable(const CpuConvIsa *isas[4])
{
    int count = 0;
    isas[count++] = &cpu_conv_isa_generic;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isas[count++] = &cpu_conv_isa_avx2;
        isas[count++] = &isa_16_lanes_on_avx2;
    }
    if (__builtin_cpu_supports("avx512f")) isas[count++] = &cpu_conv_isa_avx512;
#endif
    return count;
}

static uint32_t seed;

static inline float uniform(void) /* -1 .. 1 */
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

/* 64-byte aligned, filled with bytes that make NaNs, and a guard behind it. */
static inline void *dirty(size_t bytes)
{
    const size_t whole = (bytes + 63) / 64 * 64 + 64;
    unsigned char *p = aligned_alloc(64, whole);
    assert_non_null(p);
    memset(p, 0xFF, whole);
    return p;
}

static inline int guard_intact(const void *p, size_t bytes)
{
    const unsigned char *guard = (const unsigned char *)p + bytes;
    for (int i = 0; i < 64; i++)
        if (guard[i] != 0xFF) return 0;
    return 1;
}

/* pixels x pad(channels), random, zero in the padding channels. */
static inline float *random_pixels(int64_t pixels, int64_t channels)
{
    const int64_t padded = cpu_pad_lanes(channels);
    float *p = dirty((size_t)(pixels * padded) * sizeof *p);
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < padded; c++) p[i * padded + c] = c < channels ? uniform() : 0;
    return p;
}

static inline void fill_output_size(CpuConvShape *s)
{
    s->ot = (s->it + 2 * s->pt - s->kt) / s->st + 1;
    s->oh = (s->ih + 2 * s->ph - s->kh) / s->sh + 1;
    s->ow = (s->iw + 2 * s->pw - s->kw) / s->sw + 1;
}

#endif
