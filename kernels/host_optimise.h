/* Between host_optimise.c and its loops, compiled for float and for double. */
#ifndef HEDON_KERNELS_HOST_OPTIMISE_H
#define HEDON_KERNELS_HOST_OPTIMISE_H

#include "kernels/backend.h"

enum { HEDON_OPTIMISE_BLOCK = 1 << 15 }; /* elements handled at once, and summed by themselves */

/* One parameter, or a block of it. */
typedef struct HedonOptimiserBlock {
    void *parameter, *moment1, *moment2; /* moments: NULL where the optimiser has none */
    const void *gradient;
    int64_t count;
    double rate, decay, factor;      /* learning rate, weight decay, what gradients are multiplied by */
    const HedonOptimiserStep *step;
    double correction1, correction2; /* 1 - beta ^ number */
} HedonOptimiserBlock;

typedef struct HedonOptimiserLoops {
    double (*square_sum)(const void *gradient, int64_t count);
    void (*sgd)(const HedonOptimiserBlock *block);
    void (*adamw)(const HedonOptimiserBlock *block);
    void (*average)(void *average, const void *parameter, int64_t count, double decay);
} HedonOptimiserLoops;

extern const HedonOptimiserLoops hedon_optimiser_loops_f32, hedon_optimiser_loops_f64;

/** Blocks that all gradients of the graph are cut into. */
int64_t hedon_host_optimise_blocks(const HedonGraph *graph);

#endif
