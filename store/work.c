/* Who works on what: workers, leases, claims. A lease lasts as long as its worker is heard of. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"
#include "store/path.h"

/* ---- Workers that are gone */

enum { BURIED_AT_ONCE = 64 };

typedef struct Dead {
    const HedonProcess *self;
    int64_t workers[BURIED_AT_ONCE];
    int is_gone[BURIED_AT_ONCE]; /* its process; otherwise its time is over */
    int count;
} Dead;

static int judge_worker(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    Dead *dead = opaque;
    HedonProcess process = {.pid = hedon_integer_of(&row[3]), .started = hedon_integer_of(&row[4])};
    const char *host = hedon_text_of(&row[1]), *boot = hedon_text_of(&row[2]);
    strncpy(process.host, host ? host : "", sizeof(process.host) - 1);
    strncpy(process.boot, boot ? boot : "", sizeof(process.boot) - 1);
    const int gone = hedon_process_is_dead(dead->self, &process);
    if (dead->count < BURIED_AT_ONCE && (gone || hedon_integer_of(&row[5]))) {
        dead->is_gone[dead->count] = gone;
        dead->workers[dead->count++] = hedon_integer_of(&row[0]);
    }
    return 0;
}

/* Its leases go only with its row: a heartbeat may have come in between. */
static int give_back(HedonContext *ctx, HedonStore *store, int64_t worker, int is_certain)
{
    const HedonValue values[] = {hedon_value_integer(worker), hedon_value_integer(is_certain)};
    const int code = hedon_store_sql(
        ctx, store,
        &(HedonSql){.text =
                        "DELETE FROM workers WHERE id = $1 AND ($2 = 1 OR lease_until_s < @now)",
                    .values = values,
                    .count = 2});
    if (code) return code;
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "UPDATE annotations SET state = 'todo', worker_id = NULL "
                            "WHERE worker_id = $1 AND state = 'leased' "
                            "AND NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = $1)",
                    .values = values,
                    .count = 1});
}

static int bury_dead(HedonContext *ctx, HedonStore *store)
{
    Dead dead = {.self = &store->self};
    int code = hedon_store_ask(
        ctx, store,
        &(HedonSql){.text =
                        "SELECT id, host, boot, pid, started, "
                        "CASE WHEN lease_until_s < @now THEN 1 ELSE 0 END FROM workers ORDER BY id",
                    .row = judge_worker,
                    .opaque = &dead});
    for (int i = 0; !code && i < dead.count; i++)
        code = give_back(ctx, store, dead.workers[i], dead.is_gone[i]);
    return code;
}

/* ---- This one */

typedef struct WorkerRow {
    int64_t run, worker;
} WorkerRow;

static int take_worker(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    *(int64_t *)opaque = hedon_integer_of(&row[0]);
    return 0;
}

static int insert_worker(HedonContext *ctx, HedonStore *store, void *opaque)
{
    WorkerRow *worker = opaque;
    const int code = bury_dead(ctx, store);
    if (code) return code;
    const HedonProcess *self = &store->self;
    const HedonValue values[] = {
        hedon_value_integer(worker->run),   hedon_value_text(self->host),
        hedon_value_text(self->boot),       hedon_value_integer(self->pid),
        hedon_value_integer(self->started), hedon_value_real(store->options.lease_s)};
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO workers(run_id, host, boot, pid, started, lease_until_s) "
                            "VALUES($1, $2, $3, $4, $5, @now + $6) RETURNING id",
                    .once = 1,
                    .values = values,
                    .count = 6,
                    .row = take_worker,
                    .opaque = &worker->worker});
}

int hedon_store_worker_begin(HedonContext *ctx, HedonStore *store, int64_t run, int64_t *worker)
{
    WorkerRow row = {.run = run};
    const int code = hedon_store_transact(ctx, store, HEDON_WRITING, insert_worker, &row);
    *worker = row.worker;
    return code;
}

static int renew(HedonContext *ctx, HedonStore *store, void *opaque)
{
    const HedonValue values[] = {hedon_value_integer(*(int64_t *)opaque),
                                 hedon_value_real(store->options.lease_s)};
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "UPDATE workers SET lease_until_s = @now + $2 WHERE id = $1",
                    .values = values,
                    .count = 2});
}

int hedon_store_heartbeat(HedonContext *ctx, HedonStore *store, int64_t worker)
{
    return hedon_store_transact(ctx, store, HEDON_WRITING, renew, &worker);
}

static int end_worker(HedonContext *ctx, HedonStore *store, void *opaque)
{
    const int code = give_back(ctx, store, *(int64_t *)opaque, 1);
    return code ? code : hedon_store_flush(ctx, store);
}

int hedon_store_worker_end(HedonContext *ctx, HedonStore *store, int64_t worker)
{
    return hedon_store_transact(ctx, store, HEDON_WRITING, end_worker, &worker);
}

/* ---- Claims */

typedef struct Claim {
    HedonContext *ctx;
    int64_t run, worker;
    HedonStoreJob *jobs;
    int most, count;
} Claim;

/* One that was taken for dead (a suspended machine) stands up again under its number. */
static int be_heard(HedonContext *ctx, HedonStore *store, const Claim *claim)
{
    const HedonProcess *self = &store->self;
    const HedonValue values[] = {hedon_value_integer(claim->worker),
                                 hedon_value_integer(claim->run),
                                 hedon_value_text(self->host),
                                 hedon_value_text(self->boot),
                                 hedon_value_integer(self->pid),
                                 hedon_value_integer(self->started),
                                 hedon_value_real(store->options.lease_s)};
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){.text =
                        "INSERT INTO workers(id, run_id, host, boot, pid, started, lease_until_s) "
                        "VALUES($1, $2, $3, $4, $5, $6, @now + $7) "
                        "ON CONFLICT(id) DO UPDATE SET lease_until_s = excluded.lease_until_s",
                    .values = values,
                    .count = 7});
}

static int take_job(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    Claim *claim = opaque;
    if (claim->count == claim->most) return 0;
    HedonStoreJob *job = &claim->jobs[claim->count++];
    const char *path = hedon_text_of(&row[2]);
    *job = (HedonStoreJob){
        .annotation = hedon_integer_of(&row[0]),
        .attempt = hedon_integer_of(&row[1]),
        .path = hedon_path_of_text(path ? path : ""),
        .size = hedon_integer_of(&row[3]),
        .mtime_ns = hedon_integer_of(&row[4]),
        .known_hash = hedon_text_of(&row[5]) ? hedon_strdup(hedon_text_of(&row[5])) : NULL};
    return job->path && (job->known_hash || !hedon_text_of(&row[5]))
               ? 0
               : hedon_fail_memory(claim->ctx);
}

static void clear_jobs(Claim *claim)
{
    for (int i = 0; i < claim->count; i++) hedon_store_job_clear(&claim->jobs[i]);
    claim->count = 0;
}

static int take_jobs(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Claim *claim = opaque;
    clear_jobs(claim);
    int code = be_heard(ctx, store, claim);
    if (!code) code = bury_dead(ctx, store);
    if (code) return code;
    const HedonValue values[] = {hedon_value_integer(claim->run),
                                 hedon_value_integer(claim->worker),
                                 hedon_value_integer(claim->most)};
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){
            .text =
                "WITH free AS MATERIALIZED (SELECT id FROM annotations "
                "WHERE run_id = $1 AND state = 'todo' ORDER BY id LIMIT $3 @skip_locked) "
                "UPDATE annotations SET state = 'leased', attempt = attempt + 1, worker_id = $2 "
                "WHERE id IN (SELECT id FROM free) "
                "RETURNING id, attempt, "
                "(SELECT path FROM videos WHERE videos.id = annotations.video_id), "
                "(SELECT size FROM videos WHERE videos.id = annotations.video_id), "
                "(SELECT mtime_ns FROM videos WHERE videos.id = annotations.video_id), "
                "CASE WHEN outcome IS NOT NULL THEN hash END",
            .values = values,
            .count = 3,
            .row = take_job,
            .opaque = claim});
}

static int by_row(const void *a, const void *b)
{
    const int64_t x = ((const HedonStoreJob *)a)->annotation,
                  y = ((const HedonStoreJob *)b)->annotation;
    return (x > y) - (x < y);
}

int hedon_store_claim(HedonContext *ctx, HedonStore *store, int64_t run, int64_t worker, int most,
                      HedonStoreJob *jobs, int *count)
{
    Claim claim = {.ctx = ctx, .run = run, .worker = worker, .jobs = jobs, .most = most};
    const int code = hedon_store_transact(ctx, store, HEDON_WRITING, take_jobs, &claim);
    if (code) clear_jobs(&claim);
    qsort(jobs, (size_t)claim.count, sizeof(*jobs), by_row);
    *count = claim.count;
    return code;
}

void hedon_store_job_clear(HedonStoreJob *job)
{
    hedon_free(job->path);
    hedon_free(job->known_hash);
    *job = (HedonStoreJob){0};
}

/* ---- Once more */

typedef struct Retry {
    int64_t run, count;
} Retry;

/* Without its hash, so that equal content is no reason to leave it. */
static int free_failed(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Retry *retry = opaque;
    const HedonValue run = hedon_value_integer(retry->run);
    return hedon_store_ask(ctx, store,
                           &(HedonSql){.text = "UPDATE annotations SET state = 'todo', hash = NULL "
                                               "WHERE run_id = $1 AND state = 'failed'",
                                       .values = &run,
                                       .count = 1,
                                       .changed = &retry->count});
}

int hedon_store_retry(HedonContext *ctx, HedonStore *store, int64_t run, int64_t *count)
{
    Retry retry = {.run = run};
    const int code = hedon_store_transact(ctx, store, HEDON_WRITING, free_failed, &retry);
    if (!code) *count += retry.count;
    return code;
}
