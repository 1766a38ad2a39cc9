/* Outlines in polar form: the radius, at most 1, in each direction. All cover about half of the
 * unit circle, so that an outline does not show in how much of the picture is figure. */
#include "datasets/synth_outline.h"

#include <math.h>

static double disc(double angle)
{
    (void)angle;
    return 0.70;
}

static double egg(double angle)
{
    return 0.72 + 0.10 * cos(2 * angle) + 0.06 * cos(angle);
}

static double cloud(double angle)
{
    return 0.70 + 0.09 * cos(3 * angle + 1) + 0.05 * cos(5 * angle);
}

static double bean(double angle)
{
    return 0.70 + 0.18 * cos(2 * angle) - 0.08 * cos(angle);
}

/* Point downwards on the screen, where y grows downwards. */
static double heart(double angle)
{
    const double s = sin(-angle), c = fabs(cos(angle));
    return 0.42 * (2 - 2 * s + s * sqrt(c) / (s + 1.4)) * 0.6 + 0.12;
}

static double (*const outlines[HEDON_SYNTH_OUTLINES])(double angle) = {
    disc, egg, cloud, bean, heart,
};

void hedon_synth_outline(HedonSynthMap *map, int outline)
{
    enum { SAMPLES = 3 };
    const double half = HEDON_SYNTH_MAP / 2.0, unit = half - 1;
    for (int y = 0; y < HEDON_SYNTH_MAP; y++) {
        for (int x = 0; x < HEDON_SYNTH_MAP; x++) {
            int whole = 0, inside = 0;
            for (int s = 0; s < SAMPLES * SAMPLES; s++) {
                const double sx = (x + (s % SAMPLES + 0.5) / SAMPLES - half) / unit;
                const double sy = (y + (s / SAMPLES + 0.5) / SAMPLES - half) / unit;
                const double radius = sqrt(sx * sx + sy * sy);
                const double edge = outlines[outline](atan2(sy, sx));
                whole += radius < edge && radius < 1;
                inside += radius < edge - 0.12;
            }
            map->whole[y][x] = (uint8_t)(whole * 255 / (SAMPLES * SAMPLES));
            map->inside[y][x] = (uint8_t)(inside * 255 / (SAMPLES * SAMPLES));
        }
    }
}
