/* score/: from logits to results, the formats of numbers, memory that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "score/feed.h"
#include "score/json_writer.h"
#include "score/share.h"
#include "score/tally.h"
#include "score/wording.h"

static char scratch[] = "/tmp/hedon-test-score-XXXXXX";

static int make_scratch(void **state)
{
    char command[512];
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    setenv("HEDON_DECODE_WORKER", HEDON_BINARY_DIR "/hedon-decode", 1);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=size=64x48:rate=10:duration=3 "
             "-c:v libx264 -pix_fmt yuv420p %s/a.mp4",
             scratch);
    return system(command);
}

static int remove_scratch(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    return system(command);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ---- Tally */

static const double few_references[] = {-1, 0, 0, 1, 2};
static const HedonModelInfo both_heads = {.name = "test",
                                          .emotions_head = 0,
                                          .utility_head = 1,
                                          .caveat = "",
                                          .reference = few_references,
                                          .reference_count = 5,
                                          .reference_name = "few"};

static void test_percentile_counts_what_lies_below(void **state)
{
    (void)state;
    assert_true(hedon_percentile(few_references, 5, -2) == 0);
    assert_true(hedon_percentile(few_references, 5, -1) == 0); /* equal is not below */
    assert_true(hedon_percentile(few_references, 5, 0) == 20);
    assert_true(hedon_percentile(few_references, 5, .5) == 60);
    assert_true(hedon_percentile(few_references, 5, 3) == 100);
}

/* Two clips of two views: logits are averaged, not intensities. */
static void test_views_are_averaged_as_logits(void **state)
{
    (void)state;
    HedonTally tally = {0};
    assert_int_equal(
        hedon_tally_start(NULL, &tally, (HedonClipRoles){.timeline = 2}, 2, 2), 0);
    const float utilities[4] = {1, 3, -2, 0};
    for (int view = 0; view < 4; view++) {
        float emotions[HEDON_EMOTIONS];
        for (int i = 0; i < HEDON_EMOTIONS; i++) emotions[i] = (float)(view * view - i) / 4;
        if (view % 2 == 0) hedon_tally_clip(&tally, view / 2, view, view + 2);
        assert_false(hedon_tally_complete(&tally));
        hedon_tally_view(&tally, view / 2, view % 2, emotions, &utilities[view]);
    }
    assert_true(hedon_tally_complete(&tally));
    HedonScore score = {0};
    assert_int_equal(hedon_tally_result(NULL, &tally, &both_heads, &score), 0);
    assert_int_equal(score.views, 4);
    assert_int_equal(score.clip_count, 2);
    assert_true(fabs(score.utility - .5) < 1e-12);
    assert_true(score.percentile == 60);
    assert_true(fabs(score.clips[0].utility - 2) < 1e-12);
    assert_true(fabs(score.clips[1].utility + 1) < 1e-12);
    assert_true(score.clips[1].start_s == 2 && score.clips[1].end_s == 4);
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        assert_true(fabs(score.emotions[i] - sigmoid((3.5 - i) / 4)) < 1e-12);
        assert_true(fabs((double)score.clips[0].emotions[i] - sigmoid((.5 - i) / 4)) < 1e-6);
    }
    /* sample deviation of 1, 3, -2, 0 */
    assert_true(fabs(score.utility_sd - sqrt((.25 + 6.25 + 6.25 + .25) / 3)) < 1e-12);
    double spread = 0;
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        double mean = 0, square = 0;
        for (int v = 0; v < 4; v++) mean += sigmoid((double)(float)(v * v - i) / 4) / 4;
        for (int v = 0; v < 4; v++)
            square += pow(sigmoid((double)(float)(v * v - i) / 4) - mean, 2);
        spread += sqrt(square / 3) / HEDON_EMOTIONS;
    }
    assert_true(fabs(score.emotions_sd - spread) < 1e-12);
    hedon_tally_free(&tally);
}

/* The model's own clip between two windows: only that one makes the result. */
static void test_the_timeline_is_not_the_result(void **state)
{
    (void)state;
    HedonTally tally = {0};
    const int64_t row[3] = {0, HEDON_NO_ROW, 1};
    assert_int_equal(
        hedon_tally_start(NULL, &tally, (HedonClipRoles){.timeline = 2, .row = row}, 3, 1), 0);
    for (int clip = 0; clip < 3; clip++) {
        const float emotions[HEDON_EMOTIONS] = {0}, utility = (float)clip;
        hedon_tally_clip(&tally, clip, clip, clip + 1);
        hedon_tally_view(&tally, clip, 0, emotions, &utility);
    }
    HedonScore score = {0};
    assert_int_equal(hedon_tally_result(NULL, &tally, &both_heads, &score), 0);
    assert_true(score.utility == 1);
    assert_int_equal(score.views, 1);
    assert_true(score.utility_sd == 0);
    assert_int_equal(score.clip_count, 2);
    assert_true(score.clips[0].utility == 0 && score.clips[1].utility == 2);
    assert_true(score.clips[1].start_s == 2 && score.clips[1].end_s == 3);
    /* 27 equal intensities: alphabetical order decides */
    for (int place = 0; place < 3; place++) assert_int_equal(score.top[place], place);
    hedon_tally_free(&tally);
}

static void test_starting_again_forgets(void **state)
{
    (void)state;
    HedonTally tally = {0};
    const float emotions[HEDON_EMOTIONS] = {0}, wrong = 9, right = 1;
    for (int attempt = 0; attempt < 2; attempt++) {
        assert_int_equal(
            hedon_tally_start(NULL, &tally, (HedonClipRoles){.timeline = 1}, 1, 1), 0);
        hedon_tally_view(&tally, 0, 0, emotions, attempt ? &right : &wrong);
    }
    HedonScore score = {0};
    assert_int_equal(hedon_tally_result(NULL, &tally, &both_heads, &score), 0);
    assert_true(score.utility == 1);
    hedon_tally_free(&tally);
}

static void test_what_is_no_number_is_an_error(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonTally tally = {0};
    const float emotions[HEDON_EMOTIONS] = {[5] = NAN}, utility = 1;
    assert_int_equal(
        hedon_tally_start(ctx, &tally, (HedonClipRoles){.timeline = 1}, 1, 1), 0);
    hedon_tally_view(&tally, 0, 0, emotions, &utility);
    HedonScore score = {0};
    assert_int_equal(hedon_tally_result(ctx, &tally, &both_heads, &score), HEDON_EDATA);
    hedon_tally_free(&tally);
    hedon_context_free(ctx);
}

static void test_one_video_has_all_cores(void **state)
{
    (void)state;
    for (int cores = 1; cores <= 128; cores++) {
        const HedonShareWish one = {.videos = 1};
        const HedonShare light = hedon_share_cores(cores, 1e6, one);
        assert_int_equal(light.workers * light.decode_threads, cores);
        assert_int_equal(light.streams * light.stream_threads, 1);
        const HedonShare heavy = hedon_share_cores(cores, 1e11, one);
        assert_int_equal(heavy.streams, 1);
        assert_int_equal(heavy.workers, 1);
        assert_true(heavy.decode_threads >= 1);
        if (cores >= 4)
            assert_int_equal(heavy.stream_threads + heavy.decode_threads, cores);
        else
            assert_int_equal(heavy.stream_threads, cores);
    }
}

static void test_many_videos_keep_every_core_busy(void **state)
{
    (void)state;
    for (int cores = 1; cores <= 128; cores++)
        for (int64_t videos = 0; videos < 200; videos += 7) {
            const HedonShareWish wish = {.videos = videos};
            for (int heavy = 0; heavy <= 1; heavy++) {
                const HedonShare share = hedon_share_cores(cores, heavy ? 1e11 : 1e6, wish);
                const int threads = share.streams * share.stream_threads;
                assert_true(threads >= 1 && threads <= cores && share.streams <= 16);
                if (heavy) assert_true(2 * threads > cores);
                if (videos == 0 || videos >= cores)
                    assert_int_equal(share.workers, cores);
                else
                    assert_int_equal(share.workers, videos);
                assert_true(share.workers * share.decode_threads <= cores);
            }
        }
    const HedonShareWish wish = {.videos = 50, .streams = 3, .workers = 5};
    const HedonShare share = hedon_share_cores(8, 1e11, wish);
    assert_int_equal(share.streams, 3);
    assert_int_equal(share.stream_threads, 2);
    assert_int_equal(share.workers, 5);
}

/* ---- Formats */

static void check_number(double value, const char *expected)
{
    char text[32];
    hedon_format_number(text, value);
    assert_string_equal(text, expected);
}

static void check_numbers(void)
{
    check_number(0, "0");
    check_number(-0.0, "0");
    check_number(.5, "0.5");
    check_number(-1.0 / 3, "-0.333333");
    check_number(13.013, "13.013");
    check_number(123456789, "1.23457e+08");
    check_number(1e-7, "1e-07");
    check_number(7200.1234, "7200.12");
}

static void test_numbers_are_the_same_in_every_locale(void **state)
{
    (void)state;
    check_numbers();
    static const char *const comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < 3; i++)
        if (setlocale(LC_NUMERIC, comma[i])) check_numbers(); /* those that this machine has */
    setlocale(LC_NUMERIC, "C");
}

static void test_json_strings_are_always_utf8(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    HedonJson json = {.out = out};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "a",
                      "\"\\\n\x01 \xc3\xa9 \xff \xc0\xaf \xed\xa0\x80 \xf0\x9f\x8e\xac \xe2\x82");
    hedon_json_number(&json, "nan", NAN);
    hedon_json_array(&json, "list");
    hedon_json_integer(&json, NULL, -3);
    hedon_json_bool(&json, NULL, 1);
    hedon_json_string(&json, NULL, NULL);
    hedon_json_end_array(&json);
    hedon_json_end_object(&json);
    fclose(out);
#define R "\xef\xbf\xbd"
    assert_string_equal(text, "{\"a\":\"\\\"\\\\\\n\\u0001 \xc3\xa9 " R " " R R " " R R R
                              " \xf0\x9f\x8e\xac " R R "\",\"nan\":null,\"list\":[-3,true,null]}");
    free(text);
    char clean[8];
    hedon_utf8_clean(clean, sizeof(clean),
                     "ab\x1b\xff"
                     "cdefgh");
    assert_string_equal(clean, "ab?" R "c");
#undef R
}

static void test_csv_quotes_what_needs_it(void **state)
{
    (void)state;
    HedonScore score = {.video = "a,\"b\"\n.mp4", .code = HEDON_EDATA, .error = "broken, sorry"};
    char *text;
    assert_int_equal(hedon_score_csv(NULL, &score, 0, &text), 0);
    const char *expected = "\"a,\"\"b\"\"\n.mp4\",\"broken, sorry\",,,,,";
    assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
    free(text);
    HedonScoreClip clips[2] = {{.start_s = 0, .end_s = 2, .utility = .25},
                               {.start_s = 2, .end_s = 4}};
    score = (HedonScore){
        .video = "v", .has_utility = 1, .has_emotions = 1, .clips = clips, .clip_count = 2};
    assert_int_equal(hedon_score_csv(NULL, &score, 1, &text), 0);
    assert_int_equal(strncmp(text, "v,,0,2,,0.25,0,0,", 17), 0);
    free(text);
}

static void test_times_for_people(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0:00"},    {.46, "0.4 s"},      {7.4, "0:07"},
                 {59.6, "1:00"}, {3599.6, "1:00:00"}, {7325, "2:02:05"}};
    char text[32];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        hedon_wording_time(text, sizeof(text), cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

/* ---- Which clips */

static HedonScorer bare_scorer(HedonPreprocessing *preprocessing, const HedonScorerOptions *options)
{
    return (HedonScorer){.preprocessing = preprocessing, .options = *options};
}

static void clips_and_rows_free(HedonClips *clips, HedonClipRoles *roles)
{
    hedon_clips_free(clips);
    hedon_free((void *)(uintptr_t)roles->row);
    roles->row = NULL;
}

static void test_clips_of_timeline_and_of_the_model(void **state)
{
    (void)state;
    double times[600];
    for (int i = 0; i < 600; i++) times[i] = i / 10.0;
    const HedonVideoInfo info = {.frames = 600, .duration_s = 60};
    HedonPreprocessing even = {.sampling = "even", .clip_frames = 16};
    HedonPreprocessing windows = {
        .sampling = "windows", .clip_frames = 16, .window_s = 2, .stride_s = 2};
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    HedonContext *ctx = hedon_context_new();
    HedonClips clips;
    HedonClipRoles roles;

    HedonScorer scorer =
        bare_scorer(&even, &options); /* free choice: at most 24 windows, then one even clip */
    assert_int_equal(hedon_feed_choose(ctx, &scorer, &info, times, &clips, &roles), 0);
    assert_true(roles.timeline >= 20 && roles.timeline <= 24);
    const int64_t last = roles.timeline; /* it ends with the video, as the last window does */
    assert_int_equal(clips.count, last + 1);
    assert_int_equal(roles.row[last], HEDON_NO_ROW);
    assert_int_equal(clips.frames[last * 16], 0);
    assert_int_equal(clips.frames[last * 16 + 15], 599);
    clips_and_rows_free(&clips, &roles);

    scorer = bare_scorer(&windows, &options); /* the model's own windows are the timeline */
    assert_int_equal(hedon_feed_choose(ctx, &scorer, &info, times, &clips, &roles), 0);
    assert_int_equal(clips.count, 30);
    assert_int_equal(roles.timeline, 30);
    assert_null(roles.row);
    hedon_clips_free(&clips);

    options.window_s = 5;
    scorer = bare_scorer(&windows, &options);
    assert_int_equal(hedon_feed_choose(ctx, &scorer, &info, times, &clips, &roles), 0);
    assert_int_equal(roles.timeline, 12);
    assert_int_equal(clips.count, 42);
    int64_t rows = 0, own = 0;
    for (int64_t c = 0; c < clips.count; c++) {
        if (c) assert_true(clips.frames[c * 16 + 15] >= clips.frames[c * 16 - 1]);
        if (roles.row[c] == HEDON_NO_ROW)
            assert_true(fabs(clips.start_s[c] - 2. * (double)own++) < 1e-9);
        else
            assert_true(fabs(clips.start_s[c] - 5. * (double)rows) < 1e-9 && roles.row[c] == rows++);
    }
    assert_int_equal(rows, 12);
    assert_int_equal(own, 30);
    clips_and_rows_free(&clips, &roles);

    options.timeline = 0;
    scorer = bare_scorer(&even, &options);
    assert_int_equal(hedon_feed_choose(ctx, &scorer, &info, times, &clips, &roles), 0);
    assert_int_equal(clips.count, 1);
    assert_int_equal(roles.timeline, 1);
    hedon_clips_free(&clips);
    hedon_context_free(ctx);
}

/* ---- A run */

typedef struct Asked {
    const char *paths[8];
    int count, next;
    int results, good;
    double utility[8];
    int64_t order[8];
    int stop_after;
} Asked;

static int next_path(void *opaque, const char **path)
{
    Asked *asked = opaque;
    if (asked->next == asked->count) return 1;
    *path = asked->paths[asked->next++];
    return 0;
}

static int take_result(void *opaque, const HedonScore *score)
{
    Asked *asked = opaque;
    asked->order[asked->results] = score->number;
    asked->utility[asked->results++] = score->utility;
    asked->good += !score->code;
    assert_string_equal(score->video, asked->paths[score->number]);
    return asked->results == asked->stop_after ? 77 : 0;
}

static int run_scorer(HedonContext *ctx, Asked *asked, int64_t batch, int unordered)
{
    HedonModel *model;
    HedonScorer *scorer = NULL;
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    options.batch = batch;
    options.decode_workers = 2;
    options.thumbnails = 3;
    int code = hedon_model_open(ctx, &model, "lowlevel");
    if (!code) code = hedon_scorer_open(ctx, &scorer, model, &options);
    const HedonScoreCallbacks callbacks = {
        .opaque = asked, .next = next_path, .finished = take_result, .unordered = unordered};
    if (!code) code = hedon_scorer_run(ctx, scorer, &callbacks);
    hedon_scorer_close(scorer);
    hedon_model_close(model);
    return code;
}

static void test_batches_change_no_result(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char path[64];
    snprintf(path, sizeof(path), "%s/a.mp4", scratch);
    double utility = 0;
    for (int64_t batch = 1; batch <= 5;
         batch++) { /* 3 videos of 2 clips: batches end amid videos */
        Asked asked = {.paths = {path, "/nonexistent", path, path}, .count = 4};
        assert_int_equal(run_scorer(ctx, &asked, batch, batch % 2 == 0), 0);
        assert_int_equal(asked.results, 4);
        assert_int_equal(asked.good, 3);
        for (int i = 0; i < 4; i++) {
            if (batch % 2) assert_int_equal(asked.order[i], i);
            if (asked.order[i] == 1) continue;
            if (utility == 0) utility = asked.utility[i];
            assert_true(asked.utility[i] == utility);
        }
    }
    Asked asked = {.paths = {path, path, path}, .count = 3, .stop_after = 1};
    assert_int_equal(run_scorer(ctx, &asked, 1, 0), 77);
    hedon_context_free(ctx);
}

/* The k-th allocation fails, for every k until none is left to fail: an error of the run or of the
 * video, never a crash, a leak (sanitizers) or a wrong number. */
static void test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    char path[64];
    snprintf(path, sizeof(path), "%s/a.mp4", scratch);
    Asked sound = {.paths = {path}, .count = 1};
    assert_int_equal(run_scorer(ctx, &sound, 1, 0), 0);
    int64_t k = 1;
    for (int failed = 1; failed; k += k < 120 ? 1 : 1 + k / 16) {
        Asked asked = {.paths = {path}, .count = 1};
        hedon_memory_fail_at(k);
        const int code = run_scorer(ctx, &asked, 1, 0);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        if (code && code != HEDON_ENOMEM)
            fail_msg("k %d: code %d, %s", (int)k, code, hedon_last_error(ctx));
        if (!code) assert_int_equal(asked.results, 1);
        if (asked.good) assert_true(asked.utility[0] == sound.utility[0]);
        if (!failed) assert_int_equal(asked.good, 1);
    }
    assert_true(k > 50);
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentile_counts_what_lies_below),
        cmocka_unit_test(test_views_are_averaged_as_logits),
        cmocka_unit_test(test_the_timeline_is_not_the_result),
        cmocka_unit_test(test_starting_again_forgets),
        cmocka_unit_test(test_what_is_no_number_is_an_error),
        cmocka_unit_test(test_one_video_has_all_cores),
        cmocka_unit_test(test_many_videos_keep_every_core_busy),
        cmocka_unit_test(test_numbers_are_the_same_in_every_locale),
        cmocka_unit_test(test_json_strings_are_always_utf8),
        cmocka_unit_test(test_csv_quotes_what_needs_it),
        cmocka_unit_test(test_times_for_people),
        cmocka_unit_test(test_clips_of_timeline_and_of_the_model),
        cmocka_unit_test(test_batches_change_no_result),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
