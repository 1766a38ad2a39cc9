/* hedon train as a user runs it: killed, interrupted, resumed; wrong usage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <time.h>

#include "tests/train_fixture.h"

#define HEDON HEDON_BINARY_DIR "/hedon"

/* HEDON_KILLS: how often the killed run is killed; more than a few take a while. */
enum { KILLS = 3 };

static char *const common[] = {"--model",      "r2plus1d_tiny",
                               "--frames",     "4",
                               "--size",       "16",
                               "--batch",      "4",
                               "--epochs",     "4",
                               "--threads",    "1",
                               "--save-every", "3",
                               "--held-out",   ".2"};
enum { COMMON = sizeof common / sizeof *common };

/* hedon train joint, with more arguments; its standard error goes to DIR.err. */
static pid_t start_hedon_with(const char *out, int resume, char *const *extra)
{
    static char program[] = HEDON, train[] = "train", joint[] = "joint", out_is[] = "--out",
                resume_is[] = "--resume", vce_is[] = "--vce", v2v_is[] = "--v2v";
    char *argv[COMMON + 16] = {program, train, joint};
    char run[256], err[300], vce[256], v2v[256];
    int n = 3;
    snprintf(run, sizeof run, "%s", in_folder(out));
    snprintf(err, sizeof err, "%s.err", run);
    snprintf(vce, sizeof vce, "%s", in_folder("vce"));
    snprintf(v2v, sizeof v2v, "%s", in_folder("v2v"));
    argv[n++] = out_is;
    argv[n++] = run;
    if (resume) {
        argv[n++] = resume_is;
    } else {
        argv[n++] = vce_is;
        argv[n++] = vce;
        argv[n++] = v2v_is;
        argv[n++] = v2v;
        for (int i = 0; i < COMMON; i++) argv[n++] = common[i];
    }
    while (*extra) argv[n++] = *extra++;
    argv[n] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child;
    if (posix_spawn(&child, HEDON, &actions, NULL, argv, environ)) abort();
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static pid_t start_hedon(const char *out, int resume, const char *extra)
{
    return start_hedon_with(out, resume, (char *const[]){(char *)extra, NULL});
}

/* Exit status, or minus the signal. */
static int wait_for(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child) abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static char *said(const char *out)
{
    static char text[4096];
    char path[300];
    snprintf(path, sizeof path, "%s.err", in_folder(out));
    FILE *file = fopen(path, "rb");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

static void make_whole(void)
{
    static int made;
    if (!made++) assert_int_equal(wait_for(start_hedon("whole", 0, NULL)), 0);
}

static void killed_at_random_it_ends_with_the_same_weights(void **state)
{
    (void)state;
    make_whole();
    const char *wanted = getenv("HEDON_KILLS");
    const int kills = wanted ? atoi(wanted) : KILLS;
    uint32_t seed = 20261125;
    pid_t child = start_hedon("killed", 0, NULL);
    int status = 1;
    for (int k = 0; k < kills; k++) {
        seed = seed * 1664525u + 1013904223u;
        pause_ms(150 + (seed >> 16) % 900);
        kill(child, SIGKILL);
        status = wait_for(child);
        if (status != -SIGKILL && status != 0) fail_msg("status %d: %s", status, said("killed"));
        char config[300];
        snprintf(config, sizeof config, "%s", in_folder("killed/config.json"));
        child = start_hedon("killed", !access(config, F_OK), NULL);
    }
    assert_int_equal(wait_for(child), 0);
    static const char *const files[] = {"last.safetensors", "best.safetensors"};
    for (int i = 0; i < 2; i++) {
        char a[64], b[64];
        snprintf(a, sizeof a, "whole/%s", files[i]);
        snprintf(b, sizeof b, "killed/%s", files[i]);
        assert_same_files(a, b);
    }
}

/* The log of a resumed run has each step once, in order. */
static void the_log_has_each_step_once(void **state)
{
    (void)state;
    char *line = NULL;
    size_t room = 0;
    json_int_t last = 0, done = 0;
    FILE *log = fopen(in_folder("killed/log.jsonl"), "rb");
    assert_non_null(log);
    while (getline(&line, &room, log) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        assert_non_null(event);
        if (!strcmp(json_string_value(json_object_get(event, "event")), "step")) {
            assert_int_equal(json_integer_value(json_object_get(event, "step")), last + 1);
            last++;
        }
        if (!strcmp(json_string_value(json_object_get(event, "event")), "done"))
            done = json_integer_value(json_object_get(event, "step"));
        json_decref(event);
    }
    free(line);
    fclose(log);
    assert_true(last > 4);
    assert_int_equal(last, done);
}

/* By the signal; then resumed to its end. */
static void interrupt_and_resume(const char *out, int number, int status)
{
    make_whole();
    pid_t child = start_hedon(out, 0, NULL);
    char name[64], log[300];
    struct stat file;
    snprintf(name, sizeof name, "%s/log.jsonl", out);
    snprintf(log, sizeof log, "%s", in_folder(name));
    for (int i = 0; i < 1000 && (stat(log, &file) || file.st_size < 500); i++) pause_ms(10);
    kill(child, number);
    assert_int_equal(wait_for(child), status);
    assert_non_null(strstr(said(out), "hedon train joint --out"));
    assert_non_null(strstr(said(out), "--resume"));
    assert_int_equal(wait_for(start_hedon(out, 1, NULL)), 0);
    snprintf(name, sizeof name, "%s/last.safetensors", out);
    assert_same_files("whole/last.safetensors", name);
}

static void interrupted_it_saves_and_says_how_to_go_on(void **state)
{
    (void)state;
    interrupt_and_resume("interrupted", SIGINT, 130);
}

static void terminated_it_does_the_same(void **state)
{
    (void)state;
    interrupt_and_resume("terminated", SIGTERM, 143);
}

static int has_margin(const char *config)
{
    json_t *saved = json_load_file(config, 0, NULL);
    const int has = json_number_value(json_object_get(saved, "margin")) == .25;
    json_decref(saved);
    return has;
}

/* Options changed by --force are the run's own from then on. */
static void forced_options_are_kept(void **state)
{
    (void)state;
    pid_t child = start_hedon("forced", 0, NULL);
    char log[300], config[300];
    struct stat status;
    snprintf(log, sizeof log, "%s", in_folder("forced/log.jsonl"));
    snprintf(config, sizeof config, "%s", in_folder("forced/config.json"));
    for (int i = 0; i < 1000 && (stat(log, &status) || status.st_size < 500); i++) pause_ms(10);
    kill(child, SIGINT);
    assert_int_equal(wait_for(child), 130);
    assert_int_equal(wait_for(start_hedon("forced", 1, "--margin=.25")), 1);
    assert_non_null(strstr(said("forced"), "margin is not what the run was started with"));
    char *extra[] = {(char[]){"--margin=.25"}, (char[]){"--force"}, NULL};
    child = start_hedon_with("forced", 1, extra);
    for (int i = 0; i < 2000 && !has_margin(config); i++) pause_ms(1);
    kill(child, SIGKILL); /* perhaps before it has saved anything but the options */
    wait_for(child);
    assert_true(has_margin(config));
    assert_int_equal(wait_for(start_hedon("forced", 1, NULL)), 0);
    FILE *file = fopen(log, "rb");
    char *line = NULL;
    size_t room = 0;
    int told = 0;
    while (getline(&line, &room, file) > 0)
        told += strstr(line, "\"options\"") && strstr(line, "\"changed\":{\"margin\":[0.0,0.25]}");
    free(line);
    fclose(file);
    assert_true(told <= 1); /* 0: killed before the line was on the disk */
    json_t *saved = json_load_file(config, 0, NULL);
    assert_null(json_object_get(saved, "accepted_state"));
    json_decref(saved);
}

static void usage_is_explained(void **state)
{
    (void)state;
    assert_int_equal(wait_for(start_hedon("nowhere", 1, NULL)), 1);
    assert_non_null(strstr(said("nowhere"), "config.json"));
    make_whole();
    assert_int_equal(wait_for(start_hedon("whole", 0, NULL)), 1);
    assert_non_null(strstr(said("whole"), "already has a run"));
    assert_int_equal(wait_for(start_hedon("whole", 1, "--epochs=9")), 1);
    assert_non_null(strstr(said("whole"), "epochs is not what the run was started with"));
    assert_int_equal(wait_for(start_hedon("wrong", 0, "--rate=fast")), 2);
    assert_non_null(strstr(said("wrong"), "--rate fast: give a number"));
    assert_int_equal(wait_for(start_hedon("wrong", 0, "--milestones=1,,2")), 2);
    assert_non_null(strstr(said("wrong"), "give epochs"));
    assert_int_equal(wait_for(start_hedon("wrong", 0, "--milestones=1")), 1);
    assert_non_null(strstr(said("wrong"), "--schedule step"));
    assert_int_equal(wait_for(start_hedon("wrong", 0, "--held-out=2")), 1);
    assert_non_null(strstr(said("wrong"), "held-out share: 2 is not within 0 to 0.9"));
    assert_true(access(in_folder("wrong"), F_OK) != 0); /* nothing was made */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_random_it_ends_with_the_same_weights),
        cmocka_unit_test(the_log_has_each_step_once),
        cmocka_unit_test(interrupted_it_saves_and_says_how_to_go_on),
        cmocka_unit_test(terminated_it_does_the_same),
        cmocka_unit_test(forced_options_are_kept),
        cmocka_unit_test(usage_is_explained),
    };
    return cmocka_run_group_tests(tests, start_training_tests, end_training_tests);
}
