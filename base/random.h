/* Counter-based random numbers: number i of a key is a pure function of (key, i), so that resume,
 * order and worker count change nothing. The mix is the finaliser of SplitMix64 (Steele, Lea &
 * Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), applied to a Weyl
 * sequence; tools/golden/hash.py implements the same for PyTorch's side of golden numbers. */
#ifndef HEDON_BASE_RANDOM_H
#define HEDON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct HedonRandomKey {
    uint64_t value;
} HedonRandomKey;

/** The key of one item in one epoch of one seeded run. */
HedonRandomKey hedon_random_key(uint64_t seed, uint64_t epoch, uint64_t item);
/** A key from a name (FNV-1a): golden weights are keyed by their tensor's name. */
HedonRandomKey hedon_random_key_name(uint64_t seed, const char *name);

uint64_t hedon_random_u64(HedonRandomKey key, uint64_t counter);
/** Uniform in [0,1), 53 bits. */
double hedon_random_uniform(HedonRandomKey key, uint64_t counter);
/** Standard normal (Box-Muller, cosine branch, on counters 2i and 2i+1). */
double hedon_random_normal(HedonRandomKey key, uint64_t counter);

#endif
