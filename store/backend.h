/* What a kind of database has to offer the store: transactions and statements.
 *
 * Statements are written once, in the SQL that both dialects share; what differs stands as @words
 * that each dialect spells out (store/dialect.h), and parameters as $1, $2, … A statement may be
 * put off until hedon_database_flush or commit, so that many of them cost one round trip: its row
 * function is then called, and its count filled, there.
 */
#ifndef HEDON_STORE_BACKEND_H
#define HEDON_STORE_BACKEND_H

#include "store/dialect.h"
#include "store/process.h"
#include "store/store.h"

/* A transaction that was undone through nobody's fault (a lock, a lost connection): run it again.
 * Never leaves the store. */
enum { HEDON_AGAIN = -1000 };

typedef enum HedonValueKind {
    HEDON_VALUE_INTEGER,
    HEDON_VALUE_REAL,
    HEDON_VALUE_TEXT,
    HEDON_VALUE_BLOB,
    /* Arrays, as parameters of kinds that take them: size of them at texts or integers. */
    HEDON_VALUE_TEXTS,
    HEDON_VALUE_INTEGERS
} HedonValueKind;

/* A parameter or a column; bytes are borrowed. Text of a column is terminated by a zero that size
 * does not count. */
typedef struct HedonValue {
    HedonValueKind kind;
    int null;
    int64_t integer;
    double real;
    const char *bytes;
    const char *const *texts;
    const int64_t *integers;
    size_t size;
} HedonValue;

HedonValue hedon_value_integer(int64_t integer);
/** Not a finite number: NULL. */
HedonValue hedon_value_real(double real);
/** NULL: NULL. */
HedonValue hedon_value_text(const char *text);
HedonValue hedon_value_blob(const void *bytes, size_t size);

/* Readers of columns that forgive a hostile store's wrong kinds: 0, "" and NULL instead. */
int64_t hedon_integer_of(const HedonValue *value);
double hedon_real_of(const HedonValue *value);
const char *hedon_text_of(const HedonValue *value);

/** Non-zero stops the statement, which returns it. */
typedef int (*HedonRowFunction)(void *opaque, const HedonValue *row, int count);

typedef struct HedonSql {
    const char *text;
    int once; /* not worth keeping prepared */
    const HedonValue *values;
    int count;
    HedonRowFunction row; /* may be NULL */
    void *opaque;
    int64_t *changed; /* rows inserted, updated or deleted; may be NULL */
} HedonSql;

typedef struct HedonDatabaseKind HedonDatabaseKind;

typedef struct HedonDatabase {
    const HedonDatabaseKind *kind;
} HedonDatabase;

typedef enum HedonTransactionKind { HEDON_READING, HEDON_WRITING } HedonTransactionKind;

struct HedonDatabaseKind {
    const HedonDialect *dialect;
    int takes_arrays; /* as parameters: for kinds to which a statement is a journey */
    /* is_new: there is nothing of hedon's in it yet. */
    int (*open)(HedonContext *ctx, HedonDatabase **out, const char *place,
                const HedonStoreOptions *options, int *is_new);
    void (*close)(HedonDatabase *database);
    /* Each returns 0, HEDON_AGAIN or an error; after an error of any of them, rollback. Whether a
     * commit whose answer was lost has happened is the kind's to find out. */
    int (*begin)(HedonContext *ctx, HedonDatabase *database, HedonTransactionKind kind);
    int (*commit)(HedonContext *ctx, HedonDatabase *database);
    void (*rollback)(HedonDatabase *database);
    int (*run)(HedonContext *ctx, HedonDatabase *database, const HedonSql *sql);
    int (*flush)(HedonContext *ctx, HedonDatabase *database); /* NULL: nothing is ever put off */
    /* In a writing transaction: nobody else migrates until it ends. Looks again whether the store
     * is new, and makes room for the tables when it is. */
    int (*prepare)(HedonContext *ctx, HedonDatabase *database, int *is_new);
    /* Several statements without parameters or rows. */
    int (*script)(HedonContext *ctx, HedonDatabase *database, const char *text);
};

extern const HedonDatabaseKind hedon_database_sqlite;
#ifdef HEDON_POSTGRES
extern const HedonDatabaseKind hedon_database_postgres;
#endif

struct HedonStore {
    HedonDatabase *database;
    HedonStoreOptions options;
    HedonProcess self;
};

/** Run body in a transaction, again and again while it is undone and there is patience left. body
 * may be called several times and starts anew each time. */
int hedon_store_transact(HedonContext *ctx, HedonStore *store, HedonTransactionKind kind,
                         int (*body)(HedonContext *ctx, HedonStore *store, void *opaque),
                         void *opaque);
/** Inside a transaction: a statement, perhaps put off. */
int hedon_store_sql(HedonContext *ctx, HedonStore *store, const HedonSql *sql);
int hedon_store_flush(HedonContext *ctx, HedonStore *store);
/** Both: the answer is there. */
int hedon_store_ask(HedonContext *ctx, HedonStore *store, const HedonSql *sql);

/** Wait a little before trial number `trial` (from 1); -1 when `patience_s` since
 *  `since` (hedon_clock_s) are over, or two seconds once the user has interrupted. */
int hedon_store_wait(double since, double patience_s, int trial);

#endif
