/* hedon dataset from the outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "cli_fixture.h"

#include "dataset_fixture.h"

static int prepare(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    setenv("LSAN_OPTIONS", "print_suppressions=0:suppressions=" HEDON_SOURCE_DIR "/tests/lsan.supp",
           0);
    render("-f lavfi -i testsrc2=size=64x48:rate=10:duration=1 -c:v libx264 -pix_fmt yuv420p",
           "a.mp4");
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

static char *with_videos(const char *folder)
{
    for (int i = 0; i < 7; i++)
        if (shell("cp %s %s/videos/%s.mp4", in_scratch("a.mp4"), folder, all_ids[i])) abort();
    return (char *)folder;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json) fail_msg("%s in: %s", error.text, text);
    return json;
}

static void test_check_of_good_and_bad(void **state)
{
    (void)state;
    char *folder = with_videos(write_vce("check"));
    Ran ran = RUN("dataset", "check", folder);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.err, "");
    assert_non_null(strstr(ran.out, ": vce, 7 videos (5 train, 2 test)\n7 videos open"));
    assert_non_null(strstr(ran.out, "\nnothing wrong found\n"));
    ran_free(&ran);

    assert_int_equal(shell("rm %s/videos/00012.mp4 %s/videos/00003.mp4", folder, folder), 0);
    ran = RUN("dataset", "check", "--no-open", "--examples", "1", folder);
    assert_int_equal(ran.status, 1);
    assert_string_equal(ran.err, "");
    assert_non_null(strstr(ran.out, "       2  videos missing\n"));
    assert_non_null(strstr(ran.out, "/videos/00003.mp4\n          ...\n\n2 faults found\n"));
    ran_free(&ran);

    ran = RUN("dataset", "check", "--json", folder);
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.out), 1);
    json_t *json = parse(ran.out);
    const char *schema, *kind, *example;
    int train, opened, total, missing;
    assert_int_equal(json_unpack(json, "{s:s, s:s, s:{s:i}, s:i, s:i, s:{s:{s:i, s:[s]}}}",
                                 "schema", &schema, "kind", &kind, "videos", "train", &train,
                                 "opened", &opened, "total", &total, "faults", "missing_video",
                                 "count", &missing, "examples", &example),
                     0);
    assert_string_equal(schema, "hedon.dataset_check/1");
    assert_string_equal(kind, "vce");
    assert_true(train == 5 && opened == 5 && total == 2 && missing == 2);
    assert_non_null(strstr(example, "00003.mp4"));
    json_decref(json);
    ran_free(&ran);
}

static void test_check_beside_the_other(void **state)
{
    (void)state;
    char *vce = with_videos(write_vce("beside_vce")), *v2v = with_videos(write_v2v("beside_v2v"));
    Ran ran = RUN("dataset", "check", "--no-open", "--joint", vce, v2v);
    assert_int_equal(ran.status, 0);
    /* V2V tests on 1 and 7 and lists 5 and 9: VCE trains on 7 and 5 */
    assert_non_null(strstr(ran.out, "leaves 2 videos out of VCE's train"));
    assert_non_null(strstr(ran.out, "nothing wrong found\n"));
    ran_free(&ran);
    ran = RUN("dataset", "check", "--no-open", "--joint", in_scratch("no"), "--json", v2v);
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.err), 1);
    assert_string_equal(ran.out, "");
    ran_free(&ran);
}

static void test_stats_text_json_and_plot(void **state)
{
    (void)state;
    char *vce = with_videos(write_vce("stats_vce")), *v2v = with_videos(write_v2v("stats_v2v"));
    Ran ran = RUN("dataset", "stats", "--plot", in_scratch("vce.png"), vce);
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "7 rated; 0 all zero; 0.0% share their greatest intensity"));
    assert_non_null(strstr(ran.out, "Admiration                     1  20.0%       0   0.0%"));
    assert_non_null(strstr(ran.out, "least 10.0 s"));
    ran_free(&ran);
    char *png = read_file(in_scratch("vce.png"));
    assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
    free(png);

    ran = RUN("dataset", "stats", "--json", "--duplicates", v2v, "--plot", in_scratch("v2v.png"));
    assert_int_equal(ran.status, 0);
    json_t *json = parse(ran.out);
    int components, videos, groups, grouped, bits;
    assert_int_equal(json_unpack(json, "{s:{s:{s:i}}, s:{s:i}, s:{s:i, s:i, s:i}}", "comparisons",
                                 "train", "components", &components, "durations", "videos", &videos,
                                 "duplicates", "groups", &groups, "videos_in_groups", &grouped,
                                 "bits", &bits),
                     0);
    assert_true(components == 1 && videos == 7 && groups == 1 && grouped == 7 && bits == 256);
    json_decref(json);
    ran_free(&ran);
    assert_true(exists(in_scratch("v2v.png")));

    shell("printf 'path,class\\na.mp4,x\\n' > %s", in_scratch("t.csv"));
    ran = RUN("dataset", "stats", in_scratch("t.csv"), "--options", "class=class,path=path");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "Classes       1\n"));
    assert_non_null(strstr(ran.out, "1.0 s in 1 videos"));
    ran_free(&ran);
}

static void test_mistakes(void **state)
{
    (void)state;
    char *folder = (char *)write_vce("mistakes");
    Ran ran = RUN("dataset", "check");
    assert_int_equal(ran.status, 2);
    assert_non_null(strstr(ran.err, "give one dataset"));
    ran_free(&ran);
    ran = RUN("dataset", "stats", "--options", "path", folder);
    assert_int_equal(ran.status, 2);
    assert_non_null(strstr(ran.err, "NAME=VALUE"));
    ran_free(&ran);
    ran = RUN("dataset", "check", "--options", "a=b", folder);
    assert_int_equal(ran.status, 2);
    assert_non_null(strstr(ran.err, "no option 'a'"));
    ran_free(&ran);
    ran = RUN("dataset", "stats", in_scratch("nowhere"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "nowhere: neither a folder nor a table"));
    ran_free(&ran);
    write_in(folder, "train_labels.json", "{");
    ran = RUN("dataset", "stats", folder);
    assert_int_equal(ran.status, 1);
    assert_non_null(
        strstr(ran.err, "train_labels.json: line 1, column 2: the file ends inside an object"));
    ran_free(&ran);
    ran = RUN("dataset", "chekc", folder);
    assert_int_equal(ran.status, 2);
    assert_non_null(strstr(ran.err, "did you mean 'hedon dataset check'?"));
    ran_free(&ran);
    for (int i = 0; i < 2; i++) {
        ran = RUN("dataset", i ? "check" : "stats", "--help");
        assert_int_equal(ran.status, 0);
        assert_non_null(strstr(ran.out, "Examples:\n  hedon dataset "));
        ran_free(&ran);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_of_good_and_bad),
        cmocka_unit_test(test_check_beside_the_other),
        cmocka_unit_test(test_stats_text_json_and_plot),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
