/* Vector clocks: a stream's says which work of every stream comes before what is put into it next;
 * an event is a copy; the host's says what it has waited for, and whatever is submitted later comes
 * after that. */
#include "tests/cuda_sim/order.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS = 256 };

typedef struct Clock {
    uint64_t of[STREAMS];
} Clock;

struct CUstream_st {
    int number;
    Clock clock;
};

struct CUevent_st {
    Clock clock;
};

typedef struct Access {
    const char *begin, *end, *what;
    int stream, writes;
    uint64_t at;
} Access;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Clock host;
static uint64_t ticks[STREAMS]; /* go on when a number is given to another stream */
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
    join(&stream->clock, &host);
    return stream->clock.of[stream->number] = ++ticks[stream->number];
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
        if (conflict(&accesses[i], &access, &stream->clock)) {
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

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    (void)flags;
    *stream = calloc(1, sizeof(**stream));
    if (!*stream) return cudaErrorMemoryAllocation;
    pthread_mutex_lock(&lock);
    while (taken[(*stream)->number])
        if (++(*stream)->number == STREAMS) abort();
    taken[(*stream)->number] = 1;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    pthread_mutex_lock(&lock);
    join(&host, &stream->clock);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    pthread_mutex_lock(&lock);
    taken[stream->number] = 0;
    pthread_mutex_unlock(&lock);
    free(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    (void)flags;
    pthread_mutex_lock(&lock);
    join(&stream->clock, &event->clock);
    pthread_mutex_unlock(&lock);
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
    event->clock = stream->clock;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    pthread_mutex_lock(&lock);
    join(&host, &event->clock);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end)
{
    (void)start, (void)end;
    *milliseconds = 1;
    return cudaSuccess;
}
