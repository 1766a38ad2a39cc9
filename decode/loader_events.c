/* The loader's events: made in its threads, waiting in a bounded queue, released by the caller. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "decode/loader_private.h"

#define SLICE_NS (50 * 1000 * 1000L) /* between two looks at hedon_cancel, which wakes nobody */

int hedon_loader_channel_init(HedonLoaderChannel *channel, const HedonLoaderOptions *options,
                              const HedonLoaderCallbacks *callbacks)
{
    pthread_condattr_t monotonic;
    *channel = (HedonLoaderChannel){.max_clips = options->queue,
                                    .max_others = 2 * (int64_t)options->workers,
                                    .slot_bytes = options->slot_bytes,
                                    .callbacks = *callbacks};
    channel->last = &channel->first;
    if (pthread_condattr_init(&monotonic)) return HEDON_ENOMEM;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    const int failed = pthread_cond_init(&channel->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (failed) return HEDON_ENOMEM;
    pthread_mutex_init(&channel->lock, NULL);
    return 0;
}

static void *slot_new(HedonLoaderChannel *channel)
{
    const HedonLoaderCallbacks *callbacks = &channel->callbacks;
    return callbacks->slot_new ? callbacks->slot_new(callbacks->opaque)
                               : hedon_malloc_aligned(channel->slot_bytes, 1);
}

static void slot_free(HedonLoaderChannel *channel, void *slot)
{
    const HedonLoaderCallbacks *callbacks = &channel->callbacks;
    if (!callbacks->slot_free)
        hedon_free(slot);
    else if (slot)
        callbacks->slot_free(callbacks->opaque, slot);
}

static void free_list(HedonLoaderChannel *channel, HedonLoaderEvent *event)
{
    while (event) {
        HedonLoaderEvent *next = event->next;
        slot_free(channel, event->loaded.slot);
        hedon_free(event);
        event = next;
    }
}

void hedon_loader_channel_free(HedonLoaderChannel *channel)
{
    free_list(channel, channel->first);
    free_list(channel, channel->spare);
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->lock);
}

HedonLoaderEvent *hedon_loader_event_new(HedonLoaderChannel *channel, HedonLoadedKind kind)
{
    HedonLoaderEvent *event = NULL;
    if (kind == HEDON_LOADED_CLIP) {
        pthread_mutex_lock(&channel->lock);
        event = channel->spare;
        if (event) channel->spare = event->next;
        pthread_mutex_unlock(&channel->lock);
    }
    if (event) {
        event->next = NULL;
        event->loaded = (HedonLoaded){.kind = kind, .slot = event->loaded.slot};
        return event;
    }
    event = hedon_calloc(1, sizeof(*event));
    if (!event) return NULL;
    event->loaded.kind = kind;
    if (kind != HEDON_LOADED_CLIP) return event;
    event->loaded.slot = slot_new(channel);
    if (event->loaded.slot) return event;
    hedon_free(event);
    return NULL;
}

void hedon_loader_event_recycle(HedonLoaderChannel *channel, HedonLoaderEvent *event)
{
    if (!event || !event->loaded.slot) {
        hedon_free(event);
        return;
    }
    pthread_mutex_lock(&channel->lock);
    event->next = channel->spare;
    channel->spare = event;
    pthread_mutex_unlock(&channel->lock);
}

/* Wait for a change, but not for ever. */
static void wait_slice(HedonLoaderChannel *channel)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SLICE_NS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&channel->changed, &channel->lock, &until);
}

int hedon_loader_channel_send(HedonLoaderChannel *channel, HedonLoaderEvent *event)
{
    const int is_clip = event->loaded.kind == HEDON_LOADED_CLIP;
    int64_t *waiting = is_clip ? &channel->clips : &channel->others;
    const int64_t most = is_clip ? channel->max_clips : channel->max_others;
    pthread_mutex_lock(&channel->lock);
    while (!channel->closed && !hedon_is_cancelled() && *waiting >= most) wait_slice(channel);
    const int unwanted = channel->closed || hedon_is_cancelled();
    if (!unwanted) {
        event->next = NULL;
        *channel->last = event;
        channel->last = &event->next;
        ++*waiting;
        pthread_cond_broadcast(&channel->changed);
    }
    pthread_mutex_unlock(&channel->lock);
    if (unwanted) hedon_loader_event_recycle(channel, event);
    return unwanted ? HEDON_ECANCELLED : 0;
}

int hedon_loader_channel_receive(HedonLoaderChannel *channel, HedonLoaderEvent **out)
{
    int code = 0;
    *out = NULL;
    pthread_mutex_lock(&channel->lock);
    while (!hedon_is_cancelled() && !channel->first && channel->senders && !channel->nudged)
        wait_slice(channel);
    HedonLoaderEvent *event = channel->first;
    if (hedon_is_cancelled()) {
        code = HEDON_ECANCELLED;
    } else if (event) {
        channel->first = event->next;
        if (!channel->first) channel->last = &channel->first;
        --*(event->loaded.kind == HEDON_LOADED_CLIP ? &channel->clips : &channel->others);
        pthread_cond_broadcast(&channel->changed);
        *out = event;
    } else if (channel->nudged) {
        channel->nudged = 0;
    } else {
        code = channel->code ? channel->code : 1;
    }
    pthread_mutex_unlock(&channel->lock);
    return code;
}

void hedon_loader_channel_close(HedonLoaderChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->closed = 1;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

void hedon_loader_channel_leave(HedonLoaderChannel *channel, int code)
{
    pthread_mutex_lock(&channel->lock);
    channel->senders--;
    if (code) channel->code = code;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}
