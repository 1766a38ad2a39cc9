#include "score/streams.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "score/tally.h"

enum { AHEAD = 2 }; /* batches that wait, besides one a stream */
#define SLICE_NS (50 * 1000 * 1000L)

typedef struct Stream {
    struct HedonStreams *streams;
    HedonPredictor *predictor;
    HedonContext *ctx;
    pthread_t thread;
} Stream;

struct HedonStreams {
    HedonScorer *scorer;
    void (*came)(void *opaque);
    void *opaque;
    Stream *stream;
    int started;
    HedonBatch *ring;
    int64_t size;

    pthread_mutex_t lock; /* of what follows, and of every batch's `done` */
    pthread_cond_t work, due;
    int64_t returned, taken, submitted; /* batches so far; taken: by streams */
    int stopping;
    HedonStreamsStats stats;
};

static HedonBatch *batch_of(HedonStreams *streams, int64_t number)
{
    return &streams->ring[number % streams->size];
}

/* ---- On the streams' threads */

static void compute(Stream *stream, HedonBatch *batch)
{
    const HedonScorer *scorer = stream->streams->scorer;
    const HedonModelInfo *info = scorer->info;
    const double start_s = hedon_clock_s();
    for (int i = 0; i < info->head_count; i++) batch->outputs[i].shape.dim[0] = batch->count;
    const HedonTensor clips = {.dtype = HEDON_F32,
                               .shape = {.rank = 5,
                                         .dim = {batch->count, 3, info->clip_frames,
                                                 info->clip_height, info->clip_width}},
                               .data = (void *)(uintptr_t)batch->clips};
    batch->code =
        batch->places
            ? hedon_predictor_run_device(stream->ctx, stream->predictor, batch->places,
                                         batch->count, batch->outputs)
            : hedon_predictor_run(stream->ctx, stream->predictor, &clips, batch->outputs);
    if (batch->code)
        snprintf(batch->message, sizeof(batch->message), "%s", hedon_last_error(stream->ctx));
    batch->seconds = hedon_clock_s() - start_s;
}

static void count_batch(HedonStreams *streams, const HedonBatch *batch, double cpu_s)
{
    const int64_t size = streams->scorer->options.batch;
    const int64_t batches = (batch->count + size - 1) / size;
    streams->stats.busy_s += batch->seconds;
    streams->stats.cpu_s += cpu_s;
    streams->stats.views += batch->count;
    streams->stats.batches += batches;
    streams->stats.places += batches * size;
}

/* The next batch to compute, NULL at the end; called and left with the lock held. */
static HedonBatch *next_batch(HedonStreams *streams)
{
    const double before_s = hedon_clock_s();
    HedonBatch *batch = NULL;
    while (!batch && !streams->stopping) {
        if (streams->taken == streams->submitted) {
            pthread_cond_wait(&streams->work, &streams->lock);
        } else {
            batch = batch_of(streams, streams->taken++);
            if (batch->done) batch = NULL; /* repeats only */
        }
    }
    streams->stats.starved_s += hedon_clock_s() - before_s;
    return batch;
}

static void *work(void *opaque)
{
    Stream *stream = opaque;
    HedonStreams *streams = stream->streams;
    HedonBatch *batch;
    pthread_mutex_lock(&streams->lock);
    while ((batch = next_batch(streams))) {
        pthread_mutex_unlock(&streams->lock);
        const double cpu_before_s = hedon_thread_cpu_s();
        compute(stream, batch);
        const double cpu_s = hedon_thread_cpu_s() - cpu_before_s;
        pthread_mutex_lock(&streams->lock);
        batch->done = 1;
        count_batch(streams, batch, cpu_s);
        if (batch != batch_of(streams, streams->returned)) continue;
        pthread_cond_signal(&streams->due);
        pthread_mutex_unlock(&streams->lock);
        streams->came(streams->opaque);
        pthread_mutex_lock(&streams->lock);
    }
    pthread_mutex_unlock(&streams->lock);
    return NULL;
}

/* ---- On the caller's thread */

static int64_t ring_size(const HedonScorer *scorer)
{
    return scorer->share.streams + AHEAD;
}

int64_t hedon_streams_most_held(const HedonScorer *scorer)
{
    return ring_size(scorer) * scorer->options.batch;
}

static int batch_alloc(const HedonScorer *scorer, HedonBatch *batch)
{
    const HedonModelInfo *info = scorer->info;
    const int64_t size = scorer->options.batch;
    const int64_t most = size > scorer->views ? size : scorer->views;
    batch->view_room = 2 * most;
    batch->views = hedon_calloc((size_t)batch->view_room, sizeof(*batch->views));
    batch->outputs = hedon_calloc((size_t)info->head_count, sizeof(*batch->outputs));
    batch->held = hedon_calloc((size_t)size, sizeof(*batch->held));
    if (!batch->views || !batch->outputs || !batch->held) return HEDON_ENOMEM;
    if (scorer->on_device) {
        batch->places = hedon_calloc((size_t)size, sizeof(*batch->places));
        if (!batch->places) return HEDON_ENOMEM;
    } else if (size > 1) {
        batch->room = hedon_malloc_aligned((size_t)(size * scorer->view_floats), sizeof(float));
        if (!batch->room) return HEDON_ENOMEM;
    }
    for (int i = 0; i < info->head_count; i++) {
        const HedonShape head = {.rank = 2, .dim = {most, info->heads[i].size}};
        batch->outputs[i] = (HedonTensor){.dtype = HEDON_F32, .shape = head};
        if ((i == info->emotions_head || i == info->utility_head) &&
            hedon_tensor_alloc(&batch->outputs[i], HEDON_F32, &head))
            return HEDON_ENOMEM;
    }
    return 0;
}

static void batch_free(const HedonScorer *scorer, HedonBatch *batch)
{
    for (int i = 0; batch->outputs && i < scorer->info->head_count; i++)
        hedon_tensor_free(&batch->outputs[i]);
    hedon_free(batch->outputs);
    hedon_free(batch->views);
    hedon_free(batch->held);
    hedon_free(batch->places);
    hedon_free(batch->room);
}

static int start_stream(HedonContext *ctx, HedonStreams *streams, HedonPredictor *predictor)
{
    Stream *stream = &streams->stream[streams->started];
    *stream = (Stream){.streams = streams, .predictor = predictor, .ctx = hedon_context_new()};
    if (!stream->ctx) return hedon_fail_memory(ctx);
    if (pthread_create(&stream->thread, NULL, work, stream)) {
        hedon_context_free(stream->ctx);
        return hedon_fail(ctx, HEDON_ENOMEM, "cannot start another thread");
    }
    streams->started++;
    return 0;
}

int hedon_streams_start(HedonContext *ctx, HedonStreams **out, HedonScorer *scorer,
                        void (*came)(void *opaque), void *opaque)
{
    *out = NULL;
    HedonStreams *streams = hedon_calloc(1, sizeof(*streams));
    if (!streams) return hedon_fail_memory(ctx);
    const int count = scorer->share.streams;
    streams->scorer = scorer;
    streams->came = came;
    streams->opaque = opaque;
    pthread_mutex_init(&streams->lock, NULL);
    pthread_cond_init(&streams->work, NULL);
    pthread_cond_init(&streams->due, NULL);
    streams->stream = hedon_calloc((size_t)count, sizeof(*streams->stream));
    streams->ring = hedon_calloc((size_t)ring_size(scorer), sizeof(*streams->ring));
    if (streams->ring) streams->size = ring_size(scorer);
    int code = streams->stream && streams->ring ? 0 : hedon_fail_memory(ctx);
    for (int i = 0; i < streams->size && !code; i++)
        if (batch_alloc(scorer, &streams->ring[i])) code = hedon_fail_memory(ctx);
    for (int i = 0; i < count && !code; i++)
        code = start_stream(ctx, streams, scorer->predictors[i]);
    if (code) {
        hedon_streams_stop(streams);
        hedon_streams_free(streams);
    } else {
        *out = streams;
    }
    return code;
}

HedonBatch *hedon_streams_room(HedonStreams *streams)
{
    pthread_mutex_lock(&streams->lock);
    const int is_full = streams->submitted - streams->returned == streams->size;
    HedonBatch *batch = is_full ? NULL : batch_of(streams, streams->submitted);
    pthread_mutex_unlock(&streams->lock);
    return batch;
}

void hedon_streams_submit(HedonStreams *streams)
{
    pthread_mutex_lock(&streams->lock);
    HedonBatch *batch = batch_of(streams, streams->submitted++);
    batch->done = batch->count == 0;
    pthread_cond_signal(&streams->work);
    pthread_mutex_unlock(&streams->lock);
}

HedonBatch *hedon_streams_due(HedonStreams *streams)
{
    pthread_mutex_lock(&streams->lock);
    HedonBatch *batch = batch_of(streams, streams->returned);
    if (streams->returned == streams->submitted || !batch->done) batch = NULL;
    pthread_mutex_unlock(&streams->lock);
    return batch;
}

void hedon_streams_return(HedonStreams *streams)
{
    pthread_mutex_lock(&streams->lock);
    HedonBatch *batch = batch_of(streams, streams->returned++);
    if (streams->taken < streams->returned) streams->taken = streams->returned;
    batch->view_count = batch->count = batch->held_count = 0;
    batch->done = batch->code = 0;
    batch->seconds = 0;
    pthread_mutex_unlock(&streams->lock);
}

int hedon_streams_busy(HedonStreams *streams)
{
    pthread_mutex_lock(&streams->lock);
    const int busy = streams->returned < streams->submitted;
    pthread_mutex_unlock(&streams->lock);
    return busy;
}

void hedon_streams_wait(HedonStreams *streams)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SLICE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&streams->lock);
    if (streams->returned < streams->submitted && !batch_of(streams, streams->returned)->done)
        pthread_cond_timedwait(&streams->due, &streams->lock, &until);
    pthread_mutex_unlock(&streams->lock);
}

void hedon_streams_stats(HedonStreams *streams, HedonStreamsStats *stats)
{
    pthread_mutex_lock(&streams->lock);
    *stats = streams->stats;
    pthread_mutex_unlock(&streams->lock);
}

void hedon_streams_stop(HedonStreams *streams)
{
    pthread_mutex_lock(&streams->lock);
    streams->stopping = 1;
    pthread_cond_broadcast(&streams->work);
    pthread_mutex_unlock(&streams->lock);
    for (int i = 0; i < streams->started; i++) {
        pthread_join(streams->stream[i].thread, NULL);
        hedon_context_free(streams->stream[i].ctx);
    }
    streams->started = 0;
}

HedonLoaded *hedon_streams_abandoned(HedonStreams *streams)
{
    for (int64_t i = 0; i < streams->size; i++) {
        HedonBatch *batch = &streams->ring[i];
        if (batch->held_count) return batch->held[--batch->held_count];
    }
    return NULL;
}

void hedon_streams_free(HedonStreams *streams)
{
    if (!streams) return;
    for (int64_t i = 0; i < streams->size; i++) batch_free(streams->scorer, &streams->ring[i]);
    pthread_cond_destroy(&streams->work);
    pthread_cond_destroy(&streams->due);
    pthread_mutex_destroy(&streams->lock);
    hedon_free(streams->ring);
    hedon_free(streams->stream);
    hedon_free(streams);
}
