/* Several hedon annotate processes on one PostgreSQL server: the work is shared out, whoever dies
 * and whatever is restarted. Skipped where PostgreSQL is not installed.
 *
 * --bench [VIDEOS [MODEL]]: the rate of one process with one thread on one core beside that of two
 * on two cores.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <sched.h>

#include "cli_fixture.h"

#include "annotate_fixture.h"
#include "base/clock.h"
#include "tests/postgres_fixture.h"

enum { GOOD = 240, MOST_PROCESSES = 4, ROUNDS = 3 };

static PostgresFixture postgres;
static Dump undisturbed;

static int make_all(void **state)
{
    (void)state;
    if (!mkdtemp(scratch)) return -1;
    setenv("OMP_WAIT_POLICY", "passive", 0);
    render_patterns();
    make_folder("many", GOOD, BAD_KINDS);
    Ran ran = RUN("annotate", "-q", "--store", in_scratch("alone.db"), in_scratch("many"));
    ran_free(&ran);
    undisturbed = dump_store(in_scratch("alone.db"));
    return undisturbed.results == GOOD && undisturbed.errors == BAD_KINDS ? 0 : -1;
}

static int remove_all(void **state)
{
    (void)state;
    dump_free(&undisturbed);
    return shell("rm -rf %s", scratch);
}

typedef struct Group {
    char place[256];
    pid_t pids[MOST_PROCESSES];
    int count;
} Group;

static char *output_of(const char *stream, int process)
{
    char name[32];
    snprintf(name, sizeof(name), "process-%d.%s", process, stream);
    return in_scratch(name);
}

static Group start_group(const char *database, int count)
{
    Group group = {.count = count};
    assert_int_equal(postgres_database(&postgres, database, group.place, sizeof(group.place)), 0);
    for (int i = 0; i < count; i++)
        group.pids[i] =
            start(ARGV("annotate", "--json", "-q", "--store", group.place, in_scratch("many")),
                  "/dev/null", output_of("out", i), output_of("err", i));
    return group;
}

/* Videos dealt with by the processes that lived to tell. */
static int finish_group(const Group *group)
{
    int dealt = 0;
    for (int i = 0; i < group->count; i++) {
        Ran ran = finish(group->pids[i], output_of("out", i), output_of("err", i));
        if (ran.status == -SIGKILL) {
            ran_free(&ran);
            continue;
        }
        if (ran.status != 0 && ran.status != 1) fail_msg("status %d: %s", ran.status, ran.err);
        json_t *end = json_loads(strstr(ran.out, "{\"event\":\"end\""), 0, NULL);
        if (json_is_string(json_object_get(end, "error")))
            fail_msg("%s", json_string_value(json_object_get(end, "error")));
        const int share = (int)json_integer_value(json_object_get(end, "done")) +
                          (int)json_integer_value(json_object_get(end, "failed"));
        print_message("process %d of %d: %d videos\n", i + 1, group->count, share);
        dealt += share;
        json_decref(end);
        ran_free(&ran);
    }
    return dealt;
}

static void assert_same_store(const Group *group)
{
    Dump dump = dump_store(group->place);
    assert_int_equal(dump.code, 0);
    assert_int_equal(dump.results, GOOD);
    assert_string_equal(dump.text, undisturbed.text);
    dump_free(&dump);
}

static void test_each_video_is_done_once(void **state)
{
    (void)state;
    for (int processes = 2; processes <= MOST_PROCESSES; processes += 2) {
        char name[16];
        snprintf(name, sizeof(name), "once%d", processes);
        const Group group = start_group(name, processes);
        assert_int_equal(finish_group(&group), GOOD + BAD_KINDS);
        assert_same_store(&group);
    }
}

static void test_what_a_killed_process_held_is_done_by_others(void **state)
{
    (void)state;
    const Group group = start_group("killed", 3);
    usleep(600000);
    kill(group.pids[1], SIGKILL);
    finish_group(&group);
    assert_same_store(&group);
}

/* Until all have reached the server: one that cannot be reached at first is said at once. */
static void wait_for_starts(const Group *group)
{
    for (int i = 0; i < group->count; i++)
        for (int started = 0, trial = 0; !started; usleep(10000)) {
            if (trial++ == 6000) fail_msg("process %d does not start", i + 1);
            char *out = read_file(output_of("out", i));
            started = out && strstr(out, "{\"event\":\"start\"");
            free(out);
        }
}

static void test_the_server_may_be_restarted(void **state)
{
    (void)state;
    const Group group = start_group("restarted", 2);
    wait_for_starts(&group);
    for (int i = 0; i < 2; i++) {
        usleep(500000);
        postgres_stop(&postgres, i ? SIGINT : SIGQUIT);
        usleep(400000);
        assert_int_equal(postgres_start(&postgres), 0);
    }
    assert_int_equal(finish_group(&group), GOOD + BAD_KINDS);
    assert_same_store(&group);
}

/* ---- How much two are worth */

/* Children are started on the n-th of these processors. */
static void bind_to(const cpu_set_t *allowed, int n)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, allowed) && n-- == 0) CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one)) abort();
}

/* Videos a second from the first start to the last end, each process and its decoder on a core of
 * its own. Negative when something went wrong. */
static double rate_of(const char *database, int processes, int videos, char *model)
{
    Group group = {.count = processes};
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed)) abort();
    if (CPU_COUNT(&allowed) < processes) return -1;
    if (postgres_database(&postgres, database, group.place, sizeof(group.place))) return -1;
    const double start_s = hedon_clock_s();
    for (int i = 0; i < processes; i++) {
        bind_to(&allowed, i);
        group.pids[i] = start(ARGV("annotate", "--json", "-q", "--threads", "1", "--model", model,
                                   "--store", group.place, in_scratch("some")),
                              "/dev/null", output_of("out", i), output_of("err", i));
    }
    sched_setaffinity(0, sizeof(allowed), &allowed);
    const int dealt = finish_group(&group);
    const double seconds = hedon_clock_s() - start_s;
    return dealt == videos ? videos / seconds : -1;
}

static int by_value(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static int bench(int videos, char *model)
{
    double gains[ROUNDS];
    if (!mkdtemp(scratch)) return 1;
    setenv("OMP_WAIT_POLICY", "passive", 0);
    render_patterns();
    make_folder("some", videos, 0);
    printf("%d videos of 1 to 3 s, %s\n", videos, model);
    int failed = 0;
    for (int i = 0; i < ROUNDS && !failed; i++) {
        double rates[2], load = 0;
        getloadavg(&load, 1); /* should be what the rounds before left of their own */
        for (int k = 0; k < 2; k++) {
            char name[32];
            snprintf(name, sizeof(name), "round%d_%d", i, k + 1);
            rates[k] = rate_of(name, k + 1, videos, model);
            failed |= rates[k] <= 0;
        }
        gains[i] = rates[1] / rates[0];
        printf("load %.2f; one process %.2f videos/s, two processes %.2f videos/s: %.2f times\n",
               load, rates[0], rates[1], gains[i]);
    }
    shell("rm -rf %s", scratch);
    if (failed) return 1;
    qsort(gains, ROUNDS, sizeof(*gains), by_value);
    printf("two processes on two cores are worth %.2f times one (median of %d)\n",
           gains[ROUNDS / 2], ROUNDS);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_video_is_done_once),
        cmocka_unit_test(test_what_a_killed_process_held_is_done_by_others),
        cmocka_unit_test(test_the_server_may_be_restarted),
    };
    const int absent = postgres_create(&postgres);
    if (absent) return absent;
    char model[] = "random:r2plus1d_tiny";
    const int failed = argc > 1 && !strcmp(argv[1], "--bench")
                           ? bench(argc > 2 ? atoi(argv[2]) : 600, argc > 3 ? argv[3] : model)
                           : cmocka_run_group_tests(tests, make_all, remove_all);
    postgres_remove(&postgres);
    return failed;
}
