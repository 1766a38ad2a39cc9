#define REAL       double
#define ROOT       sqrt
#define NAME(name) name##_f64
#include "kernels/host_optimise.inc"
