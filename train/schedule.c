#include "train/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* linspace(from, rate, n)[step]: a single step of warm-up is the start, as NumPy has it. */
static double warmup(const HedonRates *rates, int64_t step)
{
    if (rates->warmup_steps == 1) return rates->warmup_from;
    return rates->warmup_from +
           (rates->rate - rates->warmup_from) * (double)step / (double)(rates->warmup_steps - 1);
}

double hedon_rate_at(const HedonRates *rates, int64_t step)
{
    if (step < rates->warmup_steps) return warmup(rates, step);
    const int64_t left = rates->steps - rates->warmup_steps;
    switch (rates->decay) {
    case HEDON_DECAY_COSINE: {
        double t = left > 0 ? (double)(step - rates->warmup_steps) / (double)left : 1;
        if (t > 1) t = 1;
        return rates->floor + .5 * (rates->rate - rates->floor) * (1 + cos(PI * t));
    }
    case HEDON_DECAY_STEP: {
        double rate = rates->rate;
        for (int i = 0; i < rates->milestones && rates->milestone[i] <= step; i++)
            rate *= rates->factor;
        return rate > rates->floor ? rate : rates->floor;
    }
    default:
        return rates->rate;
    }
}
