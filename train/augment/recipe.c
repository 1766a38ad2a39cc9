/* What may be drawn: the named recipes, and whether one makes sense. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "train/augment/augment.h"

/* ImageNet's. */
#define MEAN                                                                                       \
    {                                                                                              \
        .485f, .456f, .406f                                                                        \
    }
#define STD                                                                                        \
    {                                                                                              \
        .229f, .224f, .225f                                                                        \
    }

static const struct {
    const char *name;
    HedonAugmentRecipe recipe;
} recipes[] = {
    {"none", {.width = 224, .height = 224, .mean = MEAN, .std = STD}},
    {"vce",
     {.operations = 4,
      .operation_p = .5,
      .magnitude = 7,
      .magnitude_std = .5,
      .resized_crop = 1,
      .area = {.08, 1},
      .ratio = {.75, 1.3333}, /* as the paper's fork writes 4/3 */
      .flip_p = .5,
      .erase_p = .25,
      .erase_area = {.02, 1. / 3},
      .erase_ratio = {.3, 1 / .3},
      .width = 224,
      .height = 224,
      .mean = MEAN,
      .std = STD}},
    /* what leaves colours, outlines and sizes as they are: for small data whose labels hang on
       them. Hedon's own */
    {"crop",
     {.resized_crop = 1,
      .area = {.8, 1},
      .ratio = {.9, 1.1},
      .flip_p = .5,
      .width = 224,
      .height = 224,
      .mean = MEAN,
      .std = STD}},
};

int hedon_augment_recipe(HedonContext *ctx, HedonAugmentRecipe *out, const char *name)
{
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
        if (!strcmp(name, recipes[i].name)) {
            *out = recipes[i].recipe;
            return 0;
        }
    return hedon_fail(ctx, HEDON_EINVAL, "unknown augmentation \"%s\": none, vce or crop", name);
}

static int is_share(double p)
{
    return p >= 0 && p <= 1;
}

static int is_range(const double range[2], double most)
{
    return range[0] > 0 && range[0] <= range[1] && range[1] <= most;
}

int hedon_augment_check(HedonContext *ctx, const HedonAugmentRecipe *r)
{
    if (r->width < 1 || r->height < 1 || r->width > 8192 || r->height > 8192)
        return hedon_fail(ctx, HEDON_EINVAL, "a clip of %d x %d makes no sense: 1 to 8192",
                          (int)r->width, (int)r->height);
    if (r->operations < 0 || r->operations > HEDON_AUGMENT_MAX_OPERATIONS)
        return hedon_fail(ctx, HEDON_EINVAL, "%d augmenting operations: 0 to %d are possible",
                          r->operations, HEDON_AUGMENT_MAX_OPERATIONS);
    if (!is_share(r->operation_p) || !is_share(r->flip_p) || !is_share(r->erase_p))
        return hedon_fail(
            ctx, HEDON_EINVAL,
            "the probabilities of an operation (%g), a flip (%g) and erasing (%g) must "
            "be 0 to 1",
            r->operation_p, r->flip_p, r->erase_p);
    if (!(r->magnitude >= 0 && r->magnitude <= 10) ||
        !(r->magnitude_std >= 0 && isfinite(r->magnitude_std)))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "the magnitude must be 0 to 10, not %g, its deviation at least 0, not %g",
                          r->magnitude, r->magnitude_std);
    if (r->resized_crop && (!is_range(r->area, 1) || !is_range(r->ratio, 100)))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "crops of area %g to %g and ratio %g to %g make no sense", r->area[0],
                          r->area[1], r->ratio[0], r->ratio[1]);
    if (r->erase_p > 0 && (!is_range(r->erase_area, 1) || !is_range(r->erase_ratio, 100)))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "erasing area %g to %g with ratio %g to %g makes no sense",
                          r->erase_area[0], r->erase_area[1], r->erase_ratio[0], r->erase_ratio[1]);
    for (int c = 0; c < 3; c++)
        if (!isfinite(r->mean[c]) || !(r->std[c] > 0) || !isfinite(r->std[c]))
            return hedon_fail(ctx, HEDON_EINVAL, "a mean of %g and a deviation of %g make no sense",
                              (double)r->mean[c], (double)r->std[c]);
    return 0;
}
