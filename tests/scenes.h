/* Clips that both sides of a golden comparison make: the scenes of tools/golden/weights.py's
 * clips(), bit for bit. */
#ifndef HEDON_TESTS_SCENES_H
#define HEDON_TESTS_SCENES_H

#include "base/random.h"

static inline double symmetric(HedonRandomKey key, uint64_t i)
{
    return 2 * hedon_random_uniform(key, i) - 1;
}

/* One channel of one frame: a base, a slope, a blob that moves and changes, noise. */
static inline void render_channel(float *out, const double scene[32], int channel, double time,
                                  int64_t size, HedonRandomKey noise, uint64_t first_pixel)
{
    const double cx = 0.5 + 0.4 * scene[0] + 0.5 * scene[1] * time;
    const double cy = 0.5 + 0.4 * scene[2] + 0.5 * scene[3] * time;
    const double *s = scene + 8 + 8 * channel;
    for (int64_t i = 0; i < size * size; i++) {
        const double x = (double)(i % size) / (double)size, y = (double)(i / size) / (double)size;
        const double distance = (x - cx) * (x - cx) + (y - cy) * (y - cy);
        const double blob = 1 / (1 + distance * (20 + 15 * scene[4]));
        const double smooth = s[0] + s[1] * x + s[2] * y + (2 * s[3] + s[4] * time) * blob;
        out[i] =
            (float)(smooth + (0.3 + 0.2 * scene[5]) * symmetric(noise, first_pixel + (uint64_t)i));
    }
}

/* Clip number n of a seed: (3, frames, size, size). */
static inline void render_clip(float *out, uint64_t seed, uint64_t n, int64_t frames, int64_t size)
{
    double scene[32];
    for (uint64_t i = 0; i < 32; i++) scene[i] = symmetric(hedon_random_key(seed, 1, n), i);
    const HedonRandomKey noise = hedon_random_key(seed, 2, n);
    for (int64_t plane = 0; plane < 3 * frames; plane++)
        render_channel(out + plane * size * size, scene, (int)(plane / frames),
                       (double)(plane % frames) / (double)frames, size, noise,
                       (uint64_t)(plane * size * size));
}

#endif
