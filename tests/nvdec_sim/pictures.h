/* What the simulated NVDEC decodes to: a file of pictures ($HEDON_SIM_PICTURES), each with the hash
 * of the slices that make it. Written by test_nvdec.c from what the CPU's decoder gives. */
#ifndef HEDON_TESTS_NVDEC_SIM_PICTURES_H
#define HEDON_TESTS_NVDEC_SIM_PICTURES_H

#include <stddef.h>
#include <stdint.h>

/* Followed by dense rows of Y, then of U and V in turns. */
typedef struct SimPicture {
    uint64_t hash;
    int32_t width, height; /* even */
    int32_t sample_bytes;
    int32_t reserved;
} SimPicture;

#define SIM_HASH_START UINT64_C(1469598103934665603)

/* FNV-1a. */
static inline uint64_t sim_hash(uint64_t hash, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static inline size_t sim_picture_bytes(const SimPicture *picture)
{
    return (size_t)picture->width * (size_t)picture->height * 3 / 2 * (size_t)picture->sample_bytes;
}

#endif
