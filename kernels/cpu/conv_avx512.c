/* Convolutions for AVX-512; compiled with -mavx512f -mfma. */
#define SIMD_LANES    16
#define CONV_ISA      cpu_conv_isa_avx512
#define CONV_ISA_NAME "avx512"
#include "kernels/cpu/conv_kernels.inc"
