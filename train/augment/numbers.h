/* Random numbers one after the other, for code that draws a varying number of them. Uniform and
 * normal numbers have keys of their own: each kind counts from 0. */
#ifndef HEDON_TRAIN_AUGMENT_NUMBERS_H
#define HEDON_TRAIN_AUGMENT_NUMBERS_H

#include "base/random.h"

typedef struct HedonNumbers {
    HedonRandomKey uniform, normal;
    uint64_t uniforms, normals; /* so many are used up */
} HedonNumbers;

static inline HedonNumbers hedon_numbers(HedonRandomKey key)
{
    return (HedonNumbers){hedon_random_key(key.value, 1, 0), hedon_random_key(key.value, 2, 0), 0,
                          0};
}

static inline double hedon_next_uniform(HedonNumbers *numbers)
{
    return hedon_random_uniform(numbers->uniform, numbers->uniforms++);
}

static inline double hedon_next_normal(HedonNumbers *numbers)
{
    return hedon_random_normal(numbers->normal, numbers->normals++);
}

/** Uniform in low..high. */
static inline double hedon_next_between(HedonNumbers *numbers, double low, double high)
{
    return low + (high - low) * hedon_next_uniform(numbers);
}

/** Uniform among 0..count-1. */
static inline int32_t hedon_next_index(HedonNumbers *numbers, int32_t count)
{
    const int32_t i = (int32_t)(hedon_next_uniform(numbers) * count);
    return i < count ? i : count - 1;
}

#endif
