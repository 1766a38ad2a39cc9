/* Pre-processing for AVX2 with FMA; compiled with -mavx2 -mfma. */
#define SIMD_LANES     8
#define PREPROCESS_ISA cpu_preprocess_isa_avx2
#include "kernels/cpu/preprocess_kernels.inc"
