/* The machine's own peak: independent chains of fused multiply-adds in vector registers, on all
 * threads at once. No memory is touched, so nothing that computes can be faster. */
#include <pthread.h>
#include <stdint.h>

#include "base/clock.h"
#include "tools/bench.h"

#define CHAINS 12 /* enough to hide an fma's latency on two units */
#define ROUNDS 2000000

typedef float (*Probe)(int64_t rounds);

#define DEFINE_PROBE(name, features, lanes)                                                         \
    __attribute__((target(features))) static float name(int64_t rounds)                            \
    {                                                                                               \
        typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));                   \
        Vector sum[CHAINS], a = {0}, b = {0};                                                       \
        for (int i = 0; i < lanes; i++) a[i] = .5f, b[i] = 1;                                       \
        for (int i = 0; i < CHAINS; i++) sum[i] = b * (float)i;                                     \
        __asm__("" : "+x"(a), "+x"(b)); /* not constants */                                         \
        for (int64_t k = 0; k < rounds; k++)                                                        \
            for (int i = 0; i < CHAINS; i++) {                                                      \
                FMA(sum[i], a, b);                                                                  \
            }                                                                                       \
        float total = 0;                                                                            \
        for (int i = 0; i < CHAINS; i++) total += sum[i][0];                                        \
        return total;                                                                               \
    }

#if defined(__x86_64__)
/* by hand: the build forbids contracting a * b + c, and registers must not be spilled */
#define FMA(sum, a, b) __asm__("vfmadd213ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b))
DEFINE_PROBE(probe_avx2, "avx2,fma", 8)
#undef FMA
#define FMA(sum, a, b) __asm__("vfmadd213ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))
DEFINE_PROBE(probe_avx512, "avx512f,prefer-vector-width=512", 16)
#undef FMA
#endif

static float probe_plain(int64_t rounds)
{
    volatile float start = .5f;
    float sum[CHAINS] = {0};
    const float a = start;
    for (int64_t k = 0; k < rounds; k++)
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * a + 1;
    float total = 0;
    for (int i = 0; i < CHAINS; i++) total += sum[i];
    return total;
}

typedef struct Choice {
    Probe probe;
    int lanes;
    const char *isa;
} Choice;

static Choice choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return (Choice){probe_avx512, 16, "avx512f"};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (Choice){probe_avx2, 8, "avx2"};
#endif
    return (Choice){probe_plain, 1, "scalar"};
}

const char *hedon_bench_peak_isa(void)
{
    return choose().isa;
}

static void *run_probe(void *opaque)
{
    volatile float sink = ((const Choice *)opaque)->probe(ROUNDS);
    (void)sink;
    return NULL;
}

double hedon_bench_peak_flops(int threads)
{
    Choice choice = choose();
    enum { MOST = 256 };
    pthread_t helper[MOST];
    double best = 0;
    if (threads > MOST) threads = MOST;
    for (int attempt = 0; attempt < 3; attempt++) {
        const double start_s = hedon_clock_s();
        int started = 0;
        while (started < threads - 1 && !pthread_create(&helper[started], NULL, run_probe, &choice)) started++;
        run_probe(&choice);
        for (int i = 0; i < started; i++) pthread_join(helper[i], NULL);
        const double seconds = hedon_clock_s() - start_s;
        const double rate = 2.0 * CHAINS * choice.lanes * ROUNDS * (started + 1) / seconds;
        if (rate > best) best = rate;
    }
    return best;
}
