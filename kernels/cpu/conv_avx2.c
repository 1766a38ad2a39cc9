/* Convolutions for AVX2 with FMA; compiled with -mavx2 -mfma. */
#define SIMD_LANES    8
#define CONV_ISA      cpu_conv_isa_avx2
#define CONV_ISA_NAME "avx2"
#include "kernels/cpu/conv_kernels.inc"
