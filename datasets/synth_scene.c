/* Scripts: what is in a film, shot by shot. synth_scene.h says what tells the latent. */
#include "datasets/synth_scene.h"

#include <math.h>

#include "datasets/synth_outline.h"

#define PI 3.14159265358979323846

/* Numbers drawn one after another from a key. */
typedef struct Draw {
    HedonRandomKey key;
    uint64_t next;
} Draw;

static double uniform(Draw *draw, double from, double to)
{
    return from + (to - from) * hedon_random_uniform(draw->key, draw->next++);
}

/* About normal with standard deviation 1, never beyond 3: the sum of three uniform numbers. */
static double nearly_normal(Draw *draw)
{
    return uniform(draw, -1, 1) + uniform(draw, -1, 1) + uniform(draw, -1, 1);
}

static int choose(Draw *draw, int count)
{
    return (int)uniform(draw, 0, count);
}

static double clamp(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

/* A dimension from the lowest to the highest of the words' norms, as 0 to 1. */
static double part(double x, double lowest, double highest)
{
    return clamp((x - lowest) / (highest - lowest), 0, 1);
}

static void choose_format(HedonSynthScene *scene, Draw *draw)
{
    static const int sizes[][2] = {{160, 120}, {176, 144}, {192, 144}, {192, 108},
                                   {200, 112}, {160, 160}, {144, 176}, {120, 160},
                                   {224, 168}, {256, 144}, {240, 180}, {320, 180}};
    static const int rates[][2] = {{8, 1},  {10, 1}, {12, 1}, {12, 1},       {15, 1},
                                   {15, 1}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}};
    const int size = choose(draw, sizeof(sizes) / sizeof(*sizes));
    const int rate = choose(draw, sizeof(rates) / sizeof(*rates));
    scene->width = sizes[size][0];
    scene->height = sizes[size][1];
    scene->rate_numerator = rates[rate][0];
    scene->rate_divisor = rates[rate][1];
    /* One in twelve is too short for 16 frames at 4 a second. */
    const double u = uniform(draw, 0, 1), v = uniform(draw, 0, 1);
    const double seconds = u < 1.0 / 12 ? 2 + 1.9 * v : 4.1 + 7.9 * v * v;
    scene->frames = (int)(seconds * scene->rate_numerator / scene->rate_divisor + 0.5);
}

/* A hue as an angle in the Cb-Cr plane, where red, green and blue are about 120 degrees apart. */
static HedonSynthColour colour(double y, double angle, double radius)
{
    return (HedonSynthColour){y, 128 + radius * cos(angle), 128 + radius * sin(angle)};
}

/* Yellow lies midway between red and green: swapping those channels mirrors the hue about it, and
 * that is why the way from red to green is chosen. */
static HedonSynthColour fill_colour(double pleasure, Draw *draw)
{
    const double yellow = 171 * PI / 180, reach = 75 * PI / 180;
    const double redness = clamp(pleasure / 2.6, -1, 1);
    const double y = uniform(draw, 110, 165);
    return colour(y, yellow - reach * redness, uniform(draw, 58, 76));
}

static HedonSynthSurface surface(Draw *draw, double shorter)
{
    HedonSynthSurface surface = {.pattern = (HedonSynthPattern)choose(draw, HEDON_SYNTH_PATTERNS)};
    const double hue = uniform(draw, 0, 2 * PI), y = uniform(draw, 50, 200);
    const double contrast = uniform(draw, -55, 55);
    surface.first = colour(clamp(y + contrast, 30, 225), hue, uniform(draw, 0, 34));
    surface.second =
        colour(clamp(y - contrast, 30, 225), hue + uniform(draw, -1.5, 1.5), uniform(draw, 0, 34));
    surface.angle = uniform(draw, 0, 2 * PI);
    surface.scale = shorter * uniform(draw, 0.15, 0.6);
    surface.seed = hedon_random_u64(draw->key, draw->next++);
    return surface;
}

/* Figures stand in a ring about the middle, so that several do not hide each other. */
static void place_figures(HedonSynthScene *scene, HedonSynthShot *shot, Draw *draw,
                          double agitation, double rise)
{
    const int count = scene->figure_count;
    const double first = uniform(draw, 0, 2 * PI);
    const double middle_x = uniform(draw, 0.42, 0.58), middle_y = rise + uniform(draw, -0.04, 0.04);
    for (int i = 0; i < count; i++) {
        HedonSynthFigure *figure = &shot->figures[i];
        const double angle = first + 2 * PI * i / count + uniform(draw, -0.3, 0.3);
        const double ring = count == 1 ? 0 : uniform(draw, 0.2, 0.3);
        figure->x = middle_x + 1.1 * ring * cos(angle);
        figure->y = middle_y + 0.8 * ring * sin(angle);
        figure->path = (HedonSynthPath)choose(draw, HEDON_SYNTH_PATHS);
        figure->reach = (0.03 + 0.14 * agitation) * uniform(draw, 0.8, 1.2);
        figure->rate = (0.05 + 0.85 * agitation * agitation) * uniform(draw, 0.8, 1.2);
        figure->phase = uniform(draw, 0, 1);
        figure->turn = shot->outline == HEDON_SYNTH_HEART ? uniform(draw, -0.3, 0.3)
                                                               : uniform(draw, 0, 2 * PI);
        figure->spin = (0.1 + 2.4 * agitation * agitation) * uniform(draw, -1, 1);
        figure->pulse_phase = uniform(draw, 0, 1);
        figure->seed = hedon_random_u64(draw->key, draw->next++);
    }
}

static void script_shot(HedonSynthScene *scene, HedonSynthShot *shot, Draw *draw,
                        double agitation, double rise)
{
    const double shorter = scene->width < scene->height ? scene->width : scene->height;
    shot->wall = surface(draw, shorter);
    shot->floor = surface(draw, shorter);
    shot->horizon = uniform(draw, 0, 1) < 0.5 ? uniform(draw, 0.6, 0.85) : 1;
    const double pan = uniform(draw, 0, 1) < 0.3 ? 0 : uniform(draw, 0, 0.6);
    const double towards = uniform(draw, 0, 2 * PI);
    shot->pan_x = pan * cos(towards);
    shot->pan_y = shot->horizon < 1 ? 0 : pan * sin(towards);
    shot->outline = choose(draw, HEDON_SYNTH_OUTLINES);
    place_figures(scene, shot, draw, agitation, rise);
}

/* Restless films cut after a second, calm ones after three; but makers differ. */
static void script_shots(HedonSynthScene *scene, Draw *draw, double agitation, double rise)
{
    const double length = (double)scene->frames * scene->rate_divisor / scene->rate_numerator;
    const double usual = 3 * pow(0.33, agitation) * uniform(draw, 0.6, 1.7);
    double start = 0;
    while (start < length && scene->shot_count < HEDON_SYNTH_SHOTS) {
        HedonSynthShot *shot = &scene->shots[scene->shot_count++];
        shot->start_s = start;
        script_shot(scene, shot, draw, agitation, rise);
        start += usual * uniform(draw, 0.7, 1.3);
    }
}

void hedon_synth_scene(HedonSynthScene *scene, uint64_t seed, int64_t video)
{
    const HedonSynthLatent latent = hedon_synth_latent(seed, video);
    Draw draw = {hedon_random_key(seed, HEDON_SYNTH_DRAW_SCENE, (uint64_t)video), 0};
    *scene = (HedonSynthScene){.shot_count = 0};
    choose_format(scene, &draw);

    const double agitation = part(latent.at[HEDON_AROUSAL], -3.2, 3.0);
    const double power = part(latent.at[HEDON_DOMINANCE], -2.7, 2.8);
    scene->fill = fill_colour(latent.at[HEDON_PLEASURE], &draw);
    scene->rim = (HedonSynthColour){uniform(&draw, 0, 1) < 0.5 ? 28 : 228, 128, 128};
    scene->figure_count =
        (int)clamp(1.5 + 4.5 * agitation + 0.4 * nearly_normal(&draw), 1, HEDON_SYNTH_FIGURES);
    scene->radius = (0.13 + 0.21 * power) * pow(scene->figure_count, -0.2);
    scene->loom = 1.0 * (power - 0.5);
    scene->pulse = 0.02 + 0.22 * agitation;
    scene->pulse_rate = 0.3 + 1.4 * agitation;
    scene->jitter = 0.09 * agitation * agitation;
    scene->drift = uniform(&draw, 0, 20);
    scene->drift_rate = uniform(&draw, 0.1, 1.5);
    scene->grain = uniform(&draw, 0, 5);
    scene->grain_seed = hedon_random_u64(draw.key, draw.next++);
    script_shots(scene, &draw, agitation, 0.66 - 0.3 * power);
}
