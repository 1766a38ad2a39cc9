/* A result's timeline as series of numbers, one for the utility and one for each emotion. */
#ifndef HEDON_SCORE_SERIES_H
#define HEDON_SCORE_SERIES_H

#include "hedon.h"

enum { HEDON_SERIES_UTILITY = -1 }; /* otherwise an emotion's index */

double hedon_series_value(const HedonScore *score, int series, int64_t clip);
/** The mean over the clips in part `part` of `parts` of the timeline; with fewer clips than parts,
 * the one clip there. *time_s, unless NULL: the middle of those clips. */
double hedon_series_mean(const HedonScore *score, int series, int part, int parts, double *time_s);
void hedon_series_range(const HedonScore *score, int series, double *low, double *high);
/** The `count` strongest emotions, ties in alphabetical order; over_time: by their peak in the
 * timeline. */
void hedon_series_strongest(const HedonScore *score, int over_time, int *emotions, int count);

#endif
