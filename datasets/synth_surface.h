/* Backgrounds: a pattern in two colours, painted once a shot. */
#ifndef HEDON_DATASETS_SYNTH_SURFACE_H
#define HEDON_DATASETS_SYNTH_SURFACE_H

#include "datasets/synth_scene.h"

/** Paint rows [top, bottom), both even, of a picture of that size with a surface. */
void hedon_synth_surface(const HedonSynthSurface *surface, const HedonSynthPicture *picture,
                         int width, int height, int top, int bottom);

#endif
