/* A SQLite store in trouble: foreign and damaged files, full disks, locks, no memory; old versions;
 * and that what must be fast has its index. */
#include "tests/store_fixture.h"

#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/query.h"
#include "store/schema.h"

static HedonContext *ctx;
static char folder[] = "/tmp/hedon-store-files-XXXXXX";
static char place[256];

static int fresh(void **state)
{
    (void)state;
    static int number;
    snprintf(place, sizeof(place), "%s/%d.db", folder, number++);
    return 0;
}

static HedonStore *open_store(void)
{
    HedonStore *store;
    assert_good(ctx, hedon_store_open(ctx, &store, place, NULL));
    return store;
}

/* A store with so many results. */
static HedonStore *filled(int count, int64_t *run)
{
    HedonStore *store = open_store();
    *run = store_run(ctx, store, "aa");
    store_enter(ctx, store, *run, 0, count);
    assert_int_equal(store_annotate_all(ctx, store, *run), count);
    return store;
}

static int64_t count_results(HedonStore *store, int64_t run)
{
    int64_t count;
    const HedonStoreQuery query = {.run = run};
    assert_good(ctx, hedon_store_count(ctx, store, &query, &count));
    return count;
}

static void write_file(const void *bytes, size_t size)
{
    FILE *file = fopen(place, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s", message);
    sqlite3_close(db);
}

static void assert_refused(int code, const char *sentence)
{
    HedonStore *store;
    for (int read_only = 0; read_only < 2; read_only++) {
        HedonStoreOptions options;
        hedon_store_options_default(&options);
        options.read_only = read_only;
        assert_int_equal(hedon_store_open(ctx, &store, place, &options), code);
        assert_null(store);
        if (!strstr(hedon_last_error(ctx), sentence)) fail_msg("%s", hedon_last_error(ctx));
    }
}

/* ---- Foreign files */

static void a_file_of_another_kind_is_left_alone(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, 'x', sizeof(text));
    write_file(text, sizeof(text));
    assert_refused(HEDON_EDATA, "not a SQLite file");
    FILE *file = fopen(place, "rb");
    char back[sizeof(text) + 1];
    assert_int_equal(fread(back, 1, sizeof(back), file), sizeof(text));
    assert_memory_equal(back, text, sizeof(text));
    fclose(file);
}

static void another_programs_database_is_left_alone(void **state)
{
    (void)state;
    run_sql("CREATE TABLE videos(id INTEGER PRIMARY KEY, path TEXT); INSERT INTO videos VALUES(1, "
            "'a')");
    assert_refused(HEDON_EDATA, "another program");
    run_sql("INSERT INTO videos VALUES(2, 'b')");
}

static void a_folder_and_nothing_are_named(void **state)
{
    (void)state;
    HedonStore *store;
    const HedonStoreOptions reading = {.read_only = 1, .lease_s = 1, .patience_s = 1};
    assert_int_equal(hedon_store_open(ctx, &store, place, &reading), HEDON_ENOENT);
    assert_int_equal(access(place, F_OK), -1); /* and not made by looking */
    assert_int_equal(hedon_store_open(ctx, &store, folder, NULL), HEDON_EISDIR);
    assert_int_equal(hedon_store_open(ctx, &store, "", NULL), HEDON_EINVAL);
    assert_int_equal(hedon_store_open(ctx, &store, "/no/such/folder/s.db", NULL), HEDON_EIO);
    write_file("", 0);
    assert_int_equal(hedon_store_open(ctx, &store, place, &reading), HEDON_EDATA);
    assert_good(ctx, hedon_store_open(ctx, &store, place, NULL)); /* an empty file becomes one */
    hedon_store_close(store);
}

static void a_later_version_is_refused(void **state)
{
    (void)state;
    hedon_store_close(open_store());
    run_sql("INSERT INTO schema_version VALUES(1000, 0)");
    assert_refused(HEDON_EDATA, "later hedon");
}

static int look(void *opaque, const HedonStoreRow *row)
{
    (void)row;
    ++*(int *)opaque;
    return 0;
}

static int read_everything(const char *name)
{
    HedonStore *store;
    HedonStoreRun *runs;
    HedonStoreOptions options;
    hedon_store_options_default(&options);
    options.read_only = 1;
    int count = 0, rows = 0, code = hedon_store_open(ctx, &store, name, &options);
    if (code) return code;
    code = hedon_store_runs(ctx, store, &runs, &count);
    for (int i = 0; !code && i < count; i++) {
        const HedonStoreQuery query = {.run = runs[i].id, .clips = 1, .errors = 2};
        code = hedon_store_each(ctx, store, &query, look, &rows);
    }
    hedon_store_runs_free(runs, count);
    hedon_store_close(store);
    return code;
}

/* Whatever a file holds, reading it ends, in a result or in a sentence. */
static void damage_is_survived(void **state)
{
    (void)state;
    int64_t run;
    hedon_store_close(filled(30, &run));
    FILE *file = fopen(place, "rb");
    static unsigned char good[1 << 20], bad[1 << 20];
    const size_t size = fread(good, 1, sizeof(good), file);
    fclose(file);
    assert_in_range(size, 1 << 15, (1 << 20) - 1);
    int failures = 0;
    for (uint64_t trial = 0; trial < 200; trial++) {
        const HedonRandomKey key = hedon_random_key(1, 0, trial);
        memcpy(bad, good, size);
        for (uint64_t i = 0; i < 64; i++) {
            const uint64_t where = trial % 2 ? hedon_random_u64(key, 2 * i) % size
                                             : hedon_random_u64(key, 2 * i) % 4096;
            bad[where < 100 ? where + 100 : where] =
                (unsigned char)hedon_random_u64(key, 2 * i + 1);
        }
        write_file(bad, trial % 5 ? size : size / 2);
        const int code = read_everything(place);
        failures += code != 0;
        if (code) assert_true(hedon_last_error(ctx)[0] && code != -1000);
    }
    assert_true(failures > 20);
}

static void wrong_contents_are_no_crash(void **state)
{
    (void)state;
    int64_t run;
    HedonStore *store = filled(3, &run);
    run_sql("UPDATE emotions SET joy = 'much', fear = x'00'; UPDATE videos SET path = "
            "zeroblob(id), width = 'w';"
            "UPDATE annotations SET hash = 5, views = 'v', damaged = 2.5;"
            "UPDATE wellbeing SET utility = 'u', percentile = x'01'");
    int rows = 0;
    HedonStoreQuery query = {.run = run};
    assert_good(ctx, hedon_store_each(ctx, store, &query, look, &rows));
    assert_int_equal(rows, 3);
    run_sql("UPDATE clips SET records = x'0102', count = 1000000000");
    query.clips = 1;
    assert_int_equal(hedon_store_each(ctx, store, &query, look, &rows), HEDON_EDATA);
    hedon_store_close(store);
}

/* ---- Disks and locks */

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    int64_t run, worker;
    HedonStore *store = filled(50, &run);
    store_enter(ctx, store, run, 50, 64);
    HedonStoreJob jobs[64];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    assert_int_equal(store_claim(ctx, store, run, worker, 64, jobs), 64);
    StoreScore score;
    HedonStoreResult results[64];
    for (int i = 0; i < 64; i++)
        results[i] = (HedonStoreResult){.job = &jobs[i],
                                        .outcome = HEDON_STORE_SCORED,
                                        .score = &store_score(&score, 1)->score,
                                        .hash = "ab"};
    struct rlimit before, tight;
    struct stat log;
    char log_name[300];
    snprintf(log_name, sizeof(log_name), "%s-wal", place);
    assert_int_equal(stat(log_name, &log), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)log.st_size + 20000;
    setrlimit(RLIMIT_FSIZE, &tight);
    const int code = hedon_store_finish(ctx, store, worker, results, 64, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(code, HEDON_EIO);
    assert_int_equal(count_results(store, run), 50);
    assert_good(ctx, hedon_store_finish(ctx, store, worker, results, 64, NULL));
    assert_int_equal(count_results(store, run), 114);
    store_clear(jobs, 64);
    hedon_store_close(store);
}

static void *release_later(void *other)
{
    usleep(400000);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    return NULL;
}

static void a_lock_is_waited_for_while_there_is_patience(void **state)
{
    (void)state;
    int64_t run;
    HedonStore *store = filled(1, &run), *hasty;
    const HedonStoreOptions brief = {.lease_s = 9, .patience_s = .3};
    assert_good(ctx, hedon_store_open(ctx, &hasty, place, &brief));
    sqlite3 *other;
    assert_int_equal(sqlite3_open(place, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const double start = hedon_clock_s();
    int64_t worker;
    assert_int_equal(hedon_store_worker_begin(ctx, hasty, run, &worker), HEDON_EIO);
    assert_non_null(strstr(hedon_last_error(ctx), "locked"));
    const double waited = hedon_clock_s() - start;
    assert_true(waited > .25 && waited < 20);
    assert_int_equal(count_results(store, run), 1); /* readers don't care */
    pthread_t thread;
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_ERROR); /* it has the lock still */
    assert_int_equal(pthread_create(&thread, NULL, release_later, other), 0);
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    pthread_join(thread, NULL);
    sqlite3_close(other);
    hedon_store_close(hasty);
    hedon_store_close(store);
}

static void a_read_only_store_is_read_and_not_written(void **state)
{
    (void)state;
    int64_t run;
    hedon_store_close(filled(5, &run));
    HedonStore *store;
    HedonStoreOptions options;
    hedon_store_options_default(&options);
    options.read_only = 1;
    assert_good(ctx, hedon_store_open(ctx, &store, place, &options));
    assert_int_equal(count_results(store, run), 5);
    HedonStoreFile file = {"/videos/new.mp4", "/videos", 1, 1};
    HedonStoreEntered entered = {0};
    assert_int_equal(hedon_store_enter(ctx, store, run, &file, 1, &entered), HEDON_EIO);
    hedon_store_close(store);
}

/* On a medium where nobody may write: another user stands for it when the test is root. */
static void a_store_on_a_read_only_medium_is_read(void **state)
{
    (void)state;
    int64_t run;
    char sealed[200];
    snprintf(sealed, sizeof(sealed), "%s/sealed", folder);
    assert_int_equal(mkdir(sealed, 0755), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(place, sizeof(place), "%s/100%% & #.db", sealed);
    hedon_store_close(filled(5, &run));
    assert_int_equal(chmod(place, 0444), 0);
    assert_int_equal(chmod(sealed, 0555), 0);
    const pid_t child = fork();
    if (!child) {
        if (!getuid() && (setgroups(0, NULL) || setgid(65534) || setuid(65534))) _exit(9);
        HedonStore *store;
        const HedonStoreOptions brief = {.lease_s = 1, .patience_s = 1};
        if (read_everything(place)) _exit(1);
        if (hedon_store_open(ctx, &store, place, &brief) != HEDON_EIO) _exit(2);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(chmod(sealed, 0755), 0);
    assert_int_equal(status, 0);
}

/* ---- Memory */

static int whole_life(const char *name)
{
    HedonStore *store = NULL;
    HedonStoreRun run = {.model_name = "m", .model_sha256 = "aa", .model = "{}", .settings = "{}"};
    HedonStoreFile files[] = {{"/v/a.mp4", "/v", 1, 1}, {"/v/\xff.mp4", "/v", 1, 1}};
    HedonStoreEntered entered = {0};
    HedonStoreJob jobs[2] = {{0}};
    int64_t worker, total;
    int count = 0, rows = 0;
    StoreScore score;
    int code = hedon_store_open(ctx, &store, name, NULL);
    if (!code) code = hedon_store_run(ctx, store, &run);
    if (!code) code = hedon_store_enter(ctx, store, run.id, files, 2, &entered);
    if (!code) code = hedon_store_worker_begin(ctx, store, run.id, &worker);
    if (!code) code = hedon_store_claim(ctx, store, run.id, worker, 2, jobs, &count);
    for (int i = 0; !code && i < count; i++) {
        const HedonStoreResult result = {.job = &jobs[i],
                                         .outcome = HEDON_STORE_SCORED,
                                         .score = &store_score(&score, 1)->score,
                                         .hash = "ab"};
        code = hedon_store_finish(ctx, store, worker, &result, 1, NULL);
    }
    const HedonStoreQuery query = {.run = run.id,
                                   .clips = 1,
                                   .where = "path ~ mp4 or joy > 2",
                                   .order = HEDON_STORE_BY_UTILITY,
                                   .errors = 2};
    if (!code) code = hedon_store_each(ctx, store, &query, look, &rows);
    if (!code) code = hedon_store_count(ctx, store, &query, &total);
    if (!code) code = hedon_store_worker_end(ctx, store, worker);
    store_clear(jobs, count);
    hedon_store_close(store);
    return code;
}

/* Every allocation of hedon's and of SQLite's fails once: what was written is whole or absent. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    if (!access("/dev/shm", W_OK)) /* hundreds of stores: not on a disk */
        snprintf(place, sizeof(place), "/dev/shm/hedon-store-%d.db", (int)getpid());
    assert_int_equal(whole_life(place), 0);
    unlink(place);
    int failures = 0, k;
    for (k = 1; k < 20000; k += k < 200 ? 1 : 13) {
        hedon_memory_fail_at(k);
        const int code = whole_life(place);
        const int failed = hedon_memory_failed();
        hedon_memory_fail_at(0);
        if (!failed) break;
        failures += code != 0;
        if (code && code != HEDON_ENOMEM)
            fail_msg("allocation %d: %d, %s", k, code, hedon_last_error(ctx));
        if (code) assert_good(ctx, whole_life(place)); /* goes on from wherever it stopped */
        unlink(place);
    }
    unlink(place);
    assert_in_range(k, 100, 19999);
    assert_true(failures > 50);
}

/* SQLite allocates through base/memory.h here, so that its failures are injected too. */
typedef struct Block {
    size_t size, padding;
} Block;

static void *sqlite_malloc(int size)
{
    Block *block = hedon_malloc(1, sizeof(*block) + (size_t)size);
    if (!block) return NULL;
    block->size = (size_t)size;
    return block + 1;
}

static void sqlite_free(void *pointer)
{
    hedon_free((Block *)pointer - 1);
}

static void *sqlite_realloc(void *pointer, int size)
{
    Block *block = hedon_realloc((Block *)pointer - 1, 1, sizeof(*block) + (size_t)size);
    if (!block) return NULL;
    block->size = (size_t)size;
    return block + 1;
}

static int sqlite_size(void *pointer)
{
    return (int)((Block *)pointer - 1)->size;
}

static int sqlite_roundup(int size)
{
    return (size + 7) & ~7;
}

static int sqlite_begin(void *opaque)
{
    (void)opaque;
    return SQLITE_OK;
}

static void sqlite_end(void *opaque)
{
    (void)opaque;
}

static const sqlite3_mem_methods sqlite_memory = {
    sqlite_malloc,  sqlite_free,  sqlite_realloc, sqlite_size,
    sqlite_roundup, sqlite_begin, sqlite_end,     NULL};

/* ---- Versions */

static void an_old_store_is_brought_up_to_date(void **state)
{
    (void)state;
    static char sql[1 << 16];
    FILE *file = fopen(HEDON_SOURCE_DIR "/tests/golden/store_v1.sql", "r");
    assert_non_null(file);
    sql[fread(sql, 1, sizeof(sql) - 1, file)] = 0;
    fclose(file);
    run_sql(sql);
    assert_int_equal(read_everything(place), 0); /* as it is */
    HedonStore *store = open_store();
    HedonStoreRun *runs;
    int count;
    assert_good(ctx, hedon_store_runs(ctx, store, &runs, &count));
    assert_int_equal(count, 1);
    assert_true(runs[0].done == 2 && runs[0].todo == 1);
    assert_int_equal(store_annotate_all(ctx, store, runs[0].id), 1);
    assert_int_equal(count_results(store, runs[0].id), 3);
    hedon_store_runs_free(runs, count);
    hedon_store_close(store);
    run_sql("CREATE TABLE counted AS SELECT count(*) AS n, max(joy) AS j FROM results; "
            "CREATE TABLE wanted(n CHECK(n = 3)); INSERT INTO wanted SELECT n FROM counted");
    hedon_store_close(open_store());
}

/* ---- Plans */

static void explain(const HedonStoreQuery *query, HedonQueryPart part, char plan[2000])
{
    HedonQueryText q = {0};
    assert_good(ctx, hedon_query_rows(ctx, &q, query, part, 0, 20));
    char *spelt = hedon_dialect_spell(&hedon_dialect_sqlite, q.text.bytes), *sql;
    assert_true(asprintf(&sql, "EXPLAIN QUERY PLAN %s", spelt) > 0);
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(place, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    plan[0] = 0;
    while (sqlite3_step(statement) == SQLITE_ROW)
        strcat(strcat(plan, (const char *)sqlite3_column_text(statement, 3)), "\n");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    free(sql);
    hedon_free(spelt);
    hedon_query_free(&q);
}

static void rankings_and_lookups_use_indices(void **state)
{
    (void)state;
    int64_t run;
    HedonStore *store = filled(10, &run);
    char plan[2000], index[64];
    for (int i = -1; i < HEDON_EMOTIONS; i++) {
        const HedonStoreQuery query = {.run = run,
                                       .descending = i % 2,
                                       .emotion = i < 0 ? 0 : i,
                                       .order =
                                           i < 0 ? HEDON_STORE_BY_UTILITY : HEDON_STORE_BY_EMOTION};
        explain(&query, HEDON_PART_RESULTS, plan);
        snprintf(index, sizeof(index), "USING INDEX %s%.5s", i < 0 ? "wellbeing_" : "emotions_",
                 i < 0 ? "utili" : hedon_emotion_columns[i]);
        if (!strstr(plan, index) || strstr(plan, "SCAN")) fail_msg("%s", plan);
    }
    const HedonStoreQuery by_path = {.run = run};
    explain(&by_path, HEDON_PART_BOTH, plan);
    if (strstr(plan, "TEMP B-TREE")) fail_msg("%s", plan);
    const HedonStoreQuery one = {.run = run, .path = "/videos/00003.mp4"};
    explain(&one, HEDON_PART_BOTH, plan);
    if (strstr(plan, "SCAN")) fail_msg("%s", plan);
    const HedonStoreQuery same = {.run = run, .id = 3, .order = HEDON_STORE_BY_UTILITY};
    explain(&same, HEDON_PART_RESULTS, plan);
    if (strstr(plan, "SCAN")) fail_msg("%s", plan);
    hedon_store_close(store);
}

/* Virtual machine steps, which no other load on the machine changes: ten more videos must not cost
 * what the ten thousand before them cost. */
static sqlite3_int64 steps;

static int count_steps(unsigned kind, void *opaque, void *statement, void *x)
{
    (void)kind;
    (void)opaque;
    (void)x;
    steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    return 0;
}

static void watch(sqlite3 *db)
{
    sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, count_steps, NULL);
}

static sqlite3_int64 steps_of_ten_more(int before)
{
    fresh(NULL);
    int64_t run;
    hedon_store_close(filled(before, &run));
    sqlite3_auto_extension((void (*)(void))(void *)watch);
    HedonStore *store = open_store();
    steps = 0;
    store_enter(ctx, store, run, before, 10);
    assert_int_equal(store_annotate_all(ctx, store, run), 10);
    hedon_store_close(store);
    sqlite3_reset_auto_extension();
    return steps;
}

static void ten_more_videos_cost_ten_videos(void **state)
{
    (void)state;
    const sqlite3_int64 few = steps_of_ten_more(10), many = steps_of_ten_more(2000);
    if (!few || many > few + few / 4)
        fail_msg("%lld steps after 10, %lld after 2000", (long long)few, (long long)many);
}

int main(void)
{
    sqlite3_config(SQLITE_CONFIG_MALLOC, &sqlite_memory);
    ctx = hedon_context_new();
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_file_of_another_kind_is_left_alone, fresh),
        cmocka_unit_test_setup(another_programs_database_is_left_alone, fresh),
        cmocka_unit_test_setup(a_folder_and_nothing_are_named, fresh),
        cmocka_unit_test_setup(a_later_version_is_refused, fresh),
        cmocka_unit_test_setup(damage_is_survived, fresh),
        cmocka_unit_test_setup(wrong_contents_are_no_crash, fresh),
        cmocka_unit_test_setup(a_full_disk_loses_nothing, fresh),
        cmocka_unit_test_setup(a_lock_is_waited_for_while_there_is_patience, fresh),
        cmocka_unit_test_setup(a_read_only_store_is_read_and_not_written, fresh),
        cmocka_unit_test_setup(a_store_on_a_read_only_medium_is_read, fresh),
        cmocka_unit_test_setup(every_allocation_may_fail, fresh),
        cmocka_unit_test_setup(an_old_store_is_brought_up_to_date, fresh),
        cmocka_unit_test_setup(rankings_and_lookups_use_indices, fresh),
        cmocka_unit_test_setup(ten_more_videos_cost_ten_videos, fresh),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) ? 1 : failed;
}
