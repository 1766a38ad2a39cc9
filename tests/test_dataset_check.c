/* hedon_dataset_check: every fault alone, all of them together, and none where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "worker_fixture.h"

#include "dataset_fixture.h"
#include "datasets/check.h"

/* Three small videos, a second, 1.2 and 2 seconds long. */
static int render_videos(void **state)
{
    if (make_scratch(state)) return -1;
    const char *encoder = "-c:v libx264 -pix_fmt yuv420p -movflags +faststart";
    return render("a.mp4", "64x48", 1, encoder) || render("b.mp4", "64x48", 1.2, encoder) ||
           render("long.mp4", "320x240", 2, encoder);
}

static void link_video(const char *folder, const char *id, const char *source)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/videos/%s.mp4", folder, id);
    unlink(path);
    if (source && link(in_scratch(source), path)) abort();
}

static void link_videos(const char *folder)
{
    for (int i = 0; i < 7; i++) link_video(folder, all_ids[i], i % 2 ? "a.mp4" : "b.mp4");
}

/* The first half of long.mp4, whose index says there is more; and what is no video. */
static void spoil_video(const char *folder, const char *id, int cut)
{
    char command[900];
    link_video(folder, id, NULL);
    if (cut)
        snprintf(command, sizeof(command),
                 "head -c $(($(stat -c %%s %s) / 2)) %s > %s/videos/%s.mp4", in_scratch("long.mp4"),
                 in_scratch("long.mp4"), folder, id);
    else
        snprintf(command, sizeof(command), "echo hello > %s/videos/%s.mp4", folder, id);
    if (system(command)) abort();
}

static void checked(HedonCheck *check, const char *folder, const HedonCheckOptions *given)
{
    HedonContext *ctx = hedon_context_new();
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    if (!given) options.no_open = 1;
    if (hedon_dataset_check(ctx, check, folder, given ? given : &options))
        fail_msg("%s", hedon_last_error(ctx));
    hedon_context_free(ctx);
}

/* Exactly `count` of one kind, with that among the examples; `others` of other kinds. */
static void expect(const HedonCheck *check, HedonFaultKind kind, int64_t count, const char *says)
{
    const HedonFaults *faults = &check->faults;
    int found = 0;
    for (int i = 0; i < faults->examples[kind]; i++)
        found |= strstr(faults->example[kind][i], says) != NULL;
    if (faults->count[kind] != count || !found)
        fail_msg("%s: wanted %d '%s', got %d '%s'", hedon_fault_info(kind)->name, (int)count, says,
                 (int)faults->count[kind],
                 faults->examples[kind] ? faults->example[kind][0] : "nothing");
}

static void expect_total(const HedonCheck *check, int64_t total)
{
    if (hedon_faults_total(&check->faults) == total) return;
    for (int kind = 0; kind < HEDON_FAULT_KINDS; kind++)
        for (int i = 0; i < check->faults.examples[kind]; i++)
            print_message("%s: %s\n", hedon_fault_info((HedonFaultKind)kind)->name,
                          check->faults.example[kind][i]);
    fail_msg("%d faults, not %d", (int)hedon_faults_total(&check->faults), (int)total);
}

static void test_good_datasets_have_no_fault(void **state)
{
    (void)state;
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    options.workers = 3;
    for (int i = 0; i < 2; i++) {
        HedonCheck check;
        const char *folder = i ? write_v2v("good_v2v") : write_vce("good_vce");
        link_videos(folder);
        checked(&check, folder, &options);
        expect_total(&check, 0);
        assert_int_equal(check.opened, 7);
        assert_string_equal(check.kind->name, i ? "v2v" : "vce");
        assert_int_equal(check.videos[HEDON_SPLIT_TRAIN], i ? 3 : 5);
        assert_int_equal(check.videos[HEDON_SPLIT_TEST], 2);
        assert_int_equal(check.comparisons[HEDON_SPLIT_TRAIN], i ? 2 : 0);
        hedon_check_free(&check);
    }
}

/* ---- One by one ----------------------------------------------------------------------------- */

static void test_each_fault_of_vce(void **state)
{
    (void)state;
    static const struct {
        HedonFaultKind kind;
        const char *from, *to, *says;
    } cases[] = {
        {HEDON_FAULT_RANGE, "\"Anger\": 0.0", "\"Anger\": 1.25", "video 00003: Anger is 1.25"},
        {HEDON_FAULT_RANGE, "\"Anger\": 0.0", "\"Anger\": -1", "video 00003: Anger is -1"},
        {HEDON_FAULT_UNKNOWN_EMOTION, "\"Anger\": 0.0", "\"Anger\": 0.0, \"Rage\": 0.5", "'Rage'"},
        {HEDON_FAULT_MISSING_EMOTION, "\"Anger\": 0.0, ", "", "Anger is missing"},
        {HEDON_FAULT_MISSING_EMOTION, "\"emotions\"", "\"feelings\"", "video 00003: no emotions"},
        {HEDON_FAULT_VALUE, "\"Anger\": 0.0", "\"Anger\": null", "Anger is not a number"},
        {HEDON_FAULT_VALUE, "\"Anger\": 0.0", "\"Anger\": 0.0, \"Anger\": 0.1", "given twice"},
        {HEDON_FAULT_VALUE, "\"topK\": [", "\"topK\": 3, \"x\": [", "\"topK\" is not an array"},
        {HEDON_FAULT_VALUE, "\"file\": \"", "\"file\": \"../", "leads out"},
        {HEDON_FAULT_DUPLICATE_ID, "\"00000\": {", "\"00003\": {", "video 00003: labelled twice"},
        {HEDON_FAULT_SHARED_ID, "\"00012\": {", "\"00001\": {", "video 00001: is in train too"},
        {HEDON_FAULT_UNKNOWN_ID, "\"00012\": {", "\"00013\": {", "metadata.json: video 00013"},
        {HEDON_FAULT_TOP, "\"topK\": [\"Admiration\", \"Adoration\"",
         "\"topK\": [\"Adoration\", \"Admiration\"", "video 00003: topK is not"},
        {HEDON_FAULT_TOP, "\"topK\": [\"Admiration\", ", "\"topK\": [", "topK is not"},
        {HEDON_FAULT_TOP, "\"topK\": [\"Admiration\", \"Adoration\"",
         "\"topK\": [\"Admiration\", \"Admiration\"", "topK is not"},
        {HEDON_FAULT_FILE, "}, \"00000\"", "} \"00000\"", "train_labels.json: line 1, column"},
    };
    const char *folder = write_vce("vce_fault");
    link_videos(folder);
    link_video(folder, "00013", "a.mp4");
    char *good = labels_of(vce_train_ids, 5, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        HedonCheck check;
        char *bad = replaced(good, cases[i].from, cases[i].to);
        write_in(folder, "train_labels.json", bad);
        checked(&check, folder, NULL);
        expect(&check, cases[i].kind, 1, cases[i].says);
        /* "topK": 3 is of the wrong type, and no topK is left either */
        expect_total(&check, strstr(cases[i].to, "topK\": 3") ? 2 : 1);
        hedon_check_free(&check);
        free(bad);
    }
    free(good);
}

/* Among equals every choice of topK and every order of it is right. */
static void test_ties_in_top_are_no_fault(void **state)
{
    (void)state;
    HedonCheck check;
    const char *folder = write_vce("vce_ties");
    link_videos(folder);
    char *good = labels_of(vce_train_ids, 5, 0);
    char *tied =
        replaced(good, "\"Aesthetic Appreciation\": 0.25", "\"Aesthetic Appreciation\": 0.0");
    char *swapped = replaced(tied, "\"Adoration\": 0.5", "\"Adoration\": 0.75");
    char *named = replaced(swapped, "[\"Admiration\", \"Adoration\", \"Aesthetic Appreciation\"]",
                           "[\"Adoration\", \"Admiration\", \"Surprise\"]");
    write_in(folder, "train_labels.json", named);
    checked(&check, folder, NULL);
    expect_total(&check, 0);
    hedon_check_free(&check);
    free(named);
    free(swapped);
    free(tied);
    free(good);
}

static void test_each_fault_of_v2v(void **state)
{
    (void)state;
    static const struct {
        HedonFaultKind kind;
        const char *file, *comparisons, *says;
    } cases[] = {
        {HEDON_FAULT_SELF_PAIR, "train", "[\"00003\", \"00003\"]",
         "train: video 00003 is compared"},
        {HEDON_FAULT_SELF_PAIR, "listwise", "[\"00005\", \"00009\", \"00005\"]",
         "lists: video 00005"},
        {HEDON_FAULT_DUPLICATE_PAIR, "train",
         "[\"00003\", \"00000\"], [\"00012\", \"00003\"], [\"00003\", \"00000\"]",
         "train: 00003 < 00000 again"},
        {HEDON_FAULT_CONTRADICTION, "train", "[\"00003\", \"00000\"], [\"00000\", \"00003\"]",
         "00003 < 00000 and 00000 < 00003"},
        {HEDON_FAULT_CONTRADICTION, "listwise", "[\"00005\", \"00009\"], [\"00009\", \"00005\"]",
         "00005 < 00009 and"},
        {HEDON_FAULT_CYCLE, "train",
         "[\"00003\", \"00000\"], [\"00000\", \"00012\"], [\"00012\", \"00003\"]", "(3 videos)"},
        {HEDON_FAULT_SHARED_ID, "test", "[\"00003\", \"00007\"]",
         "video 00003 is in train and in test"},
        {HEDON_FAULT_UNKNOWN_ID, "train", "[\"00003\", \"99999\"]", "metadata.json: video 99999"},
        {HEDON_FAULT_VALUE, "train", "[\"00003\", 0]", "comparison 1: ids are strings"},
        {HEDON_FAULT_VALUE, "listwise", "[\"00005\"]", "comparison 1: not of two to four"},
        {HEDON_FAULT_FILE, "test", "[\"00001\", \"00007\"]]", "test_labels.json: line 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        HedonCheck check;
        char name[64], text[300];
        const char *folder = write_v2v("v2v_fault");
        link_videos(folder);
        link_video(folder, "99999", "a.mp4");
        snprintf(name, sizeof(name), "%s_labels.json", cases[i].file);
        snprintf(text, sizeof(text), "{\"comparisons\": [%s]}", cases[i].comparisons);
        write_in(folder, name, text);
        checked(&check, folder, NULL);
        expect(&check, cases[i].kind, 1, cases[i].says);
        /* a list a < b < a contradicts itself too */
        expect_total(&check, cases[i].kind == HEDON_FAULT_SELF_PAIR && i == 1 ? 2 : 1);
        hedon_check_free(&check);
    }
}

static void test_missing_files_are_faults_but_not_all_of_them(void **state)
{
    (void)state;
    HedonCheck check;
    const char *folder = write_v2v("missing_file");
    char path[300];
    link_videos(folder);
    snprintf(path, sizeof(path), "%s/listwise_labels.json", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/metadata.json", folder);
    unlink(path);
    checked(&check, folder, NULL);
    expect(&check, HEDON_FAULT_FILE, 2, "metadata.json: cannot open");
    expect_total(&check, 2);
    hedon_check_free(&check);

    HedonContext *ctx = hedon_context_new();
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    options.kind = "v2v";
    assert_int_equal(hedon_dataset_check(ctx, &check, in_scratch("nowhere"), &options),
                     HEDON_ENOENT);
    hedon_check_free(&check);
    hedon_context_free(ctx);
}

/* Cut off inside a label: that video is known by its id only. */
static void test_every_truncation_is_one_fault(void **state)
{
    (void)state;
    const char *folder = write_vce("truncated");
    link_videos(folder);
    char *text = labels_of(vce_train_ids, 2, 0);
    for (size_t size = strlen(text) - 1; size > 0; size -= size > 97 ? 97 : size) {
        HedonCheck check;
        text[size] = 0;
        write_in(folder, "train_labels.json", text);
        checked(&check, folder, NULL);
        expect(&check, HEDON_FAULT_FILE, 1, "train_labels.json: line 1, column");
        expect_total(&check, 1);
        hedon_check_free(&check);
    }
    free(text);
}

static void test_videos_missing_unreadable_and_damaged(void **state)
{
    (void)state;
    HedonCheck check;
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    const char *folder = write_vce("vce_videos");
    link_videos(folder);
    link_video(folder, "00012", NULL);
    spoil_video(folder, "00007", 0);
    spoil_video(folder, "00009", 1);
    checked(&check, folder, &options);
    expect(&check, HEDON_FAULT_MISSING_VIDEO, 1, "videos/00012.mp4");
    expect(&check, HEDON_FAULT_UNREADABLE_VIDEO, 2, "videos/00007.mp4: ");
    expect(&check, HEDON_FAULT_UNREADABLE_VIDEO, 2, "videos/00009.mp4: ");
    expect_total(&check, 3);
    assert_int_equal(check.opened, 4);
    hedon_check_free(&check);
    checked(&check, folder, NULL); /* without opening */
    expect_total(&check, 1);
    assert_int_equal(check.opened, 0);
    hedon_check_free(&check);
}

static void test_joint_leaks_are_noted(void **state)
{
    (void)state;
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    options.no_open = 1;
    const char *vce = write_vce("joint_vce"), *v2v = write_v2v("joint_v2v");
    link_videos(vce);
    link_videos(v2v);
    write_in(v2v, "train_labels.json",
             "{\"comparisons\": [[\"00003\", \"00009\"], [\"00012\", \"00003\"]]}");
    write_in(v2v, "listwise_labels.json", "{\"comparisons\": [[\"00005\", \"00000\"]]}");
    for (int i = 0; i < 2; i++) {
        HedonCheck check;
        options.joint = i ? vce : v2v;
        checked(&check, i ? v2v : vce, &options);
        expect_total(&check, 0); /* the real ones have them too */
        /* V2V tests on 1, 7, 5, 0, of which VCE trains on 7, 5, 0; VCE tests on 9 */
        expect(&check, HEDON_FAULT_JOINT_LEAK, 4,
               "video 00007 is in VCE's train and in V2V's test");
        expect(&check, HEDON_FAULT_JOINT_LEAK, 4,
               "video 00009 is in V2V's train and in VCE's test");
        assert_true(check.is_joint);
        assert_int_equal(check.joint.vce_items, 3);
        assert_int_equal(check.joint.v2v_items, 1);
        assert_int_equal(check.joint.v2v_comparisons, 1);
        hedon_check_free(&check);
    }
    HedonCheck check;
    write_in(v2v, "listwise_labels.json", "{\"comparisons\": [[\"00005\", \"4\"]]}");
    options.joint = v2v;
    checked(&check, vce, &options);
    expect(&check, HEDON_FAULT_UNKNOWN_ID, 1, "video 4 of V2V is not one of VCE's");
    hedon_check_free(&check);
}

/* ---- All together --------------------------------------------------------------------------- */

static void test_all_faults_of_vce_at_once(void **state)
{
    (void)state;
    HedonCheck check;
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    const char *folder = make_folder("vce_all");
    static const char *const train[] = {"00000", "00003", "00005", "00007",
                                        "00009", "00012", "00020"};
    char *text = labels_of(train, 7, 0);
    /* each change touches the first place that is left, so one label after the other */
    static const char *const changes[][2] = {
        {"\"Anger\": 0.0", "\"Anger\": 2"},            /* 00000: range */
        {"\"Fear\": 0.0", "\"Fear\": false"},          /* 00000: value */
        {"\"Horror\": 0.0, ", ""},                     /* 00000: missing */
        {"\"Joy\": 0.0", "\"Joy\": 0.0, \"J\": 1"},    /* 00000: unknown emotion */
        {"\"topK\": [\"Adoration\", ", "\"topK\": ["}, /* 00003: top */
        {"\"00005\"", "\"00003\""},                    /* twice; 00005 is left without label */
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        char *next = replaced(text, changes[i][0], changes[i][1]);
        free(text);
        text = next;
    }
    write_in(folder, "train_labels.json", text);
    free(text);
    text = labels_of(all_ids, 2, 3); /* 00000 again, 00001 */
    text[strlen(text) - 1] = 0;      /* and the file is cut off */
    write_in(folder, "test_labels.json", text);
    free(text);
    write_metadata(folder); /* which does not know 00020 */
    link_videos(folder);
    link_video(folder, "00003", NULL);
    link_video(folder, "00020", "a.mp4");
    spoil_video(folder, "00007", 0);
    spoil_video(folder, "00009", 1);
    checked(&check, folder, &options);
    expect(&check, HEDON_FAULT_RANGE, 1, "video 00000: Anger is 2");
    expect(&check, HEDON_FAULT_VALUE, 1, "video 00000: Fear is not a number");
    expect(&check, HEDON_FAULT_MISSING_EMOTION, 1, "video 00000: Horror is missing");
    expect(&check, HEDON_FAULT_UNKNOWN_EMOTION, 1, "video 00000: unknown emotion 'J'");
    expect(&check, HEDON_FAULT_TOP, 1, "video 00003: topK");
    expect(&check, HEDON_FAULT_DUPLICATE_ID, 1, "video 00003: labelled twice");
    expect(&check, HEDON_FAULT_SHARED_ID, 1, "test_labels.json: video 00000: is in train too");
    expect(&check, HEDON_FAULT_FILE, 1, "test_labels.json: line 1");
    expect(&check, HEDON_FAULT_UNKNOWN_ID, 1, "video 00020");
    expect(&check, HEDON_FAULT_MISSING_VIDEO, 1, "videos/00003.mp4");
    expect(&check, HEDON_FAULT_UNREADABLE_VIDEO, 2, "videos/00007.mp4");
    expect_total(&check, 12);
    assert_int_equal(check.opened, 4); /* 0, 12, 20, 1 */
    hedon_check_free(&check);
}

static void test_all_faults_of_v2v_at_once(void **state)
{
    (void)state;
    HedonCheck check;
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    options.examples = 1;
    const char *folder = write_v2v("v2v_all");
    write_in(folder, "train_labels.json",
             "{\"comparisons\": [[\"1\", \"1\"], [\"2\", \"3\"], [\"2\", \"3\"], [\"3\", \"2\"], "
             "[7, 8], "
             "[\"4\", \"5\"], [\"5\", \"6\"], [\"6\", \"4\"], [\"4\"], [\"00003\", \"00000\"]]}");
    write_in(folder, "test_labels.json", "{\"comparisons\": [[\"00003\", \"00001\"]]}");
    write_in(folder, "listwise_labels.json", "{\"comparisons\": [[\"00005\", \"00009\"]");
    link_video(folder, "00001", "a.mp4");
    link_video(folder, "00003", "b.mp4");
    spoil_video(folder, "00000", 1);
    checked(&check, folder, &options);
    expect(&check, HEDON_FAULT_SELF_PAIR, 1, "train: video 1 ");
    expect(&check, HEDON_FAULT_DUPLICATE_PAIR, 1, "2 < 3 again");
    expect(&check, HEDON_FAULT_CONTRADICTION, 1, "2 < 3 and 3 < 2");
    expect(&check, HEDON_FAULT_CYCLE, 1, "4 < 5 < 6 < 4 (3 videos)");
    expect(&check, HEDON_FAULT_VALUE, 2, "comparison 5");
    expect(&check, HEDON_FAULT_SHARED_ID, 1, "video 00003 is in train and in test");
    expect(&check, HEDON_FAULT_FILE, 1, "listwise_labels.json: line 1");
    expect(&check, HEDON_FAULT_UNKNOWN_ID, 6, "video 1 ");
    expect(&check, HEDON_FAULT_MISSING_VIDEO, 8, "videos/1.mp4"); /* 1 to 6, 00005, 00009 */
    expect(&check, HEDON_FAULT_UNREADABLE_VIDEO, 1, "videos/00000.mp4");
    expect_total(&check, 23);
    for (int kind = 0; kind < HEDON_FAULT_KINDS; kind++)
        assert_true(check.faults.examples[kind] <= 1);
    hedon_check_free(&check);
}

/* ---- Its own failures ----------------------------------------------------------------------- */

static void test_memory_may_run_out(void **state)
{
    (void)state;
    const char *folder = write_v2v("memory");
    write_in(folder, "train_labels.json",
             "{\"comparisons\": [[\"1\", \"1\"], [\"4\", \"5\"], [\"5\", \"6\"], [\"6\", \"4\"]]}");
    HedonContext *ctx = hedon_context_new();
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    options.no_open = 1;
    options.kind = "v2v";
    int failed = 1;
    for (int64_t k = 1; failed; k++) {
        HedonCheck check;
        hedon_memory_fail_at(k);
        const int code = hedon_dataset_check(ctx, &check, folder, &options);
        failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        hedon_check_free(&check);
    }
    hedon_context_free(ctx);
}

static void test_no_worker_and_interruption_are_failures(void **state)
{
    (void)state;
    HedonCheck check;
    HedonContext *ctx = hedon_context_new();
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    const char *folder = write_vce("failures");
    link_videos(folder);
    options.worker.program = in_scratch("no-such-program");
    assert_int_equal(hedon_dataset_check(ctx, &check, folder, &options), HEDON_EDECODER);
    hedon_check_free(&check);
    options.worker.program = NULL;
    hedon_cancel();
    assert_int_equal(hedon_dataset_check(ctx, &check, folder, &options), HEDON_ECANCELLED);
    hedon_cancel_reset();
    hedon_check_free(&check);
    hedon_context_free(ctx);
    assert_false(has_children());
}

int main(void)
{
    setenv("HEDON_DECODE_WORKER", REAL_WORKER, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_datasets_have_no_fault),
        cmocka_unit_test(test_each_fault_of_vce),
        cmocka_unit_test(test_ties_in_top_are_no_fault),
        cmocka_unit_test(test_each_fault_of_v2v),
        cmocka_unit_test(test_missing_files_are_faults_but_not_all_of_them),
        cmocka_unit_test(test_every_truncation_is_one_fault),
        cmocka_unit_test(test_videos_missing_unreadable_and_damaged),
        cmocka_unit_test(test_joint_leaks_are_noted),
        cmocka_unit_test(test_all_faults_of_vce_at_once),
        cmocka_unit_test(test_all_faults_of_v2v_at_once),
        cmocka_unit_test(test_memory_may_run_out),
        cmocka_unit_test(test_no_worker_and_interruption_are_failures),
    };
    return cmocka_run_group_tests(tests, render_videos, remove_scratch);
}
