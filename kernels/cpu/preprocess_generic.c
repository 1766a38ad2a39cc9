/* Pre-processing for any processor, in vectors of four floats. */
#define SIMD_LANES     4
#define PREPROCESS_ISA cpu_preprocess_isa_generic
#include "kernels/cpu/preprocess_kernels.inc"
