/* From a latent to a little film, and from the film to its frames.
 *
 * Pleasure is in the figures' hue: from red, pleasant, through yellow to green, unpleasant.
 * Shuffled colour channels say little.
 *
 * Arousal is in how many figures there are, how restlessly they move, pulse and jitter, and a
 * little in how soon the next cut comes.
 *
 * Dominance is in how large the figures are, how high they stand, whether they loom or recede.
 *
 * Nothing is in the picture's size, rate and length; in the background's colours, pattern and
 * contrast; in floor, camera pan, exposure drift and grain; in the figures' outline, brightness, saturation
 * and rim. So means of colour, brightness and motion over the picture are mostly those of what says
 * nothing.
 */
#ifndef HEDON_DATASETS_SYNTH_SCENE_H
#define HEDON_DATASETS_SYNTH_SCENE_H

#include "datasets/synth.h"

enum { HEDON_SYNTH_FIGURES = 7, HEDON_SYNTH_SHOTS = 40 };

/* Y, Cb, Cr from 16 to 240, BT.601, limited range. */
typedef struct HedonSynthColour {
    double y, u, v;
} HedonSynthColour;

typedef enum HedonSynthPattern {
    HEDON_SYNTH_GRADIENT,
    HEDON_SYNTH_GLOW,
    HEDON_SYNTH_STRIPES,
    HEDON_SYNTH_CHECKS,
    HEDON_SYNTH_DOTS,
    HEDON_SYNTH_CLOUDS,
    HEDON_SYNTH_PATTERNS
} HedonSynthPattern;

typedef struct HedonSynthSurface {
    HedonSynthPattern pattern;
    HedonSynthColour first, second;
    double angle, scale; /* radians; the pattern's period in pixels */
    uint64_t seed;       /* of clouds */
} HedonSynthSurface;

typedef enum HedonSynthPath {
    HEDON_SYNTH_ORBIT,
    HEDON_SYNTH_BOUNCE,
    HEDON_SYNTH_WEAVE,
    HEDON_SYNTH_SPIRAL,
    HEDON_SYNTH_PATHS
} HedonSynthPath;

/* Lengths are in parts of the picture's shorter side, times in seconds. */
typedef struct HedonSynthFigure {
    double x, y; /* where it lives: parts of the picture's width and height */
    HedonSynthPath path;
    double reach, rate, phase; /* of the path: amplitude, turns a second, where it starts */
    double turn, spin;         /* of the figure: radians, radians a second */
    double pulse_phase;
    uint64_t seed; /* of its jitter */
} HedonSynthFigure;

typedef struct HedonSynthShot {
    double start_s;
    HedonSynthSurface wall, floor;
    double horizon;      /* parts of the height; 1 is no floor */
    double pan_x, pan_y; /* shorter sides a second */
    int outline;         /* a figure's shape: index into synth_outline.c's table */
    HedonSynthFigure figures[HEDON_SYNTH_FIGURES];
} HedonSynthShot;

typedef struct HedonSynthScene {
    int width, height;                /* even */
    int rate_numerator, rate_divisor; /* frames a second */
    int frames;
    int figure_count;
    HedonSynthColour fill, rim;
    double radius; /* of a figure */
    double loom;   /* change of its size over a shot: .2 is from 90% to 110% */
    double pulse, pulse_rate, jitter;
    double drift, drift_rate; /* of the exposure: steps of Y, turns a second */
    double grain;             /* steps of Y */
    uint64_t grain_seed;
    HedonSynthShot shots[HEDON_SYNTH_SHOTS];
    int shot_count;
} HedonSynthScene;

void hedon_synth_scene(HedonSynthScene *scene, uint64_t seed, int64_t video);

/* ---- Drawing -------------------------------------------------------------------------------- */

/* An 8-bit 4:2:0 picture; the planes belong to whoever asks for drawing. */
typedef struct HedonSynthPicture {
    uint8_t *plane[3];
    ptrdiff_t stride[3];
} HedonSynthPicture;

/* Keeps the outlines and the background of the shot drawn last. */
typedef struct HedonSynthPainter HedonSynthPainter;

HedonSynthPainter *hedon_synth_painter_new(void); /* NULL: out of memory */
void hedon_synth_painter_free(HedonSynthPainter *painter);
/** Draw frame `index` of a scene: a pure function of both. HEDON_ENOMEM. */
int hedon_synth_paint(HedonContext *ctx, HedonSynthPainter *painter, const HedonSynthScene *scene,
                      int index, const HedonSynthPicture *picture);

#endif
