/* Batch norm in training for AVX2. */
#define SIMD_LANES    8
#define NORM_ISA      cpu_norm_isa_avx2
#define NORM_ISA_NAME "avx2"
#include "kernels/cpu/norm_kernels.inc"
