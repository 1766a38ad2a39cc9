#include "report/strips.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "report/place.h"
#include "report/strip.h"

enum { QUEUE = 64, MOST_THREADS = 64 };

typedef struct Job {
    char *path, *file;
    double times[HEDON_MOST_PEAKS];
    int count;
} Job;

struct HedonStrips {
    const HedonSiteOptions *options;
    char *folder;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Job queue[QUEUE];
    int first, waiting, closed;
    int64_t expected, finished, made, kept, missing;
    int code; /* writing failed: nothing more is tried */
    char sentence[512];
    pthread_t threads[MOST_THREADS];
    int thread_count;
};

static void job_clear(Job *job)
{
    hedon_free(job->path);
    hedon_free(job->file);
    *job = (Job){0};
}

/* ---- The threads */

static int write_picture(HedonContext *ctx, const char *path, const uint8_t *data, size_t size)
{
    HedonAtomicFile *file;
    int code = hedon_make_folders(ctx, path);
    if (!code) code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    if (fwrite(data, 1, size, hedon_atomic_stream(file)) == size)
        return hedon_atomic_commit(ctx, file);
    code = hedon_fail_errno(ctx, "cannot write %s", path);
    hedon_atomic_abort(file);
    return code;
}

static int next_job(HedonStrips *strips, Job *job)
{
    pthread_mutex_lock(&strips->lock);
    while (!strips->waiting && !strips->closed) pthread_cond_wait(&strips->changed, &strips->lock);
    const int there = strips->waiting > 0;
    if (there) {
        *job = strips->queue[strips->first];
        strips->first = (strips->first + 1) % QUEUE;
        strips->waiting--;
        pthread_cond_broadcast(&strips->changed);
    }
    pthread_mutex_unlock(&strips->lock);
    return there;
}

static void count_job(HedonStrips *strips, HedonContext *ctx, int undecodable, int code)
{
    pthread_mutex_lock(&strips->lock);
    strips->finished++;
    strips->missing += undecodable != 0;
    strips->made += !undecodable && !code;
    if (code && !strips->code) {
        strips->code = code;
        snprintf(strips->sentence, sizeof(strips->sentence), "%s", hedon_last_error(ctx));
    }
    pthread_mutex_unlock(&strips->lock);
}

static void *work(void *opaque)
{
    HedonStrips *strips = opaque;
    HedonContext *ctx = hedon_context_new();
    HedonWorker *worker = NULL;
    Job job;
    int failed = ctx ? hedon_worker_new(ctx, &worker, &strips->options->worker) : HEDON_ENOMEM;
    while (next_job(strips, &job)) {
        uint8_t *png = NULL;
        size_t size;
        int undecodable = failed, code = 0;
        if (!undecodable && !strips->code && !hedon_is_cancelled()) {
            undecodable =
                hedon_strip_make(ctx, worker, job.path, job.times, job.count, &png, &size);
            if (!undecodable) code = write_picture(ctx, job.file, png, size);
        }
        hedon_free(png);
        job_clear(&job);
        count_job(strips, ctx, undecodable, code);
    }
    hedon_worker_free(worker);
    hedon_context_free(ctx);
    return NULL;
}

/* ---- The caller's side */

int hedon_strips_start(HedonContext *ctx, HedonStrips **out, const char *folder,
                       const HedonSiteOptions *options, int64_t expected)
{
    *out = NULL;
    HedonStrips *strips = hedon_calloc(1, sizeof(*strips));
    char *copy = strips ? hedon_strdup(folder) : NULL;
    if (!copy) {
        hedon_free(strips);
        return hedon_fail_memory(ctx);
    }
    strips->options = options;
    strips->folder = copy;
    strips->expected = expected;
    pthread_mutex_init(&strips->lock, NULL);
    pthread_cond_init(&strips->changed, NULL);
    const int wanted = options->workers > 0 ? options->workers : hedon_cpu_count();
    while (strips->thread_count < wanted && strips->thread_count < MOST_THREADS &&
           !pthread_create(&strips->threads[strips->thread_count], NULL, work, strips))
        strips->thread_count++;
    *out = strips;
    if (strips->thread_count) return 0;
    hedon_strips_finish(ctx, strips, NULL);
    *out = NULL;
    return hedon_fail(ctx, HEDON_EIO, "cannot start threads for thumbnails");
}

static int put(HedonContext *ctx, HedonStrips *strips, Job *job)
{
    pthread_mutex_lock(&strips->lock);
    while (strips->waiting == QUEUE && !strips->code)
        pthread_cond_wait(&strips->changed, &strips->lock);
    const int code = strips->code;
    if (!code) {
        strips->queue[(strips->first + strips->waiting++) % QUEUE] = *job;
        pthread_cond_broadcast(&strips->changed);
    }
    const int64_t done = strips->finished + strips->kept;
    pthread_mutex_unlock(&strips->lock);
    if (strips->options->progress)
        strips->options->progress(strips->options->opaque, done, strips->expected);
    if (!code) return 0;
    job_clear(job);
    return hedon_fail(ctx, code, "%s", strips->sentence);
}

int hedon_strips_add(HedonContext *ctx, HedonStrips *strips, const char *path, int64_t id,
                     const char *name, const HedonPeak *peaks, int count)
{
    const size_t size = strlen(strips->folder) + strlen(name) + 64;
    Job job = {.path = hedon_strdup(path), .file = hedon_malloc(size, 1), .count = count};
    if (!job.path || !job.file) {
        job_clear(&job);
        return hedon_fail_memory(ctx);
    }
    snprintf(job.file, size, "%s/thumbs/%lld/%s.png", strips->folder, (long long)(id % 100), name);
    for (int i = 0; i < count; i++) job.times[i] = peaks[i].time_s;
    if (access(job.file, F_OK)) return put(ctx, strips, &job);
    job_clear(&job);
    pthread_mutex_lock(&strips->lock);
    strips->kept++;
    pthread_mutex_unlock(&strips->lock);
    return 0;
}

int hedon_strips_finish(HedonContext *ctx, HedonStrips *strips, HedonSiteWritten *written)
{
    pthread_mutex_lock(&strips->lock);
    strips->closed = 1;
    pthread_cond_broadcast(&strips->changed);
    pthread_mutex_unlock(&strips->lock);
    for (int i = 0; i < strips->thread_count; i++) pthread_join(strips->threads[i], NULL);
    if (written) {
        written->thumbnails = strips->made;
        written->kept = strips->kept;
        written->missing = strips->missing;
    }
    const int code = strips->code ? hedon_fail(ctx, strips->code, "%s", strips->sentence) : 0;
    pthread_cond_destroy(&strips->changed);
    pthread_mutex_destroy(&strips->lock);
    hedon_free(strips->folder);
    hedon_free(strips);
    return code ? code : hedon_check_cancelled(ctx);
}
