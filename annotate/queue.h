/* A bounded queue of pointers between threads. */
#ifndef HEDON_ANNOTATE_QUEUE_H
#define HEDON_ANNOTATE_QUEUE_H

#include <pthread.h>

#include "hedon.h"

typedef struct HedonQueue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void **items;
    int room, count, first;
    int stopped;
} HedonQueue;

/** HEDON_ENOMEM. */
int hedon_queue_open(HedonContext *ctx, HedonQueue *queue, int room);
/** The queue must be empty or its items owned elsewhere. A zero-filled queue is fine. */
void hedon_queue_close(HedonQueue *queue);
/** Waits for room. 1 when the queue was stopped: the item stays the caller's. */
int hedon_queue_put(HedonQueue *queue, void *item);
/** Waits for an item, at most so long. NULL: none came. */
void *hedon_queue_take(HedonQueue *queue, double wait_s);
/** Waits for room, at most so long; how much there is. */
int hedon_queue_room(HedonQueue *queue, double wait_s);
int hedon_queue_count(HedonQueue *queue);
/** Nothing more can be put; what is there can still be taken, without waiting. */
void hedon_queue_stop(HedonQueue *queue);
int hedon_queue_is_stopped(HedonQueue *queue);

#endif
