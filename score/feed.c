#include "score/feed.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "score/device_painter.h"

/* One loader thread's tables, kept while videos have the same geometry. */
typedef struct Painter {
    HedonFrame geometry;        /* of the tables; width 0: none */
    HedonPreprocessor *view[HEDON_MAX_VIEWS], *thumbnail;
    HedonDevicePainter *device; /* instead of `view`; stays when the geometry changes */
    int thumbnail_width, thumbnail_height;
    float *thumbnail_pixels;
    float *frame_pixels;   /* a frame that several clips show: views x 3 x H x W */
    uint64_t frame_serial; /* of that frame, or of the one that is on the device; 0: none */
    int64_t frame_index;
} Painter;

#define CLIPS_BYTES ((int64_t)256 << 20) /* of clips being filled, all workers together */

struct HedonFeed {
    const HedonScorer *scorer;
    Painter *painters;
    int painter_count;
    pthread_mutex_t lock; /* of what follows */
    const HedonContext **owners; /* of the painters: each loader thread has its own context */
    uint64_t plans;              /* made so far */
};

int hedon_feed_new(HedonContext *ctx, HedonFeed **out, const HedonScorer *scorer, int threads)
{
    *out = NULL;
    HedonFeed *feed = hedon_calloc(1, sizeof(*feed));
    if (!feed) return hedon_fail_memory(ctx);
    feed->scorer = scorer;
    pthread_mutex_init(&feed->lock, NULL);
    feed->painters = hedon_calloc((size_t)threads, sizeof(*feed->painters));
    feed->owners = hedon_calloc((size_t)threads, sizeof(*feed->owners));
    if (!feed->painters || !feed->owners) {
        hedon_feed_free(feed);
        return hedon_fail_memory(ctx);
    }
    feed->painter_count = threads;
    *out = feed;
    return 0;
}

static void painter_clear(const HedonBackend *backend, Painter *painter)
{
    for (int i = 0; i < HEDON_MAX_VIEWS; i++)
        if (painter->view[i]) backend->preprocessor_free(painter->view[i]);
    if (painter->thumbnail) backend->preprocessor_free(painter->thumbnail);
    hedon_free(painter->thumbnail_pixels);
    hedon_free(painter->frame_pixels);
    *painter = (Painter){.device = painter->device};
}

void hedon_feed_free(HedonFeed *feed)
{
    if (!feed) return;
    for (int i = 0; i < feed->painter_count; i++) {
        painter_clear(feed->scorer->backend, &feed->painters[i]);
        hedon_device_painter_free(feed->painters[i].device);
    }
    pthread_mutex_destroy(&feed->lock);
    hedon_free(feed->owners);
    hedon_free(feed->painters);
    hedon_free(feed);
}

static Painter *painter_of(HedonFeed *feed, const HedonContext *thread)
{
    Painter *found = NULL;
    pthread_mutex_lock(&feed->lock);
    for (int i = 0; i < feed->painter_count && !found; i++) {
        if (!feed->owners[i]) feed->owners[i] = thread;
        if (feed->owners[i] == thread) found = &feed->painters[i];
    }
    pthread_mutex_unlock(&feed->lock);
    return found;
}

void hedon_scorer_loader_options(const HedonScorer *scorer, HedonLoaderOptions *options)
{
    hedon_loader_options_default(options);
    hedon_worker_options_default(&options->worker);
    options->workers = scorer->share.workers;
    options->max_bytes = CLIPS_BYTES / scorer->share.workers;
    options->queue = scorer->share.streams + 3;
    options->slot_bytes = (size_t)(scorer->views * scorer->view_floats) * sizeof(float);
    options->worker.threads = scorer->share.decode_threads;
    options->worker.decoder =
        hedon_worker_wish(scorer->options.decoder, !strcmp(scorer->backend->name, "cuda"));
    options->worker.gpu = scorer->gpu;
    if (scorer->options.max_seconds > 0) options->worker.max_seconds = scorer->options.max_seconds;
    if (scorer->options.max_memory > 0) options->worker.max_memory = scorer->options.max_memory;
    if (scorer->options.max_pixels > 0) options->worker.max_pixels = scorer->options.max_pixels;
    if (scorer->options.max_frames > 0) options->worker.max_frames = scorer->options.max_frames;
}

/* ---- Planning */

/* One thumbnail for each equal part of the video, from the chosen frame nearest to its middle. */
static void choose_picks(const HedonScorerOptions *options, HedonFeedVideo *video,
                         double duration_s, const double *times, const HedonClips *clips)
{
    const int wanted =
        options->thumbnails < HEDON_MAX_THUMBNAILS ? options->thumbnails : HEDON_MAX_THUMBNAILS;
    if (wanted <= 0) return;
    const double part_s = duration_s > 0 ? duration_s / wanted : 1;
    for (int i = 0; i < wanted; i++) video->picks[i].clip = -1;
    for (int64_t i = 0; i < clips->count * clips->clip_frames; i++) {
        const double time_s = times[clips->frames[i]];
        const int part = (int)fmin(time_s / part_s, wanted - 1); /* before the cast: it may be huge */
        HedonPick *pick = &video->picks[part];
        const double distance_s = fabs(time_s - (part + .5) * part_s);
        if (pick->clip >= 0 && pick->distance_s <= distance_s) continue;
        pick->clip = i / clips->clip_frames;
        pick->t = i % clips->clip_frames;
        pick->distance_s = distance_s;
    }
    for (int i = 0; i < wanted; i++)
        if (video->picks[i].clip >= 0) video->picks[video->pick_count++] = video->picks[i];
}

static int any_repeats(const HedonClips *clips)
{
    const int64_t count = clips->count * clips->clip_frames;
    for (int64_t i = 1; i < count; i++)
        if (clips->frames[i] <= clips->frames[i - 1]) return 1;
    return 0;
}

int hedon_feed_plan(HedonContext *ctx, HedonFeed *feed, HedonFeedVideo *video,
                    const HedonVideoInfo *info, const double *times, HedonClips *clips)
{
    const int plan = video->plans;
    if (plan >= HEDON_MAX_PLANS)
        return hedon_fail(ctx, HEDON_EDATA,
                          "damaged: its index changed with every attempt to decode it");
    const int code = hedon_feed_choose(ctx, feed->scorer, info, times, clips, &video->roles[plan]);
    if (code) return code;
    for (int i = 0; i < video->pick_count; i++) hedon_free((void *)video->picks[i].image.rgb);
    memset(video->picks, 0, sizeof(video->picks));
    video->pick_count = 0;
    choose_picks(&feed->scorer->options, video, info->duration_s, times, clips);
    video->repeats = any_repeats(clips);
    video->plans = plan + 1;
    pthread_mutex_lock(&feed->lock);
    video->serial = ++feed->plans;
    pthread_mutex_unlock(&feed->lock);
    return 0;
}

/* ---- Painting */

static int prepare_thumbnails(HedonContext *ctx, const HedonScorer *scorer, Painter *painter,
                              const HedonFrame *frame)
{
    const int height = scorer->options.thumbnail_height;
    double width = round((double)height * frame->width / frame->height);
    if (width < 1) width = 1;
    if (width > 4.0 * height) width = 4.0 * height;
    painter->thumbnail_width = (int)width;
    painter->thumbnail_height = height;
    const HedonTransform transform = {
        .source_width = frame->width,
        .source_height = frame->height,
        .resize_width = painter->thumbnail_width,
        .resize_height = height,
        .interpolation = HEDON_BILINEAR,
        .antialias = 1,
        .crop_width = painter->thumbnail_width,
        .crop_height = height,
        .std = {1, 1, 1},
    };
    painter->thumbnail_pixels =
        hedon_malloc_aligned(3 * (size_t)painter->thumbnail_width * (size_t)height, sizeof(float));
    if (!painter->thumbnail_pixels) return hedon_fail_memory(ctx);
    return scorer->backend->preprocessor_new(ctx, &transform, frame, &painter->thumbnail);
}

static int prepare_views(HedonContext *ctx, const HedonScorer *scorer, Painter *painter,
                         const HedonFrame *frame)
{
    int code = 0;
    for (int view = 0; view < scorer->views && !code; view++) {
        HedonTransform transform;
        code = hedon_preprocessing_transform(ctx, scorer->preprocessing, frame->width,
                                             frame->height, view, &transform);
        if (!code)
            code = scorer->backend->preprocessor_new(ctx, &transform, frame, &painter->view[view]);
    }
    return code;
}

static int prepare_device(HedonContext *ctx, const HedonScorer *scorer, Painter *painter,
                          const HedonFrame *frame)
{
    const int code =
        painter->device ? 0 : hedon_device_painter_new(ctx, &painter->device, scorer);
    return code ? code : hedon_device_painter_prepare(ctx, painter->device, frame);
}

static int prepare(HedonContext *ctx, const HedonScorer *scorer, Painter *painter,
                   const HedonFrame *frame)
{
    if (hedon_frame_matches(&painter->geometry, frame)) return 0;
    painter_clear(scorer->backend, painter);
    int code = scorer->on_device ? prepare_device(ctx, scorer, painter, frame)
                                 : prepare_views(ctx, scorer, painter, frame);
    if (!code && scorer->options.thumbnails > 0)
        code = prepare_thumbnails(ctx, scorer, painter, frame);
    if (!code) painter->geometry = *frame; /* only its geometry is looked at: the planes die */
    return code;
}

static int take_thumbnail(HedonContext *ctx, const HedonScorer *scorer, Painter *painter,
                          const HedonFrame *frame, HedonThumbnail *image)
{
    const size_t count = (size_t)painter->thumbnail_width * (size_t)painter->thumbnail_height;
    uint8_t *rgb = hedon_malloc(count, 3);
    if (!rgb) return hedon_fail_memory(ctx);
    scorer->backend->preprocess(painter->thumbnail, frame, painter->thumbnail_pixels,
                                (int64_t)count);
    for (size_t i = 0; i < 3 * count; i++) {
        const float value = painter->thumbnail_pixels[i % 3 * count + i / 3];
        rgb[i] = (uint8_t)lrintf(255 * fminf(1, fmaxf(0, value)));
    }
    hedon_free((void *)image->rgb);
    *image = (HedonThumbnail){.time_s = frame->time_s,
                              .width = painter->thumbnail_width,
                              .height = painter->thumbnail_height,
                              .rgb = rgb};
    return 0;
}

/* Whether it is the frame that the painter worked at last; from now on it is. */
static int is_again(Painter *painter, const HedonFeedVideo *video, const HedonFrame *frame)
{
    const int again =
        painter->frame_serial == video->serial && painter->frame_index == frame->index;
    painter->frame_serial = video->serial;
    painter->frame_index = frame->index;
    return again;
}

/* A frame goes up once, whatever number of clips show it. */
static int paint_on_device(HedonContext *ctx, Painter *painter, const HedonFeedVideo *video,
                           const HedonFrame *frame, int64_t t, HedonDeviceClip *clip)
{
    int code = is_again(painter, video, frame)
                   ? 0
                   : hedon_device_painter_send(ctx, painter->device, frame);
    if (!code) code = hedon_device_painter_place(ctx, painter->device, t, clip);
    if (code) painter->frame_serial = 0;
    return code;
}

/* Overlapping clips share frames: such a frame is pre-processed once, then copied to each place. */
static int paint_shared(HedonContext *ctx, const HedonScorer *scorer, Painter *painter,
                        const HedonFeedVideo *video, const HedonFrame *frame, int64_t t,
                        float *slot)
{
    const int64_t frames = scorer->info->clip_frames;
    const size_t area = (size_t)(scorer->view_floats / 3 / frames);
    if (!painter->frame_pixels)
        painter->frame_pixels =
            hedon_malloc_aligned((size_t)scorer->views * 3 * area, sizeof(float));
    if (!painter->frame_pixels) return hedon_fail_memory(ctx);
    const int again = is_again(painter, video, frame);
    for (int64_t view = 0; view < scorer->views && !again; view++)
        scorer->backend->preprocess(painter->view[view], frame,
                                    painter->frame_pixels + (size_t)view * 3 * area, (int64_t)area);
    for (int64_t plane = 0; plane < scorer->views * 3; plane++)
        memcpy(slot + (size_t)(plane * frames + t) * area,
               painter->frame_pixels + (size_t)plane * area, area * sizeof(float));
    return 0;
}

int hedon_feed_place(HedonContext *ctx, HedonFeed *feed, HedonFeedVideo *video,
                     const HedonFrame *frame, int64_t clip, int64_t t, void *slot)
{
    const HedonScorer *scorer = feed->scorer;
    Painter *painter = painter_of(feed, ctx);
    if (!painter) return hedon_fail(ctx, HEDON_EINVAL, "more loader threads than expected");
    int code = prepare(ctx, scorer, painter, frame);
    for (int i = 0; i < video->pick_count && !code; i++)
        if (video->picks[i].clip == clip && video->picks[i].t == t)
            code = take_thumbnail(ctx, scorer, painter, frame, &video->picks[i].image);
    if (code) return code;
    if (scorer->on_device) return paint_on_device(ctx, painter, video, frame, t, slot);
    if (video->repeats) return paint_shared(ctx, scorer, painter, video, frame, t, slot);
    const int64_t frames = scorer->info->clip_frames, area = scorer->view_floats / 3 / frames;
    for (int64_t view = 0; view < scorer->views; view++)
        scorer->backend->preprocess(painter->view[view], frame,
                                    (float *)slot + (view * 3 * frames + t) * area, frames * area);
    return 0;
}

void hedon_feed_video_clear(HedonFeedVideo *video)
{
    for (int i = 0; i < video->pick_count; i++) hedon_free((void *)video->picks[i].image.rgb);
    for (int i = 0; i < video->plans; i++) hedon_free((void *)(uintptr_t)video->roles[i].row);
    hedon_free(video->images);
    memset(video, 0, sizeof(*video));
}
