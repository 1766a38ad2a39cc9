/* The clip at a drawn place of a video resampled to a lower rate. */
#include "train/augment/sample_train.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

enum { MAX_FRAMES = 1 << 24 }; /* of a video: indices are exact in 32-bit floats */

/* Place i of the resampled video. A whole step is taken exactly, others in floats as the reference.
 */
static int64_t source_frame(int64_t i, double step)
{
    if (step == floor(step)) return i * (int64_t)step;
    return (int64_t)floorf((float)i * (float)step);
}

/* How many frames the resampled video has. */
static int64_t resampled_frames(int64_t frames, double fps, double rate)
{
    const double step = fps / rate;
    if (step == floor(step)) return (frames - 1) / (int64_t)step + 1;
    int64_t count = (int64_t)floor((double)frames * (rate / fps));
    while (count > 0 && source_frame(count - 1, step) >= frames) count--; /* rounding */
    return count;
}

int hedon_sample_at_rate(HedonContext *ctx, HedonClips *out, double place, double fps, double rate,
                         int64_t clip_frames, const double *times, int64_t frames,
                         double duration_s)
{
    *out = (HedonClips){0};
    if (!(fps > 0) || !(rate > 0) || !(fps / rate < MAX_FRAMES) || !(rate / fps < MAX_FRAMES) ||
        clip_frames < 1 || clip_frames > MAX_FRAMES || !(place >= 0 && place < 1))
        return hedon_fail(
            ctx, HEDON_EINVAL,
            "clips of %lld frames, %g a second, of a video of %g a second make no sense",
            (long long)clip_frames, rate, fps);
    if (frames > MAX_FRAMES || (double)frames * (rate / fps) > MAX_FRAMES)
        return hedon_fail(ctx, HEDON_ELIMIT, "%lld frames are too many to sample from",
                          (long long)frames);
    const int64_t resampled = frames > 0 ? resampled_frames(frames, fps, rate) : 0;
    const int64_t starts = resampled - clip_frames + 1;
    if (starts < 1)
        return hedon_fail(ctx, HEDON_EDATA,
                          "is too short: %lld frames at %g a second, and a clip needs %lld",
                          (long long)resampled, rate, (long long)clip_frames);
    *out = (HedonClips){
        .count = 1,
        .clip_frames = clip_frames,
        .frames = hedon_malloc((size_t)clip_frames, sizeof *out->frames),
        .start_s = hedon_malloc(1, sizeof *out->start_s),
        .end_s = hedon_malloc(1, sizeof *out->end_s),
    };
    if (!out->frames || !out->start_s || !out->end_s) {
        hedon_clips_free(out);
        return hedon_fail_memory(ctx);
    }
    int64_t start = (int64_t)(place * (double)starts);
    if (start > starts - 1) start = starts - 1;
    for (int64_t t = 0; t < clip_frames; t++) out->frames[t] = source_frame(start + t, fps / rate);
    const int64_t last = out->frames[clip_frames - 1];
    out->start_s[0] = times[out->frames[0]];
    out->end_s[0] = last + 1 < frames ? times[last + 1] : duration_s;
    return 0;
}
