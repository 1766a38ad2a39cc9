/* The judges of V2V's comparisons, for synth_plan.c. */
#ifndef HEDON_DATASETS_SYNTH_PEOPLE_H
#define HEDON_DATASETS_SYNTH_PEOPLE_H

#include "datasets/synth.h"

/** How pleasant the judge of that comparison finds the video: its pleasure and the judge's error.
 */
double hedon_synth_judge(uint64_t seed, int64_t comparison, int64_t video);
/** How pleasant the panel finds it that orders all lists: always the same for the same video, so
 *  that lists agree with each other. */
double hedon_synth_panel(uint64_t seed, int64_t video);

#endif
