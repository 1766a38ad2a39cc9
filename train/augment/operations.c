/* RandAugment's operations. A kind is a function and a line in the table at the end. Those that
 * treat each level by itself fill a table of levels. */
#include "train/augment/operations.h"

#include <math.h>

typedef void Operate(const HedonAugmentLoops *loops, HedonPicture *picture, double argument);

static int64_t pixel_count(const HedonPicture *picture)
{
    return (int64_t)picture->width * picture->height;
}

static void exchange(HedonPicture *picture)
{
    uint32_t *pixels = picture->pixels;
    picture->pixels = picture->spare;
    picture->spare = pixels;
}

/* ---- Tables of levels -------------------------------------------------------------------------
 */

typedef struct Levels {
    uint32_t of[3][256]; /* each in its channel's place */
} Levels;

static void set_level(Levels *levels, int channel, int from, int64_t to)
{
    to = to < 0 ? 0 : to > 255 ? 255 : to;
    levels->of[channel][from] = (uint32_t)to << 8 * channel;
}

static void set_levels(Levels *levels, int from, int to)
{
    for (int c = 0; c < 3; c++) set_level(levels, c, from, to);
}

static void auto_contrast(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    (void)argument;
    uint8_t low[3], high[3];
    loops->range(picture->pixels, pixel_count(picture), low, high);
    Levels levels;
    for (int c = 0; c < 3; c++) {
        const int flat = high[c] <= low[c];
        const double scale = flat ? 1 : 255. / (high[c] - low[c]);
        const double offset = flat ? 0 : -low[c] * scale;
        for (int i = 0; i < 256; i++) set_level(&levels, c, i, (int64_t)(i * scale + offset));
    }
    loops->look_up(picture->pixels, pixel_count(picture), levels.of);
}

/* Each of four neighbours has counters of its own, so that equal ones don't wait for each other. */
static void histogram(const HedonPicture *picture, int64_t count[3][256])
{
    uint32_t part[4][3][256] = {0};
    const int64_t n = pixel_count(picture);
    for (int64_t i = 0; i < n; i += 4)
        for (int k = 0; k < 4 && i + k < n; k++) {
            const uint32_t p = picture->pixels[i + k];
            part[k][0][p & 255]++;
            part[k][1][p >> 8 & 255]++;
            part[k][2][p >> 16 & 255]++;
        }
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            count[c][v] = (int64_t)part[0][c][v] + part[1][c][v] + part[2][c][v] + part[3][c][v];
}

static void equalize_channel(Levels *levels, int channel, const int64_t count[256])
{
    int64_t total = 0, last = 0, present = 0;
    for (int v = 0; v < 256; v++) {
        total += count[v];
        present += count[v] > 0;
        if (count[v]) last = count[v];
    }
    const int64_t step = present > 1 ? (total - last) / 255 : 0;
    int64_t sum = step / 2;
    for (int v = 0; v < 256; v++) {
        set_level(levels, channel, v, step ? sum / step : v);
        sum += count[v];
    }
}

static void equalize(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    (void)argument;
    int64_t count[3][256];
    histogram(picture, count);
    Levels levels;
    for (int c = 0; c < 3; c++) equalize_channel(&levels, c, count[c]);
    loops->look_up(picture->pixels, pixel_count(picture), levels.of);
}

static void solarize(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    Levels levels;
    for (int i = 0; i < 256; i++) set_levels(&levels, i, i < argument ? i : 255 - i);
    loops->look_up(picture->pixels, pixel_count(picture), levels.of);
}

static void invert(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    (void)argument;
    solarize(loops, picture, 0);
}

static void solarize_add(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    Levels levels;
    for (int i = 0; i < 256; i++) set_levels(&levels, i, i < 128 ? i + (int)argument : i);
    loops->look_up(picture->pixels, pixel_count(picture), levels.of);
}

static void posterize(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    if (argument >= 8) return;
    const int kept = argument > 0 ? (int)argument : 0; /* none: black */
    Levels levels;
    for (int i = 0; i < 256; i++) set_levels(&levels, i, i & ~((1 << (8 - kept)) - 1));
    loops->look_up(picture->pixels, pixel_count(picture), levels.of);
}

/* ---- Enhancing: a blend of a degenerate picture (factor 0) and the picture (factor 1) ---------
 */

/* The degenerate picture has one level everywhere. */
static void blend_from(const HedonAugmentLoops *loops, HedonPicture *picture, int level,
                       double factor)
{
    Levels levels;
    for (int i = 0; i < 256; i++) {
        const float v = (float)level + (float)factor * (float)(i - level);
        set_levels(&levels, i, v <= 0 ? 0 : v >= 255 ? 255 : (int)v);
    }
    loops->look_up(picture->pixels, pixel_count(picture), levels.of);
}

static void brightness(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    blend_from(loops, picture, 0, argument);
}

static void contrast(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    const int64_t n = pixel_count(picture);
    const double mean = (double)loops->luma_sum(picture->pixels, n) / (double)n;
    blend_from(loops, picture, (int)(mean + .5), argument);
}

static void colour(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    loops->colour(picture->pixels, pixel_count(picture), (float)argument);
}

static void sharpness(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    loops->sharpness(picture->spare, picture->pixels, picture->width, picture->height,
                     (float)argument);
    exchange(picture);
}

/* ---- Moving pixels ----------------------------------------------------------------------------
 */

static void move(const HedonAugmentLoops *loops, HedonPicture *picture, const double m[6])
{
    loops->affine(picture->spare, picture->pixels, picture->width, picture->height, m);
    exchange(picture);
}

/* v to 15 decimals as Python rounds them: the decimal nearest to v, exactly, for |v| <= 1. */
static double round_decimals(double v)
{
    const double product = v * 1e15, error = fma(v, 1e15, -product);
    double whole = rint(product);
    const double rest = product - whole + error;
    if (rest > .5) whole++;
    if (rest < -.5) whole--;
    return whole / 1e15;
}

/* Image.rotate: about the centre, counter-clockwise. */
static void rotate(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    double degrees = fmod(argument, 360);
    if (degrees < 0) degrees += 360;
    const double angle = -(degrees * (3.141592653589793238463 / 180));
    const double cosine = round_decimals(cos(angle)), sine = round_decimals(sin(angle));
    const double x = picture->width / 2., y = picture->height / 2.;
    double m[6] = {cosine, sine, 0, round_decimals(-sin(angle)), cosine, 0};
    m[2] = m[0] * -x + m[1] * -y + 0.0 + x;
    m[5] = m[3] * -x + m[4] * -y + 0.0 + y;
    move(loops, picture, m);
}

static void shear_x(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    move(loops, picture, (const double[]){1, argument, 0, 0, 1, 0});
}

static void shear_y(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    move(loops, picture, (const double[]){1, 0, 0, argument, 1, 0});
}

static void translate_x(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    move(loops, picture, (const double[]){1, 0, argument * picture->width, 0, 1, 0});
}

static void translate_y(const HedonAugmentLoops *loops, HedonPicture *picture, double argument)
{
    move(loops, picture, (const double[]){1, 0, 0, 0, 1, argument * picture->height});
}

void hedon_augment_operation(const HedonAugmentLoops *loops, HedonPicture *picture,
                             const HedonAugmentOperation *operation)
{
    static Operate *const operate[HEDON_AUGMENT_KINDS] = {
        [HEDON_AUGMENT_AUTO_CONTRAST] = auto_contrast,
        [HEDON_AUGMENT_EQUALIZE] = equalize,
        [HEDON_AUGMENT_INVERT] = invert,
        [HEDON_AUGMENT_ROTATE] = rotate,
        [HEDON_AUGMENT_POSTERIZE] = posterize,
        [HEDON_AUGMENT_SOLARIZE] = solarize,
        [HEDON_AUGMENT_SOLARIZE_ADD] = solarize_add,
        [HEDON_AUGMENT_COLOUR] = colour,
        [HEDON_AUGMENT_CONTRAST] = contrast,
        [HEDON_AUGMENT_BRIGHTNESS] = brightness,
        [HEDON_AUGMENT_SHARPNESS] = sharpness,
        [HEDON_AUGMENT_SHEAR_X] = shear_x,
        [HEDON_AUGMENT_SHEAR_Y] = shear_y,
        [HEDON_AUGMENT_TRANSLATE_X] = translate_x,
        [HEDON_AUGMENT_TRANSLATE_Y] = translate_y,
    };
    operate[operation->kind](loops, picture, operation->argument);
}
