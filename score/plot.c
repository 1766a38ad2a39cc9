/* The picture of a result: thumbnails along the time axis, below them the utility and the strongest
 * emotions over time, and what the picture is not. */
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "score/canvas.h"
#include "score/json_writer.h"
#include "score/series.h"
#include "score/scorer.h"
#include "score/wording.h"

enum { WIDTH = 1200, LEFT = 84, RIGHT = 960, SHOWN = 5, MOST_POINTS = 219, MOST_DOTS = 40 };
enum {
    INK = 0x222222,
    FAINT = 0x777777,
    GRID = 0xe4e4e4,
    PAPER = 0xffffff,
    ALARM = 0xa61c00,
    SLATE = 0x24476b
};

/* Okabe & Ito's palette, told apart by colour-blind eyes too; dashes help in print. */
static const unsigned colours[SHOWN] = {0xd55e00, 0x0072b2, 0x009e73, 0xcc79a7, 0xe69f00};
static const double dashes[SHOWN][2] = {{0, 0}, {0, 0}, {10, 3}, {3, 3}, {12, 6}};

typedef struct Panel {
    double top, bottom; /* pixels */
    double low, high;   /* values */
    double duration_s;
} Panel;

static double x_of(double duration_s, double time_s)
{
    return LEFT + (RIGHT - LEFT) * fmin(1, time_s / duration_s);
}

static double y_of(const Panel *panel, double value)
{
    return panel->bottom -
           (panel->bottom - panel->top) * (value - panel->low) / (panel->high - panel->low);
}

static void draw_title(cairo_t *c, const HedonScorer *scorer, const HedonScore *score)
{
    char name[256], facts[512], length[32];
    const char *base = strrchr(score->video, '/');
    hedon_utf8_clean(name, sizeof(name),
                     strcmp(score->video, "-") ? base ? base + 1 : score->video : "standard input");
    hedon_wording_time(length, sizeof(length), score->duration_s);
    snprintf(facts, sizeof(facts), "%s, %dx%d, model %s", length, score->width, score->height,
             scorer->info->name);
    hedon_canvas_colour(c, INK);
    hedon_canvas_text(c, LEFT, 40, 22, 1, HEDON_LEFT, name);
    hedon_canvas_colour(c, FAINT);
    hedon_canvas_text(c, WIDTH - 30, 40, 14, 0, HEDON_RIGHT, facts);
    if (!hedon_scorer_warning(scorer)) return;
    hedon_canvas_colour(c, ALARM);
    hedon_canvas_text(c, LEFT, 64, 14, 1, HEDON_LEFT, hedon_scorer_warning(scorer));
}

static void draw_thumbnails(cairo_t *c, const HedonScore *score, double top, double height)
{
    const double room =
        (double)(RIGHT - LEFT) / (score->thumbnail_count ? score->thumbnail_count : 1) - 4;
    for (int i = 0; i < score->thumbnail_count; i++) {
        const HedonThumbnail *image = &score->thumbnails[i];
        const double scale = fmin(fmin(room, 2 * height) / image->width, height / image->height);
        const double width = image->width * scale, tall = image->height * scale;
        double x = x_of(score->duration_s, image->time_s) - width / 2;
        x = fmax(LEFT, fmin(RIGHT - width, x));
        hedon_canvas_image(c, image, x, top + height - tall, width, tall);
    }
}

static void draw_grid(cairo_t *c, const Panel *panel, double step, const char *title)
{
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

enum { SHORT_S = 4 }; /* below, the axis counts fractions of seconds */

/* Steps that people count time in. */
static double time_step(double duration_s)
{
    static const double steps[] = {1,   2,   5,   10,   15,   30,   60,    120,
                                   300, 600, 900, 1800, 3600, 7200, 18000, 36000};
    if (duration_s < SHORT_S) return hedon_canvas_step(duration_s, 8);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (duration_s / steps[i] <= 12) return steps[i];
    return hedon_canvas_step(duration_s, 12);
}

static void draw_time_axis(cairo_t *c, const HedonScore *score, double duration_s, double y)
{
    const double step = time_step(duration_s);
    cairo_set_line_width(c, 1);
    hedon_canvas_colour(c, FAINT);
    cairo_move_to(c, LEFT, y + .5);
    cairo_line_to(c, RIGHT, y + .5);
    cairo_stroke(c);
    for (int i = 0; i * step <= duration_s * (1 + 1e-9); i++) {
        char text[32];
        const double x = floor(x_of(duration_s, i * step)) + .5;
        if (duration_s < SHORT_S)
            hedon_format_number(text, i * step);
        else
            hedon_wording_time(text, sizeof(text), i * step);
        cairo_move_to(c, x, y);
        cairo_line_to(c, x, y + 6);
        cairo_stroke(c);
        hedon_canvas_text(c, x, y + 21, 12, 0, HEDON_CENTRE, text);
    }
    char title[96];
    const char *unit = duration_s < SHORT_S ? "s" : duration_s < 3600 ? "min:s" : "h:min:s";
    if (score->clip_count > MOST_POINTS)
        snprintf(title, sizeof(title), "time (%s); %lld windows, averaged to %d points", unit,
                 (long long)score->clip_count, MOST_POINTS);
    else
        snprintf(title, sizeof(title), "time (%s)", unit);
    hedon_canvas_text(c, (LEFT + RIGHT) / 2.0, y + 42, 12, 0, HEDON_CENTRE, title);
}

static int points_of(const HedonScore *score)
{
    return score->clip_count < MOST_POINTS ? (int)score->clip_count : MOST_POINTS;
}

/* A value belongs to a stretch of time: its point stands in the middle; one clip alone is a bar.
 * Long timelines are averaged to what the eye can tell apart. */
static void draw_curve(cairo_t *c, const HedonScore *score, const Panel *panel, int series)
{
    const int points = points_of(score);
    cairo_new_path(c); /* drawing text has left a point */
    for (int i = 0; i < points; i++) {
        double time_s;
        const double y = y_of(panel, hedon_series_mean(score, series, i, points, &time_s));
        if (points == 1) cairo_move_to(c, x_of(panel->duration_s, score->clips[0].start_s), y);
        cairo_line_to(c, x_of(panel->duration_s, points == 1 ? score->clips[0].end_s : time_s), y);
    }
    cairo_stroke(c);
    cairo_set_dash(c, NULL, 0, 0);
    for (int i = 0; i < points && points > 1 && points <= MOST_DOTS; i++) {
        double time_s;
        const double y = y_of(panel, hedon_series_mean(score, series, i, points, &time_s));
        cairo_arc(c, x_of(panel->duration_s, time_s), y, 3, 0, 2 * acos(-1));
        cairo_fill(c);
    }
}

/* Of what draw_curve draws. */
static void widen(const HedonScore *score, int series, Panel *panel)
{
    const int points = points_of(score);
    for (int i = 0; i < points; i++) {
        const double value = hedon_series_mean(score, series, i, points, NULL);
        panel->low = fmin(panel->low, value);
        panel->high = fmax(panel->high, value);
    }
}

static void draw_utility(cairo_t *c, const HedonScorer *scorer, const HedonScore *score,
                         Panel *panel)
{
    panel->low = panel->high = score->utility;
    widen(score, HEDON_SERIES_UTILITY, panel);
    /* never so small that a huge utility swallows it */
    const double margin = fmax(panel->high > panel->low ? .08 * (panel->high - panel->low) : .5,
                               1e-6 * fmax(fabs(panel->low), fabs(panel->high)));
    panel->low -= margin;
    panel->high += margin;
    draw_grid(c, panel, hedon_canvas_step(panel->high - panel->low, 4),
              "Wellbeing: raw utility (no zero, no unit)");
    cairo_set_line_width(c, 2.5);
    hedon_canvas_colour(c, SLATE);
    draw_curve(c, score, panel, HEDON_SERIES_UTILITY);

    char text[64], number[32];
    double y = panel->top + 8;
    hedon_format_number(number, round(score->utility * 1000) / 1000);
    snprintf(text, sizeof(text), "whole video: %s", number);
    hedon_canvas_text(c, RIGHT + 24, y, 14, 1, HEDON_LEFT, text);
    hedon_canvas_colour(c, FAINT);
    if (!score->has_percentile) return;
    char share[512];
    snprintf(share, sizeof(share), "above %.0f%% of the reference videos: %s", score->percentile,
             scorer->info->reference_name);
    hedon_canvas_paragraph(c, RIGHT + 24, y + 22, WIDTH - RIGHT - 40, 12, share);
}

static void draw_emotions(cairo_t *c, const HedonScore *score, Panel *panel)
{
    int order[SHOWN];
    hedon_series_strongest(score, 1, order, SHOWN);
    panel->low = 0;
    panel->high = .01;
    for (int k = 0; k < SHOWN; k++) widen(score, order[k], panel);
    const double step = hedon_canvas_step(panel->high, 4);
    panel->high = fmin(1, ceil(panel->high / step) * step);
    draw_grid(c, panel, step, "Emotions: predicted mean rating, 0 to 1");
    hedon_canvas_colour(c, FAINT);
    hedon_canvas_text(c, RIGHT + 24, panel->top - 10, 12, 0, HEDON_LEFT, "strongest");
    hedon_canvas_text(c, WIDTH - 24, panel->top - 10, 12, 0, HEDON_RIGHT, "whole video");
    for (int k = 0; k < SHOWN; k++) {
        char number[32];
        const double y = panel->top + 14 + 26 * k;
        hedon_canvas_colour(c, colours[k]);
        cairo_set_line_width(c, 2.5);
        cairo_set_dash(c, dashes[k], dashes[k][0] > 0 ? 2 : 0, 0);
        cairo_move_to(c, RIGHT + 24, y - 5);
        cairo_line_to(c, RIGHT + 52, y - 5);
        cairo_stroke(c);
        draw_curve(c, score, panel, order[k]);
        hedon_canvas_colour(c, INK);
        hedon_canvas_text(c, RIGHT + 60, y, 13, 0, HEDON_LEFT, hedon_emotion_name(order[k]));
        const int hundredths = (int)lrint(100 * score->emotions[order[k]]);
        snprintf(number, sizeof(number), "%d.%02d", hundredths / 100, hundredths % 100);
        hedon_canvas_text(c, WIDTH - 24, y, 13, 0, HEDON_RIGHT, number);
    }
}

static void draw(cairo_t *c, const HedonScorer *scorer, const HedonScore *score, double height)
{
    hedon_canvas_colour(c, PAPER);
    cairo_paint(c);
    cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
    draw_title(c, scorer, score);
    const double duration_s = score->duration_s > 0 ? score->duration_s : 1;
    double y = 84;
    if (score->thumbnail_count) {
        draw_thumbnails(c, score, y, 84);
        y += 84;
    }
    if (score->has_utility) {
        Panel panel = {.top = y + 44, .bottom = y + 184, .duration_s = duration_s};
        draw_utility(c, scorer, score, &panel);
        y = panel.bottom;
    }
    if (score->has_emotions) {
        Panel panel = {.top = y + 54, .bottom = y + 254, .duration_s = duration_s};
        draw_emotions(c, score, &panel);
        y = panel.bottom;
    }
    draw_time_axis(c, score, duration_s, y + 8);
    char notes[sizeof(scorer->notes)];
    for (size_t i = 0; i < sizeof(notes); i++)
        notes[i] = scorer->notes[i] == '\n' ? ' ' : scorer->notes[i];
    hedon_canvas_colour(c, FAINT);
    hedon_canvas_paragraph(c, LEFT, height - 34, WIDTH - LEFT - 30, 12, notes);
}

static int plot_height(const HedonScore *score)
{
    return 84 + (score->thumbnail_count ? 84 : 0) + (score->has_utility ? 184 : 0) +
           (score->has_emotions ? 254 : 0) + 110;
}

int hedon_score_plot(HedonContext *ctx, const HedonScorer *scorer, const HedonScore *score,
                     const char *path)
{
    if (score->code)
        return hedon_fail(ctx, HEDON_EINVAL, "there is nothing to plot: %s", score->error);
    const int height = plot_height(score);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, height);
    cairo_t *c = cairo_create(surface);
    draw(c, scorer, score, height);
    const int failed = cairo_status(c) != CAIRO_STATUS_SUCCESS;
    cairo_destroy(c);
    cairo_surface_flush(surface);
    const int code = failed ? hedon_fail_memory(ctx) : hedon_canvas_write(ctx, surface, path);
    cairo_surface_destroy(surface);
    return code;
}
