/* The moments of a video that thumbnails show: where its timeline is highest and lowest. */
#ifndef HEDON_REPORT_PEAKS_H
#define HEDON_REPORT_PEAKS_H

#include "hedon.h"

enum { HEDON_MOST_PEAKS = 8 };

typedef struct HedonPeak {
    double time_s;
    int series; /* HEDON_SERIES_UTILITY or an emotion (score/series.h) */
    int lowest; /* where it is lowest, not highest */
} HedonPeak;

/**
 * At most `most` moments in the order of time, no clip twice: the utility's highest and lowest,
 * then the strongest emotions where each is highest. Returns their number.
 */
int hedon_peaks(const HedonScore *score, int most, HedonPeak peaks[HEDON_MOST_PEAKS]);

#endif
