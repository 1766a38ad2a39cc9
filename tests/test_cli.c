/* hedon from the outside: the command line, and the commands that have no test file of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "cli_videos.h"
#include "hedon.h"

/* ---- The command itself */

static void test_version_and_overview(void **state)
{
    (void)state;
    Ran ran = RUN("--version");
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.out, "hedon " HEDON_VERSION "\n");
    ran_free(&ran);
    ran = run_with((char *[]){(char[]){HEDON}, NULL}, "/dev/null", in_scratch("stdout"));
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "hedon score VIDEO"));
    ran_free(&ran);
}

static void test_every_command_has_help_with_examples(void **state)
{
    (void)state;
    char *commands[] = {"score", "annotate", "top",    "compare", "report", "serve", "export",
                        "info",  "infer",    "import", "train",   "bench",  "dataset"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (!strcmp(commands[i], "serve") && !exists(HEDON_BINARY_DIR "/hedon-serve")) continue;
        Ran ran = RUN(commands[i], "--help");
        assert_int_equal(ran.status, 0);
        assert_non_null(strstr(ran.out, "usage: hedon "));
        assert_non_null(strstr(ran.out, "Examples:\n  hedon "));
        for (const char *line = ran.out; line; line = strchr(line, '\n')) {
            line += *line == '\n';
            if (strcspn(line, "\n") > 100)
                fail_msg("too wide: %.*s", (int)strcspn(line, "\n"), line);
        }
        ran_free(&ran);
    }
}

static void test_mistakes_are_usage_errors_with_advice(void **state)
{
    (void)state;
    static const struct {
        char *arguments[5];
        const char *says;
    } cases[] = {
        {{"scor"}, "did you mean 'hedon score'?"},
        {{"frobnicate", "x"}, "no command"},
        {{"bench", "decod"}, "did you mean 'hedon bench decode'?"},
        {{"score"}, "which video?"},
        {{"score", "--jsom", "x"}, "did you mean --json?"},
        {{"score", "--window", "x", "y"}, "--window x: give seconds"},
        {{"score", "--window=-1", "y"}, "give seconds"},
        {{"score", "y", "--window"}, "--window needs SECONDS"},
        {{"score", "--json=1", "y"}, "--json takes no value"},
        {{"score", "--device", "gpu", "y"}, "give one of auto|cpu|cuda[:N]|ref"},
        {{"score", "--device", "cuda:", "y"}, "give one of auto|cpu|cuda[:N]|ref"},
        {{"score", "--device", "cpu:0", "y"}, "give one of auto|cpu|cuda[:N]|ref"},
        {{"score", "--json", "--csv", "y"}, "exclude each other"},
        {{"score", "-", "-"}, "only once"},
        {{"score", "--plot", "x.png", "a", "b"}, "put {} into the name"},
        {{"score", "--plot={}.png", "a/x.mp4", "b/x.mp4"}, "two videos"},
        {{"import", "x"}, "--arch is missing"},
        {{"import", "x", "--half"}, "--out is missing"},
        {{"import", "x", "--half", "--arch=r3d_18"}, "hedon models, --arch"},
        {{"infer", "lowlevel"}, "--input"},
        {{"info", "a", "b"}, "one model"},
        {{"annotate"}, "which folder?"},
        {{"annotate", "-", "-"}, "only once"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *argv[8] = {(char[]){HEDON}};
        for (int k = 0; k < 5; k++) argv[k + 1] = cases[i].arguments[k];
        Ran ran = run_with(argv, "/dev/null", in_scratch("stdout"));
        assert_int_equal(ran.status, 2);
        assert_string_equal(ran.out, "");
        assert_int_equal(count_lines(ran.err), 1);
        if (!strstr(ran.err, cases[i].says)) fail_msg("'%s' is not in: %s", cases[i].says, ran.err);
        ran_free(&ran);
    }
}

/* ---- The other commands */

static void write_npy(const char *name, const char *type, const char *shape, size_t bytes)
{
    static char file[1 << 21];
    char *header = file + 10;
    memset(file, 0, sizeof(file));
    memset(header, ' ', 118);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int length =
        sprintf(header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    header[length] = ' ';
    header[117] = '\n';
    for (size_t i = 0; i + 4 <= bytes && !strcmp(type, "<f4"); i += 4) {
        const float value = (float)(i / 4 % 101) / 101;
        memcpy(file + 128 + i, &value, 4);
    }
    write_bytes(name, file, 128 + bytes);
}

static void test_infer_runs_tensors(void **state)
{
    (void)state;
    const size_t clip = 3 * 16 * 64 * 64 * 4;
    write_npy("x.npy", "<f4", "(2, 3, 16, 64, 64)", 2 * clip);
    Ran ran = RUN("infer", "lowlevel", "--input", in_scratch("x.npy"), "--output",
                  in_scratch("y.npy"), "--head", "emotions");
    if (ran.status) fail_msg("%s", ran.err);
    ran_free(&ran);
    char *y = read_file(in_scratch("y.npy"));
    assert_non_null(strstr(y + 10, "(2, 27,"));
    free(y);
    write_npy("flat.npy", "<f4", "(3, 16)", 3 * 16 * 4);
    write_npy("bytes.npy", "|u1", "(1, 3, 16, 64, 64)", clip / 4);
    static const struct {
        char *model, *input, *head;
    } bad[] = {{"lowlevel", "flat.npy", "utility"},
               {"lowlevel", "bytes.npy", "utility"},
               {"lowlevel", "x.npy", "classes"},
               {"lowlevel", "absent.npy", "utility"},
               {"random:nothing", "x.npy", "utility"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ran = RUN("infer", bad[i].model, "--input", in_scratch(bad[i].input), "--output",
                  in_scratch("z.npy"), "--head", bad[i].head);
        assert_int_equal(ran.status, 1);
        assert_int_equal(count_lines(ran.err), 1);
        assert_int_equal(files_left("z.npy"), 0);
        ran_free(&ran);
    }
}

static void check_bench(const char *text, size_t cases)
{
    json_t *json = parse_line(text);
    const json_t *all = json_object_get(json, "cases");
    assert_int_equal(json_array_size(all), cases);
    for (size_t i = 0; i < cases; i++) {
        const json_t *one = json_array_get(all, i);
        const double least = json_number_value(json_object_get(one, "min_s")),
                     median = json_number_value(json_object_get(one, "median_s")),
                     p90 = json_number_value(json_object_get(one, "p90_s"));
        assert_true(least > 0 && least <= median && median <= p90);
    }
    json_decref(json);
}

static void test_benchmarks_speak_json(void **state)
{
    (void)state;
    Ran ran = RUN("bench", "decode", in_scratch("good.mp4"), "--model", "lowlevel", "--repeats",
                  "2", "--json");
    if (ran.status) fail_msg("%s", ran.err);
    check_bench(ran.out, 6);
    ran_free(&ran);
    ran = RUN("bench", "infer", "--model", "lowlevel", "--batch", "2", "--ops", "--repeats", "3",
              "--json");
    if (ran.status) fail_msg("%s", ran.err);
    check_bench(ran.out, 1);
    json_t *json = parse_line(ran.out);
    assert_true(json_number_value(json_object_get(json, "peak_gflops_per_s")) > 0);
    assert_true(json_array_size(
                    json_object_get(json_array_get(json_object_get(json, "cases"), 0), "ops")) > 1);
    json_decref(json);
    ran_free(&ran);
    ran = RUN("bench", "train", "--model", "r2plus1d_tiny", "--frames", "4", "--size", "16",
              "--ops", "--repeats", "3", "--json");
    if (ran.status) fail_msg("%s", ran.err);
    check_bench(ran.out, 1);
    json = parse_line(ran.out);
    const json_t *phases =
        json_object_get(json_array_get(json_object_get(json, "cases"), 0), "phases");
    assert_true(json_number_value(json_object_get(phases, "forward_s")) > 0);
    assert_true(json_number_value(json_object_get(phases, "backward_s")) > 0);
    assert_true(json_number_value(json_object_get(phases, "update_s")) > 0);
    json_decref(json);
    ran_free(&ran);
}

static double number_of(const json_t *json, const char *object, const char *key)
{
    return json_number_value(json_object_get(json_object_get(json, object), key));
}

/* Over rendered videos, and over a folder of which one file is no video. */
static void test_bench_pipeline_adds_its_stages_up(void **state)
{
    (void)state;
    Ran ran = RUN("bench", "pipeline", "--count", "16", "--repeats", "2", "--json");
    if (ran.status) fail_msg("%s", ran.err);
    json_t *json = parse_line(ran.out);
    assert_int_equal(json_integer_value(json_object_get(json, "videos")), 16);
    assert_int_equal(json_integer_value(json_object_get(json, "failed")), 0);
    assert_int_equal(json_array_size(json_object_get(json, "stages")), 6);
    assert_int_equal(json_integer_value(json_object_get(json, "written")), 16);
    assert_int_equal(json_array_size(json_object_get(json, "efficiencies")), 2);
    const double alone_s =
        number_of(json, "decode", "cpu_s") + number_of(json, "preprocess", "cpu_s") +
        number_of(json, "inference", "cpu_s") + number_of(json, "writing", "cpu_s");
    assert_true(number_of(json, "writing", "cpu_s") > 0);
    const double cores = json_number_value(json_object_get(json, "cores"));
    const double efficiency = json_number_value(json_object_get(json, "efficiency"));
    const double expected = alone_s / cores / number_of(json, "together", "wall_s");
    assert_true(fabs(efficiency - expected) < 1e-4 * expected);
    assert_true(json_array_size(json_object_get(json_object_get(json, "by_length"), "size")) == 4);
    assert_true(json_is_number(json_object_get(json_object_get(json, "by_number"), "exponent")));
    json_decref(json);
    ran_free(&ran);

    char folder[512], command[1600];
    snprintf(folder, sizeof(folder), "%s", in_scratch("pipeline"));
    snprintf(command, sizeof(command), "mkdir -p %s && cp %s %s/a.mp4 && echo x > %s/b.txt", folder,
             in_scratch("good.mp4"), folder, folder);
    assert_int_equal(system(command), 0);
    ran = RUN("bench", "pipeline", "--videos", folder, "--model", "random:r2plus1d_tiny",
              "--streams", "3", "--json");
    if (ran.status) fail_msg("%s", ran.err);
    json = parse_line(ran.out);
    assert_int_equal(json_integer_value(json_object_get(json, "videos")), 2);
    assert_int_equal(json_integer_value(json_object_get(json, "failed")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "written")), 2); /* errors too */
    assert_int_equal(json_integer_value(json_object_get(json, "streams")), 3);
    assert_null(json_object_get(json, "by_number")); /* too few to tell */
    json_decref(json);
    ran_free(&ran);
    ran = RUN("bench", "pipeline", "--videos", in_scratch("absent"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "absent"));
    ran_free(&ran);
}

static void test_info_describes_build_and_model(void **state)
{
    (void)state;
    Ran ran = RUN("info", "--json");
    assert_int_equal(ran.status, 0);
    json_t *json = parse_line(ran.out);
    assert_string_equal(json_string_value(json_object_get(json, "version")), HEDON_VERSION);
    assert_true(json_is_string(json_object_get(json_object_get(json, "decoder"), "path")));
    const json_t *embedded = json_object_get(json, "models");
    assert_string_equal(json_string_value(json_array_get(embedded, 0)), "synthetic");
    assert_string_equal(json_string_value(json_array_get(embedded, 1)), "lowlevel");
    json_decref(json);
    ran_free(&ran);
    ran = RUN("info", "lowlevel", "--graph");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, "colour_motion"));
    assert_non_null(strstr(ran.out, "never saw any"));
    ran_free(&ran);
}

static void test_import_says_what_is_wrong(void **state)
{
    (void)state;
    Ran ran = RUN("import", in_scratch("good.mp4"), "--arch", "r2plus1d_18", "--out",
                  in_scratch("imported.model"));
    assert_int_equal(ran.status, 1);
    assert_int_equal(count_lines(ran.err), 1);
    assert_int_equal(files_left("imported.model"), 0);
    ran_free(&ran);
    static const struct {
        char *file;
        const char *sentence;
    } checkpoints[] = {
        {HEDON_SOURCE_DIR "/tests/golden/torch_namespace.pth", "refuses argparse.Namespace: "},
        {HEDON_SOURCE_DIR "/tests/golden/torch_legacy.pth", " tensors missing: stem.0.weight, "},
    };
    /* a hedon model is written again; a metric that is no object is not */
    write_bytes("metric.json", "{\"top3\":0.5}", 12);
    write_bytes("number.json", "0.5", 3);
    const char reference[] = "{\"name\":\"two videos\",\"utilities\":[2,1]}";
    write_bytes("reference.json", reference, sizeof(reference) - 1);
    ran = RUN("import", "lowlevel", "--name", "renamed", "--test-metric", in_scratch("metric.json"),
              "--reference", in_scratch("reference.json"), "--out", in_scratch("again.model"));
    assert_int_equal(ran.status, 0);
    ran_free(&ran);
    ran = RUN("info", in_scratch("again.model"));
    assert_int_equal(strncmp(ran.out, "renamed\n", 8), 0);
    assert_non_null(strstr(ran.out, "top3"));
    assert_non_null(strstr(ran.out, "two videos"));
    assert_non_null(strstr(ran.out, "top3"));
    ran_free(&ran);
    ran = RUN("import", "lowlevel", "--test-metric", in_scratch("number.json"), "--out",
              in_scratch("imported.model"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "number.json"));
    ran_free(&ran);
    ran = RUN("import", "lowlevel", "--reference", in_scratch("metric.json"), "--out",
              in_scratch("imported.model"));
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.err, "metric.json"));
    ran_free(&ran);
    for (int i = 0; i < 2; i++) {
        ran = RUN("import", checkpoints[i].file, "--arch", "r2plus1d_18", "--out",
                  in_scratch("imported.model"));
        assert_int_equal(ran.status, 1);
        assert_int_equal(count_lines(ran.err), 1);
        assert_non_null(strstr(ran.err, checkpoints[i].sentence));
        assert_int_equal(files_left("imported.model"), 0);
        ran_free(&ran);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_and_overview),
        cmocka_unit_test(test_every_command_has_help_with_examples),
        cmocka_unit_test(test_mistakes_are_usage_errors_with_advice),
        cmocka_unit_test(test_infer_runs_tensors),
        cmocka_unit_test(test_benchmarks_speak_json),
        cmocka_unit_test(test_bench_pipeline_adds_its_stages_up),
        cmocka_unit_test(test_info_describes_build_and_model),
        cmocka_unit_test(test_import_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
