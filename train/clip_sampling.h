/* Which frames a training clip shows. */
#ifndef HEDON_TRAIN_CLIP_SAMPLING_H
#define HEDON_TRAIN_CLIP_SAMPLING_H

#include "decode/sampler.h"

/**
 * `frames` consecutive frames of the video resampled to `rate` frames a second: source frame
 * floor(i fps / rate) for i from a start on; as the paper's, which works on videos converted to 4
 * frames a second.
 *
 * @param place  0..1, where the start lies among the possible ones: 0 the first, below 1 the last
 * @return 0; 1 when the video is too short (then, unless `leave_out`, its last frame is repeated and 0
 *         returned); HEDON_ENOMEM. Free with hedon_clips_free.
 */
int hedon_clip_at_rate(HedonContext *ctx, HedonClips *out, const double *times, int64_t count,
                       double fps, int64_t frames, double rate, double place, int leave_out);

#endif
