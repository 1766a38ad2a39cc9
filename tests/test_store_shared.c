/* One store, several processes, and a database that goes away: each video is annotated once. On
 * SQLite and PostgreSQL. */
#include "tests/postgres_fixture.h"
#include "tests/store_fixture.h"
#include "tests/store_proxy.h"

enum { WORKERS = 4, VIDEOS = 240 };

static HedonContext *ctx;
static char folder[] = "/tmp/hedon-store-shared-XXXXXX";
static char place[256];
static PostgresFixture postgres;
static int on_postgres;

static int fresh(void **state)
{
    (void)state;
    static int number;
    char name[32];
    snprintf(name, sizeof(name), "t%d", number++);
    if (on_postgres)
        assert_int_equal(postgres_database(&postgres, name, place, sizeof(place)), 0);
    else
        snprintf(place, sizeof(place), "%s/%s.db", folder, name);
    return 0;
}

static HedonStore *open_store(const char *where)
{
    HedonStore *store;
    assert_good(ctx, hedon_store_open(ctx, &store, where, NULL));
    return store;
}

/* What a worker process does. Its exit status: 0 when all went well and no result was lost. */
static int work(int64_t run, int pause_us, int first, int last)
{
    HedonContext *own = hedon_context_new();
    HedonStore *store;
    int64_t worker, lost = 0;
    HedonStoreJob jobs[4];
    HedonStoreOptions options;
    hedon_store_options_default(&options);
    options.known = 1; /* whoever made the run has reached it */
    int count, code = hedon_store_open(own, &store, place, &options);
    /* all of them enter the same files at the same time */
    for (int i = first; !code && i < last; i += 40) store_enter(own, store, run, i, 40);
    if (!code) code = hedon_store_worker_begin(own, store, run, &worker);
    while (!code && !(code = hedon_store_claim(own, store, run, worker, 4, jobs, &count)) &&
           count) {
        usleep((useconds_t)pause_us);
        code = hedon_store_heartbeat(own, store, worker);
        StoreScore scores[4];
        HedonStoreResult results[4];
        for (int i = 0; i < count; i++) {
            store_score(&scores[i], store_number(jobs[i].path));
            results[i] = (HedonStoreResult){.job = &jobs[i],
                                            .outcome = HEDON_STORE_SCORED,
                                            .score = &scores[i].score,
                                            .hash = scores[i].hash,
                                            .size = jobs[i].size,
                                            .mtime_ns = jobs[i].mtime_ns};
        }
        if (!code) code = hedon_store_finish(own, store, worker, results, count, &lost);
        store_clear(jobs, count);
    }
    if (!code) code = hedon_store_worker_end(own, store, worker);
    if (code) fprintf(stderr, "worker: %d, %s\n", code, hedon_last_error(own));
    if (lost) fprintf(stderr, "worker: %d results lost\n", (int)lost);
    hedon_store_close(store);
    return code || lost ? 1 : 0;
}

static pid_t start_worker(int64_t run, int pause_us, int first, int last)
{
    const pid_t child = fork();
    if (!child) _exit(work(run, pause_us, first, last));
    return child;
}

static void assert_succeeds(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int check_row(void *opaque, const HedonStoreRow *row)
{
    StoreScore made;
    store_score(&made, store_number(row->path));
    assert_true(row->score.utility == made.score.utility);
    assert_int_equal(row->score.clip_count, STORE_CLIPS);
    ++*(int *)opaque;
    return 0;
}

static void assert_complete(int64_t run, int videos)
{
    HedonStore *store = open_store(place);
    HedonStoreRun counts;
    int rows = 0;
    assert_good(ctx, hedon_store_progress(ctx, store, run, &counts));
    assert_int_equal(counts.done, videos);
    assert_int_equal(counts.todo + counts.leased + counts.failed, 0);
    const HedonStoreQuery query = {.run = run, .clips = 1};
    assert_good(ctx, hedon_store_each(ctx, store, &query, check_row, &rows));
    assert_int_equal(rows, videos);
    hedon_store_close(store);
}

static void several_processes_share_the_work(void **state)
{
    (void)state;
    pid_t children[WORKERS];
    HedonStore *store = open_store(place);
    const int64_t run = store_run(ctx, store, "aa");
    hedon_store_close(store);
    for (int i = 0; i < WORKERS; i++) children[i] = start_worker(run, 1000, 0, VIDEOS);
    for (int i = 0; i < WORKERS; i++) assert_succeeds(children[i]);
    assert_complete(run, VIDEOS);
}

static void a_new_store_is_made_by_several_at_once(void **state)
{
    (void)state;
    pid_t children[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        children[i] = fork();
        if (children[i]) continue;
        HedonContext *own = hedon_context_new();
        HedonStore *store;
        const int code = hedon_store_open(own, &store, place, NULL);
        if (code) fprintf(stderr, "%d %s\n", code, hedon_last_error(own));
        _exit(code || !store_run(own, store, "aa"));
    }
    for (int i = 0; i < WORKERS; i++) assert_succeeds(children[i]);
}

static void killed_processes_lose_nothing(void **state)
{
    (void)state;
    HedonStore *store = open_store(place);
    const int64_t run = store_run(ctx, store, "aa");
    for (int i = 0; i < VIDEOS; i += 40) store_enter(ctx, store, run, i, 40);
    hedon_store_close(store);
    pid_t steady = start_worker(run, 20000, 0, 0);
    for (int i = 0; i < 10; i++) {
        const pid_t victim = start_worker(run, 5000, 0, 0);
        usleep(20000 + 7000 * (useconds_t)i);
        kill(victim, SIGKILL);
        waitpid(victim, NULL, 0);
    }
    assert_succeeds(steady);
    assert_succeeds(start_worker(run, 0, 0, VIDEOS)); /* whatever the last victim held */
    assert_complete(run, VIDEOS);
}

/* ---- PostgreSQL goes away */

static void restart_in_the_middle(int signal)
{
    pid_t children[2];
    HedonStore *store = open_store(place);
    const int64_t run = store_run(ctx, store, "aa");
    hedon_store_close(store);
    for (int i = 0; i < 2; i++) children[i] = start_worker(run, 10000, 0, VIDEOS);
    for (int i = 0; i < 3; i++) {
        usleep(250000);
        postgres_stop(&postgres, signal);
        usleep(100000);
        assert_int_equal(postgres_start(&postgres), 0);
    }
    for (int i = 0; i < 2; i++) assert_succeeds(children[i]);
    assert_complete(run, VIDEOS);
}

static void a_restarted_database_is_waited_for(void **state)
{
    (void)state;
    restart_in_the_middle(SIGINT);
}

static void a_crashed_database_is_waited_for(void **state)
{
    (void)state;
    restart_in_the_middle(SIGQUIT);
}

/* The wire is cut at each step's COMMIT, before and after it took effect; every step happens once.
 */
static void a_lost_answer_to_commit_changes_nothing(void **state)
{
    (void)state;
    StoreProxy proxy;
    char through[256];
    assert_int_equal(proxy_start(&proxy, postgres.folder), 0);
    snprintf(through, sizeof(through), "%.*s?host=%s", (int)strcspn(place, "?"), place,
             proxy.folder);
    HedonStore *store = open_store(through);
    const int64_t run = store_run(ctx, store, "aa");
    int64_t worker, done = 0;
    HedonStoreRun counts;
    HedonStoreJob jobs[8];
    for (int i = 0; i < 6; i++) {
        const int cut = i % 2 ? PROXY_AFTER_COMMIT : PROXY_BEFORE_COMMIT;
        atomic_store(&proxy.skip, 1); /* that of looking files up */
        atomic_store(&proxy.cut, cut);
        assert_int_equal(store_enter(ctx, store, run, 8 * i, 8).added, 8);
        atomic_store(&proxy.cut, cut);
        assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
        atomic_store(&proxy.cut, cut);
        assert_int_equal(store_claim(ctx, store, run, worker, 8, jobs), 8);
        for (int k = 0; k < 8; k++) assert_int_equal(jobs[k].attempt, 1);
        atomic_store(&proxy.cut, cut);
        assert_int_equal(store_finish(ctx, store, worker, jobs, 8), 0);
        store_clear(jobs, 8);
        done += 8;
        assert_good(ctx, hedon_store_progress(ctx, store, run, &counts));
        assert_true(counts.done == done && counts.leased == 0 && counts.todo == 0);
        atomic_store(&proxy.cut, cut);
        assert_good(ctx, hedon_store_worker_end(ctx, store, worker));
    }
    assert_int_equal(atomic_load(&proxy.cuts), 30);
    hedon_store_close(store);
    proxy_stop(&proxy);
    assert_complete(run, (int)done);
}

static void what_cannot_be_reached_is_said_at_once(void **state)
{
    (void)state;
    HedonStore *store;
    char wrong[256];
    assert_int_equal(hedon_store_open(ctx, &store,
                                      "postgresql://hedon:secret@/x?host=/tmp/no/such/folder",
                                      NULL),
                     HEDON_EIO);
    assert_null(strstr(hedon_last_error(ctx), "secret"));
    snprintf(wrong, sizeof(wrong), "postgresql://hedon@/absent?host=%s", postgres.folder);
    assert_int_equal(hedon_store_open(ctx, &store, wrong, NULL), HEDON_EIO);
    assert_non_null(strstr(hedon_last_error(ctx), "absent"));
    HedonStoreOptions options;
    hedon_store_options_default(&options);
    options.read_only = 1;
    assert_int_equal(hedon_store_open(ctx, &store, place, &options), HEDON_ENOENT);
    hedon_store_close(open_store(place));
    assert_good(ctx, hedon_store_open(ctx, &store, place, &options));
    HedonStoreRun run = {.model_name = "m", .model_sha256 = "aa", .model = "{}", .settings = "{}"};
    assert_int_equal(hedon_store_run(ctx, store, &run), HEDON_EIO);
    hedon_store_close(store);
}

static void *open_known(void *opaque)
{
    HedonStoreOptions options;
    HedonStore *store;
    HedonContext *own = hedon_context_new();
    hedon_store_options_default(&options);
    options.known = 1;
    *(int *)opaque = hedon_store_open(own, &store, place, &options);
    hedon_store_close(store);
    hedon_context_free(own);
    return NULL;
}

static void a_database_known_to_be_there_is_waited_for(void **state)
{
    (void)state;
    pthread_t thread;
    HedonStore *store;
    int code = 1;
    hedon_store_close(open_store(place));
    postgres_stop(&postgres, SIGINT);
    assert_int_equal(hedon_store_open(ctx, &store, place, NULL), HEDON_EIO);
    assert_int_equal(pthread_create(&thread, NULL, open_known, &code), 0);
    usleep(300000);
    assert_int_equal(postgres_start(&postgres), 0);
    pthread_join(thread, NULL);
    assert_int_equal(code, 0);
}

static void patience_ends(void **state)
{
    (void)state;
    HedonStore *store;
    const HedonStoreOptions hasty = {.lease_s = 1, .patience_s = .5};
    assert_good(ctx, hedon_store_open(ctx, &store, place, &hasty));
    const int64_t run = store_run(ctx, store, "aa");
    postgres_stop(&postgres, SIGINT);
    int64_t worker;
    assert_int_equal(hedon_store_worker_begin(ctx, store, run, &worker), HEDON_EIO);
    assert_int_equal(postgres_start(&postgres), 0);
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    hedon_store_close(store);
}

int main(void)
{
    ctx = hedon_context_new();
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest shared[] = {
        cmocka_unit_test_setup(several_processes_share_the_work, fresh),
        cmocka_unit_test_setup(a_new_store_is_made_by_several_at_once, fresh),
        cmocka_unit_test_setup(killed_processes_lose_nothing, fresh),
    };
    int failed = cmocka_run_group_tests_name("SQLite", shared, NULL, NULL);
#ifdef HEDON_POSTGRES
    const struct CMUnitTest lost[] = {
        cmocka_unit_test_setup(what_cannot_be_reached_is_said_at_once, fresh),
        cmocka_unit_test_setup(a_lost_answer_to_commit_changes_nothing, fresh),
        cmocka_unit_test_setup(a_restarted_database_is_waited_for, fresh),
        cmocka_unit_test_setup(a_crashed_database_is_waited_for, fresh),
        cmocka_unit_test_setup(a_database_known_to_be_there_is_waited_for, fresh),
        cmocka_unit_test_setup(patience_ends, fresh),
    };
    const int absent = postgres_create(&postgres);
    on_postgres = 1;
    if (absent == 77)
        printf("no PostgreSQL server on this machine: not tested on it\n");
    else if (absent)
        failed = 1;
    else
        failed |= cmocka_run_group_tests_name("PostgreSQL", shared, NULL, NULL) |
                  cmocka_run_group_tests_name("PostgreSQL lost", lost, NULL, NULL);
#endif
    hedon_context_free(ctx);
    postgres_remove(&postgres);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) ? 1 : failed;
}
