/* The loops for AVX2; compiled with -mavx2. */
#define AUGMENT_LOOPS hedon_augment_loops_avx2
#include "train/augment/loops.inc"
