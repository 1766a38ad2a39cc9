#include "annotate/rate.h"

void hedon_rate_mark(HedonRate *rate, double time_s, int64_t count)
{
    const int64_t last = rate->marked - 1;
    if (last >= 0 && time_s - rate->marks[last % HEDON_RATE_MARKS].time_s < 1) return;
    rate->marks[rate->marked % HEDON_RATE_MARKS].time_s = time_s;
    rate->marks[rate->marked % HEDON_RATE_MARKS].count = count;
    rate->marked++;
}

double hedon_rate_per_s(const HedonRate *rate, double time_s, int64_t count)
{
    if (!rate->marked) return 0;
    const int64_t oldest = rate->marked > HEDON_RATE_MARKS ? rate->marked - HEDON_RATE_MARKS : 0;
    const double since_s = time_s - rate->marks[oldest % HEDON_RATE_MARKS].time_s;
    return since_s > 0 ? (double)(count - rate->marks[oldest % HEDON_RATE_MARKS].count) / since_s
                       : 0;
}
