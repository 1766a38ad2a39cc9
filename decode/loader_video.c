/* One video becomes clips: plan, ask the worker for each frame once, place, hand on what is whole.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "decode/loader_private.h"
#include "decode/loader_schedule.h"

#define CHUNK_FRAMES 256 /* of one request */

typedef struct Reading {
    HedonLoaderThread *thread;
    const HedonLoaderJob *job;
    const HedonClips *clips;
    HedonSchedule schedule;
    HedonLoaderEvent **making; /* by clip - schedule.first: CLIP events with a slot being filled */
    int64_t handed;            /* clips of the schedule that were handed on */
    int64_t from, to;          /* the chunk's places in the schedule */
    double place_s, place_cpu_s, waited_s; /* spent in the sink */
} Reading;

static HedonLoaderChannel *channel_of(const Reading *reading)
{
    return &reading->thread->loader->channel;
}

static int hand_on(Reading *reading, HedonLoaderEvent *event)
{
    const double before = hedon_clock_s();
    const int code = hedon_loader_channel_send(channel_of(reading), event);
    reading->waited_s += hedon_clock_s() - before;
    return code ? hedon_fail(reading->thread->ctx, code, "interrupted") : 0;
}

static int hand_on_begin(Reading *reading)
{
    HedonLoaderEvent *event = hedon_loader_event_new(channel_of(reading), HEDON_LOADED_BEGIN);
    if (!event) return hedon_fail_memory(reading->thread->ctx);
    event->loaded.job = reading->job->id;
    event->loaded.info = *hedon_worker_info(reading->thread->worker);
    event->loaded.clip_count = reading->clips->count;
    return hand_on(reading, event);
}

/* Clips leave in order: a whole one waits for those before it. */
static int hand_on_finished(Reading *reading)
{
    int code = 0;
    while (!code && reading->handed < reading->schedule.finished) {
        HedonLoaderEvent *event = reading->making[reading->handed];
        reading->making[reading->handed++] = NULL;
        code = hand_on(reading, event);
    }
    return code;
}

static int shows_the_same(const HedonClips *clips, int64_t clip)
{
    const int64_t *frames = clips->frames + clip * clips->clip_frames;
    return clip > 0 && !memcmp(frames, frames - clips->clip_frames,
                               (size_t)clips->clip_frames * sizeof(*frames));
}

/* The CLIP event in the making of a clip. */
static HedonLoaderEvent *event_of(Reading *reading, int64_t clip)
{
    HedonLoaderEvent **event = &reading->making[clip - reading->schedule.first];
    if (*event) return *event;
    *event = hedon_loader_event_new(channel_of(reading), HEDON_LOADED_CLIP);
    if (!*event) return NULL;
    (*event)->loaded.job = reading->job->id;
    (*event)->loaded.clip = clip;
    (*event)->loaded.clip_count = reading->clips->count;
    (*event)->loaded.start_s = reading->clips->start_s[clip];
    (*event)->loaded.end_s = reading->clips->end_s[clip];
    (*event)->loaded.repeats = shows_the_same(reading->clips, clip);
    return *event;
}

/* Put a frame wherever it is shown. */
static int place_frame(void *opaque, const HedonFrame *frame)
{
    Reading *reading = opaque;
    const HedonLoaderCallbacks *callbacks = &reading->thread->loader->callbacks;
    const HedonSchedule *schedule = &reading->schedule;
    int64_t i = hedon_schedule_find(schedule, reading->from, reading->to, frame->index);
    int code = 0;
    for (; !code && i < reading->to && hedon_schedule_frame(schedule, i) == frame->index; i++) {
        const int64_t clip = schedule->order[i] / reading->clips->clip_frames;
        const int64_t t = schedule->order[i] % reading->clips->clip_frames;
        HedonLoaderEvent *event = event_of(reading, clip);
        if (!event) return hedon_fail_memory(reading->thread->ctx);
        const double before = hedon_clock_s(), cpu_before = hedon_thread_cpu_s();
        code = callbacks->place(reading->thread->ctx, callbacks->opaque, reading->job->id, frame,
                                clip, t, event->loaded.slot);
        reading->place_s += hedon_clock_s() - before;
        reading->place_cpu_s += hedon_thread_cpu_s() - cpu_before;
        hedon_schedule_fill(&reading->schedule, clip);
        if (!code) code = hand_on_finished(reading);
    }
    return code;
}

static int read_chunks(Reading *reading, int64_t most)
{
    int64_t indices[CHUNK_FRAMES];
    size_t count;
    int code = 0;
    while (!code && (count = hedon_schedule_chunk(&reading->schedule, indices, CHUNK_FRAMES, most,
                                                  &reading->from, &reading->to)))
        code = hedon_worker_frames(reading->thread->ctx, reading->thread->worker, indices, count,
                                   hedon_schedule_has_more(&reading->schedule) ||
                                       reading->schedule.end < reading->clips->count,
                                   place_frame, reading);
    return code;
}

/* Read the scheduled clips with at most `most` in the making. */
static int read_group(Reading *reading, int64_t most)
{
    const int64_t clips = reading->schedule.end - reading->schedule.first;
    reading->handed = 0;
    reading->making = hedon_calloc((size_t)clips, sizeof(*reading->making));
    if (!reading->making) return hedon_fail_memory(reading->thread->ctx);
    const int code = read_chunks(reading, most);
    for (int64_t i = reading->handed; i < clips; i++)
        hedon_loader_event_recycle(channel_of(reading), reading->making[i]);
    hedon_free(reading->making);
    return code;
}

static int64_t most_in_making(const HedonLoaderOptions *options)
{
    const int64_t most =
        options->max_bytes / (int64_t)(options->slot_bytes ? options->slot_bytes : 1);
    return most < 1 ? 1 : most;
}

/* Schedule the next group of clips: all that are left; or, when they overlap more than there may be
 * slots, as many as there may be slots, which can then overlap as they like. */
static int schedule_group(Reading *reading, int64_t first, int64_t *size, int64_t most)
{
    const int64_t left = reading->clips->count - first;
    for (;;) {
        const int64_t end = first + (*size < left ? *size : left);
        const int code = hedon_schedule_make(&reading->schedule, reading->clips, first, end);
        if (code == HEDON_ENOMEM) return hedon_fail_memory(reading->thread->ctx);
        if (code) return hedon_fail(reading->thread->ctx, code, "the plan of clips makes no sense");
        if (*size <= most || hedon_schedule_overlap(&reading->schedule) <= most) return 0;
        hedon_schedule_free(&reading->schedule);
        *size = most;
    }
}

static int read_groups(Reading *reading)
{
    const int64_t most = most_in_making(&reading->thread->loader->options);
    int64_t size = reading->clips->count;
    int code = 0;
    for (int64_t first = 0; !code && first < reading->clips->count; first += size) {
        code = schedule_group(reading, first, &size, most);
        if (code) break;
        code = read_group(reading, most);
        hedon_schedule_free(&reading->schedule);
    }
    return code;
}

static int read_clips(Reading *reading)
{
    HedonWorker *worker = reading->thread->worker;
    const HedonLoaderCallbacks *callbacks = &reading->thread->loader->callbacks;
    HedonClips clips = {0};
    int code = callbacks->plan(reading->thread->ctx, callbacks->opaque, reading->job->id,
                               hedon_worker_info(worker), hedon_worker_times(worker), &clips);
    reading->clips = &clips;
    if (!code) code = hand_on_begin(reading);
    if (!code) code = read_groups(reading);
    hedon_clips_free(&clips);
    return code;
}

typedef struct Moment {
    double wall_s, thread_s, worker_s; /* the clock; processor time of thread and worker process */
} Moment;

static Moment moment(const HedonLoaderThread *thread)
{
    return (Moment){hedon_clock_s(), hedon_thread_cpu_s(), hedon_worker_cpu_s(thread->worker)};
}

static double cpu_between(const Moment *from, const Moment *to)
{
    return to->thread_s - from->thread_s + to->worker_s - from->worker_s;
}

static void add_to_stats(HedonLoaderThread *thread, const HedonLoaded *end, const Reading *reading,
                         double open_cpu_s, double decode_cpu_s, double thread_cpu_s)
{
    const int64_t bytes = hedon_worker_peak_bytes(thread->worker);
    HedonLoaderChannel *channel = &thread->loader->channel;
    HedonLoaderStats *stats = &channel->stats;
    pthread_mutex_lock(&channel->lock);
    stats->open_s += end->open_s;
    stats->decode_s += end->decode_s;
    stats->place_s += end->place_s;
    stats->open_cpu_s += open_cpu_s;
    stats->decode_cpu_s += decode_cpu_s;
    stats->place_cpu_s += reading->place_cpu_s;
    stats->thread_cpu_s += thread_cpu_s;
    stats->blocked_s += reading->waited_s;
    if (bytes > stats->memory_bytes) stats->memory_bytes = bytes;
    pthread_mutex_unlock(&channel->lock);
}

void hedon_loader_run(HedonLoaderThread *thread, const HedonLoaderJob *job, HedonLoaded *end)
{
    Reading reading = {.thread = thread, .job = job};
    Moment start = moment(thread);
    start.worker_s = thread->worker_cpu_s;
    int code = hedon_worker_open(thread->ctx, thread->worker, job->path);
    const Moment opened = moment(thread);
    if (!code) {
        /* Damage may show the index to have been wrong; the client bounds how often. */
        do code = read_clips(&reading);
        while (code == HEDON_ERESAMPLE);
    }
    const Moment done = moment(thread);
    end->job = job->id;
    end->code = code;
    if (code) snprintf(end->message, sizeof(end->message), "%s", hedon_last_error(thread->ctx));
    end->open_s = opened.wall_s - start.wall_s;
    end->place_s = reading.place_s;
    end->decode_s = done.wall_s - opened.wall_s - reading.place_s - reading.waited_s;
    thread->worker_cpu_s = done.worker_s;
    add_to_stats(thread, end, &reading, cpu_between(&start, &opened),
                 cpu_between(&opened, &done) - reading.place_cpu_s, done.thread_s - start.thread_s);
}
