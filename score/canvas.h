/* Drawing in pixels of a PNG: the few things that plots need, over cairo. */
#ifndef HEDON_SCORE_CANVAS_H
#define HEDON_SCORE_CANVAS_H

#include <cairo.h>

#include "hedon.h"

typedef enum HedonAlign { HEDON_LEFT, HEDON_CENTRE, HEDON_RIGHT } HedonAlign;

/* 0xRRGGBB */
void hedon_canvas_colour(cairo_t *c, unsigned rgb);
/** text must be UTF-8. Returns its width. */
double hedon_canvas_text(cairo_t *c, double x, double y, double size, int bold, HedonAlign align,
                         const char *text);
/** Words in lines of at most `width`; returns y of the line after the last. */
double hedon_canvas_paragraph(cairo_t *c, double x, double y, double width, double size,
                              const char *text);
/** An image of RGB bytes, scaled to width x height. */
void hedon_canvas_image(cairo_t *c, const HedonThumbnail *image, double x, double y, double width,
                        double height);
/** A round step (1, 2 or 5 times a power of ten) that cuts span into at most `parts`. */
double hedon_canvas_step(double span, int parts);
/** Write as PNG, atomically. HEDON_EIO, HEDON_ENOMEM. */
int hedon_canvas_write(HedonContext *ctx, cairo_surface_t *surface, const char *path);

#endif
