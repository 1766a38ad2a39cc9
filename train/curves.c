/* curves.png: the training loss over steps, what is measured on the held-out part over epochs. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "score/canvas.h"
#include "score/json_writer.h"
#include "train/report.h"

enum { WIDTH = 1000, HEIGHT = 640, LEFT = 80, RIGHT = 970 };
enum {
    INK = 0x1f2933,
    FAINT = 0x7b8794,
    GRID = 0xe4e7eb,
    LOSS = 0x9fb3c8,
    SMOOTH = 0x2f6690,
    TOP3 = 0xd1495b,
    PAIRS = 0x3a7d44
};

/* A box of the picture that shows values low..high over steps 0..last. */
typedef struct Panel {
    double top, bottom, low, high, last;
} Panel;

static double x_of(const Panel *panel, double step)
{
    return LEFT + (RIGHT - LEFT) * step / (panel->last > 0 ? panel->last : 1);
}

static double y_of(const Panel *panel, double value)
{
    const double part = (value - panel->low) / (panel->high - panel->low);
    return panel->bottom - (panel->bottom - panel->top) * fmin(1, fmax(0, part));
}

static void draw_grid(cairo_t *c, const Panel *panel, const char *title)
{
    const double step = hedon_canvas_step(panel->high - panel->low, 5);
    cairo_set_line_width(c, 1);
    for (double value = ceil(panel->low / step) * step; value <= panel->high + step / 1e6;
         value += step) {
        const double y = floor(y_of(panel, value)) + .5;
        char text[32];
        hedon_format_number(text, fabs(value) < step / 1e6 ? 0 : value);
        hedon_canvas_colour(c, GRID);
        cairo_move_to(c, LEFT, y);
        cairo_line_to(c, RIGHT, y);
        cairo_stroke(c);
        hedon_canvas_colour(c, FAINT);
        hedon_canvas_text(c, LEFT - 8, y + 4, 12, 0, HEDON_RIGHT, text);
    }
    hedon_canvas_colour(c, INK);
    hedon_canvas_text(c, LEFT, panel->top - 10, 14, 1, HEDON_LEFT, title);
}

static void draw_axis(cairo_t *c, const Panel *panel, const char *title)
{
    const double step = fmax(1, hedon_canvas_step(panel->last, 10));
    hedon_canvas_colour(c, FAINT);
    for (double at = 0; at <= panel->last; at += step) {
        char text[32];
        hedon_format_number(text, at);
        hedon_canvas_text(c, x_of(panel, at), panel->bottom + 18, 12, 0, HEDON_CENTRE, text);
    }
    hedon_canvas_text(c, (LEFT + RIGHT) / 2.0, panel->bottom + 38, 12, 0, HEDON_CENTRE, title);
}

/* factor 1: as it is; less: an exponential moving average that begins unbiased. */
static void draw_curve(cairo_t *c, const Panel *panel, const HedonCurve *curve, unsigned colour,
                       double width, double factor, int dots)
{
    double mean = 0, weight = 0;
    hedon_canvas_colour(c, colour);
    cairo_set_line_width(c, width);
    for (int64_t i = 0; i < curve->count; i++) {
        mean = (1 - factor) * mean + factor * curve->value[i];
        weight = (1 - factor) * weight + factor;
        const double x = x_of(panel, curve->step[i]), y = y_of(panel, mean / weight);
        if (i)
            cairo_line_to(c, x, y);
        else
            cairo_move_to(c, x, y);
    }
    cairo_stroke(c);
    for (int64_t i = 0; dots && i < curve->count; i++) {
        cairo_arc(c, x_of(panel, curve->step[i]), y_of(panel, curve->value[i]), 3, 0, 2 * M_PI);
        cairo_fill(c);
    }
}

static double largest(const HedonCurve *curve)
{
    double most = 0;
    for (int64_t i = 0; i < curve->count; i++)
        if (isfinite(curve->value[i])) most = fmax(most, curve->value[i]);
    return most > 0 ? most * 1.05 : 1;
}

static double last_step(const HedonRunHistory *history)
{
    const HedonCurve *curves[] = {&history->loss, &history->top3, &history->pairs};
    double last = 1;
    for (int i = 0; i < 3; i++)
        if (curves[i]->count) last = fmax(last, curves[i]->step[curves[i]->count - 1]);
    return last;
}

static void draw(cairo_t *c, const HedonRunHistory *history, const char *title)
{
    const double last = last_step(history);
    const Panel loss = {.top = 90, .bottom = 310, .high = largest(&history->loss), .last = last};
    const Panel held = {.top = 370, .bottom = 580, .high = 1, .last = last};
    hedon_canvas_colour(c, 0xffffff);
    cairo_paint(c);
    hedon_canvas_colour(c, INK);
    hedon_canvas_text(c, LEFT, 40, 20, 1, HEDON_LEFT, title);
    draw_grid(c, &loss, "Training loss, each step and smoothed");
    draw_curve(c, &loss, &history->loss, LOSS, 1, 1, 0);
    draw_curve(c, &loss, &history->loss, SMOOTH, 2, .05, 0);
    draw_grid(c, &held, "Held out of training: share right");
    draw_curve(c, &held, &history->top3, TOP3, 2, 1, 1);
    draw_curve(c, &held, &history->pairs, PAIRS, 2, 1, 1);
    hedon_canvas_colour(c, TOP3);
    if (history->top3.count)
        hedon_canvas_text(c, RIGHT - 120, held.top - 10, 13, 1, HEDON_RIGHT, "emotion in top 3");
    hedon_canvas_colour(c, PAIRS);
    if (history->pairs.count)
        hedon_canvas_text(c, RIGHT, held.top - 10, 13, 1, HEDON_RIGHT, "pairs");
    draw_axis(c, &held, "optimiser step");
}

int hedon_curves_write(HedonContext *ctx, const HedonRunFolder *folder,
                       const HedonRunHistory *history, const char *title)
{
    char path[4096];
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *c = cairo_create(surface);
    draw(c, history, title);
    const int drawn = cairo_status(c) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(c);
    const int code =
        drawn ? hedon_canvas_write(ctx, surface, hedon_run_folder_path(folder, "curves.png", path))
              : hedon_fail_memory(ctx);
    cairo_surface_destroy(surface);
    return code;
}
