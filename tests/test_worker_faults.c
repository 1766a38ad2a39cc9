/* Workers that die, stall or lie: each gives one clean error, nothing leaks, and the next open
 * works. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "worker_fixture.h"

#define PATIENCE 60.0
#define BRIEF    (SANITIZED ? 6 : 2)     /* a limit that a busy machine keeps */
#define SOON     (SANITIZED ? 6.0 : 2.0) /* how long after its limit a kill is in time */

static HedonContext *ctx;

static int make_context(void **state)
{
    (void)state;
    ctx = hedon_context_new();
    return ctx ? 0 : -1;
}

static int free_context(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    return has_children() ? -1 : 0;
}

/* Open the good video and look at a few of its frames. */
static void assert_works(HedonWorker *worker)
{
    Seen seen = {0};
    if (hedon_worker_open(ctx, worker, in_scratch("long.mp4")))
        fail_msg("%s", hedon_last_error(ctx));
    assert_int_equal(ask(ctx, worker, 0, 13, 40, &seen), 0);
    assert_int_equal(seen.total, 4);
}

/* Kill the process, if there is one, and wait until it is dead, though not reaped. */
static void kill_idle(const HedonWorker *worker)
{
    siginfo_t info;
    const pid_t pid = hedon_worker_pid(worker);
    if (!pid) return;
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

/* ---- Killed, stopped, cancelled ----------------------------------------------------------------
 */

typedef struct Blow {
    pid_t pid;
    int signal;
} Blow;

static void strike(void *opaque)
{
    const Blow *blow = opaque;
    kill(blow->pid, blow->signal);
}

static void test_killed_in_the_middle(void **state)
{
    static const int signals[] = {SIGKILL, SIGSEGV, SIGABRT, SIGTERM};
    (void)state;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        assert_works(worker);
        Blow blow = {hedon_worker_pid(worker), signals[i]};
        Seen seen = {.at_first = strike, .opaque = &blow};
        const int code = ask(ctx, worker, 0, 1, 600, &seen);
        char number[32];
        snprintf(number, sizeof(number), "(signal %d", signals[i]);
        assert_int_equal(code, HEDON_EDECODER);
        if (!SANITIZED || signals[i] != SIGSEGV) /* which a sanitizer takes for itself */
            assert_non_null(strstr(hedon_last_error(ctx), number));
        assert_int_equal(hedon_worker_pid(worker), 0);
        assert_null(hedon_worker_times(worker));
        assert_int_equal(ask(ctx, worker, 0, 1, 1, &seen), HEDON_EINVAL);
    }
    assert_works(worker);
    hedon_worker_free(worker);
}

/* Dead before a video was opened: not that video's fault, nobody need know. */
static void test_killed_while_idle(void **state)
{
    (void)state;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    assert_works(worker);
    const int pid = hedon_worker_pid(worker);
    kill_idle(worker);
    assert_works(worker);
    assert_int_not_equal(hedon_worker_pid(worker), pid);
    hedon_worker_free(worker);
}

static void test_stopped_worker_is_killed(void **state)
{
    (void)state;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, BRIEF);
    assert_works(worker);
    Blow blow = {hedon_worker_pid(worker), SIGSTOP};
    Seen seen = {.at_first = strike, .opaque = &blow};
    const double start = hedon_clock_s();
    assert_int_equal(ask(ctx, worker, 0, 1, 600, &seen), HEDON_ELIMIT);
    assert_true(hedon_clock_s() - start < BRIEF + SOON);
    assert_non_null(strstr(hedon_last_error(ctx), SANITIZED ? "6 s" : "2 s"));
    assert_int_equal(kill(blow.pid, 0), -1);
    assert_works(worker);
    kill(hedon_worker_pid(worker), SIGSTOP); /* stopped while idle, too */
    assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), HEDON_ELIMIT);
    assert_works(worker);
    hedon_worker_free(worker);
}

/* Work that takes longer than the silence allowed but shows progress is not a hang; work without
 * end is. */
static void test_slow_is_not_stuck(void **state)
{
    (void)state;
    HedonWorkerOptions options;
    HedonWorker *worker;
    Seen seen = {0};
    hedon_worker_options_default(&options);
    options.program = FAULTY_WORKER;
    options.max_seconds = BRIEF;
    setenv("HEDON_FAULT", "slow", 1); /* three times that long, with a word now and then */
    setenv("HEDON_FAULT_SECONDS", SANITIZED ? "6" : "2", 1);
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), 0);
    const double start = hedon_clock_s();
    assert_int_equal(ask(ctx, worker, 0, 1, 3, &seen), 0);
    assert_true(hedon_clock_s() - start > 2.5 * BRIEF);
    hedon_worker_free(worker);

    setenv("HEDON_FAULT", "endless", 1);
    options.max_total_seconds = 0.25 * BRIEF;
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), HEDON_ELIMIT);
    assert_non_null(strstr(hedon_last_error(ctx), "four times"));
    hedon_worker_free(worker);
    setenv("HEDON_FAULT", "flood", 1);
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), HEDON_ELIMIT);
    unsetenv("HEDON_FAULT");
    unsetenv("HEDON_FAULT_SECONDS");
    hedon_worker_free(worker);
}

static void *cancel_soon(void *worker)
{
    usleep(100 * 1000);
    if (worker)
        hedon_worker_interrupt(worker);
    else
        hedon_cancel();
    return NULL;
}

static void test_cancelled_while_waiting(void **state)
{
    (void)state;
    for (int whole_program = 0; whole_program < 2; whole_program++) {
        pthread_t thread;
        HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
        assert_works(worker);
        kill(hedon_worker_pid(worker), SIGSTOP);
        const double start = hedon_clock_s();
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, whole_program ? NULL : worker),
                         0);
        assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), HEDON_ECANCELLED);
        assert_true(hedon_clock_s() - start < SOON);
        pthread_join(thread, NULL);
        hedon_cancel_reset();
        if (whole_program)
            assert_works(worker);
        else
            assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")),
                             HEDON_ECANCELLED);
        hedon_worker_free(worker);
    }
}

/* A program that is killed takes its workers along, a decoding one too. */
static void test_worker_dies_with_its_parent(void **state)
{
    (void)state;
    int ends[2], pid, status;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* the orphan becomes ours */
    const pid_t parent = fork();
    if (!parent) {
        HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
        if (hedon_worker_open(ctx, worker, in_scratch("long.mp4"))) _exit(1);
        pid = hedon_worker_pid(worker);
        if (write(ends[1], &pid, sizeof(pid)) < 0) _exit(1);
        pause();
    }
    assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_int_equal(waitpid(pid, &status, 0), pid); /* would wait for ever */
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- Lies --------------------------------------------------------------------------------------
 */

static const struct {
    const char *fault;
    int code;
    const char *says;
} lies[] = {
    {"garbage", HEDON_EDECODER, "malformed"},
    {"empty message", HEDON_EDECODER, NULL},
    {"long message", HEDON_EDECODER, "malformed"},
    {"other version", HEDON_EDECODER, "malformed"},
    {"request as reply", HEDON_EDECODER, "request"},
    {"ready twice", HEDON_EDECODER, "ready twice"},
    {"unasked decoder", HEDON_EDECODER, "an unknown decoder"},
    {"nan time", HEDON_EDECODER, "times"},
    {"infinite time", HEDON_EDECODER, "times"},
    {"descending time", HEDON_EDECODER, "times"},
    {"negative time", HEDON_EDECODER, "times"},
    {"times are a pipe", HEDON_EDECODER, "wrong size"},
    {"times not sealed", HEDON_EDECODER, "wrong size"},
    {"few times", HEDON_EDECODER, "wrong size"},
    {"no pixels", HEDON_EDECODER, "picture size"},
    {"many pixels", HEDON_EDECODER, "picture size"},
    {"negative frames", HEDON_EDECODER, "number of frames"},
    {"many frames", HEDON_EDECODER, "number of frames"},
    {"odd rotation", HEDON_EDECODER, "rotation"},
    {"nan duration", HEDON_EDECODER, "duration"},
    {"open without index", HEDON_EDECODER, "index"},
    {"two indexes", HEDON_EDECODER, "two indexes"},
    {"frame at open", HEDON_EDECODER, "not asked"},
    {"unknown code", HEDON_EDECODER, "unknown result"},
    {"positive code", HEDON_EDECODER, "unknown result"},
    {"stop at open", HEDON_EDECODER, "nobody said stop"},
    {"unended text", HEDON_EDATA, "????"},
    {"no memory", HEDON_ELIMIT, "4096 MiB"},
    {"slots not sealed", HEDON_EDECODER, "wrong size"},
    {"bigger slots than memory", HEDON_EDECODER, "wrong size"},
    {"huge slots", HEDON_EDECODER, "frame memory"},
    {"no slots", HEDON_EDECODER, "frame memory"},
    {"odd slots", HEDON_EDECODER, "frame memory"},
    {"slots again", HEDON_EDECODER, "frame memory"},
    {"frame without slots", HEDON_EDECODER, "outside its memory"},
    {"slot outside", HEDON_EDECODER, "outside its memory"},
    {"negative slot", HEDON_EDECODER, "outside its memory"},
    {"index not asked", HEDON_EDECODER, "not asked"},
    {"huge index", HEDON_EDECODER, "not asked"},
    {"negative index", HEDON_EDECODER, "not asked"},
    {"frame twice", HEDON_EDECODER, "not asked"},
    {"offset outside", HEDON_EDECODER, "plane outside"},
    {"huge offset", HEDON_EDECODER, "plane outside"},
    {"negative offset", HEDON_EDECODER, "plane outside"},
    {"short stride", HEDON_EDECODER, "plane outside"},
    {"negative stride", HEDON_EDECODER, "plane outside"},
    {"huge stride", HEDON_EDECODER, "plane outside"},
    {"tall frame", HEDON_EDECODER, "plane outside"},
    {"wide frame", HEDON_EDECODER, "plane outside"},
    {"no height", HEDON_EDECODER, "frame size"},
    {"odd samples", HEDON_EDECODER, "plane outside"},
    {"seven bits", HEDON_EDECODER, "unknown kind"},
    {"unknown layout", HEDON_EDECODER, "unknown kind"},
    {"shifted bytes", HEDON_EDECODER, "unknown kind"},
    {"shifted away", HEDON_EDECODER, "unknown kind"},
    {"negative shift", HEDON_EDECODER, "unknown kind"},
    {"unknown matrix", HEDON_EDECODER, "unknown kind"},
    {"unknown range", HEDON_EDECODER, "unknown kind"},
    {"frames are missing", HEDON_EDECODER, "missing"},
    {"frame after index", HEDON_EDECODER, "not asked"},
    {"index without resample", HEDON_EDECODER, "out of place"},
    {"resample without index", HEDON_EDECODER, "out of place"},
    {"endless resamples", HEDON_EDECODER, "keeps changing"},
    {"crash at open", HEDON_EDECODER, "signal 11"},
    {"crash in the middle", HEDON_EDECODER, "signal 11"},
    {"exit in the middle", HEDON_EDECODER, "exit status 7"},
    {"exit at start", HEDON_EDECODER, "at its start"},
    {"closed in the middle", HEDON_EDECODER, "was killed"},
    {"silent at open", HEDON_ELIMIT, "stood still"},
    {"silent in the middle", HEDON_ELIMIT, "stood still"},
};

/* Everything that a caller would do until something fails. */
static int use(HedonWorker *worker, Seen *seen)
{
    int code = hedon_worker_open(ctx, worker, in_scratch("long.mp4"));
    if (!code) code = ask(ctx, worker, 0, 2, 40, seen);
    while (code == HEDON_ERESAMPLE) code = ask(ctx, worker, 0, 2, 40, seen);
    return code;
}

static void test_lies(void **state)
{
    (void)state;
    HedonWorker *worker = new_worker(ctx, FAULTY_WORKER, BRIEF);
    assert_works(worker);
    const int descriptors = open_descriptors();
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        Seen seen = {0};
        kill_idle(worker);
        setenv("HEDON_FAULT", lies[i].fault, 1);
        const int code = use(worker, &seen);
        unsetenv("HEDON_FAULT");
        const char *said = hedon_last_error(ctx);
        if (code != lies[i].code || (lies[i].says && !strstr(said, lies[i].says)))
            fail_msg("%s: %d, %s", lies[i].fault, code, said);
        assert_null(strchr(said, '\033'));
        kill_idle(worker); /* what was believed would go on with its fault */
        assert_works(worker);
        assert_int_equal(open_descriptors(), descriptors);
    }
    hedon_worker_free(worker);
}

/* Names that a file chose reach the terminal as plain text. */
static void test_names_are_printable(void **state)
{
    (void)state;
    setenv("HEDON_FAULT", "unended name", 1);
    HedonWorker *worker = new_worker(ctx, FAULTY_WORKER, PATIENCE);
    unsetenv("HEDON_FAULT");
    assert_works(worker);
    assert_int_equal(strspn(hedon_worker_info(worker)->codec, "?"), 31);
    hedon_worker_free(worker);
}

/* ---- Leaks -------------------------------------------------------------------------------------
 */

static void test_no_descriptor_leaks(void **state)
{
    (void)state;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    assert_works(worker);
    hedon_worker_free(worker);
    const int descriptors = open_descriptors();
    worker = NULL;
    for (int i = 0; i < 200; i++) {
        if (!worker) worker = new_worker(ctx, REAL_WORKER, PATIENCE);
        if (i % 3) assert_works(worker);
        if (i % 5) hedon_worker_open(ctx, worker, "/nonexistent");
        if (i % 7) continue;
        hedon_worker_free(worker);
        worker = NULL;
    }
    hedon_worker_free(worker);
    assert_int_equal(open_descriptors(), descriptors);
    assert_false(has_children());
}

static void test_failing_allocations(void **state)
{
    (void)state;
    const int descriptors = open_descriptors();
    int64_t k = 1;
    for (;; k++) {
        HedonWorkerOptions options;
        HedonWorker *worker;
        Seen seen = {0};
        hedon_worker_options_default(&options);
        options.program = FAULTY_WORKER;
        hedon_memory_fail_at(k);
        int code = hedon_worker_new(ctx, &worker, &options);
        if (!code) code = use(worker, &seen);
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        assert_int_equal(code, failed ? HEDON_ENOMEM : 0);
        if (worker) assert_works(worker);
        hedon_worker_free(worker);
        assert_int_equal(open_descriptors(), descriptors);
        if (!failed) break;
    }
    assert_true(k > 3);
}

static int prepare(void **state)
{
    return make_scratch(state) || render("long.mp4", "64x48", 60, "-c:v mpeg4 -g 20");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, make_context, free_context)
    const struct CMUnitTest tests[] = {
        T(test_killed_in_the_middle),        T(test_killed_while_idle),
        T(test_stopped_worker_is_killed),    T(test_slow_is_not_stuck),
        T(test_cancelled_while_waiting),
        T(test_worker_dies_with_its_parent), T(test_lies),
        T(test_names_are_printable),         T(test_no_descriptor_leaks),
        T(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, prepare, remove_scratch);
}
