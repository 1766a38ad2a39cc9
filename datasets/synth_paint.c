/* Frames: the shot's background under the camera, figures with shadows on it, exposure and grain.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/synth_outline.h"
#include "datasets/synth_scene.h"
#include "datasets/synth_surface.h"

#define PI 3.14159265358979323846

enum { GRAIN = 4096 };

struct HedonSynthPainter {
    HedonSynthMap maps[HEDON_SYNTH_OUTLINES];
    int8_t grain[GRAIN * 2]; /* standard deviation 32; read from a random start */
    uint8_t *background;     /* of the shot painted last; twice as wide and high, its mirror images
                                beside and below it: a camera that pans meets no seam */
    size_t room;
    uint64_t scene; /* its grain_seed, and the number of the shot */
    int shot;
    int width, height; /* 0: none yet */
};

HedonSynthPainter *hedon_synth_painter_new(void)
{
    HedonSynthPainter *painter = hedon_calloc(1, sizeof(*painter));
    if (!painter) return NULL;
    for (int i = 0; i < HEDON_SYNTH_OUTLINES; i++) hedon_synth_outline(&painter->maps[i], i);
    const HedonRandomKey key = hedon_random_key_name(0, "grain");
    for (int i = 0; i < GRAIN; i++) {
        const double g = 32 * hedon_random_normal(key, (uint64_t)i);
        painter->grain[i] = (int8_t)(g < -127 ? -127 : g > 127 ? 127 : g);
        painter->grain[i + GRAIN] = painter->grain[i];
    }
    return painter;
}

void hedon_synth_painter_free(HedonSynthPainter *painter)
{
    if (painter) hedon_free(painter->background);
    hedon_free(painter);
}

static HedonSynthPicture background_of(const HedonSynthPainter *painter)
{
    const size_t luma = 4 * (size_t)painter->width * (size_t)painter->height;
    return (HedonSynthPicture){
        {painter->background, painter->background + luma, painter->background + luma + luma / 4},
        {2 * painter->width, painter->width, painter->width},
    };
}

/* Fills the other three quarters of a plane from its first, of that size. */
static void mirror(uint8_t *plane, ptrdiff_t stride, int width, int height)
{
    for (int y = 0; y < height; y++) {
        uint8_t *row = plane + y * stride;
        for (int x = 0; x < width; x++) row[2 * width - 1 - x] = row[x];
        memcpy(plane + (2 * height - 1 - y) * stride, row, 2 * (size_t)width);
    }
}

static int prepare_background(HedonContext *ctx, HedonSynthPainter *painter,
                              const HedonSynthScene *scene, int number)
{
    const HedonSynthShot *shot = &scene->shots[number];
    if (painter->width && painter->scene == scene->grain_seed && painter->shot == number) return 0;
    const size_t size = (size_t)scene->width * (size_t)scene->height * 6;
    if (size > painter->room) {
        hedon_free(painter->background);
        painter->room = 0;
        painter->width = 0;
        painter->background = hedon_malloc(size, 1);
        if (!painter->background) return hedon_fail_memory(ctx);
        painter->room = size;
    }
    painter->scene = scene->grain_seed;
    painter->shot = number;
    painter->width = scene->width;
    painter->height = scene->height;
    const HedonSynthPicture picture = background_of(painter);
    const int horizon = (int)(shot->horizon * scene->height) / 2 * 2;
    hedon_synth_surface(&shot->wall, &picture, scene->width, scene->height, 0, horizon);
    hedon_synth_surface(&shot->floor, &picture, scene->width, scene->height, horizon,
                        scene->height);
    for (int p = 0; p < 3; p++)
        mirror(picture.plane[p], picture.stride[p], scene->width >> !!p, scene->height >> !!p);
    return 0;
}

/* The part of a plane that the camera sees; beyond its end it begins again. */
static void copy_seen(uint8_t *out, ptrdiff_t stride, int width, int height, const uint8_t *in,
                      int64_t right, int64_t down)
{
    const int wide = 2 * width, high = 2 * height;
    const int x = (int)((right % wide + wide) % wide);
    const int first = wide - x < width ? wide - x : width;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = in + ((y + down) % high + high) % high * wide;
        memcpy(out + y * stride, row + x, (size_t)first);
        memcpy(out + y * stride + first, row, (size_t)(width - first));
    }
}

static void paint_background(const HedonSynthPainter *painter, const HedonSynthShot *shot,
                             double time_s, const HedonSynthPicture *picture)
{
    const int w = painter->width, h = painter->height;
    const double shorter = w < h ? w : h;
    const HedonSynthPicture background = background_of(painter);
    /* in pixels of chroma, so that all planes move alike */
    const int64_t right = (int64_t)floor(shot->pan_x * shorter * time_s / 2);
    const int64_t down = (int64_t)floor(shot->pan_y * shorter * time_s / 2);
    for (int p = 0; p < 3; p++)
        copy_seen(picture->plane[p], picture->stride[p], w >> !!p, h >> !!p, background.plane[p],
                  p ? right : 2 * right, p ? down : 2 * down);
}

/* Where a figure is on the screen: middle and radius in pixels, and how far it is turned. */
typedef struct Pose {
    double x, y, radius, turn;
} Pose;

static double triangle_wave(double turns)
{
    const double t = turns - floor(turns);
    return t < 0.5 ? 4 * t - 1 : 3 - 4 * t;
}

static void along_path(const HedonSynthFigure *figure, double time_s, double *x, double *y)
{
    const double turns = figure->phase + figure->rate * time_s, a = 2 * PI * turns;
    switch (figure->path) {
    case HEDON_SYNTH_ORBIT:
        *x = cos(a);
        *y = sin(a);
        break;
    case HEDON_SYNTH_BOUNCE:
        *x = triangle_wave(turns * 0.6);
        *y = 1 - 2 * fabs(sin(a));
        break;
    case HEDON_SYNTH_WEAVE:
        *x = sin(a);
        *y = sin(2 * a + 1);
        break;
    default: {
        const double wide = 0.6 + 0.4 * sin(a / 3);
        *x = wide * cos(a);
        *y = wide * sin(a);
    }
    }
    *x *= figure->reach;
    *y *= figure->reach;
}

static Pose pose(const HedonSynthScene *scene, const HedonSynthFigure *figure, double time_s,
                 double shot_part)
{
    const double shorter = scene->width < scene->height ? scene->width : scene->height;
    double x, y;
    along_path(figure, time_s, &x, &y);
    /* jitter: a new place eight times a second */
    const uint64_t step = 2 * (uint64_t)(time_s * 8);
    const HedonRandomKey key = {figure->seed};
    x += scene->jitter * (2 * hedon_random_uniform(key, step) - 1);
    y += scene->jitter * (2 * hedon_random_uniform(key, step + 1) - 1);
    const double pulse =
        scene->pulse * sin(2 * PI * (scene->pulse_rate * time_s + figure->pulse_phase));
    return (Pose){
        .x = figure->x * scene->width + x * shorter,
        .y = figure->y * scene->height + y * shorter,
        .radius = scene->radius * shorter * (1 + pulse) * (1 + scene->loom * (shot_part - 0.5)),
        .turn = figure->turn + figure->spin * time_s,
    };
}

static double sample(const uint8_t map[HEDON_SYNTH_MAP][HEDON_SYNTH_MAP], double x, double y)
{
    const int ix = (int)x, iy = (int)y;
    const double fx = x - ix, fy = y - iy;
    const double upper = map[iy][ix] + fx * (map[iy][ix + 1] - map[iy][ix]);
    const double lower = map[iy + 1][ix] + fx * (map[iy + 1][ix + 1] - map[iy + 1][ix]);
    return (upper + fy * (lower - upper)) / 255;
}

static void mix(uint8_t *pixel, double colour, double part)
{
    const double value = *pixel + (colour - *pixel) * part;
    *pixel = (uint8_t)(value < 16 ? 16.5 : value > 240 ? 240.5 : value + 0.5);
}

/* What a pixel of the figure looks like: its rim, its fill, a little light from above. */
typedef struct Ink {
    HedonSynthColour fill, rim;
    double opacity; /* below 1: a shadow */
} Ink;

static void ink_pixel(const HedonSynthPicture *picture, int x, int y, double whole, double inside,
                      double light, const Ink *ink)
{
    const double part = whole * ink->opacity;
    mix(&picture->plane[0][y * picture->stride[0] + x],
        ink->rim.y + (ink->fill.y + light - ink->rim.y) * inside, part);
    if (ink->opacity < 1 || x % 2 || y % 2) return;
    mix(&picture->plane[1][y / 2 * picture->stride[1] + x / 2],
        ink->rim.u + (ink->fill.u - ink->rim.u) * inside, part);
    mix(&picture->plane[2][y / 2 * picture->stride[2] + x / 2],
        ink->rim.v + (ink->fill.v - ink->rim.v) * inside, part);
}

static void paint_figure(const HedonSynthMap *map, const HedonSynthPicture *picture, int width,
                         int height, const Pose *at, const Ink *ink)
{
    const double half = HEDON_SYNTH_MAP / 2.0, cells = (half - 1) / at->radius;
    const double c = cos(at->turn) * cells, s = sin(at->turn) * cells;
    const int left = at->x - at->radius < 0 ? 0 : (int)(at->x - at->radius);
    const int top = at->y - at->radius < 0 ? 0 : (int)(at->y - at->radius);
    for (int y = top; y < height && y <= at->y + at->radius; y++) {
        for (int x = left; x < width && x <= at->x + at->radius; x++) {
            const double dx = x - at->x, dy = y - at->y;
            const double mx = c * dx + s * dy + half - 0.5, my = c * dy - s * dx + half - 0.5;
            if (!(mx >= 0 && my >= 0 && mx < HEDON_SYNTH_MAP - 1 && my < HEDON_SYNTH_MAP - 1))
                continue;
            const double whole = sample(map->whole, mx, my);
            if (whole > 0)
                ink_pixel(picture, x, y, whole, sample(map->inside, mx, my) / whole,
                          -14 * dy / at->radius, ink);
        }
    }
}

static void paint_figures(const HedonSynthPainter *painter, const HedonSynthScene *scene,
                          const HedonSynthShot *shot, double time_s, double shot_part,
                          const HedonSynthPicture *picture)
{
    const HedonSynthMap *map = &painter->maps[shot->outline];
    const HedonSynthColour dark = {20, 128, 128};
    const Ink shadow = {dark, dark, 0.3}, ink = {scene->fill, scene->rim, 1};
    for (int i = 0; i < scene->figure_count; i++) {
        const Pose at = pose(scene, &shot->figures[i], time_s, shot_part);
        Pose below = at;
        below.x += 0.2 * at.radius;
        below.y += 0.28 * at.radius;
        paint_figure(map, picture, scene->width, scene->height, &below, &shadow);
        paint_figure(map, picture, scene->width, scene->height, &at, &ink);
    }
}

static void expose(const HedonSynthPainter *painter, const HedonSynthScene *scene, int index,
                   double time_s, const HedonSynthPicture *picture)
{
    const int offset = (int)lround(scene->drift * sin(2 * PI * scene->drift_rate * time_s));
    const int grain = (int)(scene->grain * 8); /* in 1/256 of the table's steps */
    const HedonRandomKey key = {scene->grain_seed};
    for (int y = 0; y < scene->height; y++) {
        uint8_t *row = picture->plane[0] + y * picture->stride[0];
        const uint64_t draw = (uint64_t)index * 4096 + (uint64_t)y;
        const int8_t *noise = painter->grain + hedon_random_u64(key, draw) % GRAIN;
        for (int x = 0; x < scene->width; x++) {
            const int value = row[x] + offset + ((noise[x] * grain + 128) >> 8);
            row[x] = (uint8_t)(value < 16 ? 16 : value > 235 ? 235 : value);
        }
    }
}

int hedon_synth_paint(HedonContext *ctx, HedonSynthPainter *painter, const HedonSynthScene *scene,
                      int index, const HedonSynthPicture *picture)
{
    const double frame_s = (double)scene->rate_divisor / scene->rate_numerator;
    const double time_s = index * frame_s;
    int s = 0;
    while (s + 1 < scene->shot_count && scene->shots[s + 1].start_s <= time_s) s++;
    const HedonSynthShot *shot = &scene->shots[s];
    const double end_s =
        s + 1 < scene->shot_count ? scene->shots[s + 1].start_s : scene->frames * frame_s;
    const int code = prepare_background(ctx, painter, scene, s);
    if (code) return code;
    paint_background(painter, shot, time_s - shot->start_s, picture);
    paint_figures(painter, scene, shot, time_s, (time_s - shot->start_s) / (end_s - shot->start_s),
                  picture);
    expose(painter, scene, index, time_s, picture);
    return 0;
}
