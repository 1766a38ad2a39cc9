/* Several decode workers turning videos into clips: start, the threads' loop, stop. */
#include "decode/loader.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "decode/loader_private.h"

#define WORKERS_MAX 1024

void hedon_loader_options_default(HedonLoaderOptions *options)
{
    *options = (HedonLoaderOptions){.workers = 1, .queue = 4, .max_bytes = (int64_t)512 << 20};
    hedon_worker_options_default(&options->worker);
}

static int next_job(HedonLoader *loader, HedonLoaderJob *job)
{
    const double before_s = hedon_clock_s();
    pthread_mutex_lock(&loader->jobs);
    if (!loader->no_more_jobs)
        loader->no_more_jobs =
            hedon_is_cancelled() || loader->callbacks.next_job(loader->callbacks.opaque, job) != 0;
    const int none = loader->no_more_jobs;
    pthread_mutex_unlock(&loader->jobs);
    pthread_mutex_lock(&loader->channel.lock);
    loader->channel.stats.starved_s += hedon_clock_s() - before_s;
    pthread_mutex_unlock(&loader->channel.lock);
    return none;
}

/* The END is made before its job is taken, so that a taken job always has one. */
static void *work(void *opaque)
{
    HedonLoaderThread *thread = opaque;
    HedonLoader *loader = thread->loader;
    int code = 0;
    while (!code) {
        HedonLoaderJob job;
        HedonLoaderEvent *end = hedon_loader_event_new(&loader->channel, HEDON_LOADED_END);
        if (!end) {
            code = HEDON_ENOMEM;
        } else if (next_job(loader, &job)) {
            hedon_loader_event_recycle(&loader->channel, end);
            break;
        } else {
            hedon_loader_run(thread, &job, &end->loaded);
            code = hedon_loader_channel_send(&loader->channel, end);
        }
    }
    hedon_loader_channel_leave(&loader->channel, code == HEDON_ECANCELLED ? 0 : code);
    return NULL;
}

static int start_thread(HedonContext *ctx, HedonLoader *loader)
{
    HedonLoaderThread *thread = &loader->threads[loader->thread_count];
    thread->loader = loader;
    thread->ctx = hedon_context_new();
    if (!thread->ctx) return hedon_fail_memory(ctx);
    HedonWorkerOptions options = loader->options.worker;
    if (loader->thread_count >= HEDON_GPU_WORKERS) options.decoder = HEDON_DECODER_CPU;
    int code = hedon_worker_new(ctx, &thread->worker, &options);
    if (code) goto free_context;
    /* a GPU that is insisted on and missing ends the run, not each video */
    if (options.decoder == HEDON_DECODER_NVDEC && !loader->thread_count &&
        (code = hedon_worker_wait_ready(ctx, thread->worker)))
        goto free_unsent;
    pthread_mutex_lock(&loader->channel.lock);
    loader->channel.senders++;
    pthread_mutex_unlock(&loader->channel.lock);
    if (pthread_create(&thread->thread, NULL, work, thread)) {
        code = hedon_fail(ctx, HEDON_ENOMEM, "cannot start another thread");
        goto free_worker;
    }
    loader->thread_count++;
    return 0;
free_worker:
    hedon_loader_channel_leave(&loader->channel, 0);
free_unsent:
    hedon_worker_free(thread->worker);
free_context:
    hedon_context_free(thread->ctx);
    return code;
}

/* All of them decode on a GPU that is insisted on. */
static int worker_count(const HedonLoaderOptions *options)
{
    return options->worker.decoder == HEDON_DECODER_NVDEC && options->workers > HEDON_GPU_WORKERS
               ? HEDON_GPU_WORKERS
               : options->workers;
}

int hedon_loader_start(HedonContext *ctx, HedonLoader **out, const HedonLoaderOptions *options,
                       const HedonLoaderCallbacks *callbacks)
{
    *out = NULL;
    if (options->workers < 1 || options->workers > WORKERS_MAX || options->queue < 1)
        return hedon_fail(ctx, HEDON_EINVAL, "the loader needs 1 to %d workers and a queue",
                          WORKERS_MAX);
    HedonLoader *loader = hedon_calloc(1, sizeof(*loader));
    if (!loader) return hedon_fail_memory(ctx);
    loader->options = *options;
    loader->callbacks = *callbacks;
    int code = hedon_loader_channel_init(&loader->channel, options, callbacks);
    if (code) {
        hedon_free(loader);
        return hedon_fail_memory(ctx);
    }
    pthread_mutex_init(&loader->jobs, NULL);
    loader->threads = hedon_calloc((size_t)options->workers, sizeof(*loader->threads));
    if (!loader->threads) code = hedon_fail_memory(ctx);
    for (int i = worker_count(options); !code && i > 0; i--) code = start_thread(ctx, loader);
    if (code)
        hedon_loader_stop(loader);
    else
        *out = loader;
    return code;
}

int hedon_loader_next(HedonContext *ctx, HedonLoader *loader, HedonLoaded **event)
{
    HedonLoaderEvent *came;
    const int code = hedon_loader_channel_receive(&loader->channel, &came);
    *event = came ? &came->loaded : NULL;
    if (code == HEDON_ECANCELLED) return hedon_fail(ctx, code, "interrupted");
    if (code < 0) return hedon_fail_memory(ctx);
    return code;
}

void hedon_loader_release(HedonLoader *loader, HedonLoaded *event)
{
    hedon_loader_event_recycle(&loader->channel, (HedonLoaderEvent *)event);
}

void hedon_loader_nudge(HedonLoader *loader)
{
    pthread_mutex_lock(&loader->channel.lock);
    loader->channel.nudged = 1;
    pthread_cond_broadcast(&loader->channel.changed);
    pthread_mutex_unlock(&loader->channel.lock);
}

void hedon_loader_stats(HedonLoader *loader, HedonLoaderStats *stats)
{
    pthread_mutex_lock(&loader->channel.lock);
    *stats = loader->channel.stats;
    pthread_mutex_unlock(&loader->channel.lock);
}

void hedon_loader_stop(HedonLoader *loader)
{
    if (!loader) return;
    hedon_loader_channel_close(&loader->channel);
    for (int i = 0; i < loader->thread_count; i++)
        hedon_worker_interrupt(loader->threads[i].worker);
    for (int i = 0; i < loader->thread_count; i++) {
        pthread_join(loader->threads[i].thread, NULL);
        hedon_worker_free(loader->threads[i].worker);
        hedon_context_free(loader->threads[i].ctx);
    }
    hedon_loader_channel_free(&loader->channel);
    pthread_mutex_destroy(&loader->jobs);
    hedon_free(loader->threads);
    hedon_free(loader);
}
