/* Stores to test on: made-up videos and scores, and short forms of what every test does. */
#ifndef HEDON_TESTS_STORE_FIXTURE_H
#define HEDON_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "store/store.h"

enum { STORE_CLIPS = 3, STORE_MOST_CLIPS = 24 };

#define assert_good(ctx, call)                                                                     \
    do {                                                                                           \
        const int code_ = (call);                                                                  \
        if (code_) fail_msg("%s: %d, %s", #call, code_, hedon_last_error(ctx));                    \
    } while (0)

/* A result that is a function of its number. */
typedef struct StoreScore {
    HedonScore score;
    HedonScoreClip clips[STORE_MOST_CLIPS];
    char hash[65];
} StoreScore;

static inline void store_score_fill(StoreScore *s, uint64_t number)
{
    const HedonRandomKey key = hedon_random_key(5, 0, number);
    *s = (StoreScore){.score = {.duration_s = 1 + 99 * hedon_random_uniform(key, 0),
                                .frames = 25 + (int64_t)number,
                                .width = 320,
                                .height = 240,
                                .has_emotions = 1,
                                .has_utility = 1,
                                .has_percentile = 1,
                                .utility = hedon_random_normal(key, 1),
                                .percentile = 100 * hedon_random_uniform(key, 2),
                                .views = 4,
                                .utility_sd = hedon_random_uniform(key, 3),
                                .emotions_sd = hedon_random_uniform(key, 4),
                                .damaged = number % 3 == 0,
                                .lost = (int64_t)number % 3}};
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        s->score.emotions[i] = hedon_random_uniform(key, 10 + (uint64_t)i);
    for (int c = 0; c < STORE_MOST_CLIPS; c++) {
        s->clips[c] = (HedonScoreClip){.start_s = c * 2,
                                       .end_s = c * 2 + 2,
                                       .utility = hedon_random_normal(key, 100 + (uint64_t)c)};
        for (int i = 0; i < HEDON_EMOTIONS; i++)
            s->clips[c].emotions[i] =
                (float)hedon_random_uniform(key, 200 + (uint64_t)(c * HEDON_EMOTIONS + i));
    }
    snprintf(s->hash, sizeof(s->hash), "%064llx", (unsigned long long)number);
    s->score.clip_count = STORE_CLIPS;
}

static inline StoreScore *store_score(StoreScore *s, uint64_t number)
{
    store_score_fill(s, number);
    s->score.clips = s->clips;
    return s;
}

static inline int64_t store_run(HedonContext *ctx, HedonStore *store, const char *sha256)
{
    HedonStoreRun run = {
        .model_name = "m", .model = "{\"name\":\"m\"}", .settings = "{\"window\":2}"};
    snprintf(run.model_sha256, sizeof(run.model_sha256), "%s", sha256);
    assert_good(ctx, hedon_store_run(ctx, store, &run));
    return run.id;
}

/* Files /videos/00000.mp4 and on; size and time are functions of the number. */
static inline HedonStoreEntered store_enter(HedonContext *ctx, HedonStore *store, int64_t run,
                                            int first, int count)
{
    HedonStoreFile *files = calloc((size_t)count, sizeof(*files));
    char(*paths)[32] = calloc((size_t)count, sizeof(*paths));
    for (int i = 0; i < count; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/videos/%05d.mp4", first + i);
        files[i] = (HedonStoreFile){paths[i], "/videos", 1000 + first + i, 7};
    }
    HedonStoreEntered entered = {0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, files, count, &entered));
    free(files);
    free(paths);
    return entered;
}

/* The number in /videos/NUMBER.mp4. */
static inline uint64_t store_number(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strtoull(slash + 1, NULL, 10) : 0;
}

/* Finish jobs with scores that are functions of their paths' numbers. */
static inline int64_t store_finish(HedonContext *ctx, HedonStore *store, int64_t worker,
                                   const HedonStoreJob *jobs, int count)
{
    StoreScore *scores = calloc((size_t)count, sizeof(*scores));
    HedonStoreResult *results = calloc((size_t)count, sizeof(*results));
    for (int i = 0; i < count; i++) {
        store_score(&scores[i], store_number(jobs[i].path));
        results[i] = (HedonStoreResult){.job = &jobs[i],
                                        .outcome = HEDON_STORE_SCORED,
                                        .score = &scores[i].score,
                                        .hash = scores[i].hash,
                                        .size = jobs[i].size,
                                        .mtime_ns = jobs[i].mtime_ns};
    }
    int64_t lost = 0;
    assert_good(ctx, hedon_store_finish(ctx, store, worker, results, count, &lost));
    free(scores);
    free(results);
    return lost;
}

static inline void store_clear(HedonStoreJob *jobs, int count)
{
    for (int i = 0; i < count; i++) hedon_store_job_clear(&jobs[i]);
}

static inline int store_claim(HedonContext *ctx, HedonStore *store, int64_t run, int64_t worker,
                              int most, HedonStoreJob *jobs)
{
    int count;
    assert_good(ctx, hedon_store_claim(ctx, store, run, worker, most, jobs, &count));
    return count;
}

/* Everything that waits is annotated. Returns how many. */
static inline int store_annotate_all(HedonContext *ctx, HedonStore *store, int64_t run)
{
    int64_t worker;
    HedonStoreJob jobs[64];
    int total = 0, count;
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    while ((count = store_claim(ctx, store, run, worker, 64, jobs))) {
        assert_int_equal(store_finish(ctx, store, worker, jobs, count), 0);
        store_clear(jobs, count);
        total += count;
    }
    assert_good(ctx, hedon_store_worker_end(ctx, store, worker));
    return total;
}

#endif
