#include "train/clip_feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "decode/loader.h"
#include "train/augment/sample_train.h"
#include "train/clip_painter.h"

enum { MAX_PLANS = 8, SLICE_NS = 50 * 1000 * 1000 };

/* A place on its way. */
typedef struct Entry {
    HedonLoaded *clip; /* the event that holds the pixels */
    int done, code, is_short, plans;
    char message[256];
} Entry;

struct HedonClipFeed {
    HedonClipFeedOptions options;
    HedonLoader *loader;
    pthread_t collector;
    int collecting;
    HedonContext *collector_ctx;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a place is done, or there is room */
    Entry *ring;            /* of `window`: place p at p % window */
    int64_t base;           /* the first place that is not taken */
    int64_t held;           /* places handed out and not given back, from base - held on */
    int64_t next;           /* the place to decode next */
    int stopping, code;     /* code: why nothing comes any more */
    char message[256];
    HedonClipPainters painters;
};

static Entry *entry_of(HedonClipFeed *feed, int64_t place)
{
    return &feed->ring[place % feed->options.window];
}

/* ---- In the loader's threads */

static void wait_slice(HedonClipFeed *feed)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SLICE_NS;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&feed->changed, &feed->lock, &until);
}

/* Whether no place is left to decode. Waits while the window is full; wakes for stopping. */
static int wait_for_room(HedonClipFeed *feed)
{
    const HedonClipFeedOptions *options = &feed->options;
    while (!feed->stopping && !hedon_is_cancelled() &&
           feed->next >= feed->base - feed->held + options->window)
        wait_slice(feed);
    return feed->stopping || hedon_is_cancelled() ||
           (options->end >= 0 && feed->next >= options->end);
}

static int next_job(void *opaque, HedonLoaderJob *job)
{
    HedonClipFeed *feed = opaque;
    const HedonClipFeedOptions *options = &feed->options;
    HedonClipPlace place = {.path = NULL};
    pthread_mutex_lock(&feed->lock);
    while (!place.path && !wait_for_room(feed)) {
        options->place(options->opaque, feed->next, &place);
        *entry_of(feed, feed->next) =
            place.path ? (Entry){0} : (Entry){.done = 1, .code = HEDON_ENOENT};
        *job = (HedonLoaderJob){.id = feed->next++, .path = place.path};
        if (!place.path) pthread_cond_broadcast(&feed->changed);
    }
    const int none = !place.path;
    pthread_mutex_unlock(&feed->lock);
    return none;
}

static HedonRandomKey key_of(HedonClipFeed *feed, int64_t job)
{
    HedonClipPlace place;
    pthread_mutex_lock(&feed->lock);
    feed->options.place(feed->options.opaque, job, &place);
    pthread_mutex_unlock(&feed->lock);
    return place.key;
}

/* A video too short for a clip is left out, or (validation, recipes that say so) shown evenly. */
static int choose(HedonContext *ctx, HedonClipFeed *feed, int64_t job, const HedonVideoInfo *info,
                  const double *times, HedonClips *clips)
{
    const HedonClipFeedOptions *options = &feed->options;
    const HedonSampler even = {.kind = HEDON_SAMPLE_EVEN,
                               .clip_frames = options->preprocessing.clip_frames};
    int code = HEDON_EDATA;
    if (options->sampling == HEDON_CLIP_RATE) {
        const double where = options->centred ? .5 : hedon_random_uniform(key_of(feed, job), 0);
        code = hedon_sample_at_rate(ctx, clips, where, info->rate, options->clip_rate,
                                    even.clip_frames, times, info->frames, info->duration_s);
        if (code != HEDON_EDATA) return code;
        if (options->leave_out_short && !options->centred) {
            entry_of(feed, job)->is_short = 1;
            return code;
        }
    }
    return hedon_sample(ctx, clips, &even, times, info->frames, info->duration_s);
}

static int plan(HedonContext *ctx, void *opaque, int64_t job, const HedonVideoInfo *info,
                const double *times, HedonClips *clips)
{
    HedonClipFeed *feed = opaque;
    if (++entry_of(feed, job)->plans > MAX_PLANS)
        return hedon_fail(ctx, HEDON_EDATA,
                          "damaged: its index changed with every attempt to decode it");
    return choose(ctx, feed, job, info, times, clips);
}

static int place(HedonContext *ctx, void *opaque, int64_t job, const HedonFrame *frame,
                 int64_t clip, int64_t t, void *slot)
{
    HedonClipFeed *feed = opaque;
    (void)clip;
    return hedon_clip_paint(ctx, &feed->painters, key_of(feed, job), frame, t, slot);
}

/* ---- Collecting, in a thread of its own, so that decoders never wait for the training step */

static void drop_clip(HedonClipFeed *feed, Entry *entry)
{
    if (entry->clip) hedon_loader_release(feed->loader, entry->clip);
    entry->clip = NULL;
}

/* Whether the event is kept. */
static int collect_one(HedonClipFeed *feed, HedonLoaded *event)
{
    Entry *entry = entry_of(feed, event->job);
    switch (event->kind) {
    case HEDON_LOADED_BEGIN:
        drop_clip(feed, entry);
        return 0; /* sampled anew */
    case HEDON_LOADED_CLIP:
        entry->clip = event;
        return 1;
    case HEDON_LOADED_END:
        break;
    }
    entry->code = event->code ? event->code : entry->clip ? 0 : HEDON_EDATA;
    if (entry->code) drop_clip(feed, entry);
    snprintf(entry->message, sizeof(entry->message), "%.255s",
             event->code ? event->message : "gave no clip");
    entry->done = 1;
    return 0;
}

static void *collect(void *opaque)
{
    HedonClipFeed *feed = opaque;
    HedonLoaded *event;
    int code;
    while (!(code = hedon_loader_next(feed->collector_ctx, feed->loader, &event))) {
        pthread_mutex_lock(&feed->lock);
        const int kept = collect_one(feed, event);
        pthread_cond_broadcast(&feed->changed);
        pthread_mutex_unlock(&feed->lock);
        if (!kept) hedon_loader_release(feed->loader, event);
    }
    pthread_mutex_lock(&feed->lock);
    if (code < 0) {
        feed->code = code;
        snprintf(feed->message, sizeof(feed->message), "%.255s",
                 hedon_last_error(feed->collector_ctx));
    }
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
    return NULL;
}

/* ---- Taking */

static void give_back(HedonClipFeed *feed)
{
    for (int64_t p = feed->base - feed->held; p < feed->base; p++)
        drop_clip(feed, entry_of(feed, p));
    feed->held = 0;
    pthread_cond_broadcast(&feed->changed);
}

static int all_done(HedonClipFeed *feed, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (feed->base + i >= feed->next || !entry_of(feed, feed->base + i)->done) return 0;
    return 1;
}

int hedon_clip_feed_take(HedonContext *ctx, HedonClipFeed *feed, HedonFedClip *clips, int64_t count,
                         double *waited_s)
{
    const double start_s = hedon_clock_s();
    int code = 0;
    pthread_mutex_lock(&feed->lock);
    give_back(feed);
    while (!all_done(feed, count) && !feed->code && !hedon_is_cancelled()) wait_slice(feed);
    if (!all_done(feed, count))
        code = feed->code ? hedon_fail(ctx, feed->code, "%s", feed->message)
                          : hedon_check_cancelled(ctx);
    for (int64_t i = 0; i < count && !code; i++) {
        const Entry *entry = entry_of(feed, feed->base + i);
        /* a decoder that runs out reports HEDON_ELIMIT: this was us, and the video may be whole */
        if (entry->code == HEDON_ENOMEM) code = hedon_fail(ctx, HEDON_ENOMEM, "%s", entry->message);
        clips[i] = (HedonFedClip){.place = feed->base + i,
                                  .code = entry->code,
                                  .is_short = entry->is_short,
                                  .message = entry->message,
                                  .pixels = entry->clip ? entry->clip->slot : NULL};
    }
    if (!code) {
        feed->base += count;
        feed->held = count;
    }
    pthread_mutex_unlock(&feed->lock);
    *waited_s += hedon_clock_s() - start_s;
    return code;
}

/* ---- Opening and closing */

static int start_loader(HedonContext *ctx, HedonClipFeed *feed, const HedonBackend *backend)
{
    const HedonPreprocessing *p = &feed->options.preprocessing;
    HedonLoaderOptions options;
    int gpu;
    const int code = hedon_device_number(ctx, feed->options.device, &gpu);
    if (code) return code;
    hedon_loader_options_default(&options);
    options.workers = feed->options.workers;
    options.worker.decoder =
        hedon_worker_wish(feed->options.decoder, !strcmp(backend->name, "cuda"));
    options.worker.gpu = gpu < 0 ? 0 : gpu;
    options.queue = (int)feed->options.window;
    options.slot_bytes =
        3 * sizeof(float) * (size_t)p->clip_frames * (size_t)p->crop_height * (size_t)p->crop_width;
    const HedonLoaderCallbacks callbacks = {
        .opaque = feed, .next_job = next_job, .plan = plan, .place = place};
    return hedon_loader_start(ctx, &feed->loader, &options, &callbacks);
}

int hedon_clip_feed_open(HedonContext *ctx, HedonClipFeed **out,
                         const HedonClipFeedOptions *options)
{
    const HedonBackend *backend;
    *out = NULL;
    int code = hedon_backend_find(ctx, options->device, &backend);
    if (code) return code;
    HedonClipFeed *feed = hedon_calloc(1, sizeof(*feed));
    if (!feed) return hedon_fail_memory(ctx);
    feed->options = *options;
    feed->base = feed->next = options->first;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    feed->ring = hedon_calloc((size_t)options->window, sizeof(*feed->ring));
    feed->collector_ctx = hedon_context_new();
    if (!feed->ring || !feed->collector_ctx) code = hedon_fail_memory(ctx);
    if (!code)
        code = hedon_clip_painters_open(ctx, &feed->painters, backend, &feed->options.preprocessing,
                                        options->centred ? "none" : options->augment,
                                        options->workers);
    if (!code) code = start_loader(ctx, feed, backend);
    if (!code && pthread_create(&feed->collector, NULL, collect, feed))
        code = hedon_fail(ctx, HEDON_ENOMEM, "cannot start another thread");
    else if (!code)
        feed->collecting = 1;
    if (code)
        hedon_clip_feed_close(feed);
    else
        *out = feed;
    return code;
}

void hedon_clip_feed_close(HedonClipFeed *feed)
{
    if (!feed) return;
    pthread_mutex_lock(&feed->lock);
    feed->stopping = 1;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
    if (feed->collecting)
        pthread_join(feed->collector, NULL); /* jobs under way come to their end */
    for (int64_t i = 0; feed->ring && i < feed->options.window; i++)
        drop_clip(feed, &feed->ring[i]);
    if (feed->loader) hedon_loader_stop(feed->loader);
    hedon_clip_painters_close(&feed->painters);
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    hedon_context_free(feed->collector_ctx);
    hedon_free(feed->ring);
    hedon_free(feed);
}
