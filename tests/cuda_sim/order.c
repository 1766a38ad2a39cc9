/* Vector clocks: a stream's says which work of every stream comes before what is put into it next;
 * an event is a copy; the host's says what it has waited for, and whatever is submitted later comes
 * after that. */
#include "tests/cuda_sim/order.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cuda_sim/sim.h"

enum { STREAMS = 256 };

typedef struct Clock {
    uint64_t of[STREAMS];
} Clock;

struct CUevent_st {
    Clock clock;
    cudaStream_t stream;        /* where it was recorded last; NULL: nowhere yet */
    uint64_t seen, sums;        /* of that stream, then */
    struct CUgraph_st *capture; /* likewise */
};

typedef struct Access {
    const char *begin, *end, *what;
    int stream, writes;
    uint64_t at;
} Access;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Clock host;
static uint64_t ticks[STREAMS]; /* go on when a number is given to another stream */
static struct CUstream_st streams[STREAMS];
static Clock clocks[STREAMS];
static char taken[STREAMS];
static Access *accesses;
static size_t count, room;

static void join(Clock *into, const Clock *other)
{
    for (int i = 0; i < STREAMS; i++)
        if (other->of[i] > into->of[i]) into->of[i] = other->of[i];
}

static uint64_t submit(cudaStream_t stream)
{
    Clock *clock = &clocks[stream->number];
    join(clock, &host);
    return clock->of[stream->number] = ++ticks[stream->number];
}

/* ---- Accesses */

/* What the host has waited for is before everything to come. */
static void forget_what_is_over(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (accesses[i].at > host.of[accesses[i].stream]) accesses[kept++] = accesses[i];
    count = kept;
}

static void remember(const Access *access)
{
    if (count == room) forget_what_is_over();
    if (2 * count >= room) {
        room = room ? 2 * room : 1024;
        accesses = realloc(accesses, room * sizeof(*accesses));
        if (!accesses) abort();
    }
    accesses[count++] = *access;
}

static int conflict(const Access *old, const Access *new, const Clock *known)
{
    return old->begin < new->end &&new->begin < old->end && (old->writes || new->writes) &&
           old->at > known->of[old->stream];
}

void order_access(cudaStream_t stream, const void *at, size_t bytes, int writes, const char *what)
{
    if (!stream || !bytes) return;
    pthread_mutex_lock(&lock);
    const uint64_t tick = submit(stream);
    const Access access = {at, (const char *)at + bytes, what, stream->number, writes, tick};
    for (size_t i = 0; i < count; i++)
        if (conflict(&accesses[i], &access, &clocks[stream->number])) {
            fprintf(stderr, "simulated GPU: %s in stream %d is not ordered after %s in stream %d\n",
                    what, stream->number, accesses[i].what, accesses[i].stream);
            abort();
        }
    remember(&access);
    pthread_mutex_unlock(&lock);
}

void order_forget(const void *at, size_t bytes)
{
    const char *begin = at, *end = begin + bytes;
    size_t kept = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        if (accesses[i].begin >= end || begin >= accesses[i].end) accesses[kept++] = accesses[i];
    count = kept;
    pthread_mutex_unlock(&lock);
}

/* ---- Streams */

static void deliver(cudaStream_t stream, uint64_t sums)
{
    if (stream->deliver) stream->deliver(stream->opaque, sums);
}

/* The host has waited. */
static void host_after(const Clock *clock)
{
    pthread_mutex_lock(&lock);
    join(&host, clock);
    pthread_mutex_unlock(&lock);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    (void)flags;
    int number = 0;
    pthread_mutex_lock(&lock);
    while (taken[number])
        if (++number == STREAMS) abort();
    taken[number] = 1;
    memset(&clocks[number], 0, sizeof(clocks[number]));
    streams[number] =
        (struct CUstream_st){.number = number, .device = sim_device(), .launches = sim_launches};
    *stream = &streams[number];
    pthread_mutex_unlock(&lock);
    return sim_verdict();
}

int order_end_capture(cudaStream_t origin)
{
    struct CUgraph_st *capture = origin->capture;
    int joined = 1;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < STREAMS; i++) {
        if (!taken[i] || streams[i].capture != capture) continue;
        joined &= clocks[origin->number].of[i] >= clocks[i].of[i];
        streams[i].capture = NULL;
    }
    pthread_mutex_unlock(&lock);
    return joined;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    if (sim_not_captured(stream->capture)) return cudaErrorStreamCaptureUnsupported;
    deliver(stream, stream->sums);
    host_after(&clocks[stream->number]);
    return sim_verdict();
}

/* What was asked for is done, but never known at the first look. */
static cudaError_t look(const Clock *clock)
{
    static _Thread_local unsigned looks;
    if (sim_verdict()) return sim_verdict();
    if (++looks % 2) return cudaErrorNotReady;
    host_after(clock);
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    if (sim_not_captured(stream->capture)) return cudaErrorStreamCaptureUnsupported;
    deliver(stream, stream->sums);
    return look(&clocks[stream->number]);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    pthread_mutex_lock(&lock);
    taken[stream->number] = 0;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    (void)flags;
    if (!event->stream) return cudaSuccess;
    /* one that was recorded in a capture that is over counts as outside */
    struct CUgraph_st *capture = event->capture == sim_capture() ? event->capture : NULL;
    if (stream->capture && stream->capture != capture) {
        sim_not_captured(stream->capture);
        return cudaErrorStreamCaptureIsolation;
    }
    pthread_mutex_lock(&lock);
    stream->capture = capture;
    join(&clocks[stream->number], &event->clock);
    if (stream->seen < event->seen) stream->seen = event->seen;
    pthread_mutex_unlock(&lock);
    deliver(event->stream, event->sums);
    return cudaSuccess;
}

/* ---- Events */

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    *event = calloc(1, sizeof(**event));
    return *event ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    (void)flags;
    return cudaEventCreate(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    free(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    pthread_mutex_lock(&lock);
    submit(stream);
    *event = (struct CUevent_st){clocks[stream->number], stream, stream->seen, stream->sums,
                                 stream->capture};
    pthread_mutex_unlock(&lock);
    return sim_verdict();
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    if (sim_not_captured(event->capture)) return cudaErrorStreamCaptureUnsupported;
    if (event->stream) deliver(event->stream, event->sums);
    host_after(&event->clock);
    return sim_verdict();
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    if (sim_not_captured(event->capture)) return cudaErrorStreamCaptureUnsupported;
    if (event->stream) deliver(event->stream, event->sums);
    return look(&event->clock);
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end)
{
    (void)start, (void)end;
    *milliseconds = 1;
    return cudaSuccess;
}
