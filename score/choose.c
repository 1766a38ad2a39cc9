/* Which clips of a video are looked at. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "score/feed.h"

enum { DEFAULT_TIMELINE = 24 }; /* windows at most, unless the user says how many */
static const double DEFAULT_WINDOW_S = 2;

static HedonSampler own_sampler(const HedonPreprocessing *preprocessing)
{
    return (HedonSampler){
        .kind = (HedonSampling)hedon_sampling_from_name(preprocessing->sampling),
        .clip_frames = preprocessing->clip_frames,
        .stride = preprocessing->frame_stride > 0 ? preprocessing->frame_stride : 1,
        .offset = -1,
        .window_s = preprocessing->window_s,
        .stride_s = preprocessing->stride_s,
    };
}

static HedonSampler timeline_sampler(const HedonScorer *scorer, double duration_s)
{
    const HedonScorerOptions *options = &scorer->options;
    const HedonPreprocessing *preprocessing = scorer->preprocessing;
    HedonSampler sampler = {.kind = HEDON_SAMPLE_WINDOWS,
                            .clip_frames = preprocessing->clip_frames,
                            .stride = 1,
                            .window_s = options->window_s,
                            .stride_s = options->stride_s};
    if (sampler.window_s <= 0)
        sampler.window_s = preprocessing->window_s > 0 ? preprocessing->window_s : DEFAULT_WINDOW_S;
    if (sampler.stride_s <= 0 && options->window_s > 0) sampler.stride_s = sampler.window_s;
    if (sampler.stride_s <= 0) {
        sampler.stride_s =
            preprocessing->stride_s > 0 ? preprocessing->stride_s : sampler.window_s / 2;
        const double least = (duration_s - sampler.window_s) / (DEFAULT_TIMELINE - 1);
        if (sampler.stride_s < least) sampler.stride_s = least;
    }
    return sampler;
}

/* a becomes a followed by b; b is emptied. */
static int append(HedonContext *ctx, HedonClips *a, HedonClips *b)
{
    const size_t count = (size_t)(a->count + b->count), frames = (size_t)a->clip_frames;
    int64_t *indices = hedon_realloc(a->frames, count * frames, sizeof(*indices));
    if (indices) a->frames = indices;
    double *start_s = hedon_realloc(a->start_s, count, sizeof(*start_s));
    if (start_s) a->start_s = start_s;
    double *end_s = hedon_realloc(a->end_s, count, sizeof(*end_s));
    if (end_s) a->end_s = end_s;
    if (!indices || !start_s || !end_s) return hedon_fail_memory(ctx);
    memcpy(indices + (size_t)a->count * frames, b->frames,
           (size_t)b->count * frames * sizeof(*indices));
    memcpy(start_s + a->count, b->start_s, (size_t)b->count * sizeof(*start_s));
    memcpy(end_s + a->count, b->end_s, (size_t)b->count * sizeof(*end_s));
    a->count += b->count;
    hedon_clips_free(b);
    return 0;
}

/* The overall result comes from the model's own sampling whatever timeline is asked for, so that it
 * can be held against the reference videos, which were sampled so. */
int hedon_feed_choose(HedonContext *ctx, const HedonScorer *scorer, const HedonVideoInfo *info,
                      const double *times, HedonClips *clips, HedonClipRoles *roles)
{
    memset(clips, 0, sizeof(*clips));
    HedonClips own = {0};
    const HedonSampler sampler = own_sampler(scorer->preprocessing);
    int code = hedon_sample(ctx, &own, &sampler, times, info->frames, info->duration_s);
    if (code) return code;
    const HedonSampler timeline = timeline_sampler(scorer, info->duration_s);
    const int free_choice = scorer->options.window_s <= 0 && scorer->options.stride_s <= 0;
    const int same = sampler.kind == HEDON_SAMPLE_WINDOWS &&
                     (free_choice || (sampler.window_s == timeline.window_s &&
                                      sampler.stride_s == timeline.stride_s));
    if (!scorer->options.timeline || same) {
        *roles = (HedonClipRoles){.timeline = own.count, .own = 0};
        *clips = own;
        return 0;
    }
    code = hedon_sample(ctx, clips, &timeline, times, info->frames, info->duration_s);
    if (!code) {
        *roles = (HedonClipRoles){.timeline = clips->count, .own = clips->count};
        code = append(ctx, clips, &own);
    }
    if (code) {
        hedon_clips_free(&own);
        hedon_clips_free(clips);
    }
    return code;
}
