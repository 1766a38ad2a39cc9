/* Mixup and cutmix. */
#include "train/augment/mix.h"

#include <math.h>

#include "base/error.h"
#include "train/augment/numbers.h"

/* Gamma(shape, 1): Marsaglia & Tsang, "A simple method for generating gamma variables", ACM TOMS 26
 * (2000); a shape below 1 by their boost with a power of a uniform number. As a logarithm, since a
 * small shape's numbers underflow. */
static double next_log_gamma(HedonNumbers *numbers, double shape)
{
    double boost = 0;
    if (shape < 1) {
        boost = log1p(-hedon_next_uniform(numbers)) / shape;
        shape += 1;
    }
    const double d = shape - 1. / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = hedon_next_normal(numbers), root = 1 + c * x;
        if (root <= 0) continue;
        const double v = root * root * root;
        if (log1p(-hedon_next_uniform(numbers)) < x * x / 2 + d - d * v + d * log(v))
            return log(d * v) + boost;
    }
}

/* Beta(alpha, alpha). */
static double next_beta(HedonNumbers *numbers, double alpha)
{
    const double a = next_log_gamma(numbers, alpha), b = next_log_gamma(numbers, alpha);
    return 1 / (1 + exp(b - a));
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* `size` of `sides` around `centre`, cut off at the borders. */
static void cut_side(int32_t centre, int32_t size, int32_t side, int32_t *start, int32_t *length)
{
    const int32_t low = centre - size / 2;
    *start = low > 0 ? low : 0;
    *length = least(centre + (size + 1) / 2, side) - *start;
}

/* A box of 1 - share of the picture around a uniform centre; what the borders cut off goes back
 * into the share. */
static void draw_box(HedonNumbers *numbers, int32_t width, int32_t height, HedonMixDraw *out)
{
    const double ratio = sqrt(1 - out->share);
    const int32_t y = hedon_next_index(numbers, height), x = hedon_next_index(numbers, width);
    cut_side(y, (int32_t)(height * ratio), height, &out->y, &out->height);
    cut_side(x, (int32_t)(width * ratio), width, &out->x, &out->width);
    out->share = 1 - (double)out->width * out->height / ((double)width * height);
}

int hedon_mix_draw(HedonContext *ctx, HedonRandomKey key, const HedonMixRecipe *recipe,
                   int32_t width, int32_t height, HedonMixDraw *out)
{
    const double mixup = recipe->mixup_alpha, cutmix = recipe->cutmix_alpha;
    *out = (HedonMixDraw){.share = 1};
    if (!(mixup >= 0 && mixup < 1e6) || !(cutmix >= 0 && cutmix < 1e6) ||
        !(recipe->p >= 0 && recipe->p <= 1) || !(recipe->switch_p >= 0 && recipe->switch_p <= 1))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "mixing with alphas %g and %g and probabilities %g and %g makes no sense",
                          mixup, cutmix, recipe->p, recipe->switch_p);
    HedonNumbers numbers = hedon_numbers(key);
    if ((mixup == 0 && cutmix == 0) || !(hedon_next_uniform(&numbers) < recipe->p)) return 0;
    out->cut = cutmix > 0;
    if (mixup > 0 && cutmix > 0) out->cut = hedon_next_uniform(&numbers) < recipe->switch_p;
    out->share = next_beta(&numbers, out->cut ? cutmix : mixup);
    if (out->cut) draw_box(&numbers, width, height, out);
    return 0;
}

/* a and b, opposite each other in the batch, at once. */
static void blend(float *a, float *b, int64_t n, float share)
{
    const float other = 1 - share;
    for (int64_t i = 0; i < n; i++) {
        const float from_a = a[i], from_b = b[i];
        a[i] = from_a * share + from_b * other;
        b[i] = from_b * share + from_a * other;
    }
}

static void exchange(float *a, float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float from_a = a[i];
        a[i] = b[i];
        b[i] = from_a;
    }
}

static void exchange_box(const HedonMixDraw *draw, float *a, float *b, int64_t planes,
                         int32_t width, int32_t height)
{
    for (int64_t p = 0; p < planes; p++)
        for (int32_t y = draw->y; y < draw->y + draw->height; y++) {
            const int64_t at = (p * height + y) * width + draw->x;
            exchange(a + at, b + at, draw->width);
        }
}

int hedon_mix_apply(HedonContext *ctx, const HedonMixDraw *draw, float *clips, float *targets,
                    int64_t batch, int64_t planes, int32_t width, int32_t height, int64_t classes)
{
    if (batch % 2)
        return hedon_fail(ctx, HEDON_EINVAL, "a batch of %lld cannot be mixed: it must be even",
                          (long long)batch);
    if (draw->share == 1) return 0;
    const int64_t size = planes * width * height;
    for (int64_t i = 0; i < batch / 2; i++) {
        const int64_t j = batch - 1 - i;
        if (draw->cut)
            exchange_box(draw, clips + i * size, clips + j * size, planes, width, height);
        else
            blend(clips + i * size, clips + j * size, size, (float)draw->share);
        blend(targets + i * classes, targets + j * classes, classes, (float)draw->share);
    }
    return 0;
}
