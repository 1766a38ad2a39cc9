/* What one request may cost: processor time of the thread that works on it, and the user's
 * patience. */
#ifndef HEDON_DECODE_VIDEO_BUDGET_H
#define HEDON_DECODE_VIDEO_BUDGET_H

#include "decode/video.h"

typedef struct HedonBudget {
    const HedonVideoOptions *options; /* borrowed */
    double began;                     /* of this thread's processor time */
} HedonBudget;

/** Start the clock of the calling thread. */
void hedon_budget_begin(HedonBudget *budget, const HedonVideoOptions *options);
/** One more packet or picture is behind us. */
void hedon_budget_advanced(const HedonBudget *budget);
/** 0, HEDON_ELIMIT or HEDON_ECANCELLED; from the thread that began. */
int hedon_budget_check(HedonContext *ctx, const HedonBudget *budget);

#endif
