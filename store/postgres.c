/* PostgreSQL: sessions and transactions. hedon's tables are in a schema of their own, `hedon`, so
 * that any database will do. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/postgres.h"

enum { OLDEST_SERVER = 130000, MIGRATION_LOCK = 0x6865646e };

static void ignore_notice(void *opaque, const PGresult *result)
{
    (void)opaque;
    (void)result;
}

/* ---- Sessions */

typedef struct ConnectionParameters {
    const char *keywords[10], *values[10];
    char timeout_ms[32];
} ConnectionParameters;

/* At least a second: 0 would mean for ever. */
static double patience_ms(const PostgresDatabase *db)
{
    return 1000 * (db->patience_s < 1 ? 1 : db->patience_s > 1e5 ? 1e5 : db->patience_s);
}

/* What stands before the place is a default that it may override; what stands after it is not. */
static void fill_parameters(ConnectionParameters *p, const PostgresDatabase *db)
{
    snprintf(p->timeout_ms, sizeof(p->timeout_ms), "%.0f", patience_ms(db));
    const char *const pairs[][2] = {
        {"connect_timeout", "10"},
        {"application_name", "hedon"},
        {"tcp_user_timeout", p->timeout_ms},
        {"keepalives_idle", "30"},
        {"dbname", db->place},
        {"client_encoding", "UTF8"},
        {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        p->keywords[i] = pairs[i][0];
        p->values[i] = pairs[i][1];
    }
}

/* A plan made while the tables were empty would be kept when they have grown. A process that is
 * stopped in the middle of a transaction must not keep the others from their work for ever. */
static int begin_session(HedonContext *ctx, PostgresDatabase *db)
{
    char text[512];
    snprintf(text, sizeof(text),
             "SET search_path TO hedon; SET plan_cache_mode TO force_custom_plan; SET jit TO off; "
             "SET lock_timeout TO %.0f; "
             "SET idle_in_transaction_session_timeout TO 300000; "
             "SET default_transaction_isolation TO 'read committed'; "
             "SET default_transaction_read_only TO %s",
             patience_ms(db), db->read_only ? "on" : "off");
    PGresult *result = db->pq.PQexec(db->connection, text);
    int code = 0;
    if (db->pq.PQresultStatus(result) != PGRES_COMMAND_OK)
        code = hedon_postgres_fail(ctx, db, result);
    db->pq.PQclear(result);
    if (!code &&
        (!db->pq.PQenterPipelineMode(db->connection) || db->pq.PQsetnonblocking(db->connection, 1)))
        code = hedon_postgres_fail(ctx, db, NULL);
    return code;
}

static int check_server(HedonContext *ctx, PostgresDatabase *db)
{
    if (db->pq.PQserverVersion(db->connection) < OLDEST_SERVER)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the PostgreSQL server is too old: hedon needs 13 or "
                          "later");
    const char *encoding = db->pq.PQparameterStatus(db->connection, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8"))
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the database's encoding is %s: make one with "
                          "'createdb -E UTF8 -T template0 NAME'",
                          encoding ? encoding : "unknown");
    return 0;
}

/* HEDON_AGAIN when it cannot be reached. */
static int connect(HedonContext *ctx, PostgresDatabase *db)
{
    ConnectionParameters parameters;
    fill_parameters(&parameters, db);
    db->connection = db->pq.PQconnectdbParams(parameters.keywords, parameters.values, 1);
    if (!db->connection) return hedon_fail_memory(ctx);
    int code = 0;
    if (db->pq.PQstatus(db->connection) != CONNECTION_OK) code = hedon_postgres_fail(ctx, db, NULL);
    if (!code) {
        db->pq.PQsetNoticeReceiver(db->connection, ignore_notice, NULL);
        code = check_server(ctx, db);
    }
    if (!code) code = begin_session(ctx, db);
    if (code) hedon_postgres_lose(db);
    return code;
}

static int take_integer(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    *(int64_t *)opaque = hedon_integer_of(&row[0]);
    return 0;
}

/* Asked of the catalogue's rows: a name would be looked up in this session's cache, which has not
 * heard of tables that were made while it waited for the lock. */
static int look_for_tables(HedonContext *ctx, PostgresDatabase *db, int *is_new)
{
    int64_t count = 0;
    int code = hedon_postgres_run(
        ctx, &db->base,
        &(HedonSql){.text = "SELECT count(*) FROM pg_catalog.pg_class c "
                            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE n.nspname = 'hedon' AND c.relname = 'schema_version'",
                    .once = 1,
                    .row = take_integer,
                    .opaque = &count});
    if (!code) code = hedon_postgres_flush(ctx, &db->base);
    *is_new = !count;
    return code;
}

/* A server that is starting or stopping, or that has answered before, is waited for; a wrong
 * address or password is said at once. */
static int connect_first(HedonContext *ctx, PostgresDatabase *db, int known, int *is_new)
{
    ConnectionParameters parameters;
    fill_parameters(&parameters, db);
    const double start = hedon_clock_s();
    for (int trial = 1;; trial++) {
        int code = connect(ctx, db);
        known |= !code;
        if (!code) code = look_for_tables(ctx, db, is_new);
        if (code != HEDON_AGAIN) return code;
        hedon_postgres_lose(db);
        known |= db->pq.PQpingParams(parameters.keywords, parameters.values, 1) == PQPING_REJECT;
        if (!known || hedon_store_wait(start, db->patience_s, trial)) return HEDON_EIO;
    }
}

/* ---- Transactions */

static int postgres_begin(HedonContext *ctx, HedonDatabase *database, HedonTransactionKind kind)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    if (!db->connection) {
        const int code = connect(ctx, db);
        if (code) return code;
    }
    db->writing = kind == HEDON_WRITING;
    /* One snapshot for all that is read; writers look again where they wait for each other. */
    return hedon_postgres_run(
        ctx, database,
        &(HedonSql){.text =
                        db->writing ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"});
}

/* Those who wait for answers are gone. */
static void postgres_rollback(HedonDatabase *database)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    for (int i = 0; i < db->pending_count; i++) {
        db->pending[i].row = NULL;
        db->pending[i].changed = NULL;
    }
    (void)hedon_postgres_flush(NULL, database);
    if (!db->connection) return;
    if (hedon_postgres_run(NULL, database, &(HedonSql){.text = "ROLLBACK", .once = 1}) ||
        hedon_postgres_flush(NULL, database))
        hedon_postgres_lose(db);
}

/* Asks for the number of this session's last transaction. Writing its row waits for whoever holds
 * it: the transaction in question, if the server has not noticed yet that its client is gone. */
static int ask_committed(HedonContext *ctx, PostgresDatabase *db, int64_t *committed)
{
    int code = db->connection ? 0 : connect(ctx, db);
    const HedonValue session = hedon_value_integer(db->session);
    if (!code)
        code = hedon_postgres_run(
            ctx, &db->base,
            &(HedonSql){
                .text =
                    "INSERT INTO sessions(id, transactions, used_s) VALUES($1, 0, @now) "
                    "ON CONFLICT(id) DO UPDATE SET used_s = excluded.used_s RETURNING transactions",
                .values = &session,
                .count = 1,
                .row = take_integer,
                .opaque = committed});
    if (!code) code = hedon_postgres_flush(ctx, &db->base);
    if (code) hedon_postgres_lose(db);
    return code;
}

/* The connection was lost while the server was asked to commit: did it? */
static int find_out(HedonContext *ctx, PostgresDatabase *db)
{
    const double start = hedon_clock_s();
    int64_t committed = 0;
    for (int trial = 1;; trial++) {
        const int code = ask_committed(ctx, db, &committed);
        if (!code) break;
        if (code != HEDON_AGAIN) return code;
        if (hedon_store_wait(start, db->patience_s, trial)) return HEDON_EIO;
    }
    if (committed >= db->transactions) return 0;
    return hedon_fail(ctx, HEDON_AGAIN, "the connection to PostgreSQL was lost");
}

/* Every writing transaction leaves its number in its session's row: so each happens exactly once,
 * even when the answer to COMMIT is lost. */
static int postgres_commit(HedonContext *ctx, HedonDatabase *database)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    int code = hedon_postgres_flush(ctx, database);
    if (code) return code;
    const HedonValue mark[] = {hedon_value_integer(db->session),
                               hedon_value_integer(++db->transactions)};
    if (db->writing)
        code = hedon_postgres_run(
            ctx, database,
            &(HedonSql){.text =
                            "INSERT INTO sessions(id, transactions, used_s) VALUES($1, $2, @now) "
                            "ON CONFLICT(id) DO UPDATE SET transactions = excluded.transactions, "
                            "used_s = excluded.used_s",
                        .values = mark,
                        .count = 2});
    if (!code) code = hedon_postgres_run(ctx, database, &(HedonSql){.text = "COMMIT", .once = 1});
    if (!code) code = hedon_postgres_flush(ctx, database);
    return db->writing && code == HEDON_AGAIN && !db->connection ? find_out(ctx, db) : code;
}

/* ---- Opening */

static int postgres_prepare(HedonContext *ctx, HedonDatabase *database, int *is_new)
{
    const HedonValue lock = hedon_value_integer(MIGRATION_LOCK);
    int code = hedon_postgres_run(
        ctx, database,
        &(HedonSql){
            .text = "SELECT pg_advisory_xact_lock($1)", .once = 1, .values = &lock, .count = 1});
    if (!code) code = look_for_tables(ctx, (PostgresDatabase *)database, is_new);
    if (!code && *is_new)
        code = hedon_postgres_script(ctx, database, "CREATE SCHEMA IF NOT EXISTS hedon");
    return code;
}

static void postgres_close(HedonDatabase *database)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    if (db->connection && db->transactions && !db->read_only) {
        const HedonValue session = hedon_value_integer(db->session);
        if (!hedon_postgres_run(
                NULL, database,
                &(HedonSql){.text = "DELETE FROM sessions WHERE id = $1 OR used_s < @now - 864000",
                            .once = 1,
                            .values = &session,
                            .count = 1}))
            (void)hedon_postgres_flush(NULL, database);
    }
    hedon_postgres_lose(db);
    hedon_free(db->pending);
    hedon_free(db->place);
    hedon_free(db);
}

static int postgres_open(HedonContext *ctx, HedonDatabase **out, const char *place,
                         const HedonStoreOptions *options, int *is_new)
{
    PostgresDatabase *db = hedon_calloc(1, sizeof(*db));
    if (!db) return hedon_fail_memory(ctx);
    db->base.kind = &hedon_database_postgres;
    db->read_only = options->read_only;
    db->patience_s = options->patience_s;
    db->place = hedon_strdup(place);
    int code = db->place ? hedon_libpq_load(ctx, &db->pq) : hedon_fail_memory(ctx);
    if (code) {
        hedon_free(db->place);
        hedon_free(db);
        return code;
    }
    if (getrandom(&db->session, sizeof(db->session), 0) != sizeof(db->session))
        code = hedon_fail_errno(ctx, "no random number for a session");
    if (!code) code = connect_first(ctx, db, options->known, is_new);
    if (!code && *is_new && options->read_only)
        code =
            hedon_fail(ctx, HEDON_ENOENT, "no store in this database: 'hedon annotate' makes one");
    if (code) {
        postgres_close(&db->base);
        return code;
    }
    *out = &db->base;
    return 0;
}

const HedonDatabaseKind hedon_database_postgres = {
    .dialect = &hedon_dialect_postgres,
    .takes_arrays = 1,
    .open = postgres_open,
    .close = postgres_close,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .prepare = postgres_prepare,
    .run = hedon_postgres_run,
    .flush = hedon_postgres_flush,
    .script = hedon_postgres_script,
};
