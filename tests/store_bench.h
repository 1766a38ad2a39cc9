/* test_store --bench [VIDEOS]: what a store's operations cost, and its bytes for a video. */
#ifndef HEDON_TESTS_STORE_BENCH_H
#define HEDON_TESTS_STORE_BENCH_H

#include "base/clock.h"
#include "tests/postgres_fixture.h"
#include "tests/store_fixture.h"

typedef struct StoreBench {
    HedonContext *ctx;
    HedonStore *store;
    int64_t run, worker;
    int clips;
} StoreBench;

static inline double bench_enter(const StoreBench *bench, int first, int count)
{
    const double start = hedon_clock_s();
    for (int i = 0; i < count; i += 1000)
        store_enter(bench->ctx, bench->store, bench->run, first + i, count < 1000 ? count : 1000);
    return hedon_clock_s() - start;
}

/* Sixty-four at a time, as annotate does; the making of scores is not counted. */
static inline double bench_annotate(const StoreBench *bench)
{
    static StoreScore scores[64];
    HedonStoreJob jobs[64];
    HedonStoreResult results[64];
    double seconds = 0;
    for (int count;;) {
        double start = hedon_clock_s();
        count = store_claim(bench->ctx, bench->store, bench->run, bench->worker, 64, jobs);
        seconds += hedon_clock_s() - start;
        if (!count) return seconds;
        for (int i = 0; i < count; i++) {
            store_score(&scores[i], store_number(jobs[i].path))->score.clip_count = bench->clips;
            results[i] = (HedonStoreResult){.job = &jobs[i],
                                            .outcome = HEDON_STORE_SCORED,
                                            .score = &scores[i].score,
                                            .hash = scores[i].hash,
                                            .size = jobs[i].size,
                                            .mtime_ns = jobs[i].mtime_ns};
        }
        start = hedon_clock_s();
        assert_good(bench->ctx, hedon_store_finish(bench->ctx, bench->store, bench->worker, results,
                                                   count, NULL));
        seconds += hedon_clock_s() - start;
        store_clear(jobs, count);
    }
}

static inline int bench_row(void *opaque, const HedonStoreRow *row)
{
    (void)row;
    ++*(int64_t *)opaque;
    return 0;
}

static inline double bench_read(const StoreBench *bench, const HedonStoreQuery *query)
{
    int64_t rows = 0;
    const double start = hedon_clock_s();
    assert_good(bench->ctx, hedon_store_each(bench->ctx, bench->store, query, bench_row, &rows));
    return hedon_clock_s() - start;
}

static inline void store_bench(HedonContext *ctx, const char *place, int videos, int clips)
{
    StoreBench bench = {.ctx = ctx, .clips = clips};
    assert_good(ctx, hedon_store_open(ctx, &bench.store, place, NULL));
    bench.run = store_run(ctx, bench.store, "aa");
    assert_good(ctx, hedon_store_worker_begin(ctx, bench.store, bench.run, &bench.worker));
    printf("%d videos, %d clips each\n", videos, clips);
    printf("  enter, all new        %9.3f s\n", bench_enter(&bench, 0, videos));
    printf("  claim and finish      %9.3f s\n", bench_annotate(&bench));
    printf("  enter, all known      %9.3f s\n", bench_enter(&bench, 0, videos));
    printf("  enter 10 more         %9.6f s\n", bench_enter(&bench, videos, 10));
    printf("  claim and finish them %9.6f s\n", bench_annotate(&bench));
    HedonStoreQuery query = {.run = bench.run, .order = HEDON_STORE_BY_UTILITY, .limit = 20};
    printf("  lowest 20 by utility  %9.6f s\n", bench_read(&bench, &query));
    query = (HedonStoreQuery){.run = bench.run,
                              .order = HEDON_STORE_BY_EMOTION,
                              .emotion = 19,
                              .descending = 1,
                              .limit = 20};
    printf("  highest 20 by joy     %9.6f s\n", bench_read(&bench, &query));
    query = (HedonStoreQuery){.run = bench.run, .clips = 1};
    printf("  all rows, with clips  %9.3f s\n", bench_read(&bench, &query));
    assert_good(ctx, hedon_store_worker_end(ctx, bench.store, bench.worker));
    hedon_store_close(bench.store);
}

static inline long long bench_postgres_bytes(const PostgresFixture *postgres, const char *name)
{
    char command[512];
    long long bytes = 0;
    snprintf(command, sizeof(command),
             "%s/psql -h %s -U hedon %s -Atc \"SELECT sum(pg_total_relation_size(c.oid)) FROM "
             "pg_class c WHERE relnamespace = 'hedon'::regnamespace AND relkind = 'r'\"",
             postgres->programs, postgres->folder, name);
    FILE *answer = popen(command, "r");
    if (!answer || fscanf(answer, "%lld", &bytes) != 1) bytes = 0;
    if (answer) pclose(answer);
    return bytes;
}

#endif
