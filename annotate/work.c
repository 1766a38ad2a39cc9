/* A video on its way: from a claimed job to a result that owns all it holds. */
#include <stdlib.h>
#include <string.h>

#include "annotate/pipeline.h"
#include "base/memory.h"

HedonWork *hedon_work_new(const HedonStoreJob *job)
{
    HedonWork *work = hedon_calloc(1, sizeof(*work));
    if (work) work->job = *job;
    return work;
}

static void clear_score(HedonWork *work)
{
    hedon_free((char *)work->score.error);
    hedon_free((HedonScoreClip *)work->score.clips);
    memset(&work->score, 0, sizeof(work->score));
}

int hedon_work_fail(HedonWork *work, int code, const char *message)
{
    clear_score(work);
    work->outcome = HEDON_STORE_SCORED;
    work->score.video = work->job.path;
    work->score.code = code;
    work->score.error = hedon_strdup(message);
    return work->score.error ? 0 : HEDON_ENOMEM;
}

int hedon_work_score(HedonWork *work, const HedonScore *score)
{
    if (score->code) return hedon_work_fail(work, score->code, score->error);
    clear_score(work);
    work->outcome = HEDON_STORE_SCORED;
    work->score = *score;
    work->score.video = work->job.path;
    work->score.error = NULL;
    work->score.thumbnails = NULL;
    work->score.thumbnail_count = 0;
    work->score.clips = NULL;
    if (!score->clip_count) return 0;
    HedonScoreClip *clips = hedon_malloc((size_t)score->clip_count, sizeof(*clips));
    if (!clips) return HEDON_ENOMEM;
    memcpy(clips, score->clips, (size_t)score->clip_count * sizeof(*clips));
    work->score.clips = clips;
    return 0;
}

void hedon_work_free(HedonWork *work)
{
    if (!work) return;
    clear_score(work);
    hedon_store_job_clear(&work->job);
    hedon_free(work);
}
