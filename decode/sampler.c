/* Samplers, each a pure function of the frames' times. */
#include "decode/sampler.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { MAX_FRAMES = 1 << 24 };

static const char *const names[] = {"even", "contiguous", "segments", "windows"};

const char *hedon_sampling_name(HedonSampling kind)
{
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

int hedon_sampling_from_name(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) return (int)i;
    return -1;
}

/* round(linspace(first, last, T))[i], half to even, in NumPy's own order of operations, so that a
 * quotient close to a half falls to the same side. */
static int64_t spread(int64_t first, int64_t last, int64_t i, int64_t T)
{
    if (i == T - 1) return T == 1 ? first : last;
    const double step = (double)(last - first) / (double)(T - 1);
    return (int64_t)rint((double)i * step + (double)first);
}

static int reserve(HedonContext *ctx, HedonClips *clips, int64_t count, int64_t T)
{
    if (count > MAX_FRAMES / T)
        return hedon_fail(ctx, HEDON_ELIMIT,
                          "%lld clips of %lld frames are too many: use a longer stride",
                          (long long)count, (long long)T);
    *clips = (HedonClips){
        .count = count,
        .clip_frames = T,
        .frames = hedon_malloc((size_t)(count * T), sizeof *clips->frames),
        .start_s = hedon_malloc((size_t)count, sizeof *clips->start_s),
        .end_s = hedon_malloc((size_t)count, sizeof *clips->end_s),
    };
    if (clips->frames && clips->start_s && clips->end_s) return 0;
    hedon_clips_free(clips);
    return hedon_fail_memory(ctx);
}

static int sample_even(HedonContext *ctx, HedonClips *clips, const HedonSampler *s, int64_t n)
{
    const int code = reserve(ctx, clips, 1, s->clip_frames);
    for (int64_t t = 0; !code && t < s->clip_frames; t++)
        clips->frames[t] = spread(0, n - 1, t, s->clip_frames);
    return code;
}

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

static int sample_contiguous(HedonContext *ctx, HedonClips *clips, const HedonSampler *s, int64_t n)
{
    /* A stride that leaves the video shows its last frame; so may the offset. */
    const int64_t T = s->clip_frames, stride = at_most(s->stride, n);
    int64_t first = at_most(s->offset, n - 1);
    if (first < 0) {
        const int64_t spare = n - ((T - 1) * stride + 1);
        first = spare > 0 ? spare / 2 : 0;
    }
    const int code = reserve(ctx, clips, 1, T);
    for (int64_t t = 0; !code && t < T; t++) clips->frames[t] = at_most(first + t * stride, n - 1);
    return code;
}

static int sample_segments(HedonContext *ctx, HedonClips *clips, const HedonSampler *s, int64_t n)
{
    const int64_t T = s->clip_frames;
    const int64_t kept = (n - 1) / s->stride + 1; /* every stride-th frame */
    const int64_t views = kept > T ? 2 : 1;
    const int code = reserve(ctx, clips, views, T);
    for (int64_t v = 0; !code && v < views; v++)
        for (int64_t t = 0; t < T; t++)
            clips->frames[v * T + t] = at_most(v ? kept - T + t : t, kept - 1) * s->stride;
    return code;
}

/* The frame that is on screen at a time. */
static int64_t frame_at(const double *times, int64_t n, double time)
{
    int64_t low = 0, high = n; /* times[low] <= time < times[high] */
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (times[middle] <= time)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The last frame that is on screen before a time. */
static int64_t last_before(const double *times, int64_t n, double time)
{
    const int64_t last = frame_at(times, n, time);
    return last > 0 && times[last] >= time ? last - 1 : last;
}

/* Windows begin at 0, stride_s, 2 stride_s, ... as long as they fit; one that does not fit is moved
 * back to end with the video, so that its last moments count, unless the one before reaches them.
 */
static int sample_windows(HedonContext *ctx, HedonClips *clips, const HedonSampler *s,
                          const double *times, int64_t n, double duration)
{
    const double spare = duration - s->window_s, slack = 1e-6 * s->stride_s;
    double steps = spare > 0 ? floor((spare + slack) / s->stride_s) : 0;
    if (!(steps < MAX_FRAMES)) steps = MAX_FRAMES;
    const int64_t regular = (int64_t)steps + 1;
    const int moved = spare > steps * s->stride_s + slack &&
                      last_before(times, n, steps * s->stride_s + s->window_s) < n - 1;
    const int64_t T = s->clip_frames;
    const int code = reserve(ctx, clips, regular + moved, T);
    for (int64_t c = 0; !code && c < clips->count; c++) {
        const double start = c < regular ? (double)c * s->stride_s : spare;
        const int64_t first = frame_at(times, n, start);
        int64_t last = last_before(times, n, start + s->window_s);
        if (last < first) last = first;
        for (int64_t t = 0; t < T; t++) clips->frames[c * T + t] = spread(first, last, t, T);
    }
    return code;
}

static int check(HedonContext *ctx, const HedonSampler *s, int64_t frames, double duration)
{
    if (frames < 1 || !isfinite(duration))
        return hedon_fail(ctx, HEDON_EDATA, "has no frames to sample");
    if (s->clip_frames < 1)
        return hedon_fail(ctx, HEDON_EINVAL, "a clip needs at least one frame, not %lld",
                          (long long)s->clip_frames);
    if (s->clip_frames > MAX_FRAMES)
        return hedon_fail(ctx, HEDON_ELIMIT, "clips of %lld frames are too long",
                          (long long)s->clip_frames);
    switch (s->kind) {
    case HEDON_SAMPLE_EVEN:
        return 0;
    case HEDON_SAMPLE_CONTIGUOUS:
    case HEDON_SAMPLE_SEGMENTS:
        if (s->stride < 1)
            return hedon_fail(ctx, HEDON_EINVAL, "the stride must be at least one frame, not %lld",
                              (long long)s->stride);
        if (s->kind == HEDON_SAMPLE_CONTIGUOUS && s->offset < -1)
            return hedon_fail(ctx, HEDON_EINVAL, "the offset must be a frame or -1, not %lld",
                              (long long)s->offset);
        return 0;
    case HEDON_SAMPLE_WINDOWS:
        if (!(s->window_s > 0) || !isfinite(s->window_s))
            return hedon_fail(ctx, HEDON_EINVAL, "the window must be longer than 0 seconds, not %g",
                              s->window_s);
        if (!(s->stride_s > 0) || !isfinite(s->stride_s))
            return hedon_fail(ctx, HEDON_EINVAL, "the stride must be longer than 0 seconds, not %g",
                              s->stride_s);
        return 0;
    }
    return hedon_fail(ctx, HEDON_EINVAL, "unknown sampler %d", (int)s->kind);
}

int hedon_sample(HedonContext *ctx, HedonClips *out, const HedonSampler *sampler,
                 const double *times, int64_t frames, double duration_s)
{
    *out = (HedonClips){0};
    int code = check(ctx, sampler, frames, duration_s);
    if (code < 0) return code;
    switch (sampler->kind) {
    case HEDON_SAMPLE_EVEN:
        code = sample_even(ctx, out, sampler, frames);
        break;
    case HEDON_SAMPLE_CONTIGUOUS:
        code = sample_contiguous(ctx, out, sampler, frames);
        break;
    case HEDON_SAMPLE_SEGMENTS:
        code = sample_segments(ctx, out, sampler, frames);
        break;
    case HEDON_SAMPLE_WINDOWS:
        code = sample_windows(ctx, out, sampler, times, frames, duration_s);
        break;
    }
    for (int64_t c = 0; !code && c < out->count; c++) {
        const int64_t *clip = out->frames + c * out->clip_frames;
        const int64_t last = clip[out->clip_frames - 1];
        out->start_s[c] = times[clip[0]];
        out->end_s[c] = last + 1 < frames ? times[last + 1] : duration_s;
    }
    return code;
}

void hedon_clips_free(HedonClips *clips)
{
    hedon_free(clips->frames);
    hedon_free(clips->start_s);
    hedon_free(clips->end_s);
    *clips = (HedonClips){0};
}
