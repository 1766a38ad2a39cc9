/* A store of many made-up videos that look like a real one: for the browser tests and for looking
 * at. */
#ifndef HEDON_TESTS_REPORT_STORE_H
#define HEDON_TESTS_REPORT_STORE_H

#include "report_fixture.h"

/* Intensities around a mood that drifts over the clips; the utility follows the pleasant ones. */
static inline void lively_score(StoreScore *s, int i, HedonScoreClip *clips, int clip_count)
{
    const HedonRandomKey key = hedon_random_key(9, 1, (uint64_t)i);
    static const double pleasant[HEDON_EMOTIONS] = {.8, .7,  .8, .8,  -1, -1, .7, -.4, -.5,
                                                    .8, -.4, .1, -.8, -1, .5, .9, -1,  -1,
                                                    .5, 1,   .3, .7,  .8, -1, .8, .4,  .3};
    const double mood = hedon_random_normal(key, 1);
    s->score.utility = 0;
    for (int k = 0; k < HEDON_EMOTIONS; k++) s->score.emotions[k] = 0;
    for (int c = 0; c < clip_count; c++) {
        HedonScoreClip *clip = &clips[c];
        const double now = mood + .8 * sin(.7 * c + 6 * hedon_random_uniform(key, 2));
        *clip = (HedonScoreClip){.start_s = 2 * c, .end_s = 2 * c + 2};
        for (int k = 0; k < HEDON_EMOTIONS; k++) {
            const double own = hedon_random_normal(key, 100 + (uint64_t)k) +
                               .3 * hedon_random_normal(key, 200 + (uint64_t)(c * 32 + k));
            clip->emotions[k] = (float)(1 / (1 + exp(1.6 - .9 * pleasant[k] * now - .6 * own)));
            clip->utility += pleasant[k] * clip->emotions[k] / 3;
            s->score.emotions[k] += clip->emotions[k] / clip_count;
        }
        s->score.utility += clip->utility / clip_count;
    }
    for (int t = 0; t < 3; t++) {
        int best = -1;
        for (int k = 0; k < HEDON_EMOTIONS; k++) {
            int taken = 0;
            for (int before = 0; before < t; before++) taken |= s->score.top[before] == k;
            if (!taken && (best < 0 || s->score.emotions[k] > s->score.emotions[best])) best = k;
        }
        s->score.top[t] = best;
    }
    s->score.percentile = 100 / (1 + exp(-1.2 * s->score.utility));
    s->score.duration_s = 2 * clip_count;
    s->score.frames = 50 * clip_count;
    s->score.clips = clips;
    s->score.clip_count = clip_count;
    s->score.damaged = 0;
    s->score.lost = 0;
}

enum { LIVELY_CLIPS = 48, LIVELY_BATCH = 500 };

/* /videos/.../NAME-00000.mp4 and on under root, every 150th failed; `first` may name a real file.
 */
static inline void lively_store(HedonContext *ctx, HedonStore *store, int64_t run, const char *root,
                                const char *first, int count)
{
    static const char *const subjects[] = {"beach", "birthday", "concert", "hospital", "match",
                                           "news",  "protest",  "puppy",   "storm",    "wedding"};
    HedonStoreFile *files = calloc((size_t)count, sizeof(*files));
    char(*paths)[512] = calloc((size_t)count, sizeof(*paths));
    for (int i = 0; i < count; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%d/%s-%05d.mp4", root, 2015 + i % 10,
                 subjects[i * 7 % 10], i);
        if (!i && first) snprintf(paths[i], sizeof(paths[i]), "%s", first);
        files[i] = (HedonStoreFile){paths[i], root, 1000 + i, 7};
    }
    HedonStoreEntered entered = {0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, files, count, &entered));
    int64_t worker;
    static HedonStoreJob jobs[LIVELY_BATCH];
    static StoreScore scores[LIVELY_BATCH];
    static HedonStoreResult results[LIVELY_BATCH];
    static HedonScoreClip clips[LIVELY_BATCH][LIVELY_CLIPS];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    for (int n, i = 0; (n = store_claim(ctx, store, run, worker, LIVELY_BATCH, jobs));) {
        for (int k = 0; k < n; k++, i++) {
            store_score(&scores[k], (uint64_t)i);
            lively_score(&scores[k], i, clips[k],
                         first && !i ? 4 : 4 + i * 13 % (LIVELY_CLIPS - 4));
            if (i % 150 == 149)
                scores[k].score = (HedonScore){.code = HEDON_EDATA, .error = "moov atom not found"};
            results[k] = (HedonStoreResult){&jobs[k],       HEDON_STORE_SCORED, &scores[k].score,
                                            scores[k].hash, jobs[k].size,       jobs[k].mtime_ns};
        }
        assert_good(ctx, hedon_store_finish(ctx, store, worker, results, n, NULL));
        store_clear(jobs, n);
    }
    assert_good(ctx, hedon_store_worker_end(ctx, store, worker));
    free(files);
    free(paths);
}

#endif
