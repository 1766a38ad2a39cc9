/* A run of a scorer: loader events in, batches through the model, results out in order.
 *
 * Videos under way live in a ring. The loader's thread that has a video owns its `feed` part, the
 * calling thread everything else; the loader's queue passes it on. The ring is also what bounds the
 * results that wait for an earlier, slower video: the next one is not asked for until there is
 * room.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "score/feed.h"

enum { RING = 64 };
#define CLIPS_BYTES ((int64_t)256 << 20) /* of clips being filled, all workers together */

typedef struct Entry {
    char *path;
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

typedef struct View {
    int64_t number, clip, view;
    int plan;
} View;

typedef struct Run {
    HedonContext *ctx;
    HedonScorer *scorer;
    const HedonScoreCallbacks *callbacks;
    HedonFeed *feed;
    HedonLoader *loader;
    Entry *ring;
    View *waiting; /* in scorer->batch */
    int64_t waiting_count;
    int64_t finished;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t room;
    int64_t asked, freed; /* videos taken from the caller; ring entries free again */
    int stopping, out_of_memory;
} Run;

static Entry *entry_of(Run *run, int64_t number)
{
    return &run->ring[number % RING];
}

/* ---- On loader threads */

static int wait_for_room(Run *run, int64_t *number)
{
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
}

/* ---- Computing */

/* emotions and utility may be the tally's own last. */
static int take_view(Run *run, const View *view, const float *emotions, const float *utility)
{
    const HedonScoreCallbacks *callbacks = run->callbacks;
    hedon_tally_view(&entry_of(run, view->number)->tally, view->clip, view->view, emotions, utility);
    return callbacks->view ? callbacks->view(callbacks->opaque, view->number, view->clip,
                                             view->view, emotions, utility)
                           : 0;
}

static int compute(Run *run, float *clips, const View *views, int64_t count)
{
    HedonScorer *scorer = run->scorer;
    const HedonModelInfo *info = scorer->info;
    HedonTensor input = scorer->batch;
    input.data = clips;
    input.shape.dim[0] = count;
    for (int i = 0; i < info->head_count; i++) scorer->outputs[i].shape.dim[0] = count;
    const double start_s = hedon_clock_s();
    const int code = hedon_predictor_run(run->ctx, scorer->predictor, &input, scorer->outputs);
    if (code) return code;
    const double seconds = (hedon_clock_s() - start_s) / (double)count;
    for (int64_t i = 0; i < count; i++) {
        Entry *entry = entry_of(run, views[i].number);
        if (entry->finished || entry->plans != views[i].plan || entry->code)
            continue; /* void meanwhile */
        const float *emotions = NULL, *utility = NULL;
        if (info->emotions_head >= 0)
            emotions =
                (const float *)scorer->outputs[info->emotions_head].data + i * HEDON_EMOTIONS;
        if (info->utility_head >= 0)
            utility = (const float *)scorer->outputs[info->utility_head].data + i;
        const int stop = take_view(run, &views[i], emotions, utility);
        if (stop) return stop;
        entry->score.predict_s += seconds;
        finish_if_done(run, views[i].number);
    }
    return 0;
}

static int flush(Run *run)
{
    const int64_t count = run->waiting_count;
    run->waiting_count = 0;
    return count ? compute(run, run->scorer->batch.data, run->waiting, count) : 0;
}

/* A clip that shows the very frames of the one before: few pictures over a long time. There is
 * nothing new to compute. */
static int repeat_clip(Run *run, const HedonLoaded *event)
{
    const Entry *entry = entry_of(run, event->job);
    int code = flush(run);
    for (int64_t i = 0; !code && !entry->code && i < run->scorer->views; i++) {
        const View view = {.number = event->job, .clip = event->clip, .view = i};
        const float *emotions, *utility;
        hedon_tally_last(&entry->tally, i, &emotions, &utility);
        code = take_view(run, &view, emotions, utility);
    }
    return code;
}

static int add_clip(Run *run, const HedonLoaded *event)
{
    HedonScorer *scorer = run->scorer;
    Entry *entry = entry_of(run, event->job);
    hedon_tally_clip(&entry->tally, event->clip, event->start_s, event->end_s);
    if (event->repeats) return repeat_clip(run, event);
    for (int64_t i = 0; i < scorer->views; i++) {
        const View view = {
            .number = event->job, .clip = event->clip, .view = i, .plan = entry->plans};
        float *clip = (float *)event->slot + i * scorer->view_floats;
        int code = 0;
        if (scorer->options.batch == 1) {
            code = compute(run, clip, &view, 1);
        } else {
            memcpy((float *)scorer->batch.data + run->waiting_count * scorer->view_floats, clip,
                   (size_t)scorer->view_floats * sizeof(float));
            run->waiting[run->waiting_count++] = view;
            if (run->waiting_count == scorer->options.batch) code = flush(run);
        }
        if (code) return code;
    }
    return 0;
}

/* ---- Events */

static int take(Run *run, const HedonLoaded *event)
{
    Entry *entry = entry_of(run, event->job);
    int code = 0;
    switch (event->kind) {
    case HEDON_LOADED_BEGIN:
        entry->info = event->info;
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
        /* its views must not wait on, until another video has its place in the ring */
        if (event->code) code = flush(run);
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

static int collect(Run *run)
{
    int code;
    HedonLoaded *event;
    while (!(code = hedon_loader_next(run->ctx, run->loader, &event))) {
        code = take(run, event);
        hedon_loader_release(run->loader, event);
        if (!code && ring_is_full(run)) code = flush(run);
        if (!code) code = hedon_check_cancelled(run->ctx);
        if (!code) code = deliver(run);
        if (code) return code;
    }
    if (code < 0) return code;
    code = flush(run);
    if (!code) code = hedon_check_cancelled(run->ctx);
    if (!code && run->out_of_memory) code = hedon_fail_memory(run->ctx);
    const int delivered = code ? 0 : deliver(run);
    return code ? code : delivered;
}

static void loader_options(const HedonScorer *scorer, HedonLoaderOptions *options)
{
    hedon_loader_options_default(options);
    hedon_worker_options_default(&options->worker);
    options->workers = scorer->share.workers;
    options->max_bytes = CLIPS_BYTES / scorer->share.workers;
    options->slot_bytes = (size_t)(scorer->views * scorer->view_floats) * sizeof(float);
    options->worker.threads = scorer->share.decode_threads;
    if (scorer->options.max_seconds > 0) options->worker.max_seconds = scorer->options.max_seconds;
    if (scorer->options.max_memory > 0) options->worker.max_memory = scorer->options.max_memory;
    if (scorer->options.max_pixels > 0) options->worker.max_pixels = scorer->options.max_pixels;
    if (scorer->options.max_frames > 0) options->worker.max_frames = scorer->options.max_frames;
}

int hedon_scorer_run(HedonContext *ctx, HedonScorer *scorer, const HedonScoreCallbacks *callbacks)
{
    const int compute_threads = scorer->share.compute_threads; /* compiled for */
    scorer->share = hedon_share_cores(scorer->cores, scorer->clip_flops, callbacks->expected,
                                      scorer->options.decode_workers);
    scorer->share.compute_threads = compute_threads;
    Run run = {.ctx = ctx, .scorer = scorer, .callbacks = callbacks};
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.room, NULL);
    run.ring = hedon_calloc(RING, sizeof(*run.ring));
    run.waiting = hedon_calloc((size_t)scorer->options.batch, sizeof(*run.waiting));
    int code = run.ring && run.waiting ? 0 : hedon_fail_memory(ctx);
    if (!code) code = hedon_feed_new(ctx, &run.feed, scorer, scorer->share.workers);
    if (code) goto done;

    HedonLoaderOptions options;
    loader_options(scorer, &options);
    const HedonLoaderCallbacks loader_callbacks = {
        .opaque = &run, .next_job = next_job, .plan = plan, .place = place};
    code = hedon_loader_start(ctx, &run.loader, &options, &loader_callbacks);
    if (!code) code = collect(&run);

done:
    pthread_mutex_lock(&run.lock);
    run.stopping = 1;
    pthread_cond_broadcast(&run.room);
    pthread_mutex_unlock(&run.lock);
    if (run.loader) hedon_loader_stop(run.loader);
    for (int i = 0; run.ring && i < RING; i++) entry_clear(&run.ring[i]);
    hedon_feed_free(run.feed);
    hedon_free(run.waiting);
    hedon_free(run.ring);
    pthread_cond_destroy(&run.room);
    pthread_mutex_destroy(&run.lock);
    return code;
}
