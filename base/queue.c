#include "base/queue.h"

#include <pthread.h>

#include "base/memory.h"

struct HedonQueue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    size_t capacity, count, first;
    int closed;
    void *items[];
};

HedonQueue *hedon_queue_new(size_t capacity)
{
    if (capacity < 1 || capacity > (size_t)1 << 24) return NULL;
    HedonQueue *queue = hedon_calloc(1, sizeof(*queue) + capacity * sizeof(void *));
    if (!queue) return NULL;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->not_empty, NULL);
    pthread_cond_init(&queue->not_full, NULL);
    queue->capacity = capacity;
    return queue;
}

int hedon_queue_push(HedonQueue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->count == queue->capacity)
        pthread_cond_wait(&queue->not_full, &queue->lock);
    const int closed = queue->closed;
    if (!closed) {
        queue->items[(queue->first + queue->count++) % queue->capacity] = item;
        pthread_cond_signal(&queue->not_empty);
    }
    pthread_mutex_unlock(&queue->lock);
    return closed ? -1 : 0;
}

int hedon_queue_pop(HedonQueue *queue, void **item)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && !queue->count) pthread_cond_wait(&queue->not_empty, &queue->lock);
    const int drained = !queue->count;
    if (!drained) {
        *item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
        pthread_cond_signal(&queue->not_full);
    }
    pthread_mutex_unlock(&queue->lock);
    return drained ? -1 : 0;
}

void hedon_queue_close(HedonQueue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = 1;
    pthread_cond_broadcast(&queue->not_empty);
    pthread_cond_broadcast(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
}

void hedon_queue_free(HedonQueue *queue)
{
    if (!queue) return;
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->not_full);
    hedon_free(queue);
}
