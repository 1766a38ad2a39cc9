#include "base/clock.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

static double read_clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double hedon_clock_s(void)
{
    return read_clock_s(CLOCK_MONOTONIC);
}

void hedon_nap(double since_s)
{
    static const double YIELD_S = 2e-4;
    static const struct timespec nap = {.tv_nsec = 50 * 1000};
    if (hedon_clock_s() - since_s < YIELD_S)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

double hedon_thread_cpu_s(void)
{
    return read_clock_s(CLOCK_THREAD_CPUTIME_ID);
}

double hedon_process_cpu_s(void)
{
    return read_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

int hedon_cpu_count(void)
{
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}
