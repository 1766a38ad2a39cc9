/* Batch norm in training for any processor. */
#define SIMD_LANES    4
#define NORM_ISA      cpu_norm_isa_generic
#define NORM_ISA_NAME "generic"
#include "kernels/cpu/norm_kernels.inc"
