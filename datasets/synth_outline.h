/* The shapes of figures, as small coverage maps. */
#ifndef HEDON_DATASETS_SYNTH_OUTLINE_H
#define HEDON_DATASETS_SYNTH_OUTLINE_H

#include <stdint.h>

/* Only the heart has an upright. */
enum { HEDON_SYNTH_HEART = 4, HEDON_SYNTH_OUTLINES = 5 };

/* A square about a unit circle, a margin of one cell empty all round. */
enum { HEDON_SYNTH_MAP = 130 };

typedef struct HedonSynthMap {
    /* 0 to 255: how much of the cell is figure; how much of it lies inside the rim */
    uint8_t whole[HEDON_SYNTH_MAP][HEDON_SYNTH_MAP], inside[HEDON_SYNTH_MAP][HEDON_SYNTH_MAP];
} HedonSynthMap;

void hedon_synth_outline(HedonSynthMap *map, int outline);

#endif
