/* From a model's wishes and a picture's size to the transform of one view. */
#include "models/preprocessing.h"

#include <math.h>

#include "base/error.h"

int hedon_preprocessing_views(const HedonPreprocessing *preprocessing)
{
    return preprocessing->crop == HEDON_CROP_THREE ? 3 : 1;
}

/* torchvision's centre crop: Python's round((size - crop) / 2), half to even. */
static int32_t centred(int64_t size, int64_t crop)
{
    return (int32_t)nearbyint((double)(size - crop) / 2);
}

/* View 0, 1, 2 of THREE: at 0, half (rounded down, as the paper's fork does) and full of what is
 * left of the long side. */
static int32_t along(int64_t size, int64_t crop, int view)
{
    return (int32_t)((size - crop) * view / 2);
}

int hedon_preprocessing_transform(HedonContext *ctx, const HedonPreprocessing *preprocessing,
                                  int64_t width, int64_t height, int view, HedonTransform *out)
{
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX || view < 0 ||
        view >= hedon_preprocessing_views(preprocessing))
        return hedon_fail(ctx, HEDON_EINVAL, "there is no view %d of a %lldx%lld picture", view,
                          (long long)width, (long long)height);
    int64_t resized_width = preprocessing->resize_width;
    int64_t resized_height = preprocessing->resize_height;
    if (preprocessing->resize == HEDON_RESIZE_SHORT_SIDE) {
        /* the long side is cut to a whole number, as torchvision's int() */
        const int64_t side = preprocessing->resize_height;
        resized_width = width <= height ? side : side * width / height;
        resized_height = width <= height ? side * height / width : side;
    }
    const int64_t crop_width = preprocessing->crop_width, crop_height = preprocessing->crop_height;
    if (crop_width > resized_width || crop_height > resized_height || resized_width > INT32_MAX ||
        resized_height > INT32_MAX)
        return hedon_fail(
            ctx, HEDON_EINVAL,
            "a %lldx%lld picture resized to %lldx%lld has no room for a crop of %lldx%lld",
            (long long)width, (long long)height, (long long)resized_width,
            (long long)resized_height, (long long)crop_width, (long long)crop_height);
    *out = (HedonTransform){
        .source_width = (int32_t)width,
        .source_height = (int32_t)height,
        .resize_width = (int32_t)resized_width,
        .resize_height = (int32_t)resized_height,
        .interpolation = preprocessing->interpolation,
        .antialias = preprocessing->antialias,
        .crop_x = centred(resized_width, crop_width),
        .crop_y = centred(resized_height, crop_height),
        .crop_width = (int32_t)crop_width,
        .crop_height = (int32_t)crop_height,
    };
    if (preprocessing->crop == HEDON_CROP_THREE) {
        if (resized_width >= resized_height)
            out->crop_x = along(resized_width, crop_width, view);
        else
            out->crop_y = along(resized_height, crop_height, view);
    }
    for (int i = 0; i < 3; i++) {
        out->mean[i] = preprocessing->mean[i];
        out->std[i] = preprocessing->std[i];
    }
    return 0;
}
