/* Elements of the simulated device's memory. */
#ifndef HEDON_TESTS_CUDA_SIM_NUMBER_H
#define HEDON_TESTS_CUDA_SIM_NUMBER_H

#include <stdint.h>
#include <string.h>

#include "kernels/cuda/types.h"

static inline float number_at(CudaType type, const void *data, int64_t i)
{
    if (type == CUDA_F32) return ((const float *)data)[i];
    if (type == CUDA_F16) return (float)((const _Float16 *)data)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Rounds to nearest even, as the device does. */
static inline void number_set(CudaType type, void *data, int64_t i, float value)
{
    if (type == CUDA_F32) {
        ((float *)data)[i] = value;
    } else if (type == CUDA_F16) {
        ((_Float16 *)data)[i] = (_Float16)value;
    } else {
        uint32_t bits;
        memcpy(&bits, &value, sizeof(bits));
        if (value == value)
            bits += 0x7fff + (bits >> 16 & 1);
        else
            bits |= 0x400000;
        ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
    }
}

#endif
