/* What one request may cost: processor time of the thread that works on it, and the user's
 * patience. */
#ifndef HEDON_DECODE_VIDEO_BUDGET_H
#define HEDON_DECODE_VIDEO_BUDGET_H

#include "hedon.h"

typedef struct HedonBudget {
    double seconds; /* of this thread's processor time; 0: no limit */
    double began;
} HedonBudget;

/** Start the clock of the calling thread. */
void hedon_budget_begin(HedonBudget *budget, double seconds);
/** 0, HEDON_ELIMIT or HEDON_ECANCELLED; from the thread that began. */
int hedon_budget_check(HedonContext *ctx, const HedonBudget *budget);

#endif
