#include "score/series.h"

#include <math.h>

double hedon_series_value(const HedonScore *score, int series, int64_t clip)
{
    return series < 0 ? score->clips[clip].utility : (double)score->clips[clip].emotions[series];
}

double hedon_series_mean(const HedonScore *score, int series, int part, int parts, double *time_s)
{
    const int64_t first = part * score->clip_count / parts;
    int64_t end = (part + 1) * score->clip_count / parts;
    if (end <= first) end = first + 1;
    double sum = 0;
    for (int64_t c = first; c < end; c++) sum += hedon_series_value(score, series, c);
    if (time_s) *time_s = (score->clips[first].start_s + score->clips[end - 1].end_s) / 2;
    return sum / (double)(end - first);
}

void hedon_series_range(const HedonScore *score, int series, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t c = 0; c < score->clip_count; c++) {
        *low = fmin(*low, hedon_series_value(score, series, c));
        *high = fmax(*high, hedon_series_value(score, series, c));
    }
}

void hedon_series_strongest(const HedonScore *score, int over_time, int *emotions, int count)
{
    double height[HEDON_EMOTIONS];
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        height[i] = score->emotions[i];
        for (int64_t c = 0; over_time && c < score->clip_count; c++)
            height[i] = fmax(height[i], hedon_series_value(score, i, c));
    }
    for (int place = 0; place < count; place++) {
        int best = 0;
        for (int i = 1; i < HEDON_EMOTIONS; i++)
            if (height[i] > height[best]) best = i;
        emotions[place] = best;
        height[best] = -1;
    }
}
