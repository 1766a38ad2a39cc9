#include "train/mix.h"

#include <math.h>

/* A Gamma(alpha, 1) number; draws counters from *counter on. */
static double gamma_number(HedonRandomKey key, double alpha, uint64_t *counter)
{
    if (alpha < 1) {
        const double u = 1 - hedon_random_uniform(key, 2 * (*counter)++);
        return gamma_number(key, alpha + 1, counter) * pow(u, 1 / alpha);
    }
    const double d = alpha - 1. / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = hedon_random_normal(key, (*counter)++);
        const double u = 1 - hedon_random_uniform(key, 2 * (*counter)++);
        const double v = (1 + c * x) * (1 + c * x) * (1 + c * x);
        if (v > 0 && log(u) < .5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

double hedon_beta(HedonRandomKey key, double alpha)
{
    uint64_t counter = 0;
    const double a = gamma_number(key, alpha, &counter), b = gamma_number(key, alpha, &counter);
    return a + b > 0 ? a / (a + b) : .5;
}

static void blend(float *a, float *b, int64_t count, float share)
{
    for (int64_t i = 0; i < count; i++) {
        const float x = a[i], y = b[i];
        a[i] = share * x + (1 - share) * y;
        b[i] = share * y + (1 - share) * x;
    }
}

typedef struct Box {
    int64_t top, bottom, left, right;
} Box;

/* A box of the picture's shape with area 1 - share around a random place, cut off at the edges. */
static Box draw_box(const HedonMixing *mixing, HedonRandomKey key, double share)
{
    const double side = sqrt(1 - share);
    const int64_t height = (int64_t)((double)mixing->height * side),
                  width = (int64_t)((double)mixing->width * side);
    const int64_t y = (int64_t)(hedon_random_uniform(key, 0) * (double)mixing->height),
                  x = (int64_t)(hedon_random_uniform(key, 1) * (double)mixing->width);
    Box box = {y - height / 2, y + height / 2, x - width / 2, x + width / 2};
    if (box.top < 0) box.top = 0;
    if (box.left < 0) box.left = 0;
    if (box.bottom > mixing->height) box.bottom = mixing->height;
    if (box.right > mixing->width) box.right = mixing->width;
    return box;
}

static void exchange_box(const HedonMixing *mixing, const Box *box, float *a, float *b)
{
    for (int64_t plane = 0; plane < 3 * mixing->frames; plane++)
        for (int64_t y = box->top; y < box->bottom; y++) {
            const int64_t row = (plane * mixing->height + y) * mixing->width;
            for (int64_t x = box->left; x < box->right; x++) {
                const float kept = a[row + x];
                a[row + x] = b[row + x];
                b[row + x] = kept;
            }
        }
}

void hedon_mix(const HedonMixing *mixing, HedonRandomKey key, float **pixels, float *targets,
               const float *weights, int64_t n)
{
    if (!(mixing->mixup > 0) && !(mixing->cutmix > 0)) return;
    const HedonRandomKey beta = {hedon_random_u64(key, 0)}, place = {hedon_random_u64(key, 1)};
    const int cut = mixing->cutmix > 0 &&
                    (!(mixing->mixup > 0) || hedon_random_uniform(key, 2) < .5);
    double share = hedon_beta(beta, cut ? mixing->cutmix : mixing->mixup);
    Box box = {0};
    if (cut) { /* the edges may have cut it: the share is what is left of the picture */
        box = draw_box(mixing, place, share);
        share = 1 - (double)((box.bottom - box.top) * (box.right - box.left)) /
                        (double)(mixing->height * mixing->width);
    }
    for (int64_t i = 0, j = n - 1; i < j; i++, j--) {
        if (!(weights[i] > 0 && weights[j] > 0)) continue;
        if (cut)
            exchange_box(mixing, &box, pixels[i], pixels[j]);
        else
            blend(pixels[i], pixels[j], 3 * mixing->frames * mixing->height * mixing->width,
                  (float)share);
        blend(targets + i * HEDON_EMOTIONS, targets + j * HEDON_EMOTIONS, HEDON_EMOTIONS,
              (float)share);
    }
}
