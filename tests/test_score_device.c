/* Scoring on a device that pre-processes (a GPU, or the simulated one): raw planes go up, clips
 * stay there. The scores are those of the host's backends, to rounding, and the same bits every
 * time; whatever runs out or stops, nothing hangs. Skips where the cuda backend does not run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/model.h"
#include "score/clip_pool.h"
#include "score/feed.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { FILES = 6, MOST = 64, CLIPS = 64 };

static char scratch[] = "/tmp/hedon-test-device-XXXXXX";
static char paths[FILES][96];
static int available, simulated;

/* Muted, so that cpu differs little. Sizes, layouts and depths change from video to video; one has
 * fewer pictures than a clip, one is none. */
static const char *const sources[FILES] = {
    "testsrc2=size=64x48:rate=10:duration=3 -vf hue=s=.3 -c:v libx264 -pix_fmt yuv420p",
    "testsrc2=size=96x65:rate=12:duration=4 -vf hue=s=.3 -c:v ffv1 -pix_fmt yuv422p",
    "testsrc2=size=70x90:rate=8:duration=5 -vf hue=s=.3 -c:v ffv1 -pix_fmt yuv420p10le",
    NULL,
    "testsrc2=size=64x48:rate=5:duration=0.6 -vf negate,hue=s=.3 -c:v libx264 -pix_fmt yuv420p",
    "testsrc2=size=48x48:rate=10:duration=2 -vf hue=b=-2 -c:v ffv1 -pix_fmt gray",
};

static int make_scratch(void **state)
{
    (void)state;
    if (!available) return 0;
    if (!mkdtemp(scratch)) return -1;
    setenv("HEDON_DECODE_WORKER", HEDON_BINARY_DIR "/hedon-decode", 1);
    for (int i = 0; i < FILES; i++) {
        char command[512];
        snprintf(paths[i], sizeof(paths[i]), "%s/%d.mkv", scratch, i);
        if (sources[i])
            snprintf(command, sizeof(command), "ffmpeg -v error -nostdin -y -f lavfi -i %s %s",
                     sources[i], paths[i]);
        else
            snprintf(command, sizeof(command), "echo nothing > %s", paths[i]);
        if (system(command)) return -1;
    }
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    if (!available) return 0;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command);
}

/* ---- A run */

typedef struct Way {
    const char *device;
    int64_t batch;
    int workers, three_crops, unordered;
    double stride_s; /* of windows of 1 s */
} Way;

typedef struct Results {
    int wanted, next, count, good, cancel_after, pictures;
    int code[MOST], clip_count[MOST];
    char error[MOST][256];
    double utility[MOST], emotion[MOST], clips[MOST][CLIPS];
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
    results->code[n] = score->code;
    if (score->code) snprintf(results->error[n], sizeof(results->error[n]), "%s", score->error);
    results->utility[n] = score->utility;
    results->emotion[n] = score->emotions[5];
    results->clip_count[n] = (int)score->clip_count;
    results->pictures += score->thumbnail_count;
    assert_true(score->clip_count <= CLIPS);
    for (int64_t i = 0; i < score->clip_count; i++) results->clips[n][i] = score->clips[i].utility;
    results->good += !score->code;
    if (++results->count == results->cancel_after) hedon_cancel();
    return 0;
}

/* Smaller pictures, since the simulated device is slow; and a recipe with several views. */
static void change_preprocessing(HedonModel *model, int three_crops)
{
    HedonPreprocessing *preprocessing =
        (HedonPreprocessing *)(uintptr_t)hedon_model_preprocessing(model);
    HedonModelInfo *info = (HedonModelInfo *)(uintptr_t)hedon_model_info(model);
    preprocessing->clip_frames = info->clip_frames = 4;
    preprocessing->resize_width = preprocessing->resize_height = 16;
    preprocessing->crop_width = preprocessing->crop_height = 16;
    info->clip_width = info->clip_height = 16;
    if (!three_crops) return;
    preprocessing->resize = HEDON_RESIZE_SHORT_SIDE;
    preprocessing->crop = HEDON_CROP_THREE;
}

static int open_scorer(HedonContext *ctx, const Way *way, HedonModel **model, HedonScorer **scorer)
{
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    options.device.device = way->device;
    options.device.threads = 2;
    options.decode_workers = way->workers;
    options.batch = way->batch;
    options.window_s = 1;
    options.stride_s = way->stride_s;
    options.thumbnails = 2;
    *scorer = NULL;
    const int code = hedon_model_open_random(ctx, model, "r2plus1d_tiny", 1, "emotions,utility");
    if (code) return code;
    change_preprocessing(*model, way->three_crops);
    return hedon_scorer_open(ctx, scorer, *model, &options);
}

static int run(HedonContext *ctx, HedonScorer *scorer, int unordered, Results *results)
{
    const HedonScoreCallbacks callbacks = {
        .opaque = results, .next = next_path, .finished = take_result, .unordered = unordered};
    const int code = hedon_scorer_run(ctx, scorer, &callbacks);
    hedon_scorer_stats(scorer, &results->stats);
    return code;
}

static int score(HedonContext *ctx, const Way *way, Results *results)
{
    HedonModel *model = NULL;
    HedonScorer *scorer;
    int code = open_scorer(ctx, way, &model, &scorer);
    if (!code) code = run(ctx, scorer, way->unordered, results);
    hedon_scorer_close(scorer);
    hedon_model_close(model);
    return code;
}

static void scored(HedonContext *ctx, const Way *way, Results *results)
{
    const int code = score(ctx, way, results);
    if (code) fail_msg("%s: %s", way->device, hedon_last_error(ctx));
    assert_int_equal(results->count, results->wanted);
    for (int i = 0; i < results->wanted; i++)
        if (i % FILES != 3 && results->code[i])
            fail_msg("%s, video %d: %s", way->device, i, results->error[i]);
}

/* The greatest distance between the utilities of any clip or video, of their spread over clips. */
static double distance(const Results *a, const Results *b)
{
    double greatest = 0, sum = 0, square = 0;
    int64_t count = 0;
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_int_equal(a->code[i], b->code[i]);
        assert_int_equal(a->clip_count[i], b->clip_count[i]);
        greatest = fmax(greatest, fabs(a->utility[i] - b->utility[i]));
        for (int k = 0; k < a->clip_count[i]; k++, count++) {
            greatest = fmax(greatest, fabs(a->clips[i][k] - b->clips[i][k]));
            sum += b->clips[i][k];
            square += b->clips[i][k] * b->clips[i][k];
        }
    }
    const double variance = square / (double)count - sum / (double)count * sum / (double)count;
    assert_true(variance > 0);
    return greatest / sqrt(variance);
}

/* ---- Tests */

/* ref does the same arithmetic in double precision; cpu converts colours after resizing, so that it
 * is a little off where pictures leave the gamut. */
static void test_scores_are_the_hosts(void **state)
{
    (void)state;
    if (!available) skip();
    HedonContext *ctx = hedon_context_new();
    for (int crops = 0; crops < 2; crops++)
        for (int overlap = 0; overlap < 2; overlap++) {
            static Results device, host, exact;
            device = host = exact = (Results){.wanted = FILES};
            Way way = {.device = "cuda",
                       .batch = 3,
                       .workers = 2,
                       .three_crops = crops,
                       .stride_s = overlap ? .5 : 1};
            scored(ctx, &way, &device);
            way.device = "cpu";
            scored(ctx, &way, &host);
            way.device = "ref";
            way.batch = 1;
            scored(ctx, &way, &exact);
            assert_int_equal(device.good, FILES - 1);
            assert_int_equal(device.code[3], HEDON_EDATA);
            assert_int_equal(device.pictures, host.pictures);
            assert_int_equal(device.stats.views, host.stats.views);
            assert_int_equal(device.stats.clips, host.stats.clips);
            const double from_exact = distance(&device, &exact),
                         from_host = distance(&device, &host);
            print_message("%d crop(s), windows every %g s, %d views: from ref %.1e of the spread, "
                          "from cpu %.1e\n",
                          crops ? 3 : 1, way.stride_s, (int)device.stats.views, from_exact,
                          from_host);
            assert_true(from_exact < 1e-4);
            assert_true(from_host < .1);
            assert_true(fabs(from_host - distance(&exact, &host)) < 1e-3); /* it is cpu's own */
        }
    hedon_context_free(ctx);
}

static void assert_same_bits(const Results *a, const Results *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->code, b->code, sizeof(a->code));
    assert_memory_equal(a->utility, b->utility, sizeof(a->utility));
    assert_memory_equal(a->emotion, b->emotion, sizeof(a->emotion));
    assert_memory_equal(a->clips, b->clips, sizeof(a->clips));
}

/* However threads and videos interleave, slots go from one video to another, and batches end. */
static void test_every_run_gives_the_same_bits(void **state)
{
    (void)state;
    if (!available) skip();
    HedonContext *ctx = hedon_context_new();
    for (int crops = 0; crops < 2; crops++) {
        static Results first, again, other;
        first = again = (Results){.wanted = 3 * FILES};
        Way way = {
            .device = "cuda", .batch = 4, .workers = 3, .three_crops = crops, .stride_s = .5};
        scored(ctx, &way, &first);
        scored(ctx, &way, &again);
        assert_same_bits(&first, &again);
        for (int i = FILES; i < first.wanted; i++) {
            assert_true(first.utility[i] == first.utility[i % FILES]);
            assert_memory_equal(first.clips[i], first.clips[i % FILES], sizeof(first.clips[i]));
        }
        static const Way ways[] = {{.workers = 1, .batch = 1},
                                   {.workers = 4, .batch = 2, .unordered = 1},
                                   {.workers = 2, .batch = 7},
                                   {.workers = 3, .batch = 0}};
        for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
            if (!simulated && ways[i].batch != way.batch) continue; /* cuDNN promises less */
            other = (Results){.wanted = 3 * FILES};
            Way changed = ways[i];
            changed.device = "cuda";
            changed.three_crops = crops;
            changed.stride_s = .5;
            scored(ctx, &changed, &other);
            assert_same_bits(&first, &other);
        }
    }
    hedon_context_free(ctx);
}

static void test_cancelling_ends_a_run(void **state)
{
    (void)state;
    if (!available) skip();
    HedonContext *ctx = hedon_context_new();
    for (int after = 1; after <= 5; after += 2) {
        static Results results;
        results = (Results){.wanted = MOST, .cancel_after = after};
        assert_int_equal(score(ctx, &(Way){.device = "cuda", .batch = 2, .workers = 2}, &results),
                         HEDON_ECANCELLED);
        hedon_cancel_reset();
        assert_true(results.count < MOST);
    }
    hedon_context_free(ctx);
}

/* It ends the run; as the videos' own failure it would be remembered of every one that is left. */
static void test_a_lost_device_ends_a_run(void **state)
{
    (void)state;
    if (!available || !simulated) skip();
    HedonContext *ctx = hedon_context_new();
    HedonModel *model;
    HedonScorer *scorer;
    static Results results;
    results = (Results){.wanted = MOST};
    assert_int_equal(
        open_scorer(ctx, &(Way){.device = "cuda", .batch = 2, .workers = 2}, &model, &scorer), 0);
    setenv("HEDON_SIM_LOST", "1", 1);
    assert_int_equal(run(ctx, scorer, 0, &results), HEDON_EDEVICE);
    unsetenv("HEDON_SIM_LOST");
    assert_non_null(strstr(hedon_last_error(ctx), "the GPU is lost to this process"));
    assert_int_equal(results.good, 0);
    assert_true(results.count <= 1); /* the one that is no video may be first */
    hedon_scorer_close(scorer);
    hedon_model_close(model);
    hedon_context_free(ctx);
}

static void limit_device(int64_t bytes)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)bytes);
    setenv("HEDON_SIM_BYTES", text, 1);
}

/* How many clips a pool has room for. */
static int64_t room_of(HedonContext *ctx, const HedonScorer *scorer, int64_t held, int *code)
{
    HedonLoaderOptions options;
    HedonClipPool *pool;
    int64_t count = 0;
    hedon_scorer_loader_options(scorer, &options);
    *code = hedon_clip_pool_new(ctx, &pool, scorer, &options, held);
    if (*code) return 0;
    while (hedon_clip_pool_take(pool)) count++;
    hedon_clip_pool_free(pool);
    return count;
}

/* Less memory than wished for makes the pool smaller and changes no bit; too little is said. */
static void test_a_small_device_has_fewer_clips(void **state)
{
    (void)state;
    if (!available || !simulated) skip();
    HedonContext *ctx = hedon_context_new();
    const Way way = {.device = "cuda", .batch = 2, .workers = 2, .stride_s = .25};
    HedonModel *model;
    HedonScorer *scorer;
    static Results large, small, none;
    large = small = none = (Results){.wanted = FILES};
    int code;
    assert_int_equal(open_scorer(ctx, &way, &model, &scorer), 0);
    const int64_t bytes = scorer->view_floats * (int64_t)sizeof(float);
    const int64_t most = room_of(ctx, scorer, 6, &code);
    assert_true(most * bytes > (int64_t)200 << 20 && most * bytes < (int64_t)300 << 20);
    assert_int_equal(run(ctx, scorer, 0, &large), 0);
    int64_t low = 0, high = 64 << 20; /* the least that the model and a pool need */
    while (high - low > 1024) {
        const int64_t middle = (low + high) / 2;
        limit_device(middle);
        room_of(ctx, scorer, 6, &code);
        *(code ? &low : &high) = middle;
    }
    limit_device(high);
    const int64_t least = room_of(ctx, scorer, 6, &code);
    assert_int_equal(least, 2 + 4 + 1 + 6);       /* one a thread, queue, in hand, held */
    limit_device(high + 40 * bytes + (32 << 20)); /* and the pictures' */
    const int64_t fewer = room_of(ctx, scorer, 6, &code);
    assert_int_equal(code, 0);
    assert_true(fewer > least && fewer <= least + 40);
    assert_int_equal(run(ctx, scorer, 0, &small), 0);
    assert_same_bits(&large, &small);
    limit_device(1000);
    assert_int_equal(run(ctx, scorer, 0, &none), HEDON_ENOMEM);
    assert_non_null(strstr(hedon_last_error(ctx), "no room on the device for"));
    assert_non_null(strstr(hedon_last_error(ctx), "are free"));
    unsetenv("HEDON_SIM_BYTES");
    assert_int_equal(none.count, 0);
    hedon_scorer_close(scorer);
    hedon_model_close(model);
    hedon_context_free(ctx);
}

/* The k-th allocation fails, of the host's or of the device's: an error of the run or of a video,
 * never a crash, a wrong number or (sanitizers) a leak. */
static void test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    if (!available || !simulated) skip();
    HedonContext *ctx = hedon_context_new();
    const Way way = {.device = "cuda", .batch = 2, .workers = 2, .stride_s = 1};
    limit_device(36 << 20); /* less to clear */
    static Results sound;
    sound = (Results){.wanted = FILES};
    scored(ctx, &way, &sound);
    int64_t k = 1;
    for (int failed = 1; failed; k += SANITIZED ? 1 + k / 8 : 1 + k / 20) {
        static Results results;
        results = (Results){.wanted = FILES};
        hedon_memory_fail_at(k);
        const int code = score(ctx, &way, &results);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        if (code && code != HEDON_ENOMEM)
            fail_msg("k %d: code %d, %s", (int)k, code, hedon_last_error(ctx));
        for (int i = 0; i < results.count; i++)
            if (!results.code[i]) assert_true(results.utility[i] == sound.utility[i]);
        if (!failed) assert_int_equal(results.good, sound.good);
    }
    print_message("%d allocations\n", (int)k);
    assert_true(k > 100);
    unsetenv("HEDON_SIM_BYTES");
    hedon_context_free(ctx);
}

/* An argument chooses tests by pattern. */
int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_the_hosts),
        cmocka_unit_test(test_every_run_gives_the_same_bits),
        cmocka_unit_test(test_cancelling_ends_a_run),
        cmocka_unit_test(test_a_lost_device_ends_a_run),
        cmocka_unit_test(test_a_small_device_has_fewer_clips),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    HedonContext *ctx = hedon_context_new();
    const HedonBackend *cuda;
    HedonBackendInfo info;
    if (hedon_backend_find(ctx, "cuda", &cuda))
        printf("skipped: %s\n", hedon_last_error(ctx));
    else if (!cuda->probe(ctx, "cuda", &info))
        available = 1, simulated = strstr(info.device, "simulated") != NULL;
    hedon_context_free(ctx);
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
