#include "train/reference.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct Scoring {
    HedonContext *ctx;
    const HedonDatasetItem *const *items;
    int64_t count, wanted, next;
    int (*stop)(void *opaque);
    void *opaque;
    double *utilities;
    int64_t found;
    int stopped;
} Scoring;

/* From the scorer's threads, one at a time. */
static int next_video(void *opaque, const char **path)
{
    Scoring *scoring = opaque;
    if (scoring->stop && scoring->stop(scoring->opaque)) scoring->stopped = 1;
    if (scoring->stopped || scoring->next == scoring->wanted) return 1;
    *path = scoring->items[scoring->next++ * scoring->count / scoring->wanted]->path;
    return 0;
}

static int finished(void *opaque, const HedonScore *score)
{
    Scoring *scoring = opaque;
    if (!score->code && score->has_utility) scoring->utilities[scoring->found++] = score->utility;
    return score->code == HEDON_ENOMEM ? hedon_fail_memory(scoring->ctx) : 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int hedon_train_reference(HedonContext *ctx, const HedonModel *model,
                          const HedonDatasetItem *const *items, int64_t count,
                          const HedonDeviceOptions *device, int workers, int (*stop)(void *opaque),
                          void *opaque, double **utilities, int64_t *found)
{
    const int64_t wanted = count < HEDON_REFERENCE_VIDEOS ? count : HEDON_REFERENCE_VIDEOS;
    HedonScorer *scorer = NULL;
    HedonScorerOptions options;
    Scoring scoring = {.ctx = ctx,
                       .items = items,
                       .count = count,
                       .wanted = wanted,
                       .stop = stop,
                       .opaque = opaque};
    hedon_scorer_options_default(&options);
    options.device = *device;
    options.decode_workers = workers;
    options.timeline = 0;
    *found = 0;
    *utilities = scoring.utilities = hedon_calloc((size_t)wanted + 1, sizeof(double));
    if (!scoring.utilities) return hedon_fail_memory(ctx);
    const HedonScoreCallbacks callbacks = {.opaque = &scoring,
                                           .expected = wanted,
                                           .unordered = 1,
                                           .next = next_video,
                                           .finished = finished};
    int code = hedon_scorer_open(ctx, &scorer, model, &options);
    if (!code) code = hedon_scorer_run(ctx, scorer, &callbacks);
    hedon_scorer_close(scorer);
    if (!code && scoring.stopped) code = hedon_fail(ctx, HEDON_ECANCELLED, "interrupted");
    if (code) {
        hedon_free(*utilities);
        *utilities = NULL;
        return code;
    }
    qsort(scoring.utilities, (size_t)scoring.found, sizeof(double), ascending);
    *found = scoring.found;
    return 0;
}
