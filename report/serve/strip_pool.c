#include "report/serve/strip_pool.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "report/strip.h"

enum { QUEUE = 64, KEPT = 256, MOST_THREADS = 16 };

typedef struct Kept {
    char name[64];
    uint8_t *png;
    size_t size;
} Kept;

typedef struct Decoder {
    HedonStripPool *pool;
    pthread_t thread;
    HedonWorker *worker; /* made when first needed; under the lock */
} Decoder;

struct HedonStripPool {
    HedonWorkerOptions options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    HedonStripJob *queue[QUEUE];
    int first, waiting, stopped;
    Kept kept[KEPT]; /* the oldest gives way */
    int oldest;
    int64_t made;
    Decoder decoders[MOST_THREADS];
    int threads;
};

static void keep(HedonStripPool *pool, const HedonStripJob *job)
{
    uint8_t *copy = hedon_malloc(job->size, 1);
    if (!copy) return; /* then it is made again */
    memcpy(copy, job->png, job->size);
    pthread_mutex_lock(&pool->lock);
    Kept *place = &pool->kept[pool->oldest];
    pool->oldest = (pool->oldest + 1) % KEPT;
    hedon_free(place->png);
    memcpy(place->name, job->name, sizeof(place->name));
    place->png = copy;
    place->size = job->size;
    pool->made++;
    pthread_mutex_unlock(&pool->lock);
}

int hedon_strip_pool_find(HedonStripPool *pool, HedonStripJob *job)
{
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < KEPT && !job->png; i++) {
        const Kept *kept = &pool->kept[i];
        if (!kept->png || strcmp(kept->name, job->name)) continue;
        job->png = hedon_malloc(kept->size, 1);
        if (!job->png) break;
        memcpy(job->png, kept->png, kept->size);
        job->size = kept->size;
    }
    pthread_mutex_unlock(&pool->lock);
    return job->png != NULL;
}

static HedonStripJob *next_job(HedonStripPool *pool)
{
    HedonStripJob *job = NULL;
    pthread_mutex_lock(&pool->lock);
    while (!pool->waiting && !pool->stopped) pthread_cond_wait(&pool->changed, &pool->lock);
    if (pool->waiting) {
        job = pool->queue[pool->first];
        pool->first = (pool->first + 1) % QUEUE;
        pool->waiting--;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

/* The decoder's process, started when first needed; NULL once the pool is stopped. */
static HedonWorker *worker_of(HedonContext *ctx, Decoder *decoder)
{
    HedonStripPool *pool = decoder->pool;
    pthread_mutex_lock(&pool->lock);
    if (!decoder->worker && !pool->stopped) hedon_worker_new(ctx, &decoder->worker, &pool->options);
    HedonWorker *worker = pool->stopped ? NULL : decoder->worker;
    pthread_mutex_unlock(&pool->lock);
    return worker;
}

static void *decode(void *opaque)
{
    Decoder *decoder = opaque;
    HedonStripPool *pool = decoder->pool;
    HedonContext *ctx = hedon_context_new();
    for (HedonStripJob *job; (job = next_job(pool));) {
        HedonWorker *worker = ctx ? worker_of(ctx, decoder) : NULL;
        if (worker && !hedon_strip_pool_find(pool, job) &&
            !hedon_strip_make(ctx, worker, job->path, job->times, job->count, &job->png,
                              &job->size))
            keep(pool, job);
        job->finished(job);
    }
    hedon_context_free(ctx);
    return NULL;
}

int hedon_strip_pool_new(HedonContext *ctx, HedonStripPool **out, int threads,
                         const HedonWorkerOptions *worker)
{
    *out = NULL;
    HedonStripPool *pool = hedon_calloc(1, sizeof(*pool));
    if (!pool) return hedon_fail_memory(ctx);
    pool->options = *worker;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    while (pool->threads < threads && pool->threads < MOST_THREADS) {
        Decoder *decoder = &pool->decoders[pool->threads];
        decoder->pool = pool;
        if (pthread_create(&decoder->thread, NULL, decode, decoder)) break;
        pool->threads++;
    }
    *out = pool;
    if (pool->threads || threads < 1) return 0;
    hedon_strip_pool_free(pool);
    *out = NULL;
    return hedon_fail(ctx, HEDON_EIO, "cannot start threads for thumbnails");
}

int hedon_strip_pool_add(HedonStripPool *pool, HedonStripJob *job, void (*before)(void *),
                         void *opaque)
{
    pthread_mutex_lock(&pool->lock);
    const int room = !pool->stopped && pool->waiting < QUEUE;
    if (room) {
        before(opaque);
        pool->queue[(pool->first + pool->waiting++) % QUEUE] = job;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

int64_t hedon_strip_pool_made(HedonStripPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    const int64_t made = pool->made;
    pthread_mutex_unlock(&pool->lock);
    return made;
}

void hedon_strip_pool_stop(HedonStripPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopped = 1;
    for (int i = 0; i < pool->threads; i++)
        if (pool->decoders[i].worker) hedon_worker_interrupt(pool->decoders[i].worker);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads; i++) {
        pthread_join(pool->decoders[i].thread, NULL);
        hedon_worker_free(pool->decoders[i].worker);
    }
    pool->threads = 0;
}

void hedon_strip_pool_free(HedonStripPool *pool)
{
    if (!pool) return;
    hedon_strip_pool_stop(pool);
    for (int i = 0; i < KEPT; i++) hedon_free(pool->kept[i].png);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    hedon_free(pool);
}
