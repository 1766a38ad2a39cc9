/* Which frames a training clip shows, where that is drawn (VCE). V2V's evenly spaced frames are
 * decode/sampler.h's HEDON_SAMPLE_EVEN. */
#ifndef HEDON_TRAIN_AUGMENT_SAMPLE_TRAIN_H
#define HEDON_TRAIN_AUGMENT_SAMPLE_TRAIN_H

#include "decode/sampler.h"

/**
 * `clip_frames` consecutive frames of the video resampled to `rate` frames a second, which shows
 * source frame floor(i fps / rate) at place i; torchvision's VideoClips, whose arithmetic is in
 * 32-bit floats, gives the same indices. The start is uniform among those that leave a whole clip.
 *
 * @param place       0 <= place < 1: the start, from first to last possible; a uniform random
 * number
 * @param fps         of the video, as HedonVideoInfo.rate
 * @param times       ascending presentation times, `frames` of them
 * @param duration_s  of the video; the last frame is shown until then
 * @return 0; HEDON_EDATA when the video is too short for one clip: training leaves it out;
 *         HEDON_EINVAL for rates or sizes that make no sense; HEDON_ENOMEM. Free with
 *         hedon_clips_free.
 */
int hedon_sample_at_rate(HedonContext *ctx, HedonClips *out, double place, double fps, double rate,
                         int64_t clip_frames, const double *times, int64_t frames,
                         double duration_s);

#endif
