#include "train/clip_sampling.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

static int64_t source_frame(int64_t i, double fps, double rate)
{
    return (int64_t)floor((double)i * fps / rate + 1e-9); /* 30 / 4 * 2 is 15, not 14.99 */
}

int hedon_clip_at_rate(HedonContext *ctx, HedonClips *out, const double *times, int64_t count,
                       double fps, int64_t frames, double rate, double place, int leave_out)
{
    *out = (HedonClips){.count = 1, .clip_frames = frames};
    if (!(fps > 0)) fps = rate;
    /* how many resampled frames there are: those whose source exists */
    int64_t resampled = (int64_t)ceil((double)count * rate / fps - 1e-9);
    while (resampled > 1 && source_frame(resampled - 1, fps, rate) >= count) resampled--;
    if (resampled < frames && leave_out) return 1;
    const int64_t starts = resampled > frames ? resampled - frames + 1 : 1;
    int64_t start = (int64_t)(place * (double)starts);
    if (start >= starts) start = starts - 1;
    out->frames = hedon_calloc((size_t)frames, sizeof(*out->frames));
    out->start_s = hedon_calloc(1, sizeof(*out->start_s));
    out->end_s = hedon_calloc(1, sizeof(*out->end_s));
    if (!out->frames || !out->start_s || !out->end_s) {
        hedon_clips_free(out);
        return hedon_fail_memory(ctx);
    }
    for (int64_t t = 0; t < frames; t++) {
        const int64_t frame = source_frame(start + t, fps, rate);
        out->frames[t] = frame < count ? frame : count - 1;
    }
    out->start_s[0] = times[out->frames[0]];
    out->end_s[0] = times[out->frames[frames - 1]] + 1 / rate;
    return 0;
}
