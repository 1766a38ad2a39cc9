/* What the loader's files share: loader.c starts and stops, loader_events.c moves events between
 * threads, loader_video.c turns one video into events. */
#ifndef HEDON_DECODE_LOADER_PRIVATE_H
#define HEDON_DECODE_LOADER_PRIVATE_H

#include <pthread.h>

#include "decode/loader.h"

typedef struct HedonLoaderEvent {
    HedonLoaded loaded; /* first, so that a caller's pointer is this one's */
    struct HedonLoaderEvent *next;
} HedonLoaderEvent;

/* Finished events on their way to the caller, and clips' slots on their way back. */
typedef struct HedonLoaderChannel {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    HedonLoaderEvent *first, **last; /* waiting for hedon_loader_next */
    int64_t clips, others;           /* how many of each wait */
    int64_t max_clips, max_others;
    size_t slot_bytes;
    HedonLoaderCallbacks callbacks; /* slot_new and slot_free of these */
    HedonLoaderEvent *spare; /* released CLIP events, with their slots */
    int senders;             /* threads that may still send */
    int closed;              /* the caller wants no more */
    int nudged;              /* the caller wants to be woken once */
    HedonLoaderStats stats;
    int code;                /* why a thread gave up, 0 */
} HedonLoaderChannel;

int hedon_loader_channel_init(HedonLoaderChannel *channel, const HedonLoaderOptions *options,
                              const HedonLoaderCallbacks *callbacks);
void hedon_loader_channel_free(HedonLoaderChannel *channel);

/** A new event, a CLIP with its slot; NULL when memory is out. */
HedonLoaderEvent *hedon_loader_event_new(HedonLoaderChannel *channel, HedonLoadedKind kind);
/** Put an event away: keeps the slot of a CLIP for the next. NULL is fine. */
void hedon_loader_event_recycle(HedonLoaderChannel *channel, HedonLoaderEvent *event);
/** Hand an event to the caller, waiting for room. It is the channel's from here on. 0, or
 *  HEDON_ECANCELLED when nobody wants it any more. */
int hedon_loader_channel_send(HedonLoaderChannel *channel, HedonLoaderEvent *event);
/** Take the next event, waiting for it or for a nudge (then it is NULL). 0; 1 when all senders are gone; HEDON_ECANCELLED; or why a
 *  sender gave up. */
int hedon_loader_channel_receive(HedonLoaderChannel *channel, HedonLoaderEvent **event);
/** Wake everybody; nothing is sent any more. */
void hedon_loader_channel_close(HedonLoaderChannel *channel);
/** A thread will send no more, because of code or (0) because there are no more jobs. */
void hedon_loader_channel_leave(HedonLoaderChannel *channel, int code);

typedef struct HedonLoaderThread {
    HedonLoader *loader;
    pthread_t thread;
    HedonContext *ctx;
    HedonWorker *worker;
    double worker_cpu_s; /* of the worker's time, what is in the statistics: its start is not yet */
} HedonLoaderThread;

struct HedonLoader {
    HedonLoaderOptions options;
    HedonLoaderCallbacks callbacks;
    HedonLoaderChannel channel;
    pthread_mutex_t jobs; /* serialises next_job */
    int no_more_jobs;
    int thread_count;
    HedonLoaderThread *threads;
};

/** Turn a job's video into BEGIN and CLIP events, fill in its END, and add what it took to the
 *  channel's statistics. */
void hedon_loader_run(HedonLoaderThread *thread, const HedonLoaderJob *job, HedonLoaded *end);

#endif
