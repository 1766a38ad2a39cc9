/* The loops for any processor, and the choice among them. */
#define AUGMENT_LOOPS hedon_augment_loops_generic
#include "train/augment/loops.inc"

const HedonAugmentLoops *hedon_augment_loops(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &hedon_augment_loops_avx2;
#endif
    return &hedon_augment_loops_generic;
}
