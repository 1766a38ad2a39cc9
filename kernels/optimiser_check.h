/* Which steps of an optimiser make sense, on every backend. */
#ifndef HEDON_KERNELS_OPTIMISER_CHECK_H
#define HEDON_KERNELS_OPTIMISER_CHECK_H

#include "kernels/backend.h"

/** 0, or HEDON_EINVAL with the reason. */
int hedon_optimiser_check(HedonContext *ctx, const HedonGraph *graph, const HedonOptimiserStep *step);

#endif
