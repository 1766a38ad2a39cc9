/* Batch norm in training for AVX-512. */
#define SIMD_LANES    16
#define NORM_ISA      cpu_norm_isa_avx512
#define NORM_ISA_NAME "avx512"
#include "kernels/cpu/norm_kernels.inc"
