/* Between the pipeline and hedon_scorer_run: which video comes next, what became of it. */
#include "annotate/pipeline.h"
#include "base/error.h"

/* A file that changes each time it is read is given up after so many times. */
enum { MOST_TRIALS = 3 };

/* Whether to stop the scorer's run: for good, or because nothing can be had now, so that clips
 * which wait for others to fill their batch are computed. */
static int is_over(HedonPipeline *pipeline)
{
    pthread_mutex_lock(&pipeline->lock);
    const int over = pipeline->stop || pipeline->reopen ||
                     (pipeline->dry && !pipeline->upstream && !hedon_queue_count(&pipeline->ready));
    pthread_mutex_unlock(&pipeline->lock);
    return over || hedon_is_cancelled();
}

int hedon_pipeline_next(void *opaque, const char **path)
{
    HedonPipeline *pipeline = opaque;
    HedonWork *work = NULL;
    while (!is_over(pipeline) && !(work = hedon_queue_take(&pipeline->ready, .02))) continue;
    if (!work) return 1;
    pthread_mutex_lock(&pipeline->lock);
    work->number = pipeline->next_number++;
    work->next = pipeline->flying;
    pipeline->flying = work;
    pthread_mutex_unlock(&pipeline->lock);
    *path = work->job.path;
    return 0;
}

static HedonWork *land(HedonPipeline *pipeline, int64_t number)
{
    pthread_mutex_lock(&pipeline->lock);
    HedonWork **place = &pipeline->flying;
    while (*place && (*place)->number != number) place = &(*place)->next;
    HedonWork *work = *place;
    if (work) *place = work->next;
    pthread_mutex_unlock(&pipeline->lock);
    return work;
}

void hedon_pipeline_ground(HedonPipeline *pipeline)
{
    while (pipeline->flying) {
        HedonWork *work = pipeline->flying;
        pipeline->flying = work->next;
        hedon_work_free(work);
    }
}

/* Counts what the stages took; once, decides by the first videos how many lanes there should be. */
static void measure(HedonPipeline *pipeline)
{
    HedonScorerStats stats;
    hedon_scorer_stats(pipeline->scorer, &stats);
    hedon_pipeline_scored(pipeline, &stats, 0);
    HedonMeasuredShare share;
    if (!pipeline->measuring || !hedon_measure_share(&stats, &share)) return;
    pipeline->measuring = 0;
    const HedonScorerOptions *wanted = &pipeline->options->scorer;
    if (wanted->decode_workers) share.workers = wanted->decode_workers;
    if (wanted->streams) share.streams = wanted->streams;
    pthread_mutex_lock(&pipeline->lock);
    pipeline->state.measured = 1;
    pipeline->reopen = share.workers != stats.workers || share.streams != stats.streams;
    pipeline->share = share;
    pthread_mutex_unlock(&pipeline->lock);
}

/* How often this file has changed while it was read by this process, this time included. */
static int count_change(HedonPipeline *pipeline, int64_t annotation)
{
    for (int i = 0; i < HEDON_PIPELINE_RESTLESS; i++)
        if (pipeline->restless[i].annotation == annotation) return ++pipeline->restless[i].times;
    struct HedonRestless *place =
        &pipeline->restless[pipeline->restless_count++ % HEDON_PIPELINE_RESTLESS];
    *place = (struct HedonRestless){annotation, 1};
    return 1;
}

int hedon_pipeline_finished(void *opaque, const HedonScore *score)
{
    HedonPipeline *pipeline = opaque;
    HedonWork *work = land(pipeline, score->number);
    if (!work) return HEDON_EINVAL;
    measure(pipeline);
    int code;
    if (hedon_content_is_current(work->job.path, &work->content)) {
        code = hedon_work_score(work, score);
    } else if (count_change(pipeline, work->job.annotation) < MOST_TRIALS) {
        work->outcome = HEDON_STORE_GIVEN_BACK;
        code = 0;
    } else {
        work->hashed = 0; /* nobody knows of what content this is */
        code = hedon_work_fail(work, HEDON_EIO,
                               "it changed each time while it was read; run the same command again "
                               "when it is complete");
    }
    if (code) hedon_pipeline_fail(pipeline, code, "out of memory");
    if (code || hedon_queue_put(&pipeline->results, work)) {
        hedon_work_free(work);
        return code ? code : HEDON_ECANCELLED;
    }
    return 0;
}
