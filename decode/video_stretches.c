/* One request on several readers, a thread each. They take stretches, costly ones first; pictures
 * are converted side by side, the sink sees one at a time. */
#include "decode/video_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct Request {
    HedonVideo *video;
    HedonStretch *stretches; /* costly ones first, but for the one that a reader continues with */
    size_t count, taken;
    const int64_t *last; /* the stretch that begins here will be gone on from; NULL: none */
    HedonFrameSink sink;
    void *opaque;
    int result, stopped;
    const struct Job *failed; /* whose result it is */
    pthread_mutex_t lock; /* of taken, result, stopped, failed, and the sink */
} Request;

typedef struct Job {
    Request *request;
    HedonReader *reader;
    HedonContext *ctx;
    pthread_t thread;
    int started;
} Job;

static int open_codec(HedonContext *ctx, const HedonVideo *video, HedonReader *reader)
{
    reader->hardware = video->hardware;
    if (!reader->hardware)
        return hedon_codec_open(ctx, &reader->codec, video->parameters, video->time_base,
                                video->options.max_pixels);
    const int code =
        hedon_codec_open_on(ctx, &reader->codec, reader->hardware, video->index.delay,
                            video->parameters, video->time_base, video->options.max_pixels);
    return code < 0 ? HEDON_READER_WRONG : 0;
}

static int open_reader(HedonContext *ctx, HedonVideo *video, HedonReader *reader)
{
    if (reader->codec) return 0;
    reader->index = &video->index;
    reader->peek = video->peek;
    reader->planes = (HedonPlanes){.width = video->shape.width,
                                   .height = video->shape.height,
                                   .orientation = video->orientation};
    hedon_packets_init(&reader->packets, &video->index, &video->bytes, &reader->budget,
                       video->options.max_pixels, reader == video->readers ? video->demux : NULL);
    if (reader == video->readers) video->demux = NULL;
    reader->packet = av_packet_alloc();
    reader->picture = av_frame_alloc();
    reader->fetched = av_frame_alloc();
    reader->shape = video->shape;
    if (!reader->packet || !reader->picture || !reader->fetched) {
        hedon_reader_free(reader);
        return hedon_fail_memory(ctx);
    }
    const int code = open_codec(ctx, video, reader);
    if (code) {
        hedon_reader_free(reader);
        return code;
    }
    if (reader->codec->has_b_frames < video->index.delay)
        reader->codec->has_b_frames = video->index.delay;
    return 0;
}

static int deliver(void *opaque, const HedonFrame *frame)
{
    Request *request = opaque;
    pthread_mutex_lock(&request->lock);
    if (!request->result) {
        request->stopped = request->sink(request->opaque, frame);
        if (request->stopped) request->result = HEDON_READER_STOPPED;
    }
    const int result = request->result;
    pthread_mutex_unlock(&request->lock);
    return result;
}

static const HedonStretch *take(Request *request)
{
    pthread_mutex_lock(&request->lock);
    const HedonStretch *stretch = request->result || request->taken == request->count
                                      ? NULL
                                      : &request->stretches[request->taken++];
    pthread_mutex_unlock(&request->lock);
    return stretch;
}

static void work(Job *job, HedonVideo *video)
{
    Request *request = job->request;
    hedon_budget_begin(&job->reader->budget, &video->options);
    int result = open_reader(job->ctx, video, job->reader);
    const HedonStretch *stretch;
    while (!result && (stretch = take(request)))
        result = hedon_reader_run(job->ctx, job->reader, stretch, stretch->frames == request->last,
                                  deliver, request);
    pthread_mutex_lock(&request->lock);
    if (result && !request->result) {
        request->result = result;
        request->failed = job;
    }
    pthread_mutex_unlock(&request->lock);
}

static void *work_aside(void *argument)
{
    Job *job = argument;
    work(job, job->request->video);
    return NULL;
}

static int costly_first(const void *left, const void *right)
{
    const HedonStretch *a = left, *b = right;
    const int64_t cost_a = a->reach - a->entry, cost_b = b->reach - b->entry;
    if (cost_a != cost_b) return cost_a > cost_b ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

static size_t reader_count(const HedonVideo *video)
{
    const int threads = video->options.threads;
    return (size_t)(video->hardware && threads > HEDON_GPU_DECODERS ? HEDON_GPU_DECODERS : threads);
}

/* Orders the stretches. The first one stays first if a reader can go on to it from where it stands;
 * returns that reader's number, or 0. */
static size_t arrange(const HedonVideo *video, HedonStretch *stretches, size_t count)
{
    const size_t readers = reader_count(video);
    size_t at = 0;
    while (at < readers && !hedon_reader_can_continue(&video->readers[at], &stretches[0])) at++;
    const size_t fixed = at < readers;
    qsort(stretches + fixed, count - fixed, sizeof *stretches, costly_first);
    return fixed ? at : 0;
}

/* The calling thread works with reader `first`. */
static int run_jobs(HedonContext *ctx, Request *request, size_t first)
{
    HedonVideo *video = request->video;
    const size_t threads = reader_count(video);
    const size_t helpers = (request->count < threads ? request->count : threads) - 1;
    Job *jobs = hedon_calloc(helpers + 1, sizeof *jobs);
    if (!jobs) return hedon_fail_memory(ctx);
    for (size_t j = 1; j <= helpers; j++) {
        jobs[j] = (Job){.request = request,
                        .reader = &video->readers[(first + j) % threads],
                        .ctx = hedon_context_new()};
        jobs[j].started =
            jobs[j].ctx && !pthread_create(&jobs[j].thread, NULL, work_aside, &jobs[j]);
    }
    jobs[0] = (Job){.request = request, .reader = &video->readers[first], .ctx = ctx};
    work(&jobs[0], video);
    for (size_t j = 1; j <= helpers; j++)
        if (jobs[j].started) pthread_join(jobs[j].thread, NULL);
    for (size_t j = 1; j <= helpers; j++) {
        if (request->failed == &jobs[j] && request->result < 0)
            hedon_fail(ctx, request->result, "%s", hedon_last_error(jobs[j].ctx));
        hedon_context_free(jobs[j].ctx);
    }
    hedon_free(jobs);
    return request->result;
}

int hedon_video_frames_by_stretches(HedonContext *ctx, HedonVideo *video, const int64_t *indices,
                                    size_t count, int more, HedonFrameSink sink, void *opaque,
                                    int *stopped)
{
    HedonStretch *stretches = hedon_malloc(count, sizeof *stretches);
    if (!stretches) return hedon_fail_memory(ctx);
    size_t made;
    int code = hedon_seek_plan(ctx, &video->index, &video->peek, &video->bytes, indices, count,
                               stretches, &made);
    if (!code) {
        Request request = {
            .video = video,
            .stretches = stretches,
            .count = made,
            .last = more ? stretches[made - 1].frames : NULL,
            .sink = sink,
            .opaque = opaque,
        };
        const size_t first = arrange(video, stretches, made);
        pthread_mutex_init(&request.lock, NULL);
        code = run_jobs(ctx, &request, first);
        pthread_mutex_destroy(&request.lock);
        *stopped = request.stopped;
    }
    hedon_free(stretches);
    return code;
}
