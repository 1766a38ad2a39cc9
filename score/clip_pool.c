#include "score/clip_pool.h"

#include <pthread.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"

/* For each loader thread's raw pictures and tables, which come later: a picture of 4096 x 2160. */
enum { LEFT_FREE = 16 << 20 };

struct HedonClipPool {
    const HedonBackend *backend;
    HedonBuffer *block;
    HedonDeviceClip *clips;
    int64_t count;
    pthread_mutex_t lock; /* of what follows */
    HedonDeviceClip **spare;
    int64_t spare_count;
};

/* Clips that each loader thread may be filling at once. */
static int64_t in_making(const HedonLoaderOptions *options)
{
    const int64_t most = options->max_bytes / (int64_t)options->slot_bytes;
    return most < 1 ? 1 : most;
}

/* Those, those that wait in the queue, one that the caller looks at, those that it holds. */
static int64_t clips_under_way(const HedonLoaderOptions *options, int64_t held)
{
    return options->workers * in_making(options) + options->queue + 1 + held;
}

/* The block, while so much memory beside it is free. */
static int try_block(HedonContext *ctx, HedonClipPool *pool, HedonDevice *device, int64_t count,
                     size_t slot_bytes, size_t left_free)
{
    size_t bytes;
    HedonBuffer *beside = NULL;
    if (__builtin_mul_overflow((size_t)count, slot_bytes, &bytes)) return hedon_fail_memory(ctx);
    int code = left_free ? pool->backend->buffer_new(ctx, device, left_free, &beside) : 0;
    if (!code) code = pool->backend->buffer_new(ctx, device, bytes, &pool->block);
    if (beside) pool->backend->buffer_free(beside);
    pool->count = count;
    return code;
}

static int make_block(HedonContext *ctx, HedonClipPool *pool, HedonDevice *device,
                      HedonLoaderOptions *options, int64_t held)
{
    for (;;) {
        const int64_t count = clips_under_way(options, held), most = in_making(options);
        /* with the fewest clips: whether pictures fit depends on their size */
        const size_t left_free = most > 1 ? (size_t)options->workers * LEFT_FREE : 0;
        const int code = try_block(ctx, pool, device, count, options->slot_bytes, left_free);
        if (!code) return 0;
        if (code == HEDON_ENOMEM && most == 1) {
            char why[512];
            snprintf(why, sizeof(why), "%s", ctx ? hedon_last_error(ctx) : "");
            return hedon_fail(ctx, code, "no room on the device for %lld clips: %s",
                              (long long)count, why);
        }
        if (code != HEDON_ENOMEM) return code;
        options->max_bytes = most / 2 * (int64_t)options->slot_bytes;
    }
}

int hedon_clip_pool_new(HedonContext *ctx, HedonClipPool **out, const HedonScorer *scorer,
                        HedonLoaderOptions *options, int64_t held)
{
    *out = NULL;
    HedonClipPool *pool = hedon_calloc(1, sizeof(*pool));
    if (!pool) return hedon_fail_memory(ctx);
    pool->backend = scorer->backend;
    pthread_mutex_init(&pool->lock, NULL);
    int code = make_block(ctx, pool, hedon_predictor_device(scorer->predictors[0]), options, held);
    if (!code) {
        pool->clips = hedon_calloc((size_t)pool->count, sizeof(*pool->clips));
        pool->spare = hedon_calloc((size_t)pool->count, sizeof(*pool->spare));
        if (!pool->clips || !pool->spare) code = hedon_fail_memory(ctx);
    }
    if (code) {
        hedon_clip_pool_free(pool);
        return code;
    }
    for (int64_t i = 0; i < pool->count; i++) {
        pool->clips[i] =
            (HedonDeviceClip){.buffer = pool->block, .offset = (size_t)i * options->slot_bytes};
        hedon_clip_pool_give_back(pool, &pool->clips[i]);
    }
    *out = pool;
    return 0;
}

HedonDeviceClip *hedon_clip_pool_take(HedonClipPool *pool)
{
    HedonDeviceClip *clip = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->spare_count) clip = pool->spare[--pool->spare_count];
    pthread_mutex_unlock(&pool->lock);
    return clip;
}

void hedon_clip_pool_give_back(HedonClipPool *pool, HedonDeviceClip *clip)
{
    pthread_mutex_lock(&pool->lock);
    pool->spare[pool->spare_count++] = clip;
    pthread_mutex_unlock(&pool->lock);
}

void hedon_clip_pool_free(HedonClipPool *pool)
{
    if (!pool) return;
    for (int64_t i = 0; pool->clips && i < pool->count; i++)
        if (pool->clips[i].ready) pool->backend->event_free(pool->clips[i].ready);
    if (pool->block) pool->backend->buffer_free(pool->block);
    pthread_mutex_destroy(&pool->lock);
    hedon_free(pool->spare);
    hedon_free(pool->clips);
    hedon_free(pool);
}
