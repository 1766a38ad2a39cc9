/* colour_motion: ref/colour_motion.inc says what each feature is. One block a frame, then one thread a
 * clip. */
#include "kernels/cuda/kernels.h"
#include "kernels/graph/graph.h"

namespace {

enum { THREADS = 256, SUMS = 8 };

/* Of a frame; all but the last two feed the features directly. */
enum { LUMA, SATURATION, CONTRAST, WARMTH, COLOURFULNESS, MOTION };

struct Sums {
    double value[SUMS];
};

__device__ void block_sums(double *value, int count)
{
    __shared__ double shared[THREADS];
    for (int k = 0; k < count; k++) {
        __syncthreads();
        shared[threadIdx.x] = value[k];
        for (int half = THREADS / 2; half > 0; half /= 2) {
            __syncthreads();
            if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        }
        __syncthreads();
        value[k] = shared[0];
    }
}

__device__ double luma_of(double red, double green, double blue)
{
    return .299 * red + .587 * green + .114 * blue;
}

__global__ void frame_sums(const float *x, Sums *out, int64_t frames, int64_t pixels)
{
    const int64_t n = blockIdx.x / frames, t = blockIdx.x % frames, plane = frames * pixels;
    const float *r = x + n * 3 * plane + t * pixels;
    double sum[6] = {}; /* luma, saturation, warmth, rg, yb, motion */
    for (int64_t p = threadIdx.x; p < pixels; p += THREADS) {
        const double red = r[p], green = r[p + plane], blue = r[p + 2 * plane];
        const double most = fmax(red, fmax(green, blue)), least = fmin(red, fmin(green, blue));
        const double luma = luma_of(red, green, blue);
        sum[0] += luma;
        sum[1] += most > 0 ? (most - least) / most : 0;
        sum[2] += red - blue;
        sum[3] += red - green;
        sum[4] += (red + green) / 2 - blue;
        if (t > 0)
            sum[5] += fabs(luma - luma_of(r[p - pixels], r[p + plane - pixels],
                                          r[p + 2 * plane - pixels]));
    }
    block_sums(sum, 6);
    const double count = (double)pixels;
    const double luma = sum[0] / count, rg = sum[3] / count, yb = sum[4] / count;
    double variance[3] = {};
    for (int64_t p = threadIdx.x; p < pixels; p += THREADS) {
        const double red = r[p], green = r[p + plane], blue = r[p + 2 * plane];
        const double a = luma_of(red, green, blue) - luma, b = red - green - rg;
        const double c = (red + green) / 2 - blue - yb;
        variance[0] += a * a;
        variance[1] += b * b;
        variance[2] += c * c;
    }
    block_sums(variance, 3);
    if (threadIdx.x) return;
    Sums *s = out + blockIdx.x;
    s->value[LUMA] = luma;
    s->value[SATURATION] = sum[1] / count;
    s->value[CONTRAST] = sqrt(variance[0] / count);
    s->value[WARMTH] = sum[2] / count;
    s->value[COLOURFULNESS] =
        sqrt((variance[1] + variance[2]) / count) + .3 * sqrt(rg * rg + yb * yb);
    s->value[MOTION] = sum[5] / count;
}

__global__ void clip_features(const Sums *sums, float *y, int64_t samples, int64_t frames)
{
    const int64_t n = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (n >= samples) return;
    double feature[HEDON_COLOUR_MOTION_FEATURES] = {};
    const double all = (double)frames, steps = (double)(frames - 1);
    for (int64_t t = 0; t < frames; t++) {
        const double *s = sums[n * frames + t].value;
        feature[HEDON_FEATURE_BRIGHTNESS] += s[LUMA] / all;
        feature[HEDON_FEATURE_SATURATION] += s[SATURATION] / all;
        feature[HEDON_FEATURE_CONTRAST] += s[CONTRAST] / all;
        feature[HEDON_FEATURE_WARMTH] += s[WARMTH] / all;
        feature[HEDON_FEATURE_COLOURFULNESS] += s[COLOURFULNESS] / all;
        if (t == 0) continue;
        feature[HEDON_FEATURE_MOTION] += s[MOTION] / steps;
        feature[HEDON_FEATURE_FLICKER] +=
            fabs(s[LUMA] - sums[n * frames + t - 1].value[LUMA]) / steps;
    }
    for (int f = 0; f < HEDON_COLOUR_MOTION_FEATURES; f++)
        y[n * HEDON_COLOUR_MOTION_FEATURES + f] = (float)feature[f];
}

} // namespace

int64_t cuda_colour_scratch(int64_t samples, int64_t frames)
{
    return samples * frames * (int64_t)sizeof(Sums);
}

cudaError_t cuda_colour_motion(const float *x, float *y, int64_t samples, int64_t frames,
                               int64_t pixels, void *scratch, cudaStream_t stream)
{
    Sums *sums = static_cast<Sums *>(scratch);
    frame_sums<<<(unsigned)(samples * frames), THREADS, 0, stream>>>(x, sums, frames, pixels);
    clip_features<<<(unsigned)((samples + THREADS - 1) / THREADS), THREADS, 0, stream>>>(
        sums, y, samples, frames);
    return cudaGetLastError();
}
