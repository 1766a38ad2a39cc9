/* Stores for the tests of report/: named videos with scores that the test chooses. */
#ifndef HEDON_TESTS_REPORT_FIXTURE_H
#define HEDON_TESTS_REPORT_FIXTURE_H

#include <math.h>

#include "store_fixture.h"

/* JSON as annotate writes it into a run. */
#define REPORT_MODEL                                                                               \
    "{\"name\":\"%s\",\"sha256\":\"%s\",\"trained_on\":\"%s\",\"caveat\":\"sees colour only\","    \
    "\"warning\":\"not an estimate of viewers' feelings\",\"notes\":\"Nobody rated moments.\\n"    \
    "hedon hears no sound.\",\"reference\":{\"name\":\"synthetic clips\",\"videos\":256}}"

typedef struct ReportVideo {
    const char *path, *root;
    const char *error; /* NULL: scored */
} ReportVideo;

/* Fill a score for video i; its clips are already there (STORE_CLIPS of two seconds). */
typedef void (*ReportFill)(StoreScore *score, int i);

static inline int64_t report_run(HedonContext *ctx, HedonStore *store, const char *name, char digit)
{
    char model[2048];
    HedonStoreRun run = {.model = model, .settings = "{\"window\":2}"};
    memset(run.model_sha256, digit, 64);
    snprintf(run.model_name, sizeof(run.model_name), "%s", name);
    snprintf(model, sizeof(model), REPORT_MODEL, name, run.model_sha256, "made-up numbers");
    assert_good(ctx, hedon_store_run(ctx, store, &run));
    return run.id;
}

static inline void report_finish(HedonContext *ctx, HedonStore *store, int64_t worker,
                                 const HedonStoreJob *job, const ReportVideo *videos, int count,
                                 ReportFill fill)
{
    int i = 0;
    while (i < count && strcmp(videos[i].path, job->path)) i++;
    assert_true(i < count);
    StoreScore score;
    store_score(&score, (uint64_t)i);
    if (videos[i].error)
        score.score = (HedonScore){.code = HEDON_EDATA, .error = videos[i].error};
    else if (fill)
        fill(&score, i);
    score.score.video = job->path;
    const HedonStoreResult result = {.job = job,
                                     .outcome = HEDON_STORE_SCORED,
                                     .score = &score.score,
                                     .hash = score.hash,
                                     .size = job->size,
                                     .mtime_ns = job->mtime_ns};
    assert_good(ctx, hedon_store_finish(ctx, store, worker, &result, 1, NULL));
}

/* Enter and annotate videos of a run. */
static inline void report_annotate(HedonContext *ctx, HedonStore *store, int64_t run,
                                   const ReportVideo *videos, int count, ReportFill fill)
{
    HedonStoreEntered entered = {0};
    for (int i = 0; i < count; i++) {
        const HedonStoreFile file = {videos[i].path, videos[i].root, 1000 + i, 7};
        assert_good(ctx, hedon_store_enter(ctx, store, run, &file, 1, &entered));
    }
    int64_t worker;
    HedonStoreJob jobs[64];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    for (int n; (n = store_claim(ctx, store, run, worker, 64, jobs));) {
        for (int k = 0; k < n; k++)
            report_finish(ctx, store, worker, &jobs[k], videos, count, fill);
        store_clear(jobs, n);
    }
    assert_good(ctx, hedon_store_worker_end(ctx, store, worker));
}

#endif
