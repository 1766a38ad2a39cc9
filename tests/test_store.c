/* The store: what goes in comes out, work is done once, whoever dies. The same on SQLite and
 * PostgreSQL. */
#include "tests/postgres_fixture.h"
#include "tests/store_bench.h"
#include "tests/store_fixture.h"

#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static HedonContext *ctx;
static HedonStore *store;
static char folder[] = "/tmp/hedon-store-XXXXXX";
static char place[512];
static PostgresFixture postgres;
static int on_postgres;

static HedonStore *open_again(void)
{
    HedonStore *again;
    assert_good(ctx, hedon_store_open(ctx, &again, place, NULL));
    return again;
}

static int fresh(void **state)
{
    (void)state;
    static int number;
    hedon_store_close(store);
    char name[32];
    snprintf(name, sizeof(name), "t%d", number++);
    if (on_postgres)
        assert_int_equal(postgres_database(&postgres, name, place, sizeof(place)), 0);
    else
        snprintf(place, sizeof(place), "%s/%s.db", folder, name);
    store = open_again();
    return 0;
}

/* ---- Runs and files */

static void a_run_is_a_model_with_settings(void **state)
{
    (void)state;
    const int64_t a = store_run(ctx, store, "aa"), b = store_run(ctx, store, "bb");
    assert_int_not_equal(a, b);
    assert_int_equal(store_run(ctx, store, "aa"), a);
    HedonStoreRun other = {.model_name = "m",
                           .model_sha256 = "aa",
                           .model = "{\"name\":\"new\"}",
                           .settings = "{\"window\":3}"};
    assert_good(ctx, hedon_store_run(ctx, store, &other));
    assert_int_not_equal(other.id, a);
    HedonStoreRun *runs;
    int count;
    assert_good(ctx, hedon_store_runs(ctx, store, &runs, &count));
    assert_int_equal(count, 3);
    assert_int_equal(runs[0].id, a);
    assert_string_equal(runs[0].model, "{\"name\":\"new\"}"); /* the latest description */
    assert_string_equal(runs[0].settings, "{\"window\":2}");
    assert_string_equal(runs[2].settings, "{\"window\":3}");
    assert_string_equal(runs[1].model_sha256, "bb");
    assert_true(runs[0].created_s > 1.6e9 && runs[0].created_s < 1e10);
    hedon_store_runs_free(runs, count);
}

static void files_are_added_once_and_noticed_when_they_change(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa"), other = store_run(ctx, store, "bb");
    HedonStoreEntered e = store_enter(ctx, store, run, 0, 10);
    assert_int_equal(e.added, 10);
    e = store_enter(ctx, store, run, 0, 12);
    assert_true(e.added == 2 && e.known == 10 && e.changed == 0);
    assert_int_equal(store_annotate_all(ctx, store, run), 12);
    e = store_enter(ctx, store, run, 0, 12);
    assert_true(e.added == 0 && e.known == 12 && e.changed == 0);

    const HedonStoreFile touched[] = {{"/videos/00003.mp4", "/videos", 1003, 8},
                                      {"/videos/00004.mp4", "/videos", 1005, 7}};
    e = (HedonStoreEntered){0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, touched, 2, &e));
    assert_true(e.added == 0 && e.changed == 2 && e.known == 0);
    HedonStoreRun counts;
    assert_good(ctx, hedon_store_progress(ctx, store, run, &counts));
    assert_true(counts.todo == 2 && counts.done == 10 && counts.leased == 0 && counts.failed == 0);

    e = store_enter(ctx, store, other, 0, 3); /* videos that another run knows */
    assert_int_equal(e.added, 3);

    const HedonStoreFile twice[] = {{"/videos/x.mp4", "/videos", 1, 1},
                                    {"/videos/y.mp4", "/videos", 1, 1},
                                    {"/videos/x.mp4", "/videos", 1, 1}};
    e = (HedonStoreEntered){0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, twice, 3, &e));
    assert_true(e.added == 2 && e.changed == 0 && e.known == 1);
    assert_good(ctx, hedon_store_enter(ctx, store, run, twice, 0, &e));
}

static void unchanged_content_keeps_its_result(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 2);
    store_annotate_all(ctx, store, run);
    const HedonStoreFile touched = {"/videos/00001.mp4", "/videos", 1001, 9};
    HedonStoreEntered e = {0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, &touched, 1, &e));
    int64_t worker, count, lost = 0;
    HedonStoreJob job[4];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    assert_int_equal(store_claim(ctx, store, run, worker, 4, job), 1);
    assert_string_equal(job[0].path, "/videos/00001.mp4");
    assert_int_equal(job[0].mtime_ns, 9);
    assert_int_equal(job[0].attempt, 2);
    StoreScore score;
    assert_string_equal(job[0].known_hash, store_score(&score, 1)->hash);
    /* the earlier result stands until a new one comes */
    const HedonStoreQuery all = {.run = run};
    assert_good(ctx, hedon_store_count(ctx, store, &all, &count));
    assert_int_equal(count, 2);
    const HedonStoreResult same = {.job = job,
                                   .outcome = HEDON_STORE_UNCHANGED,
                                   .hash = score.hash,
                                   .size = 1001,
                                   .mtime_ns = 9};
    assert_good(ctx, hedon_store_finish(ctx, store, worker, &same, 1, &lost));
    assert_int_equal(lost, 0);
    store_clear(job, 1);
    e = (HedonStoreEntered){0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, &touched, 1, &e));
    assert_int_equal(e.known, 1);
    assert_good(ctx, hedon_store_count(ctx, store, &all, &count));
    assert_int_equal(count, 2);
}

/* ---- Work */

static void work_is_claimed_in_order_and_once(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 10);
    HedonStore *second = open_again();
    int64_t a, b;
    HedonStoreJob ours[8], theirs[8];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &a));
    assert_good(ctx, hedon_store_worker_begin(ctx, second, run, &b));
    assert_int_not_equal(a, b);
    assert_int_equal(store_claim(ctx, store, run, a, 4, ours), 4);
    assert_int_equal(store_claim(ctx, second, run, b, 8, theirs), 6);
    for (int i = 0; i < 4; i++) assert_int_equal(store_number(ours[i].path), i);
    for (int i = 0; i < 6; i++) assert_int_equal(store_number(theirs[i].path), 4 + i);
    assert_null(ours[0].known_hash);
    assert_int_equal(ours[0].size, 1000);
    /* giving up gives back */
    assert_good(ctx, hedon_store_worker_end(ctx, second, b));
    assert_int_equal(store_finish(ctx, second, b, theirs, 6), 6);
    assert_int_equal(store_finish(ctx, store, a, ours, 3), 0);
    const HedonStoreResult back = {.job = &ours[3], .outcome = HEDON_STORE_GIVEN_BACK};
    assert_good(ctx, hedon_store_finish(ctx, store, a, &back, 1, NULL));
    store_clear(ours, 4);
    store_clear(theirs, 6);
    assert_int_equal(store_claim(ctx, store, run, a, 8, ours), 7);
    assert_int_equal(store_number(ours[0].path), 3);
    store_clear(ours, 7);
    hedon_store_close(second);
}

static void a_lease_ends_unless_its_worker_is_heard_of(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 1);
    const HedonStoreOptions brief = {.lease_s = .4, .patience_s = 10};
    HedonStore *sleepy;
    assert_good(ctx, hedon_store_open(ctx, &sleepy, place, &brief));
    int64_t a, b;
    HedonStoreJob first, second;
    assert_good(ctx, hedon_store_worker_begin(ctx, sleepy, run, &a));
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &b));
    assert_int_equal(store_claim(ctx, sleepy, run, a, 1, &first), 1);
    for (int i = 0; i < 4; i++) {
        usleep(150000);
        assert_good(ctx, hedon_store_heartbeat(ctx, sleepy, a));
        assert_int_equal(store_claim(ctx, store, run, b, 1, &second), 0);
    }
    usleep(500000);
    assert_int_equal(store_claim(ctx, store, run, b, 1, &second), 1);
    assert_int_equal(second.attempt, 2);
    /* the sleeper wakes up: its result is dropped, the other's stands, and it may go on claiming */
    assert_int_equal(store_finish(ctx, sleepy, a, &first, 1), 1);
    assert_int_equal(store_finish(ctx, store, b, &second, 1), 0);
    assert_int_equal(store_finish(ctx, sleepy, a, &first, 1), 1);
    store_clear(&first, 1);
    store_clear(&second, 1);
    store_enter(ctx, store, run, 1, 1);
    assert_int_equal(store_claim(ctx, sleepy, run, a, 1, &first), 1);
    assert_int_equal(store_finish(ctx, sleepy, a, &first, 1), 0);
    store_clear(&first, 1);
    hedon_store_close(sleepy);
}

static void a_killed_process_frees_its_work_at_once(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 5);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (!child) {
        HedonContext *own = hedon_context_new();
        HedonStore *opened;
        int64_t worker;
        HedonStoreJob jobs[5];
        int count = 0;
        if (!hedon_store_open(own, &opened, place, NULL) &&
            !hedon_store_worker_begin(own, opened, run, &worker))
            hedon_store_claim(own, opened, run, worker, 5, jobs, &count);
        const char answer = (char)count;
        if (write(ready[1], &answer, 1) != 1) _exit(1);
        pause();
        _exit(1);
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 5);
    int64_t worker;
    HedonStoreJob jobs[5];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    assert_int_equal(store_claim(ctx, store, run, worker, 5, jobs), 0); /* it lives */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(store_claim(ctx, store, run, worker, 5, jobs), 5);
    store_clear(jobs, 5);
    close(ready[0]);
    close(ready[1]);
}

/* ---- Results */

typedef struct Seen {
    int count;
    double last;
    char paths[16][64];
    int codes[16];
} Seen;

static int collect(void *opaque, const HedonStoreRow *row)
{
    Seen *seen = opaque;
    if (seen->count < 16) {
        snprintf(seen->paths[seen->count], 64, "%s", row->path);
        seen->codes[seen->count] = row->score.code;
    }
    seen->count++;
    return 0;
}

static Seen read_all(const HedonStoreQuery *query)
{
    Seen seen = {0};
    int64_t count;
    assert_good(ctx, hedon_store_each(ctx, store, query, collect, &seen));
    if (!query->limit && !query->offset) {
        assert_good(ctx, hedon_store_count(ctx, store, query, &count));
        assert_int_equal(count, seen.count);
    }
    return seen;
}

static int compare_with_made(void *opaque, const HedonStoreRow *row)
{
    StoreScore made;
    const HedonScore *a = &row->score, *b = &store_score(&made, store_number(row->path))->score;
    assert_string_equal(row->hash, made.hash);
    assert_string_equal(row->root, "/videos");
    assert_string_equal(a->video, row->path);
    assert_true(a->duration_s == b->duration_s && a->utility == b->utility);
    assert_true(a->percentile == b->percentile && a->utility_sd == b->utility_sd);
    assert_true(a->emotions_sd == b->emotions_sd);
    assert_memory_equal(a->emotions, b->emotions, sizeof(a->emotions));
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->width, 320);
    assert_int_equal(a->height, 240);
    assert_int_equal(a->damaged, b->damaged);
    assert_int_equal(a->lost, b->lost);
    assert_int_equal(a->views, 4);
    assert_true(a->has_emotions && a->has_utility && a->has_percentile && !a->code);
    assert_int_equal(a->clip_count, STORE_CLIPS);
    for (int c = 0; c < STORE_CLIPS; c++) {
        assert_true(a->clips[c].start_s == c * 2 && a->clips[c].end_s == c * 2 + 2);
        assert_true(a->clips[c].utility == made.clips[c].utility);
        assert_memory_equal(a->clips[c].emotions, made.clips[c].emotions,
                            sizeof(made.clips[c].emotions));
    }
    for (int i = 0; i < HEDON_EMOTIONS; i++) assert_true(a->emotions[a->top[0]] >= a->emotions[i]);
    assert_true(a->emotions[a->top[1]] >= a->emotions[a->top[2]]);
    ++*(int *)opaque;
    return 0;
}

static void results_come_back_bit_for_bit(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 100);
    assert_int_equal(store_annotate_all(ctx, store, run), 100);
    int rows = 0;
    const HedonStoreQuery query = {.run = run, .clips = 1};
    assert_good(ctx, hedon_store_each(ctx, store, &query, compare_with_made, &rows));
    assert_int_equal(rows, 100);
    const HedonStoreQuery one = {.run = run, .clips = 1, .path = "/videos/00042.mp4"};
    assert_good(ctx, hedon_store_each(ctx, store, &one, compare_with_made, &rows));
    assert_int_equal(rows, 101);
}

/* A model without a head, a result without a percentile, a spread that is no number, no timeline.
 */
static void what_there_is_not_stays_absent(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 1);
    int64_t worker;
    HedonStoreJob job;
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    assert_int_equal(store_claim(ctx, store, run, worker, 1, &job), 1);
    HedonScore score = {.has_utility = 1, .utility = -1.5, .utility_sd = NAN, .views = 1};
    const HedonStoreResult result = {.job = &job,
                                     .outcome = HEDON_STORE_SCORED,
                                     .score = &score,
                                     .hash = "ab",
                                     .size = 1,
                                     .mtime_ns = 2};
    assert_good(ctx, hedon_store_finish(ctx, store, worker, &result, 1, NULL));
    store_clear(&job, 1);
    const HedonStoreQuery by_joy = {.run = run, .order = HEDON_STORE_BY_EMOTION, .emotion = 19};
    assert_int_equal(read_all(&by_joy).count, 0);
    const HedonStoreQuery happy = {.run = run, .where = "joy >= 0 or not joy >= 0"};
    assert_int_equal(read_all(&happy).count, 0);
    const HedonStoreQuery low = {.run = run, .where = "utility < 0", .clips = 1};
    assert_int_equal(read_all(&low).count, 1);
}

static void a_failed_video_is_an_error_row(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 3);
    int64_t worker;
    HedonStoreJob jobs[3];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    assert_int_equal(store_claim(ctx, store, run, worker, 3, jobs), 3);
    const HedonScore bad = {.code = HEDON_ENOVIDEO, .error = "no video \xff stream"};
    const HedonStoreResult result = {.job = &jobs[1],
                                     .outcome = HEDON_STORE_SCORED,
                                     .score = &bad,
                                     .hash = "ab",
                                     .size = 1001,
                                     .mtime_ns = 7};
    assert_good(ctx, hedon_store_finish(ctx, store, worker, &result, 1, NULL));
    assert_int_equal(store_finish(ctx, store, worker, &jobs[0], 1), 0);
    assert_int_equal(store_finish(ctx, store, worker, &jobs[2], 1), 0);
    store_clear(jobs, 3);
    assert_int_equal(store_enter(ctx, store, run, 0, 3).known, 3);

    HedonStoreQuery query = {.run = run, .errors = 2};
    Seen seen = read_all(&query);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.codes[1], HEDON_ENOVIDEO);
    query.order = HEDON_STORE_BY_UTILITY;
    seen = read_all(&query); /* errors last */
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.codes[2], HEDON_ENOVIDEO);
    query.offset = 2;
    query.limit = 5;
    seen = read_all(&query);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.codes[0], HEDON_ENOVIDEO);
    query.offset = 1;
    query.limit = 1;
    assert_int_equal(read_all(&query).codes[0], 0);
    query = (HedonStoreQuery){.run = run, .errors = 1, .where = "error ~ 'No VIDEO'"};
    assert_int_equal(read_all(&query).count, 1);
    query.where = "error = \"no video stream\"";
    assert_int_equal(read_all(&query).count, 1);
    query.where = "error ~ timeout";
    assert_int_equal(read_all(&query).count, 0);

    /* tried again, it succeeds: the error goes */
    int64_t again = 0;
    assert_good(ctx, hedon_store_retry(ctx, store, run, &again));
    assert_int_equal(again, 1);
    assert_int_equal(store_claim(ctx, store, run, worker, 3, jobs), 1);
    assert_null(jobs[0].known_hash); /* equal content is no reason to leave it */
    assert_good(ctx, hedon_store_worker_end(ctx, store, worker));
    store_clear(jobs, 1);
    assert_int_equal(store_annotate_all(ctx, store, run), 1);
    query = (HedonStoreQuery){.run = run, .errors = 1};
    assert_int_equal(read_all(&query).count, 0);
    query.errors = 0;
    assert_int_equal(read_all(&query).count, 3);
}

static int remember_order(void *opaque, const HedonStoreRow *row)
{
    Seen *seen = opaque;
    if (seen->count++) assert_true(row->score.utility <= seen->last);
    seen->last = row->score.utility;
    return 0;
}

static void rankings_are_in_order(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 200);
    store_annotate_all(ctx, store, run);
    Seen seen = {0};
    HedonStoreQuery query = {.run = run, .order = HEDON_STORE_BY_UTILITY, .descending = 1};
    assert_good(ctx, hedon_store_each(ctx, store, &query, remember_order, &seen));
    assert_int_equal(seen.count, 200);
    query.limit = 5;
    const Seen best = read_all(&query);
    query.offset = 2;
    const Seen later = read_all(&query);
    assert_int_equal(later.count, 5);
    assert_string_equal(later.paths[0], best.paths[2]);

    int strongest = 0;
    StoreScore a, b;
    for (int i = 1; i < 200; i++)
        if (store_score(&a, (uint64_t)i)->score.emotions[19] >
            store_score(&b, (uint64_t)strongest)->score.emotions[19])
            strongest = i;
    query = (HedonStoreQuery){
        .run = run, .order = HEDON_STORE_BY_EMOTION, .emotion = 19, .descending = 1, .limit = 1};
    assert_int_equal(store_number(read_all(&query).paths[0]), strongest);
}

static int count_matching(int64_t run, const char *where)
{
    const HedonStoreQuery query = {.run = run, .where = where};
    return read_all(&query).count;
}

static void conditions_select(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 100);
    store_annotate_all(ctx, store, run);
    int joyful = 0, mixed = 0, neither = 0;
    for (uint64_t i = 0; i < 100; i++) {
        StoreScore made;
        const HedonScore *s = &store_score(&made, i)->score;
        const int joy = s->emotions[19] > .3, brief = s->duration_s < 60;
        joyful += joy;
        mixed += (joy && brief) || s->emotions[2] <= .1;
        neither += !(joy || s->emotions[6] >= .5);
    }
    assert_int_equal(count_matching(run, "Joy > .3"), joyful);
    assert_int_equal(
        count_matching(run, "joy>.3 and DURATION<60 or 'aesthetic Appreciation' <= 1e-1"), mixed);
    assert_int_equal(count_matching(run, "not (\"Joy\" > 0.3 or \"Awe (or Wonder)\" >= .5)"),
                     neither);
    assert_int_equal(count_matching(run, "path ~ /0002"), 10);
    assert_int_equal(
        count_matching(run, "path ~ '/VIDEOS/0002' and not path = \"/videos/00021.mp4\""), 9);
    assert_int_equal(count_matching(run, "root = /videos and root != /x"), 100);
    assert_int_equal(count_matching(run, "path ~ \"'; DROP TABLE videos; --\""), 0);
    assert_int_equal(count_matching(run, "path ~ %"), 0);
    assert_int_equal(count_matching(run, "width = 320 and height != 240"), 0);
    assert_int_equal(
        count_matching(run, "frames >= 25 and frames <= 34 and size < 1e6 and views = 4"), 10);

    static const char *const wrong[] = {
        "joy",       "joy >",         "joy > x",      "> 3",       "joy > .3 and", "(joy > .3",
        "joy > .3)", "happiness > 1", "path > 3 joy", "joy ~ 3",   "path ! 3",     "path = 'x",
        "joy > nan", "joy = '.3'",    "and",          "joy > 1 2",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const HedonStoreQuery query = {.run = run, .where = wrong[i]};
        Seen seen = {0};
        assert_int_equal(hedon_store_each(ctx, store, &query, collect, &seen), HEDON_EINVAL);
        assert_non_null(strstr(hedon_last_error(ctx), "character"));
        int64_t count;
        assert_int_equal(hedon_store_count(ctx, store, &query, &count), HEDON_EINVAL);
    }
}

static void paths_are_bytes(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v/\xff\x01%41.mp4", "/v/\xc3\xa4.mp4",      "/v/%41.mp4",
                                        "/v/A.mp4",           "/v/new\nline '\".mp4", "file:/v/x"};
    enum { COUNT = sizeof(paths) / sizeof(paths[0]) };
    HedonStoreFile files[COUNT];
    for (int i = 0; i < COUNT; i++) files[i] = (HedonStoreFile){paths[i], "/v\xfe", 1, 1};
    const int64_t run = store_run(ctx, store, "aa");
    HedonStoreEntered e = {0};
    assert_good(ctx, hedon_store_enter(ctx, store, run, files, COUNT, &e));
    assert_int_equal(e.added, COUNT);
    int64_t worker;
    HedonStoreJob jobs[COUNT];
    assert_good(ctx, hedon_store_worker_begin(ctx, store, run, &worker));
    assert_int_equal(store_claim(ctx, store, run, worker, COUNT, jobs), COUNT);
    for (int i = 0; i < COUNT; i++) assert_string_equal(jobs[i].path, paths[i]);
    store_finish(ctx, store, worker, jobs, COUNT);
    store_clear(jobs, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const HedonStoreQuery query = {.run = run, .path = paths[i]};
        const Seen seen = read_all(&query);
        assert_int_equal(seen.count, 1);
        assert_string_equal(seen.paths[0], paths[i]);
    }
}

static int stop_at_third(void *opaque, const HedonStoreRow *row)
{
    (void)row;
    return ++*(int *)opaque == 3 ? 17 : 0;
}

static void a_reader_may_stop(void **state)
{
    (void)state;
    const int64_t run = store_run(ctx, store, "aa");
    store_enter(ctx, store, run, 0, 10);
    store_annotate_all(ctx, store, run);
    int seen = 0;
    const HedonStoreQuery query = {.run = run};
    assert_int_equal(hedon_store_each(ctx, store, &query, stop_at_third, &seen), 17);
    assert_int_equal(seen, 3);
    assert_int_equal(read_all(&query).count, 10); /* and the store is as good as before */
    assert_int_equal(store_enter(ctx, store, run, 10, 5).added, 5);
}

static void passwords_are_not_shown(void **state)
{
    (void)state;
    static const char *const places[][2] = {
        {"postgresql://me:s3@:cret@host:5/db?x=1", "postgresql://me:***@host:5/db?x=1"},
        {"postgres://host/db?password=s3cret&user=me&sslpassword=x",
         "postgres://host/db?password=***&user=me&sslpassword=***"},
        {"postgresql://me@host:5432/db", "postgresql://me@host:5432/db"},
        {"a:b@c?password=d.db", "a:b@c?password=d.db"},
    };
    char shown[200];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        hedon_store_shown(places[i][0], shown, sizeof(shown));
        assert_string_equal(shown, places[i][1]);
    }
    hedon_store_shown(places[0][0], shown, 20);
    assert_string_equal(shown, "postgresql://me:***");
}

static int finish(int failed)
{
    hedon_store_close(store);
    hedon_context_free(ctx);
    postgres_remove(&postgres);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) ? 1 : failed;
}

static int bench(int videos)
{
    static const int clips[] = {0, 4, 24};
    const int with_postgres = !postgres_create(&postgres);
    for (int i = 0; i < 3; i++) {
        struct stat file;
        char name[16];
        snprintf(name, sizeof(name), "bench%d", i);
        snprintf(place, sizeof(place), "%s/%s.db", folder, name);
        printf("SQLite: ");
        store_bench(ctx, place, videos, clips[i]);
        if (!stat(place, &file))
            printf("  bytes for a video     %9.0f\n", (double)file.st_size / videos);
        unlink(place);
        if (!with_postgres || postgres_database(&postgres, name, place, sizeof(place))) continue;
        printf("PostgreSQL: ");
        store_bench(ctx, place, videos, clips[i]);
        printf("  bytes for a video     %9.0f\n",
               (double)bench_postgres_bytes(&postgres, name) / videos);
    }
    return finish(0);
}

int main(int argc, char **argv)
{
    ctx = hedon_context_new();
    if (!mkdtemp(folder)) return 1;
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(argc > 2 ? atoi(argv[2]) : 100000);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_run_is_a_model_with_settings, fresh),
        cmocka_unit_test_setup(files_are_added_once_and_noticed_when_they_change, fresh),
        cmocka_unit_test_setup(unchanged_content_keeps_its_result, fresh),
        cmocka_unit_test_setup(work_is_claimed_in_order_and_once, fresh),
        cmocka_unit_test_setup(a_lease_ends_unless_its_worker_is_heard_of, fresh),
        cmocka_unit_test_setup(a_killed_process_frees_its_work_at_once, fresh),
        cmocka_unit_test_setup(results_come_back_bit_for_bit, fresh),
        cmocka_unit_test_setup(what_there_is_not_stays_absent, fresh),
        cmocka_unit_test_setup(a_failed_video_is_an_error_row, fresh),
        cmocka_unit_test_setup(rankings_are_in_order, fresh),
        cmocka_unit_test_setup(conditions_select, fresh),
        cmocka_unit_test_setup(paths_are_bytes, fresh),
        cmocka_unit_test_setup(a_reader_may_stop, fresh),
        cmocka_unit_test(passwords_are_not_shown),
    };
    int failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
#ifdef HEDON_POSTGRES
    const int absent = postgres_create(&postgres);
    on_postgres = 1;
    if (!absent)
        failed |= cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);
    else if (absent == 77)
        printf("no PostgreSQL server on this machine: not tested on it\n");
    else
        failed = 1;
#endif
    return finish(failed);
}
