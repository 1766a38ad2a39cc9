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

/* Clip `from` of b becomes clip `to` of a, which has room for it. */
static void take_clip(HedonClips *a, int64_t to, const HedonClips *b, int64_t from)
{
    memcpy(a->frames + to * a->clip_frames, b->frames + from * a->clip_frames,
           (size_t)a->clip_frames * sizeof(*a->frames));
    a->start_s[to] = b->start_s[from];
    a->end_s[to] = b->end_s[from];
}

static int64_t last_frame(const HedonClips *clips, int64_t clip)
{
    return clips->frames[(clip + 1) * clips->clip_frames - 1];
}

/* Both in the order in which they are complete when frames come in theirs: clips leave the loader
 * in order, and none then waits with its pictures for one that ends later. */
static int merge(HedonContext *ctx, HedonClips *out, int64_t **row, const HedonClips *timeline,
                 const HedonClips *own)
{
    const size_t count = (size_t)(timeline->count + own->count);
    *out = (HedonClips){.clip_frames = timeline->clip_frames};
    out->frames = hedon_malloc(count, (size_t)timeline->clip_frames * sizeof(*out->frames));
    out->start_s = hedon_malloc(count, sizeof(*out->start_s));
    out->end_s = hedon_malloc(count, sizeof(*out->end_s));
    *row = hedon_malloc(count, sizeof(**row));
    if (!out->frames || !out->start_s || !out->end_s || !*row) {
        hedon_clips_free(out);
        hedon_free(*row);
        *row = NULL;
        return hedon_fail_memory(ctx);
    }
    int64_t a = 0, b = 0;
    while (a < timeline->count || b < own->count) {
        const int is_row = b == own->count ||
                           (a < timeline->count && last_frame(timeline, a) <= last_frame(own, b));
        (*row)[out->count] = is_row ? a : HEDON_NO_ROW;
        take_clip(out, out->count++, is_row ? timeline : own, is_row ? a++ : b++);
    }
    return 0;
}

/* The overall result comes from the model's own sampling whatever timeline is asked for, so that it
 * can be held against the reference videos, which were sampled so. */
int hedon_feed_choose(HedonContext *ctx, const HedonScorer *scorer, const HedonVideoInfo *info,
                      const double *times, HedonClips *clips, HedonClipRoles *roles)
{
    memset(clips, 0, sizeof(*clips));
    HedonClips own = {0}, windows = {0};
    const HedonSampler sampler = own_sampler(scorer->preprocessing);
    int code = hedon_sample(ctx, &own, &sampler, times, info->frames, info->duration_s);
    if (code) return code;
    const HedonSampler timeline = timeline_sampler(scorer, info->duration_s);
    const int free_choice = scorer->options.window_s <= 0 && scorer->options.stride_s <= 0;
    const int same = sampler.kind == HEDON_SAMPLE_WINDOWS &&
                     (free_choice || (sampler.window_s == timeline.window_s &&
                                      sampler.stride_s == timeline.stride_s));
    if (!scorer->options.timeline || same) {
        *roles = (HedonClipRoles){.timeline = own.count};
        *clips = own;
        return 0;
    }
    int64_t *row = NULL;
    code = hedon_sample(ctx, &windows, &timeline, times, info->frames, info->duration_s);
    if (!code) code = merge(ctx, clips, &row, &windows, &own);
    if (!code) *roles = (HedonClipRoles){.timeline = windows.count, .row = row};
    hedon_clips_free(&windows);
    hedon_clips_free(&own);
    return code;
}
