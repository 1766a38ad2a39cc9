#include "decode/video_budget.h"

#include "base/error.h"

#include <time.h>

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void hedon_budget_begin(HedonBudget *budget, const HedonVideoOptions *options)
{
    *budget = (HedonBudget){options, options->max_seconds > 0 ? thread_seconds() : 0};
}

void hedon_budget_advanced(const HedonBudget *budget)
{
    if (budget->options->advanced) budget->options->advanced(budget->options->opaque);
}

int hedon_budget_check(HedonContext *ctx, const HedonBudget *budget)
{
    const double seconds = budget->options->max_seconds;
    if (seconds > 0 && thread_seconds() - budget->began > seconds)
        return hedon_fail(ctx, HEDON_ELIMIT,
                          "took more than the allowed %.3g seconds of processor time to decode",
                          seconds);
    return hedon_check_cancelled(ctx);
}
