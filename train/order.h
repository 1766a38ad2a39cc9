/* The order in which an epoch shows its items: a permutation that is a pure function of (seed,
 * epoch, position), so that resuming at any step and any number of decode workers change nothing.
 */
#ifndef HEDON_TRAIN_ORDER_H
#define HEDON_TRAIN_ORDER_H

#include "base/random.h"

/**
 * Which of `count` items stands at `position` in the epoch of `key`; 0 <= position < count. Each
 * item once. Constant memory: a Feistel network of six rounds over the next even power of two,
 * walked until the result is below count (Black & Rogaway, "Ciphers with Arbitrary Finite Domains",
 * 2002).
 */
int64_t hedon_order_at(HedonRandomKey key, int64_t count, int64_t position);

#endif
