/* Drawing: numbers are taken in the order in which the reference takes them from its generators, so
 * that the reference, given the same numbers, makes the same draw (tools/golden/augment.py). */
#include <math.h>

#include "train/augment/augment.h"
#include "train/augment/numbers.h"

/* How a magnitude of 0..10 becomes an argument (timm's level functions of the increasing kind). */
typedef struct KindFacts {
    const char *name;
    double base, scale; /* argument = base + sign scale magnitude / 10 */
    int is_signed;      /* the sign is drawn */
    int is_whole;       /* scale magnitude / 10 is cut to an integer */
} KindFacts;

static const KindFacts facts[HEDON_AUGMENT_KINDS] = {
    [HEDON_AUGMENT_AUTO_CONTRAST] = {"AutoContrast"},
    [HEDON_AUGMENT_EQUALIZE] = {"Equalize"},
    [HEDON_AUGMENT_INVERT] = {"Invert"},
    [HEDON_AUGMENT_ROTATE] = {"Rotate", 0, 30, 1},
    [HEDON_AUGMENT_POSTERIZE] = {"PosterizeIncreasing", 4, -4, 0, 1},
    [HEDON_AUGMENT_SOLARIZE] = {"SolarizeIncreasing", 256, -256, 0, 1},
    [HEDON_AUGMENT_SOLARIZE_ADD] = {"SolarizeAdd", 0, 110, 0, 1},
    [HEDON_AUGMENT_COLOUR] = {"ColorIncreasing", 1, .9, 1},
    [HEDON_AUGMENT_CONTRAST] = {"ContrastIncreasing", 1, .9, 1},
    [HEDON_AUGMENT_BRIGHTNESS] = {"BrightnessIncreasing", 1, .9, 1},
    [HEDON_AUGMENT_SHARPNESS] = {"SharpnessIncreasing", 1, .9, 1},
    [HEDON_AUGMENT_SHEAR_X] = {"ShearX", 0, .3, 1},
    [HEDON_AUGMENT_SHEAR_Y] = {"ShearY", 0, .3, 1},
    [HEDON_AUGMENT_TRANSLATE_X] = {"TranslateXRel", 0, .45, 1},
    [HEDON_AUGMENT_TRANSLATE_Y] = {"TranslateYRel", 0, .45, 1},
};

const char *hedon_augment_name(HedonAugmentKind kind)
{
    return (unsigned)kind < HEDON_AUGMENT_KINDS ? facts[kind].name : "unknown";
}

double hedon_augment_argument(HedonAugmentKind kind, double magnitude, int negative)
{
    const KindFacts *f = &facts[kind];
    double change = magnitude / 10 * f->scale;
    if (f->is_whole) change = trunc(change);
    return f->base + (f->is_signed && negative ? -change : change);
}

static void draw_operations(HedonNumbers *numbers, const HedonAugmentRecipe *recipe,
                            HedonAugmentDraw *out)
{
    HedonAugmentKind kind[HEDON_AUGMENT_MAX_OPERATIONS];
    for (int i = 0; i < recipe->operations; i++)
        kind[i] = (HedonAugmentKind)hedon_next_index(numbers, HEDON_AUGMENT_KINDS);
    for (int i = 0; i < recipe->operations; i++) {
        if (recipe->operation_p < 1 && hedon_next_uniform(numbers) > recipe->operation_p) continue;
        double magnitude = recipe->magnitude;
        if (recipe->magnitude_std > 0)
            magnitude += recipe->magnitude_std * hedon_next_normal(numbers);
        magnitude = fmin(fmax(magnitude, 0), 10);
        const int negative = facts[kind[i]].is_signed && hedon_next_uniform(numbers) > .5;
        out->operation[out->operation_count++] =
            (HedonAugmentOperation){kind[i], hedon_augment_argument(kind[i], magnitude, negative)};
    }
}

/* Sides of a box of a drawn share of an area and a drawn log-uniform ratio of along to across. */
static void draw_sides(HedonNumbers *numbers, const double share[2], const double ratio[2],
                       double area, int32_t *along, int32_t *across)
{
    const double size = hedon_next_between(numbers, share[0], share[1]) * area;
    const double aspect = exp(hedon_next_between(numbers, log(ratio[0]), log(ratio[1])));
    *along = (int32_t)rint(sqrt(size * aspect)); /* half to even, as Python rounds */
    *across = (int32_t)rint(sqrt(size / aspect));
}

/* The largest centred box within the ratios. */
static void crop_centre(const double ratio[2], int32_t width, int32_t height, HedonAugmentDraw *out)
{
    const double whole = (double)width / height;
    out->crop_width = width;
    out->crop_height = height;
    if (whole < ratio[0])
        out->crop_height = (int32_t)rint(width / ratio[0]);
    else if (whole > ratio[1])
        out->crop_width = (int32_t)rint(height * ratio[1]);
    if (out->crop_width < 1) out->crop_width = 1; /* of a frame one pixel high */
    if (out->crop_height < 1) out->crop_height = 1;
    out->crop_x = (width - out->crop_width) / 2;
    out->crop_y = (height - out->crop_height) / 2;
}

static void draw_crop(HedonNumbers *numbers, const HedonAugmentRecipe *recipe, int32_t width,
                      int32_t height, HedonAugmentDraw *out)
{
    for (int attempt = 0; attempt < 10; attempt++) {
        int32_t w, h;
        draw_sides(numbers, recipe->area, recipe->ratio, (double)width * height, &w, &h);
        hedon_next_uniform(
            numbers); /* the reference draws whether to swap w and h, and never does */
        if (w < 1 || w > width || h < 1 || h > height) continue;
        out->crop_y = hedon_next_index(numbers, height - h + 1);
        out->crop_x = hedon_next_index(numbers, width - w + 1);
        out->crop_width = w;
        out->crop_height = h;
        return;
    }
    crop_centre(recipe->ratio, width, height, out);
}

static void draw_erasing(HedonNumbers *numbers, const HedonAugmentRecipe *recipe,
                         HedonAugmentDraw *out)
{
    if (hedon_next_uniform(numbers) > recipe->erase_p) return;
    for (int attempt = 0; attempt < 100; attempt++) {
        int32_t w, h;
        draw_sides(numbers, recipe->erase_area, recipe->erase_ratio,
                   (double)recipe->width * recipe->height, &h, &w);
        if (w >= recipe->width || h >= recipe->height) continue;
        out->erase_y = hedon_next_index(numbers, recipe->height - h + 1);
        out->erase_x = hedon_next_index(numbers, recipe->width - w + 1);
        out->erase_width = w;
        out->erase_height = h;
        return;
    }
}

void hedon_augment_draw(HedonRandomKey key, const HedonAugmentRecipe *recipe, int32_t width,
                        int32_t height, HedonAugmentDraw *out)
{
    HedonNumbers numbers = hedon_numbers(key);
    *out = (HedonAugmentDraw){
        .crop_width = width, .crop_height = height, .noise = hedon_random_key(key.value, 3, 0)};
    draw_operations(&numbers, recipe, out);
    if (recipe->resized_crop) draw_crop(&numbers, recipe, width, height, out);
    if (recipe->flip_p > 0) out->flip = hedon_next_uniform(&numbers) < recipe->flip_p;
    if (recipe->erase_p > 0) draw_erasing(&numbers, recipe, out);
}
