/* hedon annotate from the outside: folders with broken videos, interruptions, changes, shares of
 * work.
 *
 * How much: HEDON_KILLS is how often the run is killed (default 5); HEDON_ANNOTATE_FULL=1 takes
 * 2,000 videos, 60 of them bad, and 20 kills.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <time.h>

#include "cli_fixture.h"

#include "annotate_fixture.h"
#include "base/clock.h"
#include "models/trainable.h"

static int is_full(void)
{
    const char *full = getenv("HEDON_ANNOTATE_FULL");
    return full && *full == '1';
}

static int make_videos(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    setenv("LSAN_OPTIONS", "print_suppressions=0:suppressions=" HEDON_SOURCE_DIR "/tests/lsan.supp",
           0);
    setenv("OMP_WAIT_POLICY", "passive", 0);
    render_patterns();
    make_folder("small", 12, BAD_KINDS);
    return 0;
}

static int remove_videos(void **state)
{
    (void)state;
    return shell("rm -rf %s", scratch);
}

static void sleep_s(double seconds)
{
    const struct timespec time = {.tv_sec = (time_t)seconds,
                                  .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

static void assert_same_text(const char *a, const char *b)
{
    if (!strcmp(a, b)) return;
    size_t at = 0;
    while (a[at] == b[at]) at++;
    while (at && a[at - 1] != '\n') at--;
    fail_msg("stores differ:\n%.*s\n%.*s", (int)strcspn(a + at, "\n"), a + at,
             (int)strcspn(b + at, "\n"), b + at);
}

/* ---- One run */

static void test_good_ones_are_results_and_bad_ones_error_rows(void **state)
{
    (void)state;
    Ran ran = RUN("annotate", "--store", in_scratch("one.db"), in_scratch("small"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.out, "12 annotated, 15 failed"));
    assert_non_null(strstr(ran.out, "bottleneck: "));
    assert_int_equal(count_lines(ran.err), BAD_KINDS); /* a line each */
    ran_free(&ran);
    Dump first = dump_store(in_scratch("one.db"));
    assert_int_equal(first.results, 12);
    assert_int_equal(first.errors, BAD_KINDS);

    /* again: nothing to do, and nothing failed this time */
    ran = RUN("annotate", "--store", in_scratch("one.db"), in_scratch("small"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "0 annotated, 0 failed"));
    assert_string_equal(ran.err, "");
    ran_free(&ran);
    Dump second = dump_store(in_scratch("one.db"));
    assert_same_text(first.text, second.text);
    for (int i = 0; i < first.count; i++)
        assert_true(first.stamps[i].annotated_s == second.stamps[i].annotated_s);

    ran = RUN("annotate", "--retry-failed", "--store", in_scratch("one.db"), in_scratch("small"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.out, "0 annotated, 15 failed"));
    ran_free(&ran);
    Dump third = dump_store(in_scratch("one.db"));
    assert_same_text(first.text, third.text);
    dump_free(&first);
    dump_free(&second);
    dump_free(&third);
}

static void test_a_result_is_the_one_of_score(void **state)
{
    (void)state;
    shell("mkdir -p %s", in_scratch("single"));
    char video[512];
    snprintf(video, sizeof(video), "%s", in_scratch("single/a.mp4"));
    make_good(video, 3);
    Ran ran = RUN("annotate", "--window", "0.5", "--store", in_scratch("single.db"),
                  in_scratch("single"));
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    ran = RUN("score", "--window", "0.5", "--json", video);
    json_t *json = json_loads(ran.out, 0, NULL);
    ran_free(&ran);
    Dump dump = dump_store(in_scratch("single.db"));
    char path[512], hash[80];
    long long size, mtime, frames, views;
    int code, width, height, used;
    double duration, utility, percentile, sd;
    assert_int_equal(sscanf(dump.text, "%511s %79s %lld %lld %d %la %lld %dx%d %la %la %la %lld%n",
                            path, hash, &size, &mtime, &code, &duration, &frames, &width, &height,
                            &utility, &percentile, &sd, &views, &used),
                     13);
    const json_t *wellbeing = json_object_get(json, "wellbeing");
    assert_true(fabs(utility / json_real_value(json_object_get(wellbeing, "utility")) - 1) < 1e-5);
    assert_int_equal(frames, json_integer_value(json_object_get(json, "frames")));
    int clips = 0;
    for (const char *at = dump.text; (at = strchr(at, '[')); at++) clips++;
    assert_int_equal(clips, json_array_size(json_object_get(json, "clips")));
    json_decref(json);
    dump_free(&dump);
}

static void save_measured_model(const char *path, const char *metric)
{
    HedonContext *ctx = hedon_context_new();
    HedonModel *model;
    assert_int_equal(hedon_model_open_random(ctx, &model, "r2plus1d_tiny", 1, "utility"), 0);
    const HedonProvenance provenance = {.name = "measured",
                                        .trained_on = "nothing",
                                        .caveat = "a test's",
                                        .test_metric = metric};
    assert_int_equal(hedon_model_set_provenance(ctx, model, &provenance), 0);
    assert_int_equal(hedon_model_save(ctx, model, path), 0);
    hedon_model_close(model);
    hedon_context_free(ctx);
}

/* Of the first line. */
static json_t *exported_metric(const char *store)
{
    Ran ran = RUN("export", (char *)(uintptr_t)store, "--format", "jsonl");
    assert_int_equal(ran.status, 0);
    json_t *json = json_loads(ran.out, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *metric = json_object_get(json_object_get(json, "reliability"), "test_metric");
    assert_non_null(metric);
    json_incref(metric);
    json_decref(json);
    ran_free(&ran);
    return metric;
}

static void test_exports_have_the_models_test_metric(void **state)
{
    (void)state;
    const char *text = "{\"data\": \"V2V, test part\", "
                       "\"accuracy\": {\"value\": 0.625, \"low\": 0.5, \"high\": 0.75}}";
    shell("mkdir -p %s", in_scratch("measured"));
    make_good(in_scratch("measured/a.mp4"), 1);
    save_measured_model(in_scratch("measured.hedon"), text);
    Ran ran = RUN("annotate", "-q", "--model", in_scratch("measured.hedon"), "--store",
                  in_scratch("measured.db"), in_scratch("measured"));
    if (ran.status) fail_msg("%s", ran.err);
    ran_free(&ran);
    json_t *metric = exported_metric(in_scratch("measured.db")), *wanted = json_loads(text, 0, NULL);
    assert_true(json_equal(metric, wanted));
    json_decref(metric);
    json_decref(wanted);

    ran = RUN("annotate", "-q", "--model", "lowlevel", "--store", in_scratch("unmeasured.db"),
              in_scratch("measured"));
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    metric = exported_metric(in_scratch("unmeasured.db"));
    assert_true(json_is_null(metric));
    json_decref(metric);
}

static void test_events(void **state)
{
    (void)state;
    Ran ran = RUN("annotate", "--json", "--quiet", "--progress", "0.1", "--store",
                  in_scratch("events.db"), in_scratch("small"));
    assert_int_equal(ran.status, 1);
    assert_string_equal(ran.err, "");
    int starts = 0, errors = 0, ends = 0, videos = 0;
    for (char *line = strtok(ran.out, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *event = json_loads(line, 0, NULL);
        assert_non_null(event);
        const char *kind = json_string_value(json_object_get(event, "event"));
        assert_true(starts || !strcmp(kind, "start"));
        starts += !strcmp(kind, "start");
        errors += !strcmp(kind, "error");
        videos += !strcmp(kind, "video");
        if (!strcmp(kind, "end")) {
            ends++;
            assert_int_equal(json_integer_value(json_object_get(event, "done")), 12);
            assert_int_equal(json_integer_value(json_object_get(event, "failed")), BAD_KINDS);
            assert_int_equal(json_integer_value(json_object_get(event, "left")), 0);
            assert_int_equal(json_integer_value(json_object_get(event, "status")), 1);
            assert_int_equal(json_object_size(json_object_get(event, "stages")), 6);
        }
        json_decref(event);
    }
    assert_int_equal(starts, 1);
    assert_int_equal(errors, BAD_KINDS);
    assert_int_equal(videos, 12);
    assert_int_equal(ends, 1);
    ran_free(&ran);
}

static void test_mistakes(void **state)
{
    (void)state;
    Ran ran = RUN("annotate");
    assert_int_equal(ran.status, 2);
    assert_non_null(strstr(ran.err, "which folder?"));
    ran_free(&ran);
    ran = RUN("annotate", "--shard", "4/3", scratch);
    assert_int_equal(ran.status, 2);
    ran_free(&ran);
    ran = RUN("annotate", "--shard", "0/3", scratch);
    assert_int_equal(ran.status, 2);
    ran_free(&ran);
    ran = RUN("annotate", "--store", in_scratch("nowhere.db"), in_scratch("not-there"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "not-there: no such file"));
    assert_false(exists(in_scratch("nowhere.db"))); /* a name mistyped leaves nothing behind */
    ran_free(&ran);
    write_bytes("notes.db", "this is not a store, though it is called one\n", 45);
    ran = RUN("annotate", "--store", in_scratch("notes.db"), in_scratch("small"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "notes.db: "));
    assert_int_equal(count_lines(ran.err), 1);
    assert_string_equal(ran.out, "");
    ran_free(&ran);
    char *kept = read_file(in_scratch("notes.db"));
    assert_int_equal(strncmp(kept, "this is not a store", 19), 0);
    free(kept);
}

static void test_estimate_writes_nothing(void **state)
{
    (void)state;
    Ran ran = RUN("annotate", "--estimate", "--json", "--store", in_scratch("estimate.db"),
                  in_scratch("small"));
    assert_int_equal(ran.status, 0);
    assert_false(exists(in_scratch("estimate.db")));
    json_t *estimate = json_loads(ran.out, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(estimate, "videos")), 12 + BAD_KINDS);
    assert_int_equal(json_integer_value(json_object_get(estimate, "sampled")), 20);
    assert_int_equal(json_integer_value(json_object_get(estimate, "known")), 0);
    const double seconds = json_number_value(json_object_get(estimate, "seconds"));
    assert_true(seconds > 0 && seconds < 60);
    /* a row with a timeline of a clip or two; of a few bytes or of a page each it would be wrong */
    assert_in_range(json_integer_value(json_object_get(estimate, "store_bytes")) / 27, 1000, 20000);
    json_decref(estimate);
    ran_free(&ran);
    ran = RUN("annotate", "--estimate", "--store", in_scratch("one.db"), in_scratch("small"));
    assert_non_null(strstr(ran.out, "27 videos, "));
    assert_non_null(strstr(ran.out, "has 27 of this model and timeline already"));
    ran_free(&ran);
}

static void test_known_files_are_not_looked_into(void **state)
{
    (void)state;
    char video[512];
    shell("rm -rf %s; mkdir %s", in_scratch("nameless"), in_scratch("nameless"));
    snprintf(video, sizeof(video), "%s", in_scratch("nameless/film"));
    make_good(video, 4);
    Ran ran = RUN("annotate", "--store", in_scratch("nameless.db"), in_scratch("nameless"));
    assert_non_null(strstr(ran.out, "1 annotated, 0 failed"));
    ran_free(&ran);
    /* other bytes of the same size and time: looked into, it would be no video any more */
    struct stat about;
    assert_int_equal(stat(video, &about), 0);
    Bytes bytes = bytes_of(video);
    memset(bytes.data, 'x', bytes.size);
    save(video, bytes.data, bytes.size);
    free(bytes.data);
    const struct timespec times[2] = {about.st_atim, about.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, video, times, 0), 0);
    ran = RUN("annotate", "--store", in_scratch("nameless.db"), in_scratch("nameless"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "found: 1 videos, 1 of them known before"));
    ran_free(&ran);
}

/* ---- Changes */

static void test_a_changed_video_is_done_again_and_a_touched_one_kept(void **state)
{
    (void)state;
    shell("rm -rf %s; mkdir %s", in_scratch("change"), in_scratch("change"));
    char a[512], b[512];
    snprintf(a, sizeof(a), "%s", in_scratch("change/a.mp4"));
    snprintf(b, sizeof(b), "%s", in_scratch("change/b.mp4"));
    make_good(a, 1);
    make_good(b, 2);
    Ran ran = RUN("annotate", "--store", in_scratch("change.db"), in_scratch("change"));
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    Dump before = dump_store(in_scratch("change.db"));

    shell("touch -d 2001-01-01 %s", a);
    make_good(b, 3);
    ran = RUN("annotate", "--store", in_scratch("change.db"), in_scratch("change"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "1 annotated, 0 failed"));
    assert_non_null(strstr(ran.out, "1 looked changed but are the same"));
    ran_free(&ran);
    Dump after = dump_store(in_scratch("change.db"));
    assert_int_equal(after.results, 2);
    assert_true(before.stamps[0].annotated_s == after.stamps[0].annotated_s);
    assert_true(before.stamps[1].annotated_s < after.stamps[1].annotated_s);
    assert_non_null(strstr(after.text, " 978307200000000000 ")); /* the time is noted, though */

    /* and now nothing is left */
    ran = RUN("annotate", "--store", in_scratch("change.db"), in_scratch("change"));
    assert_non_null(strstr(ran.out, "0 annotated, 0 failed"));
    assert_null(strstr(ran.out, "looked changed"));
    ran_free(&ran);

    /* the same settings, said otherwise, are the same run */
    ran = RUN("annotate", "--window", "0.5", "--store", in_scratch("change.db"),
              in_scratch("change"));
    assert_non_null(strstr(ran.out, "2 annotated, 0 failed"));
    ran_free(&ran);
    ran = RUN("annotate", "--stride", "0.5", "--window", ".50", "--workers", "1", "--threads", "1",
              "--store", in_scratch("change.db"), in_scratch("change"));
    assert_non_null(strstr(ran.out, "0 annotated, 0 failed"));
    ran_free(&ran);

    /* other settings are another run of the same store */
    ran =
        RUN("annotate", "--no-timeline", "--store", in_scratch("change.db"), in_scratch("change"));
    assert_non_null(strstr(ran.out, "2 annotated, 0 failed"));
    ran_free(&ran);
    dump_free(&before);
    dump_free(&after);
}

static void test_a_file_that_changes_all_the_time_is_an_error(void **state)
{
    (void)state;
    shell("rm -rf %s; mkdir %s", in_scratch("grow"), in_scratch("grow"));
    render("-f lavfi -i testsrc2=size=640x480:rate=30:duration=20 -c:v libx264 -preset ultrafast "
           "-pix_fmt yuv420p",
           "grow/long.mp4");
    /* a writer at work */
    char script[1024];
    snprintf(script, sizeof(script), "while touch -c %s; do sleep .02; done",
             in_scratch("grow/long.mp4"));
    char *const toucher[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, script, NULL};
    const pid_t pid = start(toucher, "/dev/null", "/dev/null", "/dev/null");
    Ran ran =
        RUN("annotate", "--window", "1", "--store", in_scratch("grow.db"), in_scratch("grow"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "it changed each time while it was read"));
    ran_free(&ran);
    ran = RUN("annotate", "--window", "1", "--store", in_scratch("grow.db"), in_scratch("grow"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "1 annotated, 0 failed"));
    ran_free(&ran);
}

/* ---- Parts */

static void test_shards_share_out_the_files(void **state)
{
    (void)state;
    Ran ran = RUN("annotate", "-q", "--store", in_scratch("whole.db"), in_scratch("small"));
    ran_free(&ran);
    Dump whole = dump_store(in_scratch("whole.db"));
    int videos = 0;
    for (int i = 1; i <= 3; i++) {
        char shard[16], store[32];
        snprintf(shard, sizeof(shard), "%d/3", i);
        snprintf(store, sizeof(store), "shard-%d.db", i);
        ran = RUN("annotate", "-q", "--shard", shard, "--store", in_scratch(store),
                  in_scratch("small"));
        ran_free(&ran);
        Dump part = dump_store(in_scratch(store));
        videos += part.count;
        assert_in_range(part.count, 1, whole.count - 2);
        for (char *line = strtok(part.text, "\n"); line; line = strtok(NULL, "\n"))
            assert_non_null(strstr(whole.text, line));
        dump_free(&part);
    }
    assert_int_equal(videos, whole.count);
    dump_free(&whole);
}

static void test_lists_and_patterns(void **state)
{
    (void)state;
    shell("find %s -name 'good*' -print0 > %s", in_scratch("small"), in_scratch("list"));
    Ran ran = run_with(ARGV("annotate", "-0", "--store", in_scratch("list.db"), "-"),
                       in_scratch("list"), in_scratch("stdout"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "12 annotated, 0 failed"));
    ran_free(&ran);
    ran = RUN("annotate", "--exclude", "bad*", "--exclude", "0[0-3]", "--include", "*.mp4",
              "--store", in_scratch("patterns.db"), in_scratch("small"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "8 annotated, 0 failed"));
    ran_free(&ran);
}

/* ---- Interruptions */

static pid_t start_annotate(const char *folder, const char *store)
{
    return start(ARGV("annotate", "--json", "--store", in_scratch(store), in_scratch(folder)),
                 "/dev/null", in_scratch("started.out"), in_scratch("started.err"));
}

static int has_printed(const char *text)
{
    char *out = read_file(in_scratch("started.out"));
    const int printed = strstr(out, text) != NULL;
    free(out);
    return printed;
}

static int is_over(pid_t pid, int *status)
{
    return waitpid(pid, status, WNOHANG) == pid;
}

static void test_kill_at_any_moment_and_go_on(void **state)
{
    (void)state;
    const char *wanted = getenv("HEDON_KILLS");
    const int kills = wanted ? atoi(wanted) : is_full() ? 20 : 5;
    const int good = is_full() ? 1940 : 150, bad = is_full() ? 60 : BAD_KINDS;
    make_folder("many", good, bad);
    const double start_s = hedon_clock_s();
    Ran ran = RUN("annotate", "--store", in_scratch("undisturbed.db"), in_scratch("many"));
    assert_int_equal(ran.status, 1);
    ran_free(&ran);
    const double whole_s = hedon_clock_s() - start_s;
    Dump undisturbed = dump_store(in_scratch("undisturbed.db"));
    assert_int_equal(undisturbed.results, good);
    assert_int_equal(undisturbed.errors, bad);

    Dump before = {0};
    int killed = 0, status = 0;
    for (int i = 0; i < 10 * kills && killed < kills; i++) {
        const pid_t pid = start_annotate("many", "killed.db");
        const double share = hedon_random_uniform(hedon_random_key(7, 0, (uint64_t)i), 0);
        /* in turn from its start, from when it is at work, from when it has written something */
        const char *const signs[] = {"", "\"event\":\"start\"", "\"event\":\"video\""};
        for (int n = 0; n < 1000 && !has_printed(signs[i % 3]); n++) sleep_s(.01);
        sleep_s(.01 + share * (whole_s / kills > .5 ? 2 * whole_s / kills : .5));
        if (is_over(pid, &status)) break;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        killed++;
        Dump now = dump_store(in_scratch("killed.db"));
        if (now.code) { /* killed before there was a store */
            assert_int_equal(before.count, 0);
            dump_free(&now);
            continue;
        }
        /* what was there is untouched: nothing is done twice */
        for (int a = 0, b = 0; a < before.count; a++) {
            while (b < now.count && strcmp(before.stamps[a].path, now.stamps[b].path)) b++;
            assert_true(b < now.count);
            assert_true(before.stamps[a].annotated_s == now.stamps[b].annotated_s);
        }
        dump_free(&before);
        before = now;
    }
    ran = RUN("annotate", "--store", in_scratch("killed.db"), in_scratch("many"));
    ran_free(&ran);
    print_message("%d kills, the last after %d of %d videos\n", killed, before.count, good + bad);
    Dump after = dump_store(in_scratch("killed.db"));
    assert_same_text(undisturbed.text, after.text);
    for (int a = 0, b = 0; a < before.count; a++) {
        while (b < after.count && strcmp(before.stamps[a].path, after.stamps[b].path)) b++;
        assert_true(b < after.count);
        assert_true(before.stamps[a].annotated_s == after.stamps[b].annotated_s);
    }
    assert_true(killed > 0);
    dump_free(&before);
    dump_free(&after);
    dump_free(&undisturbed);
}

static void test_interrupt_keeps_what_is_computed(void **state)
{
    (void)state;
    const pid_t pid = start_annotate("many", "interrupted.db");
    for (int n = 0; n < 1000 && !has_printed("\"event\":\"video\""); n++) sleep_s(.01);
    kill(pid, SIGINT);
    Ran ran = finish(pid, in_scratch("started.out"), in_scratch("started.err"));
    assert_int_equal(ran.status, 130);
    assert_non_null(strstr(ran.err, "interrupted; the same command goes on from here"));
    ran_free(&ran);
    Dump part = dump_store(in_scratch("interrupted.db"));
    assert_true(part.count > 0);
    ran = RUN("annotate", "--store", in_scratch("interrupted.db"), in_scratch("many"));
    ran_free(&ran);
    Dump whole = dump_store(in_scratch("interrupted.db"));
    Dump undisturbed = dump_store(in_scratch("undisturbed.db"));
    assert_same_text(undisturbed.text, whole.text);
    dump_free(&part);
    dump_free(&whole);
    dump_free(&undisturbed);
}

static void test_processes_share_one_file(void **state)
{
    (void)state;
    pid_t pids[3];
    int dealt = 0;
    for (int i = 0; i < 3; i++) {
        char out[32], err[32];
        snprintf(out, sizeof(out), "share-%d.out", i);
        snprintf(err, sizeof(err), "share-%d.err", i);
        pids[i] = start(ARGV("annotate", "--json", "-q", "--store", in_scratch("shared.db"),
                             in_scratch("many")),
                        "/dev/null", in_scratch(out), in_scratch(err));
    }
    for (int i = 0; i < 3; i++) {
        char out[32], err[32];
        snprintf(out, sizeof(out), "share-%d.out", i);
        snprintf(err, sizeof(err), "share-%d.err", i);
        Ran ran = finish(pids[i], in_scratch(out), in_scratch(err));
        assert_in_range(ran.status, 0, 1);
        json_t *end = json_loads(strstr(ran.out, "{\"event\":\"end\""), 0, NULL);
        dealt += (int)json_integer_value(json_object_get(end, "done"));
        dealt += (int)json_integer_value(json_object_get(end, "failed"));
        assert_int_equal(json_integer_value(json_object_get(end, "lost")), 0);
        json_decref(end);
        ran_free(&ran);
    }
    Dump shared = dump_store(in_scratch("shared.db"));
    Dump undisturbed = dump_store(in_scratch("undisturbed.db"));
    assert_same_text(undisturbed.text, shared.text);
    assert_int_equal(dealt, shared.count); /* each once */
    dump_free(&shared);
    dump_free(&undisturbed);
}

static void test_full_disk_stops_with_a_line_and_loses_nothing(void **state)
{
    (void)state;
    for (int blocks = 64; blocks <= 1024; blocks *= 2) {
        char script[2048];
        snprintf(script, sizeof(script), "ulimit -f %d; exec %s annotate --store %s %s", blocks,
                 HEDON, in_scratch("full.db"), in_scratch("many"));
        char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, script, NULL};
        Ran ran = run_with(argv, "/dev/null", in_scratch("stdout"));
        assert_int_equal(ran.status, 1);
        if (strstr(ran.err, "the same command goes on from there"))
            print_message("%d blocks: %s", blocks, strstr(ran.err, "hedon: the "));
        ran_free(&ran);
    }
    Ran ran = RUN("annotate", "--store", in_scratch("full.db"), in_scratch("many"));
    ran_free(&ran);
    Dump full = dump_store(in_scratch("full.db"));
    Dump undisturbed = dump_store(in_scratch("undisturbed.db"));
    assert_same_text(undisturbed.text, full.text);
    dump_free(&full);
    dump_free(&undisturbed);
}

static void test_memory_does_not_grow_with_the_number(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* freed memory is kept aside */
#endif
    make_folder("fifty", 50, 0);
    make_folder("hundreds", 500, 0);
    Ran few = RUN("annotate", "-q", "--store", in_scratch("fifty.db"), in_scratch("fifty"));
    Ran many = RUN("annotate", "-q", "--store", in_scratch("hundreds.db"), in_scratch("hundreds"));
    print_message("%ld kB for 50 videos, %ld kB for 500\n", few.most_kb, many.most_kb);
    assert_true(many.most_kb < few.most_kb + few.most_kb / 5 + 4096);
    ran_free(&few);
    ran_free(&many);
}

/* An argument chooses tests by pattern. */
int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones_are_results_and_bad_ones_error_rows),
        cmocka_unit_test(test_a_result_is_the_one_of_score),
        cmocka_unit_test(test_exports_have_the_models_test_metric),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_estimate_writes_nothing),
        cmocka_unit_test(test_known_files_are_not_looked_into),
        cmocka_unit_test(test_a_changed_video_is_done_again_and_a_touched_one_kept),
        cmocka_unit_test(test_a_file_that_changes_all_the_time_is_an_error),
        cmocka_unit_test(test_shards_share_out_the_files),
        cmocka_unit_test(test_lists_and_patterns),
        cmocka_unit_test(test_kill_at_any_moment_and_go_on),
        cmocka_unit_test(test_interrupt_keeps_what_is_computed),
        cmocka_unit_test(test_processes_share_one_file),
        cmocka_unit_test(test_full_disk_stops_with_a_line_and_loses_nothing),
        cmocka_unit_test(test_memory_does_not_grow_with_the_number),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
