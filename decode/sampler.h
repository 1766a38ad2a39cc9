/* Which frames make which clip. Pure functions of a video's frame times: no file is touched. */
#ifndef HEDON_DECODE_SAMPLER_H
#define HEDON_DECODE_SAMPLER_H

#include "hedon.h"

/* Clips of one video. clip c shows frames[c * clip_frames + 0 .. clip_frames-1], ascending, repeats
 * allowed (a short video's last frame is repeated). */
typedef struct HedonClips {
    int64_t count, clip_frames;
    int64_t *frames;
    double *start_s, *end_s; /* of each clip: first frame's time, end of the last frame's showing */
} HedonClips;

typedef enum HedonSampling {
    HEDON_SAMPLE_EVEN,       /* one clip: round(linspace(0, n-1, T)), half to even (paper, V2V) */
    HEDON_SAMPLE_CONTIGUOUS, /* one clip: T frames `stride` apart from `offset`; -1: centred */
    HEDON_SAMPLE_SEGMENTS,   /* paper's VCE test views: every stride-th frame of the whole video
                                (the last repeated up to T), then the first and the last T of those;
                                one clip when both are the same */
    HEDON_SAMPLE_WINDOWS,    /* sliding windows of window_s every stride_s; T frames evenly over each */
} HedonSampling;

typedef struct HedonSampler {
    HedonSampling kind;
    int64_t clip_frames; /* T */
    int64_t stride;      /* frames; CONTIGUOUS, SEGMENTS */
    int64_t offset;      /* CONTIGUOUS */
    double window_s, stride_s; /* WINDOWS */
} HedonSampler;

/**
 * @param times       ascending presentation times, frames of them
 * @param duration_s  of the video; the last frame is shown until then
 * @return 0; HEDON_EINVAL (sentence says which option), HEDON_EDATA (no frames), HEDON_ELIMIT (more
 *         than 2^24 clip frames), HEDON_ENOMEM. Free with hedon_clips_free.
 */
int hedon_sample(HedonContext *ctx, HedonClips *out, const HedonSampler *sampler,
                 const double *times, int64_t frames, double duration_s);
void hedon_clips_free(HedonClips *clips);
/** "even", "contiguous", "segments", "windows" and back; -1 when unknown. */
const char *hedon_sampling_name(HedonSampling kind);
int hedon_sampling_from_name(const char *name);

#endif
