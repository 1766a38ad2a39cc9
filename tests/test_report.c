/* Exports, rankings and comparisons of made-up annotations, through the built program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "cli_fixture.h"
#include "report_fixture.h"

static const char hostile[] = "<script>alert(1)<|script> \"'&\\ \n\x01 --> \xff.mp4";

static ReportVideo videos[] = {
    {NULL, NULL, NULL}, /* hostile name; filled in by the set-up */
    {NULL, NULL, NULL}, {NULL, NULL, NULL},
    {NULL, NULL, NULL}, {NULL, NULL, "moov atom not found, \"<b>\""},
};
enum { VIDEOS = sizeof(videos) / sizeof(*videos) };
static char paths[VIDEOS][512], roots[2][300];

/* Utilities .5, 1.5, -1, 3; Joy a tenth of them and a half; other emotions alphabetically falling.
 */
static const double utilities[VIDEOS] = {.5, 1.5, -1, 3, 0};

static void fill_first(StoreScore *score, int i)
{
    score->score.utility = utilities[i];
    for (int k = 0; k < HEDON_EMOTIONS; k++) score->score.emotions[k] = .4 - k * .01;
    score->score.emotions[19] = .5 + .1 * utilities[i]; /* Joy */
    for (int c = 0; c < STORE_CLIPS; c++) {
        for (int k = 0; k < HEDON_EMOTIONS; k++) score->clips[c].emotions[k] = .25f;
        score->clips[c].emotions[2] = .75f; /* Aesthetic Appreciation */
        score->clips[c].utility = c + utilities[i];
    }
    score->clips[2].end_s = score->clips[2].start_s; /* a clip of one frame */
}

/* The second model: utilities u + 1 but for the last two, which change places. */
static void fill_second(StoreScore *score, int i)
{
    static const double other[VIDEOS] = {1.5, 2.5, 4, 0, 0};
    fill_first(score, i);
    score->score.utility = other[i];
    score->score.emotions[19] += .05;
}

static char *store_place(void)
{
    return in_scratch("results.db");
}

static int make_store(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    static const char *const names[VIDEOS] = {hostile, "b/one.mp4", "two.mkv", "b/three.mp4",
                                              "broken.mp4"};
    snprintf(roots[0], sizeof(roots[0]), "%s/first/videos", scratch);
    snprintf(roots[1], sizeof(roots[1]), "%s/second/videos", scratch);
    shell("mkdir -p %s/b %s/b", roots[0], roots[1]);
    for (int i = 0; i < VIDEOS; i++) {
        videos[i].root = roots[i >= 2];
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", videos[i].root, names[i]);
        videos[i].path = paths[i];
    }
    HedonContext *ctx = hedon_context_new();
    HedonStore *store;
    if (hedon_store_open(ctx, &store, store_place(), NULL)) return -1;
    report_annotate(ctx, store, report_run(ctx, store, "first", 'a'), videos, VIDEOS, fill_first);
    report_annotate(ctx, store, report_run(ctx, store, "second", 'b'), videos, VIDEOS, fill_second);
    hedon_store_close(store);
    hedon_context_free(ctx);
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

static json_t *parse(const char *text, size_t length)
{
    json_error_t error;
    json_t *json = json_loadb(text, length, 0, &error);
    if (!json) fail_msg("not JSON: %s\n%.300s", error.text, text);
    return json;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static double number_at(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* ---- Export */

static void test_a_full_disk_is_blamed_on_the_output(void **state)
{
    (void)state;
    char *formats[] = {"jsonl", "csv"};
    for (int i = 0; i < 2; i++) {
        Ran ran = run_with(ARGV("export", store_place(), "--format", formats[i], "--model", "first"),
                           "/dev/null", "/dev/full");
        assert_int_equal(ran.status, 1);
        assert_int_equal(count_lines(ran.err), 1);
        assert_non_null(strstr(ran.err, "standard output"));
        assert_non_null(strstr(ran.err, "No space left"));
        assert_null(strstr(ran.err, store_place()));
        ran_free(&ran);
    }
}

static void test_json_lines_are_scores_without_runtime(void **state)
{
    (void)state;
    Ran ran = RUN("export", store_place(), "--format", "jsonl", "--model", "first");
    assert_int_equal(ran.status, 0);
    assert_int_equal(count_lines(ran.out), VIDEOS);
    int errors = 0, found_hostile = 0;
    const char *line = ran.out;
    for (int i = 0; i < VIDEOS; i++, line = strchr(line, '\n') + 1) {
        json_t *json = parse(line, strcspn(line, "\n"));
        assert_null(json_object_get(json, "runtime"));
        if (json_object_get(json, "error")) {
            errors++;
            assert_int_equal(json_object_size(json), 2);
            assert_string_equal(text_at(json, "error"), videos[4].error);
        } else {
            assert_string_equal(text_at(json, "schema"), "hedon.score/1");
            assert_string_equal(text_at(json_object_get(json, "model"), "trained_on"),
                                "made-up numbers");
            assert_string_equal(text_at(json_object_get(json, "model"), "caveat"),
                                "sees colour only");
            assert_int_equal(json_object_size(json_object_get(json, "emotions")), HEDON_EMOTIONS);
            assert_int_equal(json_array_size(json_object_get(json, "clips")), STORE_CLIPS);
            const json_t *wellbeing = json_object_get(json, "wellbeing");
            assert_string_equal(text_at(json_object_get(wellbeing, "reference"), "name"),
                                "synthetic clips");
            found_hostile += strstr(text_at(json, "video"), "\xef\xbf\xbd.mp4") != NULL;
        }
        json_decref(json);
    }
    assert_int_equal(errors, 1);
    assert_int_equal(found_hostile, 1);
    ran_free(&ran);
}

static void test_csv_is_scores_csv(void **state)
{
    (void)state;
    Ran ran = RUN("export", store_place(), "--format", "csv", "--run", "1", "--where",
                  "utility > 1", "-o", in_scratch("out.csv"));
    assert_int_equal(ran.status, 0);
    char *text = read_file(in_scratch("out.csv"));
    assert_int_equal(count_lines(text), 3);
    assert_memory_equal(text, "video,error,start_s,end_s,percentile,utility,Admiration,", 55);
    char expected[600];
    snprintf(expected, sizeof(expected), "\n%s,,0,", paths[1]);
    assert_non_null(strstr(text, expected));
    free(text);
    ran_free(&ran);
    ran = RUN("export", store_place(), "--format", "csv", "--run", "1", "--where", "path ~ three",
              "--clips");
    assert_int_equal(ran.status, 0);
    assert_int_equal(count_lines(ran.out), 1 + STORE_CLIPS);
    ran_free(&ran);
}

/* Header, then cues whose times are well formed and whose text has no markup. */
static void check_track(const char *path)
{
    char *text = read_file(path);
    assert_non_null(text);
    assert_memory_equal(text, "WEBVTT\n\nNOTE\n", 13);
    int cues = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        int h, m, s, ms, h2, m2, s2, ms2, used = 0;
        if (!strstr(line, "-->") || strcspn(line, "\n") < (size_t)(strstr(line, "-->") - line))
            continue;
        assert_int_equal(sscanf(line, "%2d:%2d:%2d.%3d --> %2d:%2d:%2d.%3d%n", &h, &m, &s, &ms, &h2,
                                &m2, &s2, &ms2, &used),
                         8);
        assert_int_equal(line[used], '\n');
        assert_true(((h * 60 + m) * 60 + s) * 1000 + ms < ((h2 * 60 + m2) * 60 + s2) * 1000 + ms2);
        cues++;
    }
    assert_int_equal(cues, STORE_CLIPS);
    assert_null(strchr(text, '<'));
    assert_non_null(strstr(text, "\n00:00:02.000 --> 00:00:04.000\nAesthetic Appreciation 0.75, "
                                 "Admiration 0.25, Adoration 0.25\nutility "));
    free(text);
}

static void test_tracks_keep_folders_apart(void **state)
{
    (void)state;
    Ran ran = RUN("export", store_place(), "--format", "vtt", "--model", "first", "--out",
                  in_scratch("tracks"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.err, "4 tracks"));
    char path[1024];
    snprintf(path, sizeof(path), "%s/videos/%s.vtt", in_scratch("tracks"), hostile);
    check_track(path);
    check_track(in_scratch("tracks/videos/b/one.mp4.vtt"));
    /* the second root has the same last name */
    check_track(in_scratch("tracks/videos-2/two.mkv.vtt"));
    check_track(in_scratch("tracks/videos-2/b/three.mp4.vtt"));
    assert_false(exists(in_scratch("tracks/videos-2/broken.mp4.vtt")));
    ran_free(&ran);
}

static void test_tracks_beside_videos(void **state)
{
    (void)state;
    Ran ran = RUN("export", store_place(), "--format", "vtt", "--run", "2", "--beside");
    assert_int_equal(ran.status, 0);
    check_track(in_scratch("first/videos/b/one.mp4.hedon.vtt"));
    ran_free(&ran);
}

/* ---- Top */

static void test_top_ranks_and_says_what_it_is(void **state)
{
    (void)state;
    Ran ran = RUN("top", store_place(), "--model", "first");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "by model first with these labels: made-up numbers"));
    assert_non_null(strstr(ran.out, "demotes grief, news and protest too"));
    const char *three = strstr(ran.out, "b/three.mp4"), *one = strstr(ran.out, "b/one.mp4"),
               *two = strstr(ran.out, "two.mkv");
    assert_true(three && three < one && one < two);
    for (const unsigned char *p = (unsigned char *)ran.out; *p; p++)
        assert_true(*p == '\n' || *p >= ' ');
    ran_free(&ran);

    ran = RUN("top", store_place(), "--by", "joy", "--lowest", "-n", "2", "--json", "--run", "1");
    assert_int_equal(ran.status, 0);
    json_t *json = parse(ran.out, strlen(ran.out));
    const json_t *list = json_object_get(json, "videos");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_at(json, "by"), "Joy");
    assert_non_null(strstr(text_at(json, "caveat"), "mean rating of Joy"));
    assert_string_equal(text_at(json_array_get(list, 0), "video"), paths[2]);
    assert_float_equal(number_at(json_array_get(list, 0), "value"), .4, 1e-6);
    json_decref(json);
    ran_free(&ran);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        char *arguments[7];
        const char *says;
    } cases[] = {
        {{"top", "STORE", "--by", "Happiness"}, "nothing to rank by"},
        {{"top", "STORE", "--by", "A"}, "several emotions begin with"},
        {{"top", "STORE", "--run", "9"}, "no run '9'; there is 1 (first), 2 (second)"},
        {{"top", "STORE", "--where", "Joy >"}, "--help"},
        {{"top"}, "which store?"},
        {{"export", "STORE"}, "--format is missing"},
        {{"export", "STORE", "--format", "vtt"}, "--out DIR, or --beside"},
        {{"export", "STORE", "--format", "csv", "--beside"}, "--beside is for"},
        {{"compare", "STORE", "first"}, "give a store and two"},
        {{"compare", "STORE", "first", "1"}, "same run"},
        {{"compare", "STORE", "first", "/nowhere"}, "two runs, or two folders"},
        {{"compare", "STORE", "first", "third"}, "neither a run"},
        {{"report", "STORE"}, "--out DIR is missing"},
        {{"report", "STORE", "--out", "/usr"}, "has other things in it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *argv[9] = {(char[]){HEDON}};
        for (int k = 0; k < 7; k++) {
            char *argument = cases[i].arguments[k];
            argv[k + 1] = argument && !strcmp(argument, "STORE") ? store_place() : argument;
        }
        Ran ran = run_with(argv, "/dev/null", in_scratch("stdout"));
        if (ran.status != 2) fail_msg("case %zu: status %d: %s", i, ran.status, ran.err);
        assert_string_equal(ran.out, "");
        if (!strstr(ran.err, cases[i].says)) fail_msg("'%s' is not in: %s", cases[i].says, ran.err);
        ran_free(&ran);
    }
    Ran ran = RUN("top", in_scratch("absent.db"));
    assert_int_equal(ran.status, 1);
    assert_false(exists(in_scratch("absent.db")));
    ran_free(&ran);
}

/* ---- Compare */

static void test_models_are_compared_in_pairs(void **state)
{
    (void)state;
    Ran ran = RUN("compare", store_place(), "first", "second", "--json");
    assert_int_equal(ran.status, 0);
    json_t *json = parse(ran.out, strlen(ran.out));
    assert_true(json_is_true(json_object_get(json, "paired")));
    assert_int_equal(json_integer_value(json_object_get(json, "videos")), 4);
    const json_t *measures = json_object_get(json, "measures");
    /* first: .5 1.5 -1 3, mean 1; second: 1.5 2.5 4 0, mean 2. Ranks 2 3 1 4 and 2 3 4 1:
       Spearman's is 1 - 6 (0 + 0 + 9 + 9) / (4 (16 - 1)) */
    const json_t *utility = json_object_get(measures, "utility");
    assert_float_equal(number_at(utility, "a"), 1, 1e-6);
    assert_float_equal(number_at(utility, "b"), 2, 1e-6);
    assert_float_equal(number_at(utility, "difference"), -1, 1e-6);
    assert_float_equal(number_at(utility, "rank_correlation"), -.8, 1e-6);
    /* Joy differs by .05 everywhere: the paired interval has no width */
    const json_t *joy = json_object_get(measures, "Joy"),
                 *interval = json_object_get(joy, "interval");
    assert_float_equal(number_at(joy, "difference"), -.05, 1e-6);
    assert_float_equal(json_number_value(json_array_get(interval, 0)), -.05, 1e-6);
    assert_float_equal(json_number_value(json_array_get(interval, 1)), -.05, 1e-6);
    assert_float_equal(number_at(joy, "rank_correlation"), 1, 1e-6);
    json_decref(json);
    ran_free(&ran);
}

static void test_folders_are_compared_as_samples(void **state)
{
    (void)state;
    Ran ran = RUN("compare", store_place(), roots[0], roots[1], "--run", "1", "--json");
    assert_int_equal(ran.status, 0);
    json_t *json = parse(ran.out, strlen(ran.out));
    assert_true(json_is_false(json_object_get(json, "paired")));
    /* .5 and 1.5 against -1 and 3: resampled means are within [.5, 1.5] and [-1, 3], whose extremes
       have a chance of 1/16 for a difference: outside the middle 95% only beyond them */
    const json_t *utility = json_object_get(json_object_get(json, "measures"), "utility"),
                 *interval = json_object_get(utility, "interval");
    assert_float_equal(number_at(utility, "difference"), 0, 1e-6);
    assert_float_equal(json_number_value(json_array_get(interval, 0)), -2.5, 1e-6);
    assert_float_equal(json_number_value(json_array_get(interval, 1)), 2.5, 1e-6);
    assert_null(json_object_get(utility, "rank_correlation"));
    json_decref(json);
    ran_free(&ran);
    ran = RUN("compare", store_place(), roots[0], roots[1], "--run", "1");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "demotes grief"));
    assert_non_null(strstr(ran.out, "Joy"));
    ran_free(&ran);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_disk_is_blamed_on_the_output),
        cmocka_unit_test(test_json_lines_are_scores_without_runtime),
        cmocka_unit_test(test_csv_is_scores_csv),
        cmocka_unit_test(test_tracks_keep_folders_apart),
        cmocka_unit_test(test_tracks_beside_videos),
        cmocka_unit_test(test_top_ranks_and_says_what_it_is),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_models_are_compared_in_pairs),
        cmocka_unit_test(test_folders_are_compared_as_samples),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
