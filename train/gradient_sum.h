/* Gradients summed over the ranks of a group while the rest of them is computed. */
#ifndef HEDON_TRAIN_GRADIENT_SUM_H
#define HEDON_TRAIN_GRADIENT_SUM_H

#include "kernels/backend.h"
#include "train/process_group.h"

typedef struct HedonGradientSum HedonGradientSum;

/** For the gradients of a graph, in host memory. group: borrowed. HEDON_ENOMEM. */
int hedon_gradient_sum_open(HedonContext *ctx, HedonGradientSum **out, HedonProcessGroup *group,
                            const HedonGraph *graph, HedonDtype dtype);
/**
 * A gradient that is final for this rank: copied into a bucket, which is sent on its way when it
 * holds 8 MB. Gradients come in the order of the plan, the same on all ranks. A failure is told by
 * hedon_gradient_sum_finish.
 */
void hedon_gradient_sum_add(HedonContext *ctx, HedonGradientSum *sum, HedonBuffer *gradient);
/** Wait until all have been summed and are back where they came from. */
int hedon_gradient_sum_finish(HedonContext *ctx, HedonGradientSum *sum);
void hedon_gradient_sum_close(HedonGradientSum *sum);

#endif
