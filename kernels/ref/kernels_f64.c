#define REAL double
#define NAME(name) name##_f64
#include "kernels/ref/kernels.inc"
