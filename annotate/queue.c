#include "annotate/queue.h"

#include <time.h>

#include "base/error.h"
#include "base/memory.h"

int hedon_queue_open(HedonContext *ctx, HedonQueue *queue, int room)
{
    *queue = (HedonQueue){.room = room};
    queue->items = hedon_calloc((size_t)room, sizeof(*queue->items));
    if (!queue->items) return hedon_fail_memory(ctx);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return 0;
}

void hedon_queue_close(HedonQueue *queue)
{
    if (!queue->items) return;
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    hedon_free(queue->items);
    queue->items = NULL;
}

int hedon_queue_put(HedonQueue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == queue->room && !queue->stopped)
        pthread_cond_wait(&queue->changed, &queue->lock);
    const int stopped = queue->stopped;
    if (!stopped) {
        queue->items[(queue->first + queue->count++) % queue->room] = item;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return stopped;
}

static struct timespec in_seconds(double wait_s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t ns = until.tv_nsec + (int64_t)(wait_s * 1e9);
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return until;
}

void *hedon_queue_take(HedonQueue *queue, double wait_s)
{
    void *item = NULL;
    const struct timespec until = in_seconds(wait_s);
    pthread_mutex_lock(&queue->lock);
    while (!queue->count && !queue->stopped)
        if (pthread_cond_timedwait(&queue->changed, &queue->lock, &until)) break;
    if (queue->count) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->room;
        queue->count--;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

int hedon_queue_room(HedonQueue *queue, double wait_s)
{
    const struct timespec until = in_seconds(wait_s);
    pthread_mutex_lock(&queue->lock);
    while (queue->count == queue->room && !queue->stopped)
        if (pthread_cond_timedwait(&queue->changed, &queue->lock, &until)) break;
    const int room = queue->room - queue->count;
    pthread_mutex_unlock(&queue->lock);
    return room;
}

int hedon_queue_count(HedonQueue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const int count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

void hedon_queue_stop(HedonQueue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopped = 1;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

int hedon_queue_is_stopped(HedonQueue *queue)
{
    pthread_mutex_lock(&queue->lock);
    const int stopped = queue->stopped;
    pthread_mutex_unlock(&queue->lock);
    return stopped;
}
