#include "tools/bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int hedon_timings_make(HedonContext *ctx, HedonTimings *timings, int64_t repeats,
                       int (*once)(void *opaque), void *opaque)
{
    *timings = (HedonTimings){0};
    timings->seconds =
        hedon_calloc(repeats ? (size_t)repeats : HEDON_BENCH_MOST_REPEATS, sizeof(double));
    if (!timings->seconds) return hedon_fail_memory(ctx);
    int code = 0;
    double total_s = 0;
    for (int i = 0; i < HEDON_BENCH_WARMUP && !code; i++) code = once(opaque);
    while (!code && (repeats ? timings->count < repeats
                             : timings->count < HEDON_BENCH_REPEATS ||
                                   (total_s < 1 && timings->count < HEDON_BENCH_MOST_REPEATS))) {
        const double start_s = hedon_clock_s();
        code = once(opaque);
        const double seconds = hedon_clock_s() - start_s;
        timings->seconds[timings->count++] = seconds;
        total_s += seconds;
        if (!code) code = hedon_check_cancelled(ctx);
    }
    if (code) {
        hedon_timings_free(timings);
        return code;
    }
    qsort(timings->seconds, (size_t)timings->count, sizeof(double), ascending);
    const int n = timings->count;
    timings->min_s = timings->seconds[0];
    timings->median_s = (timings->seconds[(n - 1) / 2] + timings->seconds[n / 2]) / 2;
    timings->p90_s = timings->seconds[(9 * n + 9) / 10 - 1]; /* nearest rank */
    return 0;
}

void hedon_timings_free(HedonTimings *timings)
{
    hedon_free(timings->seconds);
    *timings = (HedonTimings){0};
}

void hedon_timings_json(HedonJson *json, const HedonTimings *timings)
{
    hedon_json_number(json, "min_s", timings->min_s);
    hedon_json_number(json, "median_s", timings->median_s);
    hedon_json_number(json, "p90_s", timings->p90_s);
    hedon_json_integer(json, "repeats", timings->count);
}

int64_t hedon_bench_peak_memory(void)
{
    char line[256];
    long long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof(line), status))
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1) break;
    if (status) fclose(status);
    return kilobytes * 1024;
}
