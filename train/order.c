#include "train/order.h"

enum { ROUNDS = 6 };

/* One pass of the network over numbers of 2 * half bits: a bijection. */
static uint64_t encipher(HedonRandomKey key, int half, uint64_t value)
{
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t left = value >> half, right = value & mask;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t counter = (uint64_t)round << 32 | right;
        const uint64_t mixed = left ^ (hedon_random_u64(key, counter) & mask);
        left = right;
        right = mixed;
    }
    return left << half | right;
}

int64_t hedon_order_at(HedonRandomKey key, int64_t count, int64_t position)
{
    int half = 1;
    while ((uint64_t)1 << 2 * half < (uint64_t)count) half++;
    uint64_t value = (uint64_t)position;
    do { /* the walk ends: a cycle of a bijection comes back to where it started, below count */
        value = encipher(key, half, value);
    } while (value >= (uint64_t)count);
    return (int64_t)value;
}
