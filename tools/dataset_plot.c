/* The picture of a dataset: balance of the emotions, durations, the graph of comparisons. What the
 * dataset has not is not drawn. */
#include <cairo.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "score/canvas.h"
#include "score/json_writer.h"
#include "tools/dataset.h"

enum { WIDTH = 1200, MARGIN = 40, ROW = 21, PANEL = 200, BINS = 40 };
enum { INK = 0x222222, FAINT = 0x777777, GRID = 0xe4e4e4, PAPER = 0xffffff };
/* Okabe & Ito's palette, told apart by colour-blind eyes too. */
enum { BLUE = 0x0072b2, ORANGE = 0xe69f00, GREEN = 0x009e73 };

static void bar(cairo_t *c, double x, double y, double width, double height, unsigned colour)
{
    hedon_canvas_colour(c, colour);
    cairo_rectangle(c, x, y, width, height);
    cairo_fill(c);
}

static void dot(cairo_t *c, double x, double y, unsigned colour)
{
    hedon_canvas_colour(c, PAPER);
    cairo_new_path(c);
    cairo_arc(c, x, y, 5, 0, 2 * acos(-1));
    cairo_fill(c);
    hedon_canvas_colour(c, colour);
    cairo_arc(c, x, y, 3.5, 0, 2 * acos(-1));
    cairo_fill(c);
}

/* "1,234" would be some languages' 1.234: a thin space. */
static void format_count(char text[32], int64_t count)
{
    if (count < 10000)
        snprintf(text, 32, "%lld", (long long)count);
    else
        snprintf(text, 32, "%lld\xe2\x80\x89%03lld", (long long)(count / 1000),
                 (long long)(count % 1000));
}

static void title(cairo_t *c, double x, double y, const char *text, const char *more)
{
    hedon_canvas_colour(c, INK);
    const double width = hedon_canvas_text(c, x, y, 15, 1, HEDON_LEFT, text);
    hedon_canvas_colour(c, FAINT);
    hedon_canvas_text(c, x + width + 10, y, 12, 0, HEDON_LEFT, more);
}

/* ---- Emotions ------------------------------------------------------------------------------- */

typedef struct Axis {
    double x, width, most, step;
    const char *unit;
} Axis;

static double x_of(const Axis *axis, double value)
{
    return axis->x + axis->width * value / axis->most;
}

static void draw_axis(cairo_t *c, const Axis *axis, double top, double bottom)
{
    cairo_set_line_width(c, 1);
    for (int i = 0; i * axis->step <= axis->most * (1 + 1e-9); i++) {
        char number[32], text[40];
        const double x = floor(x_of(axis, i * axis->step)) + .5;
        hedon_canvas_colour(c, GRID);
        cairo_move_to(c, x, top);
        cairo_line_to(c, x, bottom);
        cairo_stroke(c);
        hedon_format_number(number, i * axis->step);
        snprintf(text, sizeof(text), "%s%s", number, axis->unit);
        hedon_canvas_colour(c, FAINT);
        hedon_canvas_text(c, x, bottom + 16, 12, 0, HEDON_CENTRE, text);
    }
}

static Axis make_axis(double x, double width, double most, const char *unit)
{
    const double step = hedon_canvas_step(most > 0 ? most : 1, 5);
    return (Axis){x, width, step * ceil((most > 0 ? most : 1) / step - 1e-9), step, unit};
}

static double label_share(const HedonDatasetStats *stats, int split, int e)
{
    return stats->rated[split]
               ? 100.0 * (double)stats->label[split][e] / (double)stats->rated[split]
               : 0;
}

/* Most frequent first. */
static void order_emotions(const HedonDatasetStats *stats, int order[HEDON_EMOTIONS])
{
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        const double share = label_share(stats, 0, i) + label_share(stats, 1, i);
        int at = i;
        for (; at > 0; at--) {
            const int before = order[at - 1];
            if (label_share(stats, 0, before) + label_share(stats, 1, before) >= share) break;
            order[at] = before;
        }
        order[at] = i;
    }
}

static void draw_emotions(cairo_t *c, const HedonDatasetStats *stats, double top)
{
    int order[HEDON_EMOTIONS];
    int64_t rated = 0;
    double most_label = 0, most_top = 0, most_mean = 0;
    const int main_split = stats->rated[HEDON_SPLIT_TRAIN] ? HEDON_SPLIT_TRAIN : HEDON_SPLIT_TEST;
    order_emotions(stats, order);
    for (int split = 0; split < HEDON_SPLITS; split++) rated += stats->rated[split];
    for (int e = 0; e < HEDON_EMOTIONS; e++) {
        most_label = fmax(most_label, fmax(label_share(stats, 0, e), label_share(stats, 1, e)));
        most_top = fmax(most_top, 100.0 * (double)stats->top[e] / (double)rated);
        most_mean = fmax(most_mean, stats->mean[e]);
    }
    const double bottom = top + HEDON_EMOTIONS * ROW;
    const Axis label = make_axis(230, 330, most_label, "%"),
               in_top = make_axis(620, 250, most_top, "%"),
               mean = make_axis(920, 240, most_mean, "");
    const int both = stats->rated[HEDON_SPLIT_TRAIN] && stats->rated[HEDON_SPLIT_TEST];
    title(c, label.x, top - 12, "Label", both ? "bar: train, dot: test" : "share of videos");
    title(c, in_top.x, top - 12, "In topK", "share of videos");
    title(c, mean.x, top - 12, "Intensity", "mean");
    draw_axis(c, &label, top, bottom);
    draw_axis(c, &in_top, top, bottom);
    draw_axis(c, &mean, top, bottom);
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        const int e = order[i];
        const double y = top + i * ROW + 4, height = ROW - 7;
        hedon_canvas_colour(c, INK);
        hedon_canvas_text(c, label.x - 12, y + 11, 13, 0, HEDON_RIGHT, hedon_emotion_name(e));
        const double share = label_share(stats, main_split, e);
        bar(c, label.x, y, x_of(&label, share) - label.x, height, BLUE);
        if (both)
            dot(c, x_of(&label, label_share(stats, HEDON_SPLIT_TEST, e)), y + height / 2, ORANGE);
        const double top_share = 100.0 * (double)stats->top[e] / (double)rated;
        bar(c, in_top.x, y, x_of(&in_top, top_share) - in_top.x, height, GREEN);
        bar(c, mean.x, y, x_of(&mean, stats->mean[e]) - mean.x, height, GREEN);
    }
}

/* ---- Columns of counts ---------------------------------------------------------------------- */

typedef struct Columns {
    double x, width, top;
    int count;
    int64_t most;
} Columns;

static Columns make_columns(cairo_t *c, double x, double width, double top, const int64_t *counts,
                            int count)
{
    Columns columns = {x, width, top, count, 1};
    for (int i = 0; i < count; i++)
        if (counts[i] > columns.most) columns.most = counts[i];
    const double step = fmax(1, hedon_canvas_step((double)columns.most, 4));
    columns.most = (int64_t)(step * ceil((double)columns.most / step));
    cairo_set_line_width(c, 1);
    for (double value = 0; value <= (double)columns.most; value += step) {
        const double y = floor(top + PANEL * (1 - value / (double)columns.most)) + .5;
        char text[32];
        hedon_canvas_colour(c, GRID);
        cairo_move_to(c, x, y);
        cairo_line_to(c, x + width, y);
        cairo_stroke(c);
        format_count(text, llround(value));
        hedon_canvas_colour(c, FAINT);
        hedon_canvas_text(c, x - 8, y + 4, 12, 0, HEDON_RIGHT, text);
    }
    return columns;
}

/* Bars of several series stand side by side. */
static void draw_columns(cairo_t *c, const Columns *columns, const int64_t *counts, int series,
                         int of, unsigned colour)
{
    const double room = columns->width / columns->count,
                 gap = of > 1 || columns->count < 20 ? 6 : 1;
    const double width = (room - gap) / of;
    for (int i = 0; i < columns->count; i++) {
        const double height = PANEL * (double)counts[i] / (double)columns->most;
        bar(c, columns->x + i * room + gap / 2 + series * width, columns->top + PANEL - height,
            width, height, colour);
    }
}

static void draw_durations(cairo_t *c, const HedonDatasetStats *stats, double x, double width,
                           double top)
{
    int64_t counts[BINS + 1] = {0};
    char more[160], median[32], longest[32];
    /* up to the 99th percentile: one long video would squeeze all others into one bar */
    const double step = hedon_canvas_step(hedon_stats_duration(stats, .99), BINS / 2);
    int bins = 1;
    for (int64_t i = 0; i < stats->duration_count; i++) {
        const double at = floor(stats->duration_s[i] / step);
        const int bin = at < BINS ? (int)fmax(0, at) : BINS;
        counts[bin]++;
        if (bin < BINS && bin + 1 > bins && at * step <= hedon_stats_duration(stats, .99))
            bins = bin + 1;
    }
    int64_t beyond = 0;
    for (int i = bins; i <= BINS; i++) beyond += counts[i];
    hedon_format_number(median, round(10 * hedon_stats_duration(stats, .5)) / 10);
    hedon_format_number(longest, round(10 * hedon_stats_duration(stats, 1)) / 10);
    if (beyond)
        snprintf(more, sizeof(more), "seconds; median %s; %lld longer, up to %s", median,
                 (long long)beyond, longest);
    else
        snprintf(more, sizeof(more), "seconds; median %s, longest %s", median, longest);
    title(c, x, top - 14, "Durations", more);
    const Columns columns = make_columns(c, x, width, top, counts, bins);
    draw_columns(c, &columns, counts, 0, 1, BLUE);
    hedon_canvas_colour(c, FAINT);
    const int every = (bins + 9) / 10;
    for (int i = 0; i <= bins; i += every) {
        char text[32];
        hedon_format_number(text, i * step);
        hedon_canvas_text(c, x + width * i / bins, top + PANEL + 18, 12, 0, HEDON_CENTRE, text);
    }
}

static void draw_graph(cairo_t *c, const HedonDatasetStats *stats, double x, double width,
                       double top)
{
    static const unsigned colours[HEDON_SPLITS] = {BLUE, ORANGE, GREEN};
    int64_t all[HEDON_DEGREES] = {0};
    int series = 0, of = 0;
    for (int split = 0; split < HEDON_SPLITS; split++) {
        of += stats->comparisons[split] > 0;
        for (int i = 0; i < HEDON_DEGREES; i++)
            if (stats->graph[split].size[i] > all[i]) all[i] = stats->graph[split].size[i];
    }
    title(c, x, top - 14, "Connected components", "by number of videos");
    const Columns columns = make_columns(c, x, width, top, all, HEDON_DEGREES);
    for (int split = 0; split < HEDON_SPLITS; split++) {
        const HedonGraphStats *graph = &stats->graph[split];
        char text[160];
        if (!stats->comparisons[split]) continue;
        draw_columns(c, &columns, graph->size, series, of, colours[split]);
        snprintf(text, sizeof(text), "%s: %lld comparisons, %lld videos, largest component %lld",
                 hedon_split_name((HedonSplit)split), (long long)graph->comparisons,
                 (long long)graph->videos, (long long)graph->largest);
        const double y = top + 14 + 19 * series++;
        bar(c, x + width - 12, y - 10, 12, 12, colours[split]);
        hedon_canvas_colour(c, INK);
        hedon_canvas_text(c, x + width - 20, y, 12, 0, HEDON_RIGHT, text);
    }
    hedon_canvas_colour(c, FAINT);
    for (int i = 0; i < HEDON_DEGREES; i++) {
        char text[16];
        if (i + 1 < HEDON_DEGREES)
            snprintf(text, sizeof(text), "%d", i + 2);
        else
            snprintf(text, sizeof(text), "more");
        hedon_canvas_text(c, x + width * (i + .5) / HEDON_DEGREES, top + PANEL + 18, 12, 0,
                          HEDON_CENTRE, text);
    }
}

/* --------------------------------------------------------------------------------------------- */

static int has(const int64_t *counts)
{
    return counts[0] || counts[1] || counts[2];
}

static void draw_head(cairo_t *c, const HedonDataset *dataset, const HedonDatasetStats *stats)
{
    char name[256], facts[256];
    size_t used = 0;
    const char *dir = hedon_dataset_dir(dataset);
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/') length--;
    size_t first = length;
    while (first > 0 && dir[first - 1] != '/') first--;
    snprintf(facts, sizeof(facts), "%.*s", (int)(length - first), dir + first);
    hedon_utf8_clean(name, sizeof(name), facts);
    hedon_canvas_colour(c, INK);
    hedon_canvas_text(c, MARGIN, 46, 22, 1, HEDON_LEFT, name);
    used = (size_t)snprintf(facts, sizeof(facts), "%s, videos:", stats->kind->name);
    for (int split = 0; split < HEDON_SPLITS; split++) {
        char count[32];
        if (!stats->videos[split]) continue;
        format_count(count, stats->videos[split]);
        used += (size_t)snprintf(facts + used, sizeof(facts) - used, "%s %s %s",
                                 facts[used - 1] == ':' ? "" : ",", count,
                                 hedon_split_name((HedonSplit)split));
    }
    hedon_canvas_colour(c, FAINT);
    hedon_canvas_text(c, WIDTH - MARGIN, 46, 14, 0, HEDON_RIGHT, facts);
}

int hedon_stats_plot(HedonContext *ctx, const HedonDataset *dataset, const HedonDatasetStats *stats,
                     const char *path)
{
    const int emotions = has(stats->rated), graph = has(stats->comparisons);
    const int durations = stats->duration_count > 0;
    const double second = emotions ? 110 + HEDON_EMOTIONS * ROW + 84 : 110;
    const int height = (int)second + (graph || durations ? PANEL + 50 : 0);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, height);
    cairo_t *c = cairo_create(surface);
    hedon_canvas_colour(c, PAPER);
    cairo_paint(c);
    draw_head(c, dataset, stats);
    if (emotions) draw_emotions(c, stats, 110);
    const double x = MARGIN + 50, width = WIDTH - MARGIN - x, half = (width - 80) / 2;
    if (durations) draw_durations(c, stats, x, graph ? half : width, second);
    if (graph)
        draw_graph(c, stats, durations ? x + half + 80 : x, durations ? half : width, second);
    const int failed = cairo_status(c) != CAIRO_STATUS_SUCCESS;
    cairo_destroy(c);
    cairo_surface_flush(surface);
    const int code = failed ? hedon_fail_memory(ctx) : hedon_canvas_write(ctx, surface, path);
    cairo_surface_destroy(surface);
    return code;
}
