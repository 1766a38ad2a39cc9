#include "report/peaks.h"

#include <stdlib.h>

#include "score/series.h"

typedef struct Chosen {
    int64_t clip[HEDON_MOST_PEAKS];
    HedonPeak *peak;
    int count, most;
} Chosen;

/* The clip where a series is highest or lowest; the first of equals. */
static int64_t extreme(const HedonScore *score, int series, int lowest)
{
    const double sign = lowest ? -1 : 1;
    int64_t best = 0;
    for (int64_t i = 1; i < score->clip_count; i++)
        if (sign * hedon_series_value(score, series, i) >
            sign * hedon_series_value(score, series, best))
            best = i;
    return best;
}

static void choose(Chosen *chosen, const HedonScore *score, int series, int lowest)
{
    const int64_t clip = extreme(score, series, lowest);
    if (chosen->count == chosen->most) return;
    for (int i = 0; i < chosen->count; i++)
        if (chosen->clip[i] == clip) return;
    chosen->peak[chosen->count] =
        (HedonPeak){(score->clips[clip].start_s + score->clips[clip].end_s) / 2, series, lowest};
    chosen->clip[chosen->count++] = clip;
}

static int by_time(const void *a, const void *b)
{
    const double x = ((const HedonPeak *)a)->time_s, y = ((const HedonPeak *)b)->time_s;
    return x < y ? -1 : x > y;
}

int hedon_peaks(const HedonScore *score, int most, HedonPeak peaks[HEDON_MOST_PEAKS])
{
    Chosen chosen = {.peak = peaks, .most = most < HEDON_MOST_PEAKS ? most : HEDON_MOST_PEAKS};
    if (score->code || !score->clip_count) return 0;
    if (score->has_utility) {
        choose(&chosen, score, HEDON_SERIES_UTILITY, 0);
        choose(&chosen, score, HEDON_SERIES_UTILITY, 1);
    }
    if (score->has_emotions) {
        int strongest[HEDON_EMOTIONS];
        hedon_series_strongest(score, 1, strongest, HEDON_EMOTIONS);
        for (int i = 0; i < HEDON_EMOTIONS; i++) choose(&chosen, score, strongest[i], 0);
    }
    qsort(peaks, (size_t)chosen.count, sizeof(*peaks), by_time);
    return chosen.count;
}
