/* The machine's own peak: independent chains of fused multiply-adds in vector registers, on all
 * threads at once. No memory is touched, so nothing that computes can be faster. */
#include <pthread.h>
#include <stdint.h>

#include "base/clock.h"
#include "tools/bench.h"

/* Many short attempts: the best one is the one that no neighbour disturbed. */
enum {
    ATTEMPTS = 20,
    CHAINS = 12,
    ROUNDS = 1000000
}; /* chains enough to hide an fma's latency on two units */

typedef float (*Probe)(int64_t rounds);

#if defined(__x86_64__)
/* By hand: the build forbids contracting a * b + c, and the chains must stay in registers. */
#define FMA(chain) "vfmadd213ps %[b], %[a], %" #chain "\n\t"
#define DEFINE_PROBE(name, features, lanes)                                                        \
    __attribute__((target(features))) static float name(int64_t rounds)                            \
    {                                                                                              \
        typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));                  \
        Vector s[CHAINS], a, b;                                                                    \
        for (int i = 0; i < lanes; i++) a[i] = .5f, b[i] = 1;                                      \
        for (int i = 0; i < CHAINS; i++) s[i] = b * (float)i;                                      \
        __asm__ volatile("1:\n\t" FMA(0) FMA(1) FMA(2) FMA(3) FMA(4) FMA(5) FMA(6) FMA(7) FMA(8)   \
                             FMA(9) FMA(10) FMA(11) "decq %[rounds]\n\tjnz 1b"                     \
                         : "+&v"(s[0]), "+&v"(s[1]), "+&v"(s[2]), "+&v"(s[3]), "+&v"(s[4]),        \
                           "+&v"(s[5]), "+&v"(s[6]), "+&v"(s[7]), "+&v"(s[8]), "+&v"(s[9]),        \
                           "+&v"(s[10]), "+&v"(s[11]), [rounds] "+r"(rounds)                       \
                         : [a] "v"(a), [b] "v"(b)                                                  \
                         : "cc");                                                                  \
        float total = 0;                                                                           \
        for (int i = 0; i < CHAINS; i++) total += s[i][0];                                         \
        return total;                                                                              \
    }
DEFINE_PROBE(probe_avx2, "avx2,fma", 8)
DEFINE_PROBE(probe_avx512, "avx512f,prefer-vector-width=512", 16)
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
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (Choice){probe_avx2, 8, "avx2"};
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
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const double start_s = hedon_clock_s();
        int started = 0;
        while (started < threads - 1 && !pthread_create(&helper[started], NULL, run_probe, &choice))
            started++;
        run_probe(&choice);
        for (int i = 0; i < started; i++) pthread_join(helper[i], NULL);
        const double seconds = hedon_clock_s() - start_s;
        const double rate = 2.0 * CHAINS * choice.lanes * ROUNDS * (started + 1) / seconds;
        if (rate > best) best = rate;
    }
    return best;
}
