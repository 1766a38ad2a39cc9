/* Where a plan's tensors lie in its arena: a step writes over an input that nobody reads
 * afterwards, where it may; the rest is placed by lifetimes. Steps run one after another. */
#ifndef HEDON_KERNELS_GRAPH_MEMORY_PLAN_H
#define HEDON_KERNELS_GRAPH_MEMORY_PLAN_H

#include "hedon.h"

typedef struct HedonPlannedTensor {
    int64_t bytes;
    int in_arena;
    int may_share;   /* its memory with the input or output of a step; only in the arena */
    int whole;       /* lives as long as an execution */
    int32_t storage; /* out: the tensor whose memory this is; itself unless written over one */
    int64_t offset;  /* out: in the arena */
} HedonPlannedTensor;

/* A step's tensors by number, -1 where absent. The arrays are borrowed. */
typedef struct HedonPlannedStep {
    const int32_t *input, *extra;
    int input_count, extra_count;
    int32_t output, scratch;
    unsigned overwritable; /* bit i: the output may lie over input i if nobody reads that later */
} HedonPlannedStep;

/** Fills storage and offset, and the arena's size. Offsets are multiples of 64 and, since sizes are
 *  rounded up to it, of `alignment`. 0; HEDON_EINVAL when sizes overflow; HEDON_ENOMEM. */
int hedon_memory_plan(HedonContext *ctx, HedonPlannedTensor *tensors, int tensor_count,
                      const HedonPlannedStep *steps, int step_count, int64_t alignment,
                      int64_t *arena_bytes);

#endif
