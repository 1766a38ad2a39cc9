/* The shapes of figures, as small coverage maps. */
#ifndef HEDON_DATASETS_SYNTH_OUTLINE_H
#define HEDON_DATASETS_SYNTH_OUTLINE_H

#include <stdint.h>

enum { HEDON_SYNTH_SMOOTH = 5, HEDON_SYNTH_ANGULAR = 5 };
/* Outlines 0 to HEDON_SYNTH_SMOOTH-1 are smooth, the rest angular. */
enum { HEDON_SYNTH_OUTLINES = HEDON_SYNTH_SMOOTH + HEDON_SYNTH_ANGULAR };

/* A square about a unit circle, a margin of one cell empty all round. */
enum { HEDON_SYNTH_MAP = 130 };

typedef struct HedonSynthMap {
    /* 0 to 255: how much of the cell is figure; how much of it lies inside the rim */
    uint8_t whole[HEDON_SYNTH_MAP][HEDON_SYNTH_MAP], inside[HEDON_SYNTH_MAP][HEDON_SYNTH_MAP];
} HedonSynthMap;

void hedon_synth_outline(HedonSynthMap *map, int outline);

#endif
