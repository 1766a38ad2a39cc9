/* Several computing streams: the same bits for any number of them, in order and not; failing videos,
 * cancellation, memory that runs out or must not grow; what the statistics say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "models/model.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { FILES = 5, MOST = 400 };

static char scratch[] = "/tmp/hedon-test-streams-XXXXXX";
static char paths[FILES][96];

/* Three good videos of different lengths and sizes, one that is none, one that is not there. */
static int make_scratch(void **state)
{
    (void)state;
    char command[1024];
    if (!mkdtemp(scratch)) return -1;
    setenv("HEDON_DECODE_WORKER", HEDON_BINARY_DIR "/hedon-decode", 1);
    static const char *const names[FILES] = {"a.mp4", "b.mp4", "none.mp4", "c.mkv", "absent.mp4"};
    for (int i = 0; i < FILES; i++) snprintf(paths[i], sizeof(paths[i]), "%s/%s", scratch, names[i]);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=64x48:rate=10:duration=3 "
             "-c:v libx264 -pix_fmt yuv420p %s && "
             "ffmpeg -v error -nostdin -y -f lavfi -i mandelbrot=size=96x64:rate=12 -t 7 "
             "-c:v libx264 -pix_fmt yuv420p %s && "
             "ffmpeg -v error -nostdin -y -f lavfi -i gradients=size=80x80:rate=8:seed=3 -t 12 "
             "-c:v mpeg4 %s && echo nothing > %s",
             paths[0], paths[1], paths[3], paths[2]);
    return system(command);
}

static int remove_scratch(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command);
}

/* What a run gave. */
typedef struct Results {
    HedonScorer *scorer;
    int wanted, next, count, good, ordered;
    int stop_after, cancel_after;
    double cancelled_s; /* when */
    int code[MOST];
    double utility[MOST], clips[MOST]; /* clips: a sum over the timeline, which depends on its order */
    float emotion[MOST];
    int64_t views; /* calls of `view` */
    HedonScorerStats stats;
} Results;

static int next_path(void *opaque, const char **path)
{
    Results *results = opaque;
    if (results->next == results->wanted) return 1;
    *path = paths[results->next++ % FILES];
    return 0;
}

static int take_result(void *opaque, const HedonScore *score)
{
    Results *results = opaque;
    const int64_t n = score->number;
    results->ordered &= n == results->count;
    results->code[n] = score->code;
    results->utility[n] = score->utility;
    results->emotion[n] = (float)score->emotions[5];
    for (int64_t i = 0; i < score->clip_count; i++)
        results->clips[n] = results->clips[n] / 3 + score->clips[i].utility;
    results->good += !score->code;
    assert_string_equal(score->video, paths[n % FILES]);
    HedonScorerStats stats;
    hedon_scorer_stats(results->scorer, &stats);
    assert_true(stats.videos > results->count);
    results->count++;
    if (results->count == results->cancel_after) {
        results->cancelled_s = hedon_clock_s();
        hedon_cancel();
    }
    return results->count == results->stop_after ? 77 : 0;
}

static int take_view(void *opaque, int64_t number, int64_t clip, int64_t view,
                     const float *emotions, const float *utility)
{
    Results *results = opaque;
    (void)number;
    (void)clip;
    (void)view;
    assert_non_null(emotions);
    assert_non_null(utility);
    results->views++;
    return 0;
}

typedef struct Way {
    int streams, workers, unordered;
    int64_t batch;
    const char *device;
    const char *architecture;
} Way;

static int score(HedonContext *ctx, const Way *way, Results *results)
{
    HedonModel *model;
    HedonScorer *scorer = NULL;
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    options.streams = way->streams;
    options.decode_workers = way->workers;
    options.batch = way->batch;
    options.window_s = 1;
    options.device.threads = 2;
    if (way->device) options.device.device = way->device;
    int code =
        hedon_model_open_random(ctx, &model, way->architecture ? way->architecture : "r2plus1d_tiny",
                                1, "emotions,utility");
    if (!code) code = hedon_scorer_open(ctx, &scorer, model, &options);
    results->scorer = scorer;
    results->ordered = 1;
    const HedonScoreCallbacks callbacks = {.opaque = results,
                                           .next = next_path,
                                           .finished = take_result,
                                           .view = take_view,
                                           .unordered = way->unordered};
    if (!code) code = hedon_scorer_run(ctx, scorer, &callbacks);
    if (scorer) hedon_scorer_stats(scorer, &results->stats);
    hedon_scorer_close(scorer);
    hedon_model_close(model);
    return code;
}

static void assert_same_results(const Results *a, const Results *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_int_equal(a->code[i], b->code[i]);
        if (a->utility[i] != b->utility[i] || a->clips[i] != b->clips[i] ||
            a->emotion[i] != b->emotion[i])
            fail_msg("video %d: other bits with other streams", i);
    }
}

static void test_streams_change_no_bit(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    Results one = {.wanted = 23};
    assert_int_equal(score(ctx, &(Way){.streams = 1, .workers = 1}, &one), 0);
    assert_int_equal(one.count, 23);
    assert_int_equal(one.good, 14); /* of five files two are bad */
    assert_true(one.ordered);
    assert_int_equal(one.code[2], HEDON_EDATA);
    assert_int_equal(one.code[4], HEDON_ENOENT);
    assert_true(one.utility[0] != one.utility[1] && one.utility[0] == one.utility[5]);
    static const Way ways[] = {
        {.streams = 2, .workers = 1},
        {.streams = 2, .workers = 3, .unordered = 1},
        {.streams = 5, .workers = 2},
        {.streams = 3, .workers = 2, .batch = 2, .unordered = 1},
        {.streams = 2, .workers = 2, .batch = 7},
        {.streams = 1, .workers = 2, .batch = 3},
        {.streams = 0, .workers = 0, .unordered = 1},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        Results other = {.wanted = 23};
        assert_int_equal(score(ctx, &ways[i], &other), 0);
        assert_same_results(&one, &other);
        assert_int_equal(other.views, one.views);
        if (!ways[i].unordered) assert_true(other.ordered);
    }
    hedon_context_free(ctx);
}

static void test_ref_has_streams_too(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    Results one = {.wanted = 3}, two = {.wanted = 3};
    Way way = {.streams = 1, .device = "ref", .architecture = "lowlevel"};
    if (score(ctx, &way, &one)) fail_msg("%s", hedon_last_error(ctx));
    way.streams = 2;
    assert_int_equal(score(ctx, &way, &two), 0);
    assert_same_results(&one, &two);
    hedon_context_free(ctx);
}

/* More videos than the ring has places, many of them bad, several streams: each once, in order. */
static void test_many_videos_come_out_in_order(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    Results results = {.wanted = 200};
    const Way way = {.streams = 3, .workers = 3, .architecture = "lowlevel"};
    assert_int_equal(score(ctx, &way, &results), 0);
    assert_int_equal(results.count, 200);
    assert_int_equal(results.good, 120);
    assert_true(results.ordered);
    for (int i = 5; i < 200; i++) assert_true(results.utility[i] == results.utility[i % FILES]);
    hedon_context_free(ctx);
}

static void test_statistics_add_up(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    Results results = {.wanted = 40};
    const Way way = {.streams = 2, .workers = 2, .batch = 4, .architecture = "lowlevel"};
    assert_int_equal(score(ctx, &way, &results), 0);
    const HedonScorerStats *stats = &results.stats;
    assert_int_equal(stats->videos, 40);
    assert_int_equal(stats->failed, 16);
    assert_int_equal(stats->streams, 2);
    assert_int_equal(stats->workers, 2);
    assert_int_equal(stats->stream_threads, 1);
    assert_int_equal(stats->views, results.views); /* one crop, no repeats */
    assert_int_equal(stats->clips, results.views);
    assert_int_equal(stats->batches, (stats->views + 3) / 4); /* only the last is not full */
    assert_true(stats->batch_fill == (double)stats->views / (double)(4 * stats->batches));
    assert_true(stats->decoder_memory_bytes > 1 << 20);
    double cpu_s = 0;
    for (int i = 0; i < HEDON_STAGES; i++) {
        const HedonStageStats *stage = &stats->stage[i];
        assert_true(stage->lanes >= 1);
        assert_true(stage->busy_s > 0 && stage->cpu_s > 0);
        assert_true(stage->busy_s <= stage->lanes * stats->wall_s * 1.01);
        assert_true(stage->starved_s >= 0 && stage->blocked_s >= 0);
        assert_true(strlen(hedon_stage_name((HedonStage)i)) > 3);
        cpu_s += stage->cpu_s;
    }
    const HedonStageStats *inference = &stats->stage[HEDON_STAGE_INFERENCE];
    assert_true(inference->cpu_s <= inference->busy_s * 1.05);
    assert_true(inference->busy_s + inference->starved_s <= 2 * stats->wall_s * 1.01);
    assert_true(cpu_s <= stats->wall_s * hedon_cpu_count() * 1.05);
    hedon_context_free(ctx);
}

/* ---- Stopping */

static void test_the_caller_may_stop_anywhere(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    for (int after = 1; after <= 9; after += 2) {
        Results results = {.wanted = 60, .stop_after = after};
        assert_int_equal(score(ctx, &(Way){.streams = 3, .workers = 2}, &results), 77);
        assert_int_equal(results.count, after);
    }
    hedon_context_free(ctx);
}

static void test_cancelling_stops_all_streams(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    Results results = {.wanted = 60, .cancel_after = 4};
    assert_int_equal(score(ctx, &(Way){.streams = 3, .workers = 2, .batch = 2}, &results),
                     HEDON_ECANCELLED);
    hedon_cancel_reset();
    assert_true(results.count >= 4 && results.count < 60);
    assert_true(hedon_clock_s() - results.cancelled_s < (SANITIZED ? 120 : 10));
    hedon_context_free(ctx);
}

/* ---- Memory */

/* The k-th allocation fails: an error of the run or of a video, never a crash, a wrong number or
 * (sanitizers) a leak. */
static void test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    const Way way = {.streams = 2, .workers = 2, .architecture = "lowlevel"};
    Results sound = {.wanted = 4};
    assert_int_equal(score(ctx, &way, &sound), 0);
    int64_t k = 1;
    for (int failed = 1; failed; k += k < 150 ? 3 : 1 + k / 16) {
        Results results = {.wanted = 4};
        hedon_memory_fail_at(k);
        const int code = score(ctx, &way, &results);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        if (code && code != HEDON_ENOMEM)
            fail_msg("k %d: code %d, %s", (int)k, code, hedon_last_error(ctx));
        if (!code) assert_int_equal(results.count, 4);
        for (int i = 0; i < results.count; i++)
            if (!results.code[i]) assert_true(results.utility[i] == sound.utility[i]);
        if (!failed) assert_int_equal(results.good, sound.good);
    }
    assert_true(k > 100);
    hedon_context_free(ctx);
}

static int64_t resident_bytes(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %lld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Ten times the videos take no more memory. */
static void test_memory_does_not_grow_with_videos(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    const Way way = {.streams = 3, .workers = 2, .architecture = "lowlevel", .unordered = 1};
    Results few = {.wanted = 40}, many = {.wanted = MOST};
    assert_int_equal(score(ctx, &way, &few), 0);
    const int64_t before = resident_bytes();
    assert_int_equal(score(ctx, &way, &many), 0);
    const int64_t grown = resident_bytes() - before;
    if (grown > 24 << 20) fail_msg("%.1f MB more", (double)grown / (1 << 20));
    hedon_context_free(ctx);
}

/* An argument chooses tests by pattern: under thread sanitizers all of them take long. */
int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_change_no_bit),
        cmocka_unit_test(test_ref_has_streams_too),
        cmocka_unit_test(test_many_videos_come_out_in_order),
        cmocka_unit_test(test_statistics_add_up),
        cmocka_unit_test(test_the_caller_may_stop_anywhere),
        cmocka_unit_test(test_cancelling_stops_all_streams),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
        cmocka_unit_test(test_memory_does_not_grow_with_videos),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
