#include "datasets/synth_surface.h"

#include <math.h>

#define PI 3.14159265358979323846

/* 0 to 1 and smooth, from a lattice of random numbers. */
static double value_noise(uint64_t seed, double x, double y)
{
    const double fx = floor(x), fy = floor(y);
    const double tx = x - fx, ty = y - fy;
    const double sx = tx * tx * (3 - 2 * tx), sy = ty * ty * (3 - 2 * ty);
    double corner[2][2];
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++)
            corner[j][i] = hedon_random_uniform((HedonRandomKey){seed},
                                                (uint64_t)((int64_t)fx + i + 4096) * 8192 +
                                                    (uint64_t)((int64_t)fy + j + 4096));
    const double upper = corner[0][0] + sx * (corner[0][1] - corner[0][0]);
    const double lower = corner[1][0] + sx * (corner[1][1] - corner[1][0]);
    return upper + sy * (lower - upper);
}

/* A wave from 0 to 1 and back with soft edges. */
static double soft_step(double wave)
{
    const double x = 0.5 + 2.5 * wave;
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* How much of the second colour there is at a pixel. */
static double blend(const HedonSynthSurface *surface, double x, double y, int width, int height)
{
    const double c = cos(surface->angle), s = sin(surface->angle);
    const double along = (x * c + y * s) / surface->scale;
    const double across = (y * c - x * s) / surface->scale;
    switch (surface->pattern) {
    case HEDON_SYNTH_GRADIENT:
        return 0.5 + 0.5 * cos(PI * y / height + surface->angle);
    case HEDON_SYNTH_GLOW: {
        const double dx = x / width - 0.5, dy = y / height - 0.5;
        return exp(-6 * (dx * dx + dy * dy));
    }
    case HEDON_SYNTH_STRIPES:
        return soft_step(sin(2 * PI * along));
    case HEDON_SYNTH_CHECKS:
        return soft_step(sin(2 * PI * along / 2) * sin(2 * PI * across / 2));
    case HEDON_SYNTH_DOTS: {
        const double dx = along - floor(along) - 0.5, dy = across - floor(across) - 0.5;
        return soft_step(6 * (0.08 - dx * dx - dy * dy));
    }
    default:
        return value_noise(surface->seed, along, across) * 0.65 +
               value_noise(surface->seed + 1, along * 2.1, across * 2.1) * 0.35;
    }
}

static uint8_t mixed(double first, double second, double part)
{
    return (uint8_t)(first + (second - first) * part + 0.5);
}

void hedon_synth_surface(const HedonSynthSurface *surface, const HedonSynthPicture *picture,
                         int width, int height, int top, int bottom)
{
    for (int y = top; y < bottom; y++) {
        for (int x = 0; x < width; x++) {
            const double part = blend(surface, x, y, width, height);
            picture->plane[0][y * picture->stride[0] + x] =
                mixed(surface->first.y, surface->second.y, part);
            if (x % 2 || y % 2) continue;
            picture->plane[1][y / 2 * picture->stride[1] + x / 2] =
                mixed(surface->first.u, surface->second.u, part);
            picture->plane[2][y / 2 * picture->stride[2] + x / 2] =
                mixed(surface->first.v, surface->second.v, part);
        }
    }
}
