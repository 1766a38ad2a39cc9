#define REAL       float
#define ROOT       sqrtf
#define NAME(name) name##_f32
#include "kernels/host_optimise.inc"
