/* What the benchmarks share: repetitions, their statistics, the machine's own peak. */
#ifndef HEDON_TOOLS_BENCH_H
#define HEDON_TOOLS_BENCH_H

#include "score/json_writer.h"
#include "tools/command.h"

typedef struct HedonTimings {
    double *seconds; /* ascending after hedon_timings_make */
    int count;
    double min_s, median_s, p90_s;
} HedonTimings;

enum { HEDON_BENCH_WARMUP = 2, HEDON_BENCH_REPEATS = 10, HEDON_BENCH_MOST_REPEATS = 200 };

/**
 * Time `once` until there are `repeats` measurements (0: at least HEDON_BENCH_REPEATS and a
 * second's worth), after warm-up. Stops at the first failure.
 *
 * @param once  0 or HEDON_E*, with its sentence in ctx
 */
int hedon_timings_make(HedonContext *ctx, HedonTimings *timings, int64_t repeats,
                       int (*once)(void *opaque), void *opaque);
void hedon_timings_free(HedonTimings *timings);
/** "min_s", "median_s", "p90_s", "repeats" of the object under way. */
void hedon_timings_json(HedonJson *json, const HedonTimings *timings);

/** float32 multiply-adds a second that the machine reaches in registers, all threads, times two:
 * FLOP/s. */
double hedon_bench_peak_flops(int threads);
/** The vector extension that the probe used. */
const char *hedon_bench_peak_isa(void);
/** The most resident memory of this process so far, bytes. */
int64_t hedon_bench_peak_memory(void);

#endif
