/* A bounded first-in first-out queue of pointers between threads. */
#ifndef HEDON_BASE_QUEUE_H
#define HEDON_BASE_QUEUE_H

#include <stddef.h>

typedef struct HedonQueue HedonQueue;

/** NULL when memory is out. capacity >= 1. */
HedonQueue *hedon_queue_new(size_t capacity);
/** Waits while the queue is full. 0; -1 once closed: the item stays the caller's. */
int hedon_queue_push(HedonQueue *queue, void *item);
/** Waits while the queue is empty. 0; -1 once closed and drained. */
int hedon_queue_pop(HedonQueue *queue, void **item);
/** No more pushes; waiting threads wake. */
void hedon_queue_close(HedonQueue *queue);
void hedon_queue_free(HedonQueue *queue);

#endif
