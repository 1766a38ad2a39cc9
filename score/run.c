/* A run of a scorer: loader events in, batches through the streams, results out in order.
 *
 * Videos under way live in a ring. The loader's thread that has a video owns its `feed` part, the
 * calling thread everything else; the loader's queue passes it on. The ring is also what bounds the
 * results that wait for an earlier, slower video: the next one is not asked for until there is
 * room. The calling thread computes nothing: it waits for whatever comes first, an event of the
 * loader or a batch that a stream has done.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "score/clip_pool.h"
#include "score/feed.h"
#include "score/stats.h"
#include "score/streams.h"

enum { RING = 64 };

typedef struct Entry {
    char *path;
    int64_t number; /* once it has begun */
    HedonFeedVideo feed;
    HedonTally tally;
    HedonVideoInfo info;
    int plans; /* BEGINs seen: a damaged video starts again */
    int ended, finished, given;
    int code;
    char message[512];
    double taken_s;
    HedonScore score;
} Entry;

typedef struct Run {
    HedonContext *ctx;
    HedonScorer *scorer;
    const HedonScoreCallbacks *callbacks;
    HedonFeed *feed;
    HedonClipPool *pool; /* of clips on the device; NULL: they are in host memory */
    HedonLoader *loader;
    HedonStreams *streams;
    HedonBatch *filling; /* has views, and room for more; or NULL */
    int holding;         /* the event under way belongs to a batch now */
    Entry *ring;
    int64_t finished, failed, clips;
    double start_s, cpu_start_s, process_start_s, starved_s; /* of the calling thread */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t room;
    int64_t asked, freed; /* videos taken from the caller; ring entries free again */
    double blocked_s;     /* loader threads waited for a ring entry */
    int stopping, out_of_memory;
} Run;

static Entry *entry_of(Run *run, int64_t number)
{
    return &run->ring[number % RING];
}

/* ---- On loader threads */

static int wait_for_room(Run *run, int64_t *number)
{
    const double before_s = hedon_clock_s();
    pthread_mutex_lock(&run->lock);
    while (run->asked - run->freed >= RING && !run->stopping && !hedon_is_cancelled()) {
        struct timespec until; /* a signal handler cannot wake us: look now and then */
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&run->room, &run->lock, &until);
    }
    const int stop = run->stopping || hedon_is_cancelled();
    *number = run->asked;
    run->blocked_s += hedon_clock_s() - before_s;
    pthread_mutex_unlock(&run->lock);
    return stop;
}

static int next_job(void *opaque, HedonLoaderJob *job)
{
    Run *run = opaque;
    int64_t number;
    const char *path;
    if (wait_for_room(run, &number) || run->callbacks->next(run->callbacks->opaque, &path))
        return 1;
    Entry *entry = entry_of(run, number);
    entry->path = hedon_strdup(path);
    entry->taken_s = hedon_clock_s();
    pthread_mutex_lock(&run->lock);
    if (entry->path)
        run->asked++;
    else
        run->out_of_memory = 1;
    pthread_mutex_unlock(&run->lock);
    *job = (HedonLoaderJob){.id = number, .path = entry->path};
    return entry->path ? 0 : 1;
}

static int plan(HedonContext *ctx, void *opaque, int64_t job, const HedonVideoInfo *info,
                const double *times, HedonClips *clips)
{
    Run *run = opaque;
    return hedon_feed_plan(ctx, run->feed, &entry_of(run, job)->feed, info, times, clips);
}

static int place(HedonContext *ctx, void *opaque, int64_t job, const HedonFrame *frame,
                 int64_t clip, int64_t t, void *slot)
{
    Run *run = opaque;
    return hedon_feed_place(ctx, run->feed, &entry_of(run, job)->feed, frame, clip, t, slot);
}

static void *slot_new(void *opaque)
{
    return hedon_clip_pool_take(((Run *)opaque)->pool);
}

static void slot_free(void *opaque, void *slot)
{
    hedon_clip_pool_give_back(((Run *)opaque)->pool, slot);
}

/* ---- Waiting and counting */

/* From the streams' threads. */
static void wake(void *opaque)
{
    hedon_loader_nudge(((Run *)opaque)->loader);
}

static void wait_for_streams(Run *run)
{
    const double before_s = hedon_clock_s();
    hedon_streams_wait(run->streams);
    run->starved_s += hedon_clock_s() - before_s;
}

static void update_stats(Run *run)
{
    HedonRunTotals totals = {.wall_s = hedon_clock_s() - run->start_s,
                             .deliver_cpu_s = hedon_thread_cpu_s() - run->cpu_start_s,
                             .process_cpu_s = hedon_process_cpu_s() - run->process_start_s,
                             .deliver_starved_s = run->starved_s,
                             .videos = run->finished,
                             .failed = run->failed,
                             .clips = run->clips};
    if (run->loader) hedon_loader_stats(run->loader, &totals.loader);
    if (run->streams) hedon_streams_stats(run->streams, &totals.streams);
    pthread_mutex_lock(&run->lock);
    totals.ring_blocked_s = run->blocked_s;
    pthread_mutex_unlock(&run->lock);
    hedon_stats_make(&run->scorer->stats, run->scorer, &totals);
}

/* ---- Results */

static void entry_clear(Entry *entry)
{
    hedon_feed_video_clear(&entry->feed);
    hedon_tally_free(&entry->tally);
    hedon_free(entry->path);
    memset(entry, 0, sizeof(*entry));
}

static int give(Run *run, Entry *entry)
{
    entry->given = 1;
    update_stats(run);
    return run->callbacks->finished(run->callbacks->opaque, &entry->score);
}

/* Hand over what is due, free what was handed over. */
static int deliver(Run *run)
{
    for (int64_t number = run->freed; number < run->freed + RING && run->callbacks->unordered;
         number++) {
        Entry *entry = entry_of(run, number);
        if (!entry->finished || entry->given) continue;
        const int code = give(run, entry);
        if (code) return code;
    }
    for (Entry *entry; (entry = entry_of(run, run->freed))->finished;) {
        const int code = entry->given ? 0 : give(run, entry);
        entry_clear(entry);
        pthread_mutex_lock(&run->lock);
        run->freed++;
        pthread_cond_signal(&run->room);
        pthread_mutex_unlock(&run->lock);
        if (code) return code;
    }
    return 0;
}

static void fail_entry(Entry *entry, int code, const char *message)
{
    if (entry->code) return; /* the first failure is the one to tell */
    entry->code = code;
    snprintf(entry->message, sizeof(entry->message), "%s", message);
}

/* Once the video has ended and its last view is computed. */
static void finish_if_done(Run *run, int64_t number)
{
    Entry *entry = entry_of(run, number);
    if (!entry->ended || entry->finished) return;
    if (!entry->code && !hedon_tally_complete(&entry->tally)) return;
    HedonScore *score = &entry->score;
    if (!entry->code && hedon_tally_result(run->ctx, &entry->tally, run->scorer->info, score))
        fail_entry(entry, HEDON_EDATA, hedon_last_error(run->ctx));
    score->number = number;
    score->video = entry->path;
    score->code = entry->code;
    score->error = entry->code ? entry->message : NULL;
    score->duration_s = entry->info.duration_s;
    score->frames = entry->info.frames;
    score->width = entry->info.width;
    score->height = entry->info.height;
    score->damaged = entry->info.damaged;
    score->lost = entry->info.lost;
    score->total_s = hedon_clock_s() - entry->taken_s;
    HedonFeedVideo *feed = &entry->feed;
    HedonThumbnail *images = hedon_calloc((size_t)feed->pick_count, sizeof(*images));
    for (int i = 0; images && i < feed->pick_count; i++)
        if (feed->picks[i].image.rgb) images[score->thumbnail_count++] = feed->picks[i].image;
    hedon_free(feed->images);
    score->thumbnails = feed->images =
        images; /* NULL when memory is out: a plot without pictures */
    entry->finished = 1;
    run->finished++;
    run->failed += entry->code != 0;
}

/* ---- Computing */

/* Whether a view is still wanted: its video may have failed or started again meanwhile, or be gone. */
static Entry *entry_wanting(Run *run, const HedonView *view)
{
    Entry *entry = entry_of(run, view->number);
    const int wanted = entry->plans > 0 && entry->number == view->number &&
                       entry->plans == view->plan && !entry->code && !entry->finished;
    return wanted ? entry : NULL;
}

static int take_view(Run *run, const HedonBatch *batch, const HedonView *view)
{
    const HedonModelInfo *info = run->scorer->info;
    const HedonScoreCallbacks *callbacks = run->callbacks;
    Entry *entry = entry_wanting(run, view);
    if (!entry) return 0;
    const float *emotions = NULL, *utility = NULL;
    if (view->place < 0) {
        hedon_tally_last(&entry->tally, view->view, &emotions, &utility);
    } else {
        if (info->emotions_head >= 0)
            emotions = (const float *)batch->outputs[info->emotions_head].data +
                       view->place * HEDON_EMOTIONS;
        if (info->utility_head >= 0)
            utility = (const float *)batch->outputs[info->utility_head].data + view->place;
        entry->score.predict_s += batch->seconds / (double)batch->count;
    }
    hedon_tally_view(&entry->tally, view->clip, view->view, emotions, utility);
    const int stop = callbacks->view ? callbacks->view(callbacks->opaque, view->number, view->clip,
                                                       view->view, emotions, utility)
                                     : 0;
    if (!stop) finish_if_done(run, view->number);
    return stop;
}

/* Take back what the streams have done, and hand over the results that came of it. */
static int take_batches(Run *run)
{
    HedonBatch *batch;
    int code = 0;
    while (!code && (batch = hedon_streams_due(run->streams))) {
        if (batch->code) code = hedon_fail(run->ctx, batch->code, "%s", batch->message);
        for (int64_t i = 0; i < batch->view_count && !code; i++) {
            code = take_view(run, batch, &batch->views[i]);
            run->clips += batch->views[i].place >= 0 && batch->views[i].view == 0;
        }
        for (int64_t i = 0; i < batch->held_count; i++)
            hedon_loader_release(run->loader, batch->held[i]);
        hedon_streams_return(run->streams);
    }
    return code ? code : deliver(run);
}

/* A batch with room, waiting for one. */
static int make_room(Run *run, HedonBatch **batch)
{
    int code = 0;
    while (!code && !(*batch = hedon_streams_room(run->streams))) {
        wait_for_streams(run);
        code = hedon_check_cancelled(run->ctx);
        if (!code) code = take_batches(run);
    }
    return code;
}

static void submit(Run *run)
{
    hedon_streams_submit(run->streams);
    run->filling = NULL;
}

static void flush(Run *run)
{
    if (run->filling) submit(run);
}

/* The batch needs the event's slot until it is computed. */
static void hold(Run *run, HedonBatch *batch, HedonLoaded *event)
{
    batch->held[batch->held_count++] = event;
    run->holding = 1;
}

/* The clip's own slot is the batch. */
static int add_whole_clip(Run *run, HedonLoaded *event, HedonView view)
{
    HedonBatch *batch;
    const int code = make_room(run, &batch);
    if (code) return code;
    for (; view.view < run->scorer->views; view.view++) {
        view.place = event->repeats ? -1 : view.view;
        batch->views[batch->view_count++] = view;
    }
    if (!event->repeats) {
        batch->clips = event->slot;
        batch->count = run->scorer->views;
        hold(run, batch, event);
    }
    submit(run);
    return 0;
}

/* Copied, or on a device only remembered. */
static void put_view(Run *run, HedonBatch *batch, HedonLoaded *event, int64_t view)
{
    const HedonScorer *scorer = run->scorer;
    const size_t bytes = (size_t)scorer->view_floats * sizeof(float);
    if (batch->places) {
        HedonDeviceClip *place = &batch->places[batch->count];
        *place = *(const HedonDeviceClip *)event->slot;
        place->offset += (size_t)view * bytes;
        if (view == scorer->views - 1) hold(run, batch, event);
    } else {
        memcpy(batch->room + batch->count * scorer->view_floats,
               (const float *)event->slot + view * scorer->view_floats, bytes);
        batch->clips = batch->room;
    }
    batch->count++;
}

static int add_view(Run *run, HedonLoaded *event, HedonView view)
{
    const HedonScorer *scorer = run->scorer;
    const int code = run->filling ? 0 : make_room(run, &run->filling);
    HedonBatch *batch = run->filling;
    if (code) return code;
    view.place = event->repeats ? -1 : batch->count;
    batch->views[batch->view_count++] = view;
    if (!event->repeats) put_view(run, batch, event, view.view);
    if (batch->count == scorer->options.batch || batch->view_count == batch->view_room) submit(run);
    return 0;
}

/* A clip that repeats shows the very frames of the one before, few pictures over a long time: there
 * is nothing new to compute, but it waits for its turn. */
static int add_clip(Run *run, HedonLoaded *event)
{
    Entry *entry = entry_of(run, event->job);
    HedonView view = {.number = event->job, .clip = event->clip, .plan = entry->plans};
    hedon_tally_clip(&entry->tally, event->clip, event->start_s, event->end_s);
    if (run->scorer->options.batch == 1 && !run->pool) return add_whole_clip(run, event, view);
    int code = 0;
    for (; view.view < run->scorer->views && !code; view.view++) code = add_view(run, event, view);
    return code;
}

/* ---- Events */

static int take(Run *run, HedonLoaded *event)
{
    Entry *entry = entry_of(run, event->job);
    int code = 0;
    switch (event->kind) {
    case HEDON_LOADED_BEGIN:
        entry->info = event->info;
        entry->number = event->job;
        if (hedon_tally_start(run->ctx, &entry->tally, entry->feed.roles[entry->plans++],
                              event->clip_count, run->scorer->views))
            fail_entry(entry, HEDON_ENOMEM,
                       "out of memory: its timeline is too long; use a longer --stride");
        break;
    case HEDON_LOADED_CLIP:
        if (!entry->code) code = add_clip(run, event);
        break;
    case HEDON_LOADED_END:
        entry->ended = 1;
        /* a device that is lost is no fault of the video's */
        if (event->code == HEDON_EDEVICE)
            return hedon_fail(run->ctx, event->code, "%s", event->message);
        if (event->code) fail_entry(entry, event->code, event->message);
        if (event->info.frames > 0) entry->info = event->info;
        entry->score.open_s = event->open_s;
        entry->score.decode_s = event->decode_s;
        entry->score.preprocess_s = event->place_s;
        finish_if_done(run, event->job);
        break;
    }
    if (run->callbacks->progress)
        run->callbacks->progress(run->callbacks->opaque, run->finished, entry->path,
                                 event->kind == HEDON_LOADED_CLIP ? event->clip + 1 : 0,
                                 event->clip_count);
    return code;
}

/* The loader waits for room that only a result can make: a batch that is not full must not wait for
 * the loader then. */
static int ring_is_full(Run *run)
{
    pthread_mutex_lock(&run->lock);
    const int full = run->asked - run->freed >= RING;
    pthread_mutex_unlock(&run->lock);
    return full;
}

/* Wait for the next event, or until a batch is due (*event is NULL then). */
static int next_event(Run *run, HedonLoaded **event)
{
    const double before_s = hedon_clock_s();
    const int code = hedon_loader_next(run->ctx, run->loader, event);
    run->starved_s += hedon_clock_s() - before_s;
    return code;
}

static int collect(Run *run)
{
    int code = 0;
    HedonLoaded *event;
    while (!code && !(code = next_event(run, &event))) {
        if (event) {
            run->holding = 0;
            code = take(run, event);
            if (!run->holding) hedon_loader_release(run->loader, event);
        }
        if (!code && ring_is_full(run)) flush(run);
        if (!code) code = hedon_check_cancelled(run->ctx);
        if (!code) code = take_batches(run);
    }
    if (code != 1) return code;
    flush(run);
    do {
        code = hedon_check_cancelled(run->ctx);
        if (!code) code = take_batches(run);
        if (!code) wait_for_streams(run);
    } while (!code && hedon_streams_busy(run->streams));
    if (!code) code = take_batches(run);
    if (!code && run->out_of_memory) code = hedon_fail_memory(run->ctx);
    return code;
}

static void share_cores(HedonScorer *scorer, int64_t expected)
{
    const HedonShareWish wish = {.videos = expected > 0 ? expected : scorer->options.videos,
                                 .workers = scorer->options.decode_workers};
    const HedonShare share = hedon_share_cores(scorer->cores, scorer->clip_flops, wish);
    scorer->share.workers = share.workers; /* streams stay as they were compiled */
    scorer->share.decode_threads = share.decode_threads;
}

static int start(Run *run)
{
    HedonScorer *scorer = run->scorer;
    run->ring = hedon_calloc(RING, sizeof(*run->ring));
    if (!run->ring) return hedon_fail_memory(run->ctx);
    int code = hedon_feed_new(run->ctx, &run->feed, scorer, scorer->share.workers);
    if (code) return code;
    HedonLoaderOptions options;
    hedon_scorer_loader_options(scorer, &options);
    HedonLoaderCallbacks callbacks = {
        .opaque = run, .next_job = next_job, .plan = plan, .place = place};
    if (scorer->on_device) {
        callbacks.slot_new = slot_new;
        callbacks.slot_free = slot_free;
        code = hedon_clip_pool_new(run->ctx, &run->pool, scorer, &options,
                                   hedon_streams_most_held(scorer));
        if (code) return code;
    }
    code = hedon_loader_start(run->ctx, &run->loader, &options, &callbacks);
    return code ? code : hedon_streams_start(run->ctx, &run->streams, scorer, wake, run);
}

static void stop(Run *run)
{
    HedonLoaded *event;
    pthread_mutex_lock(&run->lock);
    run->stopping = 1;
    pthread_cond_broadcast(&run->room);
    pthread_mutex_unlock(&run->lock);
    if (run->streams) {
        hedon_streams_stop(run->streams);
        while ((event = hedon_streams_abandoned(run->streams)))
            hedon_loader_release(run->loader, event);
    }
    update_stats(run);
    hedon_loader_stop(run->loader);
    hedon_streams_free(run->streams);
    for (int i = 0; run->ring && i < RING; i++) entry_clear(&run->ring[i]);
    hedon_feed_free(run->feed);
    hedon_clip_pool_free(run->pool);
    hedon_free(run->ring);
}

int hedon_scorer_run(HedonContext *ctx, HedonScorer *scorer, const HedonScoreCallbacks *callbacks)
{
    Run run = {.ctx = ctx,
               .scorer = scorer,
               .callbacks = callbacks,
               .start_s = hedon_clock_s(),
               .cpu_start_s = hedon_thread_cpu_s(),
               .process_start_s = hedon_process_cpu_s()};
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.room, NULL);
    share_cores(scorer, callbacks->expected);
    int code = start(&run);
    if (!code) code = collect(&run);
    stop(&run);
    pthread_cond_destroy(&run.room);
    pthread_mutex_destroy(&run.lock);
    return code;
}
