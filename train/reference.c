#include "train/reference.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct Scoring {
    HedonContext *ctx;
    const HedonDatasetItem *const *items;
    int64_t count, wanted, next;
    int ranks; /* every ranks-th of the wanted is this one's */
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
    if (scoring->stopped || scoring->next >= scoring->wanted) return 1;
    *path = scoring->items[scoring->next * scoring->count / scoring->wanted]->path;
    scoring->next += scoring->ranks;
    return 0;
}

static int finished(void *opaque, const HedonScore *score)
{
    Scoring *scoring = opaque;
    if (!score->code && score->has_utility) scoring->utilities[scoring->found++] = score->utility;
    if (score->code != HEDON_ENOMEM) return 0;
    return hedon_fail(scoring->ctx, HEDON_ENOMEM, "%s", score->error); /* which memory it was */
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* What each rank has found, one after the other, on all. */
static int join(HedonContext *ctx, HedonProcessGroup *group, Scoring *scoring)
{
    const int64_t wanted = scoring->wanted;
    const size_t ranks = (size_t)group->ranks;
    double *found = hedon_calloc(ranks, sizeof(*found));
    double *all = hedon_calloc(ranks * (size_t)wanted + 1, sizeof(*all));
    int code = found && all ? 0 : hedon_fail_memory(ctx);
    code = hedon_process_group_agree(ctx, group, code);
    if (!code) {
        found[group->rank] = (double)scoring->found;
        code = group->sum(ctx, group, found, group->ranks);
    }
    if (!code)
        code = group->gather(ctx, group, scoring->utilities, (size_t)wanted * sizeof(double), all);
    scoring->found = 0;
    for (size_t r = 0; r < ranks && !code; r++)
        for (int64_t i = 0; i < (int64_t)found[r]; i++)
            scoring->utilities[scoring->found++] = all[(int64_t)r * wanted + i];
    hedon_free(found);
    hedon_free(all);
    return code;
}

int hedon_train_reference(HedonContext *ctx, const HedonModel *model,
                          const HedonDatasetItem *const *items, int64_t count,
                          const HedonDeviceOptions *device, HedonDecoder decoder, int workers,
                          HedonProcessGroup *group, int (*stop)(void *opaque), void *opaque,
                          double **utilities, int64_t *found)
{
    const int64_t wanted = count < HEDON_REFERENCE_VIDEOS ? count : HEDON_REFERENCE_VIDEOS;
    HedonScorer *scorer = NULL;
    HedonScorerOptions options;
    Scoring scoring = {.ctx = ctx,
                       .items = items,
                       .count = count,
                       .wanted = wanted,
                       .next = group->rank,
                       .ranks = group->ranks,
                       .stop = stop,
                       .opaque = opaque};
    hedon_scorer_options_default(&options);
    options.device = *device;
    options.decode_workers = workers;
    options.decoder = decoder;
    options.timeline = 0;
    *found = 0;
    *utilities = scoring.utilities = hedon_calloc((size_t)wanted + 1, sizeof(double));
    if (!scoring.utilities) {
        group->broken = group->ranks > 1;
        return hedon_fail_memory(ctx);
    }
    const HedonScoreCallbacks callbacks = {.opaque = &scoring,
                                           .expected = wanted / group->ranks,
                                           .unordered = 1,
                                           .next = next_video,
                                           .finished = finished};
    int code = hedon_scorer_open(ctx, &scorer, model, &options);
    if (!code) code = hedon_scorer_run(ctx, scorer, &callbacks);
    hedon_scorer_close(scorer);
    if (!code && scoring.stopped) code = hedon_fail(ctx, HEDON_ECANCELLED, "interrupted");
    code = hedon_process_group_agree(ctx, group, code);
    if (!code) code = join(ctx, group, &scoring);
    if (code) {
        hedon_free(*utilities);
        *utilities = NULL;
        return code;
    }
    qsort(scoring.utilities, (size_t)scoring.found, sizeof(double), ascending);
    *found = scoring.found;
    return 0;
}
