/* 16-bit floats of model files. hedon computes on float32; these only pack and unpack. */
#ifndef HEDON_MODELS_HALF_H
#define HEDON_MODELS_HALF_H

#include <stdint.h>

float hedon_float_from_f16(uint16_t half);
float hedon_float_from_bf16(uint16_t half);
/** Nearest, ties to even; beyond 65504 becomes infinite, as IEEE 754 says. */
uint16_t hedon_f16_from_float(float value);

#endif
