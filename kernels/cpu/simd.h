/* One vector of floats, as wide as the including file asks for.
 *
 * SIMD_LANES (4, 8 or 16) is set by the wrapper file of an instruction set; the operations are
 * GCC's vector extensions, so that any width compiles for any processor (a width above the
 * hardware's is split by the compiler). Only the fused multiply-add needs an intrinsic: with
 * -ffp-contract=off the compiler fuses nothing by itself.
 */
#ifndef HEDON_KERNELS_CPU_SIMD_H
#define HEDON_KERNELS_CPU_SIMD_H

#include <stdint.h>
#if defined(__SSE__)
#include <immintrin.h>
#endif

#ifndef SIMD_LANES
#error "define SIMD_LANES before including simd.h"
#endif

typedef float Vec __attribute__((vector_size(4 * SIMD_LANES), may_alias));
typedef int32_t VecMask __attribute__((vector_size(4 * SIMD_LANES), may_alias));

static inline __attribute__((always_inline)) Vec
vec_load(const float *p) /* aligned to the vector's size */
{
    return *(const Vec *)p;
}

static inline __attribute__((always_inline)) void vec_store(float *p, Vec v)
{
    *(Vec *)p = v;
}

/* Past the caches where that can be: for what is read only after many other megabytes. The vectors
 * of a cache line must be stored one after the other, and vec_stream_end called before another
 * thread reads them. */
static inline __attribute__((always_inline)) void vec_stream(float *p, Vec v)
{
#if SIMD_LANES == 16 && defined(__AVX512F__)
    _mm512_stream_ps(p, (__m512)v);
#elif SIMD_LANES == 8 && defined(__AVX__)
    _mm256_stream_ps(p, (__m256)v);
#else
    vec_store(p, v);
#endif
}

static inline __attribute__((always_inline)) void vec_stream_end(void)
{
#if defined(__SSE__)
    _mm_sfence();
#endif
}

static inline __attribute__((always_inline)) Vec vec_set1(float s)
{
    return s - (Vec){0}; /* a broadcast: s - 0 is s, even for -0 */
}

/* a * b + c, rounded once where the processor can. */
static inline __attribute__((always_inline)) Vec vec_fma(Vec a, Vec b, Vec c)
{
#if SIMD_LANES == 16 && defined(__AVX512F__)
    return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif SIMD_LANES == 8 && defined(__FMA__)
    return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif SIMD_LANES == 16 && defined(__FMA__)
    union {
        Vec whole;
        __m256 half[2];
    } x = {a}, y = {b}, z = {c};
    z.half[0] = _mm256_fmadd_ps(x.half[0], y.half[0], z.half[0]);
    z.half[1] = _mm256_fmadd_ps(x.half[1], y.half[1], z.half[1]);
    return z.whole;
#else
    return a * b + c;
#endif
}

/* 0 where v < floor; NaN stays NaN. */
static inline __attribute__((always_inline)) Vec vec_zero_below(Vec v, Vec floor)
{
    const VecMask below = v < floor;
    return (Vec)((VecMask)v & ~below);
}

#endif
