/* hedon score from the outside: results, bad input, output that cannot be written, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <time.h>

#include "cli_videos.h"
#include "models/model.h"

/* ---- Results */

static void check_keys(const json_t *object, const char *const *keys)
{
    assert_true(json_is_object(object));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        assert_non_null(*keys);
        assert_string_equal(key, *keys++);
    }
    assert_null(*keys);
}

static void check_emotions(const json_t *emotions)
{
    assert_int_equal(json_object_size(emotions), HEDON_EMOTIONS);
    int i = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)emotions, name, value)
    {
        assert_string_equal(name, hedon_emotion_name(i++));
        assert_true(json_is_number(value));
        assert_true(json_number_value(value) >= 0 && json_number_value(value) <= 1);
    }
}

static double intensity(const json_t *score, const char *name)
{
    return json_number_value(json_object_get(json_object_get(score, "emotions"), name));
}

/* top: the three greatest, ties in alphabetical order. */
static void check_top(const json_t *score)
{
    const json_t *top = json_object_get(score, "top");
    assert_int_equal(json_array_size(top), 3);
    for (size_t place = 0; place < 3; place++) {
        const char *name = json_string_value(json_array_get(top, place));
        int before = 0; /* emotions that rank before this one */
        for (int i = 0; i < HEDON_EMOTIONS; i++) {
            const char *other = hedon_emotion_name(i);
            const double difference = intensity(score, other) - intensity(score, name);
            before += difference > 0 || (difference == 0 && strcmp(other, name) < 0);
        }
        assert_int_equal(before, place);
    }
}

static void check_score(const json_t *score)
{
    check_keys(score, (const char *[]){"schema", "video", "duration_s", "frames", "damaged", "lost",
                                       "model", "emotions", "top", "wellbeing", "reliability",
                                       "clips", "runtime", NULL});
    assert_string_equal(json_string_value(json_object_get(score, "schema")), "hedon.score/1");
    check_keys(json_object_get(score, "model"),
               (const char *[]){"name", "sha256", "trained_on", "caveat", NULL});
    assert_int_equal(
        strlen(json_string_value(json_object_get(json_object_get(score, "model"), "sha256"))), 64);
    check_emotions(json_object_get(score, "emotions"));
    check_top(score);
    const json_t *wellbeing = json_object_get(score, "wellbeing");
    check_keys(wellbeing, (const char *[]){"utility", "percentile", "reference", "meaning", NULL});
    const double percentile = json_number_value(json_object_get(wellbeing, "percentile"));
    assert_true(percentile >= 0 && percentile <= 100);
    check_keys(json_object_get(wellbeing, "reference"), (const char *[]){"name", "videos", NULL});
    assert_non_null(
        strstr(json_string_value(json_object_get(json_object_get(wellbeing, "reference"), "name")),
               "synthetic"));
    check_keys(json_object_get(score, "reliability"),
               (const char *[]){"human_trained", "test_metric", "view_sd", NULL});
    assert_true(
        json_is_false(json_object_get(json_object_get(score, "reliability"), "human_trained")));
    const json_t *clips = json_object_get(score, "clips");
    assert_true(json_array_size(clips) > 0);
    double last = -1;
    for (size_t i = 0; i < json_array_size(clips); i++) {
        const json_t *clip = json_array_get(clips, i);
        check_keys(clip, (const char *[]){"start_s", "end_s", "emotions", "utility", NULL});
        check_emotions(json_object_get(clip, "emotions"));
        const double start = json_number_value(json_object_get(clip, "start_s"));
        assert_true(start > last);
        assert_true(json_number_value(json_object_get(clip, "end_s")) > start);
        last = start;
    }
    check_keys(json_object_get(score, "runtime"),
               (const char *[]){"device", "precision", "backend", "preprocessing", "threads",
                                "seconds", NULL});
    check_keys(json_object_get(json_object_get(score, "runtime"), "seconds"),
               (const char *[]){"open", "decode", "preprocess", "predict", "total", NULL});
}

static void test_json_is_the_schema(void **state)
{
    (void)state;
    Ran ran = RUN("score", "--json", in_scratch("good.mp4"));
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.err, "");
    assert_int_equal(count_lines(ran.out), 1);
    json_t *score = parse_line(ran.out);
    check_score(score);
    assert_string_equal(json_string_value(json_object_get(score, "video")), in_scratch("good.mp4"));
    assert_int_equal(json_integer_value(json_object_get(score, "frames")), 40);
    assert_true(fabs(json_number_value(json_object_get(score, "duration_s")) - 4) < .01);
    json_decref(score);
    ran_free(&ran);
}

/* Everything but "runtime", which stands last. */
static void cut_runtime(char *line)
{
    char *runtime = strstr(line, ",\"runtime\":");
    assert_non_null(runtime);
    assert_null(strstr(runtime, "\"clips\""));
    *runtime = 0;
}

static void test_same_bytes_again_and_with_any_threads(void **state)
{
    (void)state;
    char *video = in_scratch("good.mp4");
    Ran first = RUN("score", "--json", video);
    cut_runtime(first.out);
    for (int i = 0; i < 3; i++) {
        Ran again = i ? RUN("score", "--json", "--threads", i == 1 ? "1" : "3", video)
                      : RUN("score", "--json", video);
        cut_runtime(again.out);
        assert_string_equal(again.out, first.out);
        ran_free(&again);
    }
    ran_free(&first);
}

/* auto is the CPU where none but it computes; nvdec is the GPU or nothing. */
static void test_decoders(void **state)
{
    (void)state;
    char *video = in_scratch("good.mp4");
    Ran cpu = RUN("score", "--json", "--device", "cpu", "--decoder", "cpu", video);
    Ran chosen = RUN("score", "--json", "--device", "cpu", "--decoder", "auto", video);
    cut_runtime(cpu.out);
    cut_runtime(chosen.out);
    assert_string_equal(chosen.out, cpu.out);
    Ran none = RUN("score", "--json", "--decoder", "vdpau", video);
    assert_int_equal(none.status, 2);
    Ran gpu = RUN("score", "--json", "--device", "cpu", "--decoder", "nvdec", video);
    if (gpu.status) { /* no GPU: one line, and no video is blamed */
        assert_int_equal(gpu.status, 1);
        assert_string_equal(gpu.out, "");
        assert_int_equal(count_lines(gpu.err), 1);
        assert_ptr_equal(strstr(gpu.err, "hedon: the GPU can't decode"), gpu.err);
    } else {
        cut_runtime(gpu.out);
        assert_string_equal(gpu.out, cpu.out);
    }
    ran_free(&cpu);
    ran_free(&chosen);
    ran_free(&none);
    ran_free(&gpu);
}

static void test_timeline_leaves_the_overall_result_alone(void **state)
{
    (void)state;
    char *video = in_scratch("good.mp4");
    Ran plain = RUN("score", "--json", video);
    Ran fine = RUN("score", "--json", "--window", "1", "--stride=0.5", video);
    Ran none = RUN("score", "--json", "--no-timeline", video);
    json_t *a = parse_line(plain.out), *b = parse_line(fine.out), *c = parse_line(none.out);
    check_score(b);
    assert_true(json_equal(json_object_get(a, "emotions"), json_object_get(b, "emotions")));
    assert_true(json_equal(json_object_get(a, "wellbeing"), json_object_get(b, "wellbeing")));
    assert_true(json_equal(json_object_get(a, "emotions"), json_object_get(c, "emotions")));
    assert_int_equal(json_array_size(json_object_get(b, "clips")), 7);
    const json_t *second = json_array_get(json_object_get(b, "clips"), 1);
    assert_true(fabs(json_number_value(json_object_get(second, "start_s")) - .5) < 1e-6);
    json_decref(a);
    json_decref(b);
    json_decref(c);
    ran_free(&plain);
    ran_free(&fine);
    ran_free(&none);
}

static void test_several_videos_come_in_order_as_if_alone(void **state)
{
    (void)state;
    char *videos[] = {in_scratch("good.mp4"), in_scratch("other.mkv"), in_scratch("good.mp4")};
    Ran all = RUN("score", "--json", videos[0], videos[1], videos[2]);
    assert_int_equal(all.status, 0);
    assert_int_equal(count_lines(all.out), 3);
    char *line = all.out;
    for (int i = 0; i < 3; i++) {
        char *next = strchr(line, '\n') + 1;
        next[-1] = 0;
        Ran alone = RUN("score", "--json", videos[i]);
        cut_runtime(alone.out);
        cut_runtime(line);
        assert_string_equal(alone.out, line);
        ran_free(&alone);
        line = next;
    }
    ran_free(&all);
}

static void test_a_pipe_scores_as_the_file(void **state)
{
    (void)state;
    Ran file = RUN("score", "--json", in_scratch("good.mp4"));
    Ran pipe = run_with((char *[]){"/bin/sh", "-c", "cat \"$0\" | \"$1\" score --json -",
                                   in_scratch("good.mp4"), (char[]){HEDON}, NULL},
                        "/dev/null", in_scratch("stdout"));
    assert_int_equal(pipe.status, 0);
    Ran redirected =
        run_with(ARGV("score", "--json", "-"), in_scratch("good.mp4"), in_scratch("stdout"));
    assert_int_equal(redirected.status, 0);
    json_t *a = parse_line(file.out), *b = parse_line(pipe.out), *c = parse_line(redirected.out);
    assert_string_equal(json_string_value(json_object_get(b, "video")), "-");
    assert_true(json_equal(json_object_get(a, "clips"), json_object_get(b, "clips")));
    assert_true(json_equal(json_object_get(a, "clips"), json_object_get(c, "clips")));
    json_decref(a);
    json_decref(b);
    json_decref(c);
    ran_free(&file);
    ran_free(&pipe);
    ran_free(&redirected);
}

static void test_names_that_are_not_utf8(void **state)
{
    (void)state;
    char *odd = in_scratch("a\xff\"\n\\.mp4");
    assert_int_equal(shell("cp %s/good.mp4 '%s'", scratch, odd), 0);
    Ran ran = RUN("score", "--json", odd, in_scratch("missing\xfe.mp4"));
    assert_int_equal(ran.status, 1);
    json_t *score = parse_line(ran.out);
    const char *name = json_string_value(json_object_get(score, "video"));
    assert_non_null(strstr(name, "a\xef\xbf\xbd\"\n\\.mp4"));
    json_decref(score);
    json_t *failed = parse_line(strchr(ran.out, '\n') + 1);
    check_keys(failed, (const char *[]){"video", "error", NULL});
    json_decref(failed);
    ran_free(&ran);
}

static void test_text_is_honest_and_fits(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    Ran ran = RUN("score", in_scratch("good.mp4"));
    assert_int_equal(ran.status, 0);
    assert_int_equal(
        strncmp(ran.out,
                "not an estimate of viewers' feelings: this model never saw human ratings\n", 73),
        0);
    assert_non_null(strstr(ran.out, "hedon hears no sound"));
    assert_non_null(strstr(ran.out, "synthetic"));
    assert_non_null(strstr(ran.out, "\xe2\x96\x88")); /* a block */
    assert_null(strstr(ran.out, "\033"));             /* no colours into a file */
    int width = 0;
    for (const char *p = ran.out; *p; p++) {
        width = *p == '\n' ? 0 : width + (((unsigned char)*p & 0xc0) != 0x80);
        if (width > 80) fail_msg("wider than 80: %s", ran.out);
    }
    ran_free(&ran);
    setenv("LC_ALL", "C", 1);
    ran = RUN("score", in_scratch("good.mp4"));
    for (const char *p = ran.out; *p; p++) assert_true((unsigned char)*p < 0x80);
    ran_free(&ran);
    unsetenv("LC_ALL");
}

static void test_csv_has_a_row_a_video_or_a_window(void **state)
{
    (void)state;
    Ran ran = RUN("score", "--csv", in_scratch("good.mp4"), in_scratch("missing.mp4"));
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.out), 3);
    assert_int_equal(
        strncmp(ran.out, "video,error,start_s,end_s,percentile,utility,Admiration,", 56), 0);
    for (const char *line = ran.out; *line; line = strchr(line, '\n') + 1) {
        int commas = 0;
        for (const char *p = line; *p != '\n'; p++) commas += *p == ',';
        assert_true(commas >= 32); /* the error's sentence may have some */
    }
    ran_free(&ran);
    ran = RUN("score", "--csv", "--window", "1", in_scratch("good.mp4"));
    assert_int_equal(count_lines(ran.out), 5);
    ran_free(&ran);
}

static void check_png(const char *path)
{
    char *bytes = read_file(path);
    assert_non_null(bytes);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    free(bytes);
}

static void test_plots_are_drawn_for_each_video(void **state)
{
    (void)state;
    Ran ran = RUN("score", "--plot", in_scratch("plot-{}.png"), in_scratch("good.mp4"),
                  in_scratch("other.mkv"));
    assert_int_equal(ran.status, 0);
    check_png(in_scratch("plot-good.png"));
    check_png(in_scratch("plot-other.png"));
    ran_free(&ran);
    mkdir(in_scratch("pictures"), 0700);
    ran = RUN("score", "--json", "--plot", in_scratch("pictures"), in_scratch("good.mp4"));
    assert_int_equal(ran.status, 0);
    check_png(in_scratch("pictures/good.png"));
    ran_free(&ran);
    ran = RUN("score", "--json", "--plot", in_scratch("nowhere/x.png"), in_scratch("good.mp4"));
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.out), 1);
    assert_int_equal(count_lines(ran.err), 1);
    ran_free(&ran);
}

/* ---- Bad input */

static void make_bad_videos(void)
{
    write_bytes("text.mp4", "this is no video\n", 17);
    write_bytes("empty.mp4", "", 0);
    mkdir(in_scratch("folder"), 0700);
    render("-f lavfi -i sine=duration=1 -c:a aac", "sound.m4a");
    assert_int_equal(shell("head -c 2000 %s/good.mp4 > %s/cut.mp4", scratch, scratch), 0);
}

static void test_bad_files_cost_their_own_line_only(void **state)
{
    (void)state;
    make_bad_videos();
    static const struct {
        char *name;
        const char *says;
    } bad[] = {
        {"missing.mp4", "no such file"}, {"folder", "annotate"}, {"text.mp4", ""},
        {"sound.m4a", "video"},          {"cut.mp4", ""},        {"empty.mp4", "empty"},
    };
    enum { BAD = sizeof(bad) / sizeof(*bad) };
    char *argv[2 * BAD + 5] = {(char[]){HEDON}, "score", "--json"};
    int count = 3;
    for (int i = 0; i < BAD; i++) {
        argv[count++] = strdup(in_scratch(bad[i].name));
        argv[count++] = strdup(in_scratch(i % 2 ? "other.mkv" : "good.mp4"));
    }
    Ran ran = run_with(argv, "/dev/null", in_scratch("stdout"));
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.out), 2 * BAD);
    assert_int_equal(count_lines(ran.err), BAD);
    const char *line = ran.out, *report = ran.err;
    for (int i = 0; i < BAD; i++) {
        json_t *failed = parse_line(line);
        check_keys(failed, (const char *[]){"video", "error", NULL});
        assert_string_equal(json_string_value(json_object_get(failed, "video")), argv[3 + 2 * i]);
        const char *error = json_string_value(json_object_get(failed, "error"));
        if (!strcasestr(error, bad[i].says)) fail_msg("%s: %s", bad[i].name, error);
        char expected[1024];
        snprintf(expected, sizeof(expected), "hedon: %s: %s\n", argv[3 + 2 * i], error);
        assert_int_equal(strncmp(report, expected, strlen(expected)), 0);
        report = strchr(report, '\n') + 1;
        json_decref(failed);
        line = strchr(line, '\n') + 1;
        json_t *good = parse_line(line);
        check_score(good);
        json_decref(good);
        line = strchr(line, '\n') + 1;
    }
    ran_free(&ran);
    for (int i = 3; i < count; i++) free(argv[i]);
}

/* A copy of a video in which the four bytes at `after` bytes behind a mark are zeros. */
static void zero_bytes(const char *from, const char *to, const char *mark, size_t after)
{
    static char bytes[1 << 20];
    FILE *in = fopen(in_scratch(from), "rb");
    const size_t size = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    char *place = memmem(bytes, size, mark, strlen(mark));
    assert_non_null(place);
    memset(place + after, 0, 4);
    write_bytes(to, bytes, size);
}

static void test_odd_videos_are_scored(void **state)
{
    (void)state;
    render("-f lavfi -i testsrc2=size=64x48:rate=10 -frames:v 1 -c:v libx264 -pix_fmt yuv420p",
           "one.mp4");
    render("-f lavfi -i testsrc2=size=64x48:rate=10 -frames:v 3 -c:v libx264 -pix_fmt yuv420p",
           "three.mp4");
    render("-f lavfi -i color=red:size=16x16:rate=5:duration=1 -vf scale=1:1 -pix_fmt yuv444p -c:v "
           "ffv1",
           "dot.mkv");
    render("-f lavfi -i color=blue:size=7680x4320:rate=1 -frames:v 2 -c:v mjpeg -pix_fmt yuvj420p",
           "large.mkv");
    render("-f lavfi -i testsrc2=size=32x32:rate=1:duration=9000 -c:v libx264 -preset ultrafast "
           "-pix_fmt yuv420p",
           "hours.mp4");
    zero_bytes("three.mp4", "no_durations.mp4", "stts", 16); /* all at one time: ffmpeg shows two */
    render("-f lavfi -i testsrc2=size=64x48:rate=10 -frames:v 3 -c:v mpeg4", "three.avi");
    zero_bytes("three.avi", "no_rate.avi", "vids", 24);
    static const struct {
        char *name;
        int frames;
    } odd[] = {{"one.mp4", 1},          {"three.mp4", 3},   {"dot.mkv", 5},     {"large.mkv", 2},
               {"no_durations.mp4", 2}, {"no_rate.avi", 3}, {"hours.mp4", 9000}};
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        /* thousands of windows, which sanitizers make slow: the cheapest model will do */
        char *model = odd[i].frames > 100 ? "lowlevel" : "synthetic";
        Ran ran = RUN("score", "--json", "--model", model, "--plot", in_scratch("odd.png"),
                      in_scratch(odd[i].name));
        if (ran.status) fail_msg("%s: %s", odd[i].name, ran.err);
        json_t *score = parse_line(ran.out);
        check_score(score);
        assert_int_equal(json_integer_value(json_object_get(score, "frames")), odd[i].frames);
        check_png(in_scratch("odd.png"));
        json_decref(score);
        ran_free(&ran);
    }
    /* a rate of 0: whatever is made of it, it ends and says so */
    char y4m[256] = "YUV4MPEG2 W4 H4 F0:1 Ip A1:1 C420jpeg\n";
    size_t size = strlen(y4m);
    for (int i = 0; i < 3; i++) {
        memcpy(y4m + size, "FRAME\n", 6);
        memset(y4m + size + 6, 40 * i, 24);
        size += 30;
    }
    write_bytes("still.y4m", y4m, size);
    Ran ran = RUN("score", "--json", in_scratch("still.y4m"));
    assert_true(ran.status == 0 || ran.status == 1);
    assert_int_equal(count_lines(ran.out), 1);
    assert_int_equal(count_lines(ran.err), ran.status);
    ran_free(&ran);
}

/* A picture an hour: thousands of windows show the same ones, and cost one computation. */
static void test_few_pictures_over_hours_cost_little(void **state)
{
    (void)state;
    render("-f lavfi -i testsrc2=size=64x48:rate=1/3600 -frames:v 3 -c:v libx264 -pix_fmt yuv420p",
           "sparse.mp4");
    Ran ran = RUN("score", "--json", "--model", "random:r2plus1d_18", "--window", "2",
                  in_scratch("sparse.mp4"));
    if (ran.status) fail_msg("%s", ran.err);
    json_t *score = parse_line(ran.out);
    const json_t *clips = json_object_get(score, "clips");
    assert_in_range(json_array_size(clips), 3600, 5401);
    assert_true(json_equal(json_object_get(json_array_get(clips, 5), "emotions"),
                           json_object_get(json_array_get(clips, 900), "emotions")));
    assert_false(json_equal(json_object_get(json_array_get(clips, 5), "emotions"),
                            json_object_get(json_array_get(clips, 2700), "emotions")));
    json_decref(score);
    ran_free(&ran);
}

/* A copy of a good model file with one thing broken. */
static void break_model(const char *name, const char *find, const char *replace, long keep)
{
    FILE *in = fopen(in_scratch("good.model"), "rb");
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    if (find) {
        char *place = memmem(bytes, size, find, strlen(find));
        assert_non_null(place);
        assert_int_equal(strlen(find), strlen(replace));
        memcpy(place, replace, strlen(replace));
    }
    write_bytes(name, bytes, keep ? (size_t)keep : size);
}

static void test_bad_models_are_refused(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonModel *model;
    assert_int_equal(hedon_model_open(ctx, &model, "lowlevel"), 0);
    assert_int_equal(hedon_model_save(ctx, model, in_scratch("good.model")), 0);
    hedon_model_close(model);
    hedon_context_free(ctx);

    Ran ran = RUN("score", "--json", "--model", in_scratch("good.model"), in_scratch("good.mp4"));
    if (ran.status) fail_msg("%s", ran.err);
    ran_free(&ran);
    break_model("short.model", NULL, NULL, 500);
    break_model("wild.model", "\"data_offsets\":[0,", "\"data_offsets\":[9,", 0);
    break_model("shape.model", "\"shape\":[3,7]", "\"shape\":[7,3]", 0);
    break_model("type.model", "\"dtype\":\"F32\"", "\"dtype\":\"Z32\"", 0);
    write_bytes("none.model", "", 0);
    static char *const bad[] = {"short.model", "wild.model",    "shape.model", "type.model",
                                "none.model",  "missing.model", "text.model"};
    write_bytes("text.model", "no model at all, but some text that is long enough\n", 51);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ran = RUN("score", "--json", "--out", in_scratch("result.json"), "--model",
                  in_scratch(bad[i]), in_scratch("good.mp4"));
        assert_int_equal(ran.status, 1);
        assert_string_equal(ran.out, "");
        if (count_lines(ran.err) != 1 || !strstr(ran.err, bad[i]))
            fail_msg("%s: %s", bad[i], ran.err);
        assert_int_equal(files_left("result.json"), 0);
        ran_free(&ran);
        ran = RUN("info", in_scratch(bad[i]));
        assert_int_equal(ran.status, 1);
        ran_free(&ran);
    }
}

/* The first decoder process has a fault, those after it are the real thing. */
static void use_worker_that_fails_first(const char *fault)
{
    char script[1024];
    snprintf(
        script, sizeof(script),
        "#!/bin/sh\nif mkdir %s/once 2>/dev/null; then HEDON_FAULT='%s' exec %s/faulty_worker\n"
        "else exec %s/hedon-decode; fi\n",
        scratch, fault, HEDON_BINARY_DIR, HEDON_BINARY_DIR);
    rmdir(in_scratch("once"));
    write_bytes("worker", script, strlen(script));
    chmod(in_scratch("worker"), 0700);
    setenv("HEDON_DECODE_WORKER", in_scratch("worker"), 1);
}

static void test_a_killed_or_stalled_decoder_costs_one_line(void **state)
{
    (void)state;
    static const char *const faults[] = {"crash at open", "crash in the middle", "silent at open",
                                         "silent in the middle", "frames are missing"};
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        use_worker_that_fails_first(faults[i]);
        /* Enough for a start on a busy machine; silence has to be waited for. */
        char *budget = strstr(faults[i], "silent") ? "4" : "60";
        Ran ran = RUN("score", "--json", "--workers", "1", "--budget", budget,
                      in_scratch("good.mp4"), in_scratch("other.mkv"), in_scratch("good.mp4"));
        unsetenv("HEDON_DECODE_WORKER");
        if (ran.status != 1 || count_lines(ran.err) != 1 || count_lines(ran.out) != 3)
            fail_msg("%s: status %d\n%s%s", faults[i], ran.status, ran.out, ran.err);
        json_t *failed = parse_line(ran.out);
        check_keys(failed, (const char *[]){"video", "error", NULL});
        json_decref(failed);
        for (const char *line = strchr(ran.out, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
            json_t *score = parse_line(line);
            check_score(score);
            json_decref(score);
        }
        ran_free(&ran);
    }
    setenv("HEDON_DECODE_WORKER", "/nonexistent/worker", 1);
    Ran ran = RUN("score", in_scratch("good.mp4"));
    unsetenv("HEDON_DECODE_WORKER");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "/nonexistent/worker"));
    ran_free(&ran);
}

/* ---- Output that cannot be written, interruption */

static void test_a_full_disk_is_one_line(void **state)
{
    (void)state;
    char *formats[] = {"--json", "--csv", "--no-timeline"};
    for (int i = 0; i < 3; i++) {
        Ran ran =
            run_with(ARGV("score", formats[i], in_scratch("good.mp4"), in_scratch("other.mkv")),
                     "/dev/null", "/dev/full");
        assert_int_equal(ran.status, 1);
        assert_int_equal(count_lines(ran.err), 1);
        assert_non_null(strstr(ran.err, "No space left"));
        ran_free(&ran);
    }
    Ran ran = run_with(ARGV("info"), "/dev/null", "/dev/full");
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.err), 1);
    ran_free(&ran);
}

static void test_a_closed_pipe_is_one_line(void **state)
{
    (void)state;
    Ran ran =
        run_with((char *[]){"/bin/sh", "-c",
                            "(sleep .3; \"$0\" score --json \"$1\"; echo $? > \"$2\") | true",
                            (char[]){HEDON}, in_scratch("good.mp4"), in_scratch("status"), NULL},
                 "/dev/null", in_scratch("stdout"));
    assert_int_equal(count_lines(ran.err), 1);
    char *status = read_file(in_scratch("status"));
    assert_string_equal(status, "1\n");
    free(status);
    ran_free(&ran);
}

static void test_output_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    Ran ran = RUN("score", "--json", "-o", in_scratch("whole.jsonl"), in_scratch("good.mp4"),
                  in_scratch("missing.mp4"));
    assert_int_equal(ran.status, 1); /* a bad video is no reason to withhold the good one */
    assert_string_equal(ran.out, "");
    char *text = read_file(in_scratch("whole.jsonl"));
    assert_int_equal(count_lines(text), 2);
    free(text);
    assert_int_equal(files_left("whole.jsonl"), 1);
    ran_free(&ran);
    ran = RUN("score", "--json", "--out", in_scratch("nowhere/x.json"), in_scratch("good.mp4"));
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.err), 1);
    ran_free(&ran);
}

static void interrupt_by(int number, int status)
{
    use_worker_that_fails_first("silent at open"); /* so that there is time to interrupt */
    char out[256], err[256];
    snprintf(out, sizeof(out), "%s", in_scratch("stdout"));
    snprintf(err, sizeof(err), "%s", in_scratch("stderr"));
    const pid_t pid = start(ARGV("score", "--json", "-o", in_scratch("partial.json"), "--workers",
                                 "1", in_scratch("good.mp4")),
                            "/dev/null", out, err);
    nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
    kill(pid, number);
    Ran ran = finish(pid, out, err);
    unsetenv("HEDON_DECODE_WORKER");
    assert_int_equal(ran.status, status);
    assert_string_equal(ran.err, "");
    assert_int_equal(files_left("partial.json"), 0);
    ran_free(&ran);
}

static void test_interrupted_is_130_and_leaves_nothing(void **state)
{
    (void)state;
    interrupt_by(SIGINT, 130);
}

static void test_terminated_is_143_and_leaves_nothing(void **state)
{
    (void)state;
    interrupt_by(SIGTERM, 143);
}

/* ---- Memory */

static void test_memory_does_not_grow_with_length(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* which keeps what was freed */
#endif
    /* A minute is long enough for every decoder and queue to be full. */
    render("-f lavfi -i testsrc2=size=64x64:rate=10:duration=60 -c:v libx264 -preset ultrafast "
           "-pix_fmt yuv420p",
           "short.mp4");
    render("-f lavfi -i testsrc2=size=64x64:rate=10:duration=600 -c:v libx264 -preset ultrafast "
           "-pix_fmt yuv420p",
           "long.mp4");
    /* Ten times the length: the timeline is some hundred rows of 124 bytes, and their text. With
     * windows of 2 s beside the model's own, two clips are in the making at once and none waits for
     * another: the same. */
    static char *const cases[][3] = {{"synthetic", "--window", "2"},
                                     {"synthetic", "--stride", "1"},
                                     {"lowlevel", "--window", "2"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        long most[2];
        static char *const videos[] = {"short.mp4", "long.mp4"};
        for (int v = 0; v < 2; v++) {
            Ran ran = RUN("score", "--json", "--model", cases[i][0], cases[i][1], cases[i][2],
                          in_scratch(videos[v]));
            assert_int_equal(ran.status, 0);
            most[v] = ran.most_kb;
            ran_free(&ran);
        }
        if (most[1] > most[0] + 8192)
            fail_msg("%s %s %s: %ld kB for a minute, %ld kB for ten", cases[i][0], cases[i][1],
                     cases[i][2], most[0], most[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_the_schema),
        cmocka_unit_test(test_same_bytes_again_and_with_any_threads),
        cmocka_unit_test(test_decoders),
        cmocka_unit_test(test_timeline_leaves_the_overall_result_alone),
        cmocka_unit_test(test_several_videos_come_in_order_as_if_alone),
        cmocka_unit_test(test_a_pipe_scores_as_the_file),
        cmocka_unit_test(test_names_that_are_not_utf8),
        cmocka_unit_test(test_text_is_honest_and_fits),
        cmocka_unit_test(test_csv_has_a_row_a_video_or_a_window),
        cmocka_unit_test(test_plots_are_drawn_for_each_video),
        cmocka_unit_test(test_bad_files_cost_their_own_line_only),
        cmocka_unit_test(test_odd_videos_are_scored),
        cmocka_unit_test(test_few_pictures_over_hours_cost_little),
        cmocka_unit_test(test_bad_models_are_refused),
        cmocka_unit_test(test_a_killed_or_stalled_decoder_costs_one_line),
        cmocka_unit_test(test_a_full_disk_is_one_line),
        cmocka_unit_test(test_a_closed_pipe_is_one_line),
        cmocka_unit_test(test_output_appears_whole_or_not_at_all),
        cmocka_unit_test(test_interrupted_is_130_and_leaves_nothing),
        cmocka_unit_test(test_terminated_is_143_and_leaves_nothing),
        cmocka_unit_test(test_memory_does_not_grow_with_length),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
