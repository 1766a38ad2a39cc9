/* hedon train by two processes, as a user runs it: what it learns, killed, interrupted, resumed.
 * Skipped where there is no MPI. With the argument "cuda" on GPUs, two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "tests/mpirun.h"
#include "tests/train_fixture.h"

#define HEDON HEDON_BINARY_DIR "/hedon"

enum { MOST = 48 };

static const char *device = "cpu";

/* hedon train joint with these words more, each between spaces: alone, or by mpirun as two. */
static pid_t start_joint(const char *out, int by_mpirun, const char *words)
{
    static char given[1024];
    char run[256], err[300], vce[256], v2v[256], on[32], *rest = NULL;
    char *argv[MOST] = {HEDON, "train", "joint", "--out", run};
    int n = 5;
    snprintf(run, sizeof run, "%s", in_folder(out));
    snprintf(err, sizeof err, "%s.err", run);
    snprintf(vce, sizeof vce, "%s", in_folder("vce"));
    snprintf(v2v, sizeof v2v, "%s", in_folder("v2v"));
    snprintf(given, sizeof given, "%s", words);
    for (char *word = strtok_r(given, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[n++] = !strcmp(word, "VCE") ? vce : !strcmp(word, "V2V") ? v2v : word;
    if (!strstr(words, "--resume")) {
        snprintf(on, sizeof on, "--device=%s", device);
        argv[n++] = on;
    }
    if (by_mpirun) return start_ranks(2, err, argv);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child;
    if (posix_spawn(&child, HEDON, &actions, NULL, argv, environ)) abort();
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

#define SMALL                                                                                      \
    "--vce VCE --v2v V2V --model r2plus1d_tiny --frames 4 --size 16 --epochs 3 --threads 1 "       \
    "--workers 1 --held-out .2 --mixup .8 --drop-path .2 --save-every 3 "
static const char of_two[] = SMALL "--batch 2 --pairs 1 --ranks 2";
static const char of_one[] = SMALL "--batch 4 --pairs 2";

static char *said(const char *out)
{
    static char text[8192];
    char path[300];
    snprintf(path, sizeof path, "%s.err", in_folder(out));
    FILE *file = fopen(path, "rb");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void ends_with(const char *out, pid_t child, int status)
{
    const int is = wait_for_exit(child);
    if (is != status) fail_msg("%s ended with %d, not %d:\n%s", out, is, status, said(out));
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* The values of one field of the log's lines of a kind. */
static int logged(const char *out, const char *kind, const char *field, double *values, int most)
{
    char path[300], *line = NULL;
    size_t room = 0;
    int count = 0;
    snprintf(path, sizeof path, "%s/log.jsonl", in_folder(out));
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    while (getline(&line, &room, file) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        const char *is = json_string_value(json_object_get(event, "event"));
        if (is && !strcmp(is, kind) && count < most)
            values[count++] = json_number_value(json_object_get(event, field));
        json_decref(event);
    }
    free(line);
    fclose(file);
    return count;
}

static void make_whole(void)
{
    static int made;
    if (!made++) ends_with("whole", start_joint("whole", 0, of_two), 0);
}

static void make_one(void)
{
    static int made;
    if (!made++) ends_with("one", start_joint("one", 0, of_one), 0);
}

/* ---- What it learns ------------------------------------------------------------------------- */

static void same_numbers(const char *kind, const char *field, double tolerance)
{
    double two[64], one[64];
    const int count = logged("whole", kind, field, two, 64);
    assert_true(count > 0);
    assert_int_equal(logged("one", kind, field, one, 64), count);
    for (int i = 0; i < count; i++)
        if (!(fabs(two[i] - one[i]) <= tolerance * (1 + fabs(one[i]))))
            fail_msg("%s %s %d: %.9g by two, %.9g by one", kind, field, i + 1, two[i], one[i]);
}

/* With mixing, drop path, clips and pairs. */
static void two_learn_what_one_with_both_batches_does(void **state)
{
    (void)state;
    make_whole();
    make_one();
    same_numbers("step", "loss", 1e-4);
    same_numbers("step", "rate", 0);
    same_numbers("step", "gradient_norm", 1e-3);
    same_numbers("epoch", "held_emotions_loss", 1e-3);
    same_numbers("epoch", "train_pairs", 0);
}

static void again_it_gives_the_same_bits(void **state)
{
    (void)state;
    make_whole();
    ends_with("again", start_joint("again", 1, of_two), 0);
    assert_same_files("whole/last.safetensors", "again/last.safetensors");
    assert_same_files("whole/best.safetensors", "again/best.safetensors");
}

/* ---- Stopped -------------------------------------------------------------------------------- */

/* Child number `which` of a process; 0: it has none (yet). */
static pid_t child_of(pid_t parent, int which)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    for (int i = 0; file && i <= which; i++)
        if (fscanf(file, "%d", &child) != 1) child = 0;
    if (file) fclose(file);
    return child;
}

static void wait_for_steps(const char *out, int steps)
{
    double ignored[64];
    for (int i = 0; i < 12000 && logged(out, "step", "step", ignored, 64) < steps; i++)
        pause_ms(10);
}

static void resume_to_the_same(const char *out)
{
    char name[64];
    ends_with(out, start_joint(out, 0, "--resume --ranks 2"), 0);
    snprintf(name, sizeof name, "%s/last.safetensors", out);
    assert_same_files("whole/last.safetensors", name);
}

static void without_one_the_others_stop(void **state)
{
    (void)state;
    make_whole();
    const pid_t parent = start_joint("killed", 0, of_two);
    wait_for_steps("killed", 5);
    const pid_t rank = child_of(child_of(parent, 0), 1);
    assert_true(rank > 0);
    kill(rank, SIGKILL);
    const double start_s = hedon_clock_s();
    const int status = wait_for_exit(parent);
    print_message("the others stopped %.1f s after the kill, with %d:\n%s",
                  hedon_clock_s() - start_s, status, said("killed"));
    assert_int_not_equal(status, 0);
    assert_true(hedon_clock_s() - start_s < 20); /* on a busy machine; 2 on an idle one */
    assert_non_null(strstr(said("killed"), "--resume"));
    ends_with("killed", start_joint("killed", 0, "--resume"), 1);
    assert_non_null(strstr(said("killed"), "--ranks 2"));
    resume_to_the_same("killed");
}

static void interrupted_it_saves_and_says_how_to_go_on(void **state)
{
    (void)state;
    make_whole();
    const pid_t parent = start_joint("interrupted", 0, of_two);
    wait_for_steps("interrupted", 4);
    kill(parent, SIGINT);
    ends_with("interrupted", parent, 130);
    assert_non_null(strstr(said("interrupted"), "--resume --ranks 2"));
    resume_to_the_same("interrupted");
}

/* From its n-th kernel on the (simulated) GPU answers nothing any more. */
static void lose_the_gpu(const char *out, const char *words, const char *kernel,
                         const char *reference)
{
    double ignored[64];
    char text[128], again[64];
    setenv("HEDON_SIM_LOSE", kernel, 1);
    ends_with(out, start_joint(out, 0, words), 1);
    unsetenv("HEDON_SIM_LOSE");
    print_message("%s", said(out));
    assert_non_null(strstr(said(out), "the GPU is lost to this process"));
    const int steps = logged(out, "step", "step", ignored, 64);
    const char *saved = strstr(said(out), "resume.state of step ");
    assert_non_null(strstr(said(out), " is whole: --resume goes on from there"));
    /* of two ranks the other may be the first to speak, and end both */
    if (!saved && !strstr(words, " --ranks")) fail_msg("it does not say what is saved");
    const int step = saved ? atoi(saved + strlen("resume.state of step ")) : steps / 3 * 3;
    assert_true(step >= 3 && step % 3 == 0 && step <= steps && step >= steps - 3);
    snprintf(again, sizeof again, "--resume%s", strstr(words, " --ranks") ? " --ranks 2" : "");
    ends_with(out, start_joint(out, 0, again), 0);
    snprintf(text, sizeof text, "%s/last.safetensors", out);
    assert_same_files(reference, text);
}

static void a_lost_gpu_costs_the_steps_since_the_last_state(void **state)
{
    (void)state;
    if (!getenv("HEDON_SIM_GPUS")) skip();
    make_whole();
    make_one();
    lose_the_gpu("lost_stepping", of_one, "1200", "one/last.safetensors");
    lose_the_gpu("lost_validating", of_one, "1500", "one/last.safetensors");
    lose_the_gpu("lost_together", of_two, "1300", "whole/last.safetensors");
}

/* ---- What goes wrong on one of them --------------------------------------------------------- */

static void a_broken_video_is_left_out_by_all(void **state)
{
    (void)state;
    double ignored[16];
    static const char *const broken[] = {"04", "07", "13"};
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "vce/videos/000%s.mp4", broken[i]);
        assert_int_equal(truncate(in_folder(name), 40), 0);
    }
    ends_with("broken2", start_joint("broken2", 0, of_two), 0);
    ends_with("broken1", start_joint("broken1", 0, of_one), 0);
    const int count = logged("broken1", "broken", "step", ignored, 16);
    assert_true(count > 0);
    assert_int_equal(logged("broken2", "broken", "step", ignored, 16), count);
}

static void what_is_wrong_is_said_once(void **state)
{
    (void)state;
    ends_with("wrong",
              start_joint("wrong", 1, SMALL "--batch 2 --pairs 1 --optimiser sgd --rate 1e6"), 1);
    const char *first = strstr(said("wrong"), "not finite");
    if (!first) fail_msg("%s", said("wrong"));
    assert_null(strstr(first + 1, "not finite"));
    ends_with("wrong", start_joint("wrong", 1, SMALL "--batch 2 --pairs 1"), 1);
    assert_non_null(strstr(said("wrong"), "already has a run"));
}

int main(int argc, char **argv)
{
    if (argc > 1) device = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_learn_what_one_with_both_batches_does),
        cmocka_unit_test(again_it_gives_the_same_bits),
        cmocka_unit_test(without_one_the_others_stop),
        cmocka_unit_test(interrupted_it_saves_and_says_how_to_go_on),
        cmocka_unit_test(a_lost_gpu_costs_the_steps_since_the_last_state),
        cmocka_unit_test(a_broken_video_is_left_out_by_all),
        cmocka_unit_test(what_is_wrong_is_said_once),
    };
    if (!has_mpi()) return 77;
    return cmocka_run_group_tests(tests, start_training_tests, end_training_tests);
}
