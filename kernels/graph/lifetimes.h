/* Which values live when, and offsets in one arena such that values alive together never overlap. */
#ifndef HEDON_KERNELS_GRAPH_LIFETIMES_H
#define HEDON_KERNELS_GRAPH_LIFETIMES_H

#include "hedon.h"

typedef struct HedonLifetime {
    int64_t bytes;       /* in: size */
    int32_t first, last; /* in: steps at which it is first written and last read, inclusive */
    int64_t offset;      /* out: in the arena, 64-byte aligned */
} HedonLifetime;

/**
 * Place values by size, largest first, at the lowest free offset (greedy by size; Pisarchyk & Lee,
 * "Efficient Memory Management for Deep Neural Net Inference", 2020).
 *
 * @return 0 and the arena's size; HEDON_EINVAL when a size is negative or the sum overflows, HEDON_ENOMEM.
 */
int hedon_lifetimes_place(HedonLifetime *lifetimes, int count, int64_t *arena_bytes);

#endif
