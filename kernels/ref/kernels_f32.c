#define REAL float
#define NAME(name) name##_f32
#include "kernels/ref/kernels.inc"
