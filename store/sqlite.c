/* SQLite: one file, in write-ahead mode, so that readers and one writer do not wait for each other
 * and a killed process leaves nothing half done. The file may come from anybody: nothing in it is
 * trusted. */
#include <sqlite3.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"

enum {
    APPLICATION_ID = 0x6865646e, /* "hedn", in the file's header */
    KEPT_STATEMENTS = 48,
    MOST_COLUMNS = 64,
    WAIT_MS = 5
};

typedef struct SqliteStatement {
    const char *text; /* the caller's: a literal */
    sqlite3_stmt *statement;
} SqliteStatement;

typedef struct SqliteDatabase {
    HedonDatabase base;
    sqlite3 *file;
    double patience_s, waiting_since;
    SqliteStatement kept[KEPT_STATEMENTS];
    int kept_count;
} SqliteDatabase;

static int is_out_of_memory(int code)
{
    return (code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM;
}

/* What SQLite's last failure means to the user. */
static int fail(HedonContext *ctx, SqliteDatabase *db)
{
    const int code = sqlite3_extended_errcode(db->file);
    if (is_out_of_memory(code)) return hedon_fail_memory(ctx);
    const char *message = sqlite3_errmsg(db->file);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return hedon_fail(ctx, HEDON_AGAIN, "the store is locked by another program and stays so");
    case SQLITE_FULL:
        return hedon_fail(ctx, HEDON_EIO, "the disk is full: make room, then go on");
    case SQLITE_READONLY:
        return hedon_fail(ctx, HEDON_EIO,
                          "the store may not be written: check its permissions and "
                          "those of its folder");
    case SQLITE_CANTOPEN:
        return hedon_fail(ctx, HEDON_EIO,
                          "the store cannot be opened: check the permissions of its "
                          "folder");
    case SQLITE_NOTADB:
        return hedon_fail(ctx, HEDON_EDATA, "not a SQLite file, so no store");
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return hedon_fail(ctx, HEDON_EDATA, "the store is damaged, or not as hedon made it (%s)",
                          message);
    case SQLITE_IOERR:
        errno = sqlite3_system_errno(db->file);
        return errno
                   ? (hedon_fail_errno(ctx, "the store cannot be read or written"), HEDON_EIO)
                   : hedon_fail(ctx, HEDON_EIO, "the store cannot be read or written: %s", message);
    }
    return hedon_fail(ctx, HEDON_EIO, "SQLite: %s", message);
}

/* Another process has the lock: wait for as long as there is patience. */
static int wait_for_lock(void *opaque, int trial)
{
    SqliteDatabase *db = opaque;
    if (!trial) db->waiting_since = hedon_clock_s();
    return !hedon_store_wait(db->waiting_since, db->patience_s, trial < WAIT_MS ? trial : WAIT_MS);
}

/* ---- Statements */

static int bind(sqlite3_stmt *statement, int place, const HedonValue *value)
{
    if (value->null) return sqlite3_bind_null(statement, place);
    switch (value->kind) {
    case HEDON_VALUE_INTEGER:
        return sqlite3_bind_int64(statement, place, value->integer);
    case HEDON_VALUE_REAL:
        return sqlite3_bind_double(statement, place, value->real);
    case HEDON_VALUE_TEXT:
        return sqlite3_bind_text64(statement, place, value->bytes, value->size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case HEDON_VALUE_BLOB:
        return sqlite3_bind_blob64(statement, place, value->bytes, value->size, SQLITE_STATIC);
    case HEDON_VALUE_TEXTS:
    case HEDON_VALUE_INTEGERS:
        break;
    }
    return SQLITE_MISUSE;
}

/* -1 when memory is out while a text is fetched. */
static int column(sqlite3_stmt *statement, int place, HedonValue *value)
{
    *value = (HedonValue){0};
    switch (sqlite3_column_type(statement, place)) {
    case SQLITE_INTEGER:
        value->integer = sqlite3_column_int64(statement, place);
        return 0;
    case SQLITE_FLOAT:
        *value = hedon_value_real(sqlite3_column_double(statement, place));
        return 0;
    case SQLITE_TEXT:
        value->kind = HEDON_VALUE_TEXT;
        value->bytes = (const char *)sqlite3_column_text(statement, place);
        break;
    case SQLITE_BLOB:
        value->kind = HEDON_VALUE_BLOB;
        value->bytes = sqlite3_column_blob(statement, place);
        break;
    default:
        value->null = 1;
        return 0;
    }
    value->size = (size_t)sqlite3_column_bytes(statement, place);
    return value->bytes || !value->size ? 0 : -1;
}

static int deliver(HedonContext *ctx, sqlite3_stmt *statement, const HedonSql *sql)
{
    HedonValue row[MOST_COLUMNS];
    const int count = sqlite3_column_count(statement);
    for (int i = 0; i < count && i < MOST_COLUMNS; i++)
        if (column(statement, i, &row[i])) return hedon_fail_memory(ctx);
    return sql->row(sql->opaque, row, count);
}

static int step(HedonContext *ctx, SqliteDatabase *db, sqlite3_stmt *statement, const HedonSql *sql)
{
    for (int i = 0; i < sql->count; i++)
        if (bind(statement, i + 1, &sql->values[i])) return fail(ctx, db);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const int stopped = sql->row ? deliver(ctx, statement, sql) : 0;
        if (stopped) return stopped;
    }
    if (code != SQLITE_DONE) return fail(ctx, db);
    if (sql->changed) *sql->changed = sqlite3_changes(db->file);
    return 0;
}

static int prepare_statement(HedonContext *ctx, SqliteDatabase *db, const HedonSql *sql,
                             sqlite3_stmt **statement)
{
    *statement = NULL;
    char *text = hedon_dialect_spell(&hedon_dialect_sqlite, sql->text);
    if (!text) return hedon_fail_memory(ctx);
    const int code = sqlite3_prepare_v3(db->file, text, -1,
                                        sql->once ? 0 : SQLITE_PREPARE_PERSISTENT, statement, NULL);
    hedon_free(text);
    return code ? fail(ctx, db) : 0;
}

static sqlite3_stmt *kept(const SqliteDatabase *db, const HedonSql *sql)
{
    for (int i = 0; !sql->once && i < db->kept_count; i++)
        if (db->kept[i].text == sql->text) return db->kept[i].statement;
    return NULL;
}

static int sqlite_run(HedonContext *ctx, HedonDatabase *database, const HedonSql *sql)
{
    SqliteDatabase *db = (SqliteDatabase *)database;
    sqlite3_stmt *statement = kept(db, sql);
    int keep = statement != NULL, code = 0;
    if (!statement) {
        code = prepare_statement(ctx, db, sql, &statement);
        if (code) return code;
        if (!sql->once && db->kept_count < KEPT_STATEMENTS) {
            db->kept[db->kept_count++] = (SqliteStatement){sql->text, statement};
            keep = 1;
        }
    }
    code = step(ctx, db, statement, sql);
    if (keep) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    } else {
        sqlite3_finalize(statement);
    }
    return code;
}

static int sqlite_script(HedonContext *ctx, HedonDatabase *database, const char *text)
{
    SqliteDatabase *db = (SqliteDatabase *)database;
    char *spelt = hedon_dialect_spell(&hedon_dialect_sqlite, text);
    if (!spelt) return hedon_fail_memory(ctx);
    const int code = sqlite3_exec(db->file, spelt, NULL, NULL, NULL);
    hedon_free(spelt);
    return code ? fail(ctx, db) : 0;
}

/* ---- Transactions */

static int sqlite_begin(HedonContext *ctx, HedonDatabase *database, HedonTransactionKind kind)
{
    return sqlite_run(ctx, database,
                      &(HedonSql){.text = kind == HEDON_WRITING ? "BEGIN IMMEDIATE" : "BEGIN"});
}

static int sqlite_commit(HedonContext *ctx, HedonDatabase *database)
{
    return sqlite_run(ctx, database, &(HedonSql){.text = "COMMIT"});
}

/* Some failures have rolled back already. */
static void sqlite_rollback(HedonDatabase *database)
{
    SqliteDatabase *db = (SqliteDatabase *)database;
    if (!sqlite3_get_autocommit(db->file)) sqlite3_exec(db->file, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- Opening */

static int take_integer(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    *(int64_t *)opaque = hedon_integer_of(&row[0]);
    return 0;
}

static int ask_integer(HedonContext *ctx, SqliteDatabase *db, const char *text, int64_t *answer)
{
    return sqlite_run(ctx, &db->base,
                      &(HedonSql){.text = text, .once = 1, .row = take_integer, .opaque = answer});
}

/* Ours, empty, or somebody else's. */
static int recognise(HedonContext *ctx, SqliteDatabase *db, int *is_new)
{
    int64_t application = 0, objects = 0;
    int code = ask_integer(ctx, db, "SELECT count(*) FROM sqlite_master", &objects);
    if (!code) code = ask_integer(ctx, db, "PRAGMA application_id", &application);
    if (code) return code;
    *is_new = !objects && (!application || application == APPLICATION_ID);
    if (*is_new || application == APPLICATION_ID) return 0;
    return hedon_fail(ctx, HEDON_EDATA,
                      "a SQLite file of another program, which hedon leaves alone: "
                      "name another file");
}

static int sqlite_prepare(HedonContext *ctx, HedonDatabase *database, int *is_new)
{
    SqliteDatabase *db = (SqliteDatabase *)database;
    int code = recognise(ctx, db, is_new);
    if (code || !*is_new) return code;
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA application_id = %d", APPLICATION_ID);
    return sqlite_script(ctx, database, text);
}

/* Triggers and views of a foreign file do not run, and it cannot make SQLite trust its own pages.
 */
static void distrust(sqlite3 *file)
{
    sqlite3_db_config(file, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_db_config(file, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
    sqlite3_db_config(file, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
    sqlite3_db_config(file, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    sqlite3_exec(file, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
}

/* In write-ahead mode synchronous = NORMAL loses nothing when a process is killed; a power cut may
 * take the last transactions, whole, and their videos are annotated again. A result touches a page
 * of each of 28 indices: they are kept in memory and written back together, after 32 MiB of log. */
static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                               "PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;"
                               "PRAGMA wal_autocheckpoint = 8000";

static int begin_journal(HedonContext *ctx, SqliteDatabase *db)
{
    const double start = hedon_clock_s();
    for (int trial = 1;; trial++) {
        const int code = sqlite_script(ctx, &db->base, settings);
        if (code != HEDON_AGAIN) return code;
        if (hedon_store_wait(start, db->patience_s, trial)) return HEDON_EIO;
    }
}

static int open_file(HedonContext *ctx, SqliteDatabase *db, const char *name, int flags)
{
    const int code = sqlite3_open_v2(name, &db->file, flags | SQLITE_OPEN_EXRESCODE, NULL);
    if (!db->file) return hedon_fail_memory(ctx);
    if (code) return fail(ctx, db);
    distrust(db->file);
    sqlite3_busy_handler(db->file, wait_for_lock, db);
    return 0;
}

/* Where nothing may be written, not even the index of the write-ahead log, a store that nobody has
 * open is read as it stands. */
static int open_immutable(HedonContext *ctx, SqliteDatabase *db, const char *place)
{
    struct stat log;
    char *name = hedon_malloc(strlen(place) + 20, 3), *end = name;
    if (!name) return hedon_fail_memory(ctx);
    sprintf(name, "%s-wal", place);
    const int in_use = !stat(name, &log) && log.st_size > 0;
    end = stpcpy(end, "file:");
    for (const char *s = place; *s; s++) end += sprintf(end, "%%%02X", (unsigned char)*s);
    strcpy(end, "?immutable=1");
    if (!in_use) {
        sqlite3_close_v2(db->file);
        db->file = NULL;
    }
    const int code =
        in_use ? fail(ctx, db) : open_file(ctx, db, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    hedon_free(name);
    return code;
}

static int open_existing(HedonContext *ctx, SqliteDatabase *db, const char *place)
{
    struct stat file;
    if (stat(place, &file))
        return errno == ENOENT ? hedon_fail(ctx, HEDON_ENOENT,
                                            "no store there: 'hedon annotate' "
                                            "makes one")
                               : hedon_fail_errno(ctx, "the store cannot be opened");
    int code = open_file(ctx, db, place, SQLITE_OPEN_READONLY);
    if (code) return code;
    int64_t objects;
    code = ask_integer(ctx, db, "SELECT count(*) FROM sqlite_master", &objects);
    const int reason = sqlite3_errcode(db->file) & 0xff;
    if (code && (reason == SQLITE_CANTOPEN || reason == SQLITE_READONLY))
        code = open_immutable(ctx, db, place);
    return code;
}

static void sqlite_close(HedonDatabase *database)
{
    SqliteDatabase *db = (SqliteDatabase *)database;
    for (int i = 0; i < db->kept_count; i++) sqlite3_finalize(db->kept[i].statement);
    sqlite3_close_v2(db->file);
    hedon_free(db);
}

static int sqlite_open(HedonContext *ctx, HedonDatabase **out, const char *place,
                       const HedonStoreOptions *options, int *is_new)
{
    struct stat file;
    if (!stat(place, &file) && S_ISDIR(file.st_mode))
        return hedon_fail(ctx, HEDON_EISDIR,
                          "a store is a file, and this is a folder: name a file "
                          "in it");
    SqliteDatabase *db = hedon_calloc(1, sizeof(*db));
    if (!db) return hedon_fail_memory(ctx);
    db->base.kind = &hedon_database_sqlite;
    db->patience_s = options->patience_s;
    int code = options->read_only
                   ? open_existing(ctx, db, place)
                   : open_file(ctx, db, place, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!code) code = recognise(ctx, db, is_new);
    if (!code && options->read_only && *is_new)
        code = hedon_fail(ctx, HEDON_EDATA, "an empty file, not a store");
    if (!code && !options->read_only) code = begin_journal(ctx, db);
    if (code == HEDON_AGAIN) code = HEDON_EIO;
    if (code) {
        sqlite_close(&db->base);
        return code;
    }
    *out = &db->base;
    return 0;
}

const HedonDatabaseKind hedon_database_sqlite = {
    .dialect = &hedon_dialect_sqlite,
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .prepare = sqlite_prepare,
    .run = sqlite_run,
    .script = sqlite_script,
};
