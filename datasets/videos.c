#include "datasets/videos.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

enum { MOST_WORKERS = 64 };

typedef struct Visit {
    const HedonDataset *dataset;
    const HedonVisitOptions *options;
    pthread_mutex_t lock;
    int64_t next, done, total;
    int code; /* of the first thread that had to stop; its sentence is in ctx */
    HedonContext *ctx;
} Visit;

void hedon_visit_options_default(HedonVisitOptions *options)
{
    *options = (HedonVisitOptions){0};
    hedon_worker_options_default(&options->worker);
}

static int is_wanted(const HedonVisitOptions *options, int64_t item)
{
    return !options->wanted || options->wanted(options->opaque, item);
}

static void stop(Visit *visit, int code, const char *sentence)
{
    pthread_mutex_lock(&visit->lock);
    if (!visit->code) visit->code = hedon_fail(visit->ctx, code, "%s", sentence);
    pthread_mutex_unlock(&visit->lock);
}

/* The next item, or -1 when there is none left or the visit is over. */
static int64_t take(Visit *visit)
{
    pthread_mutex_lock(&visit->lock);
    const int64_t size = hedon_dataset_size(visit->dataset);
    while (visit->next < size && !is_wanted(visit->options, visit->next)) visit->next++;
    const int64_t item = visit->next < size && !visit->code ? visit->next++ : -1;
    pthread_mutex_unlock(&visit->lock);
    return item;
}

static void finished(Visit *visit)
{
    pthread_mutex_lock(&visit->lock);
    visit->done++;
    if (visit->options->progress)
        visit->options->progress(visit->options->opaque, visit->done, visit->total);
    pthread_mutex_unlock(&visit->lock);
}

static void *work(void *opaque)
{
    Visit *visit = opaque;
    HedonContext *ctx = hedon_context_new();
    HedonWorker *worker = NULL;
    int code = ctx ? hedon_worker_new(ctx, &worker, &visit->options->worker) : HEDON_ENOMEM;
    for (int64_t item; !code && (item = take(visit)) >= 0;) {
        const int opened =
            hedon_worker_open(ctx, worker, hedon_dataset_item(visit->dataset, item)->path);
        code = hedon_check_cancelled(ctx);
        if (!code) code = visit->options->visit(visit->options->opaque, ctx, worker, item, opened);
        if (!code) finished(visit);
    }
    if (code) stop(visit, code, ctx ? hedon_last_error(ctx) : "out of memory");
    hedon_worker_free(worker);
    hedon_context_free(ctx);
    return NULL;
}

int hedon_visit_videos(HedonContext *ctx, const HedonDataset *dataset,
                       const HedonVisitOptions *options)
{
    Visit visit = {.dataset = dataset, .options = options, .ctx = ctx};
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) visit.total += is_wanted(options, i);
    if (!visit.total) return 0;
    int workers = options->workers > 0 ? options->workers : hedon_cpu_count();
    if (workers > MOST_WORKERS) workers = MOST_WORKERS;
    if (workers > visit.total) workers = (int)visit.total;
    pthread_mutex_init(&visit.lock, NULL);
    pthread_t threads[MOST_WORKERS];
    int started = 0;
    while (started < workers && !pthread_create(&threads[started], NULL, work, &visit)) started++;
    if (!started) stop(&visit, HEDON_ENOMEM, "no thread can be started");
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&visit.lock);
    return visit.code;
}

int hedon_visit_frames(HedonContext *ctx, HedonWorker *worker, const int64_t *indices, size_t count,
                       HedonFrameSink sink, void *opaque, int *damaged)
{
    int code = HEDON_ERESAMPLE;
    if (damaged) *damaged = hedon_worker_info(worker)->damaged;
    /* the index changes once; a second time would be a worker that is up to no good */
    for (int attempt = 0; attempt < 2 && code == HEDON_ERESAMPLE; attempt++) {
        const int64_t frames = hedon_worker_info(worker)->frames;
        while (count && indices[count - 1] >= frames) count--;
        if (!count) return hedon_fail(ctx, HEDON_EDATA, "no frame of it decodes");
        code = hedon_worker_frames(ctx, worker, indices, count, sink, opaque);
        if (code == HEDON_ERESAMPLE && damaged) *damaged = 1;
    }
    return code;
}
