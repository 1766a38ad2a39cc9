/* Convolutions for any processor. */
#define SIMD_LANES    4
#define CONV_ISA      cpu_conv_isa_generic
#define CONV_ISA_NAME "generic"
#include "kernels/cpu/conv_kernels.inc"
