/* A connection to PostgreSQL, shared by postgres.c (sessions and transactions) and
 * postgres_pipeline.c (statements). */
#ifndef HEDON_STORE_POSTGRES_H
#define HEDON_STORE_POSTGRES_H

#include "store/backend.h"
#include "store/libpq.h"

enum { HEDON_POSTGRES_PREPARED = 48 };

/* A statement that was sent and whose answer has not been read. */
typedef struct PostgresPending {
    int prepares; /* number of the statement that this prepares; -1: it is one to run */
    HedonRowFunction row;
    void *opaque;
    int64_t *changed;
} PostgresPending;

typedef struct PostgresDatabase {
    HedonDatabase base;
    HedonLibpq pq;
    PGconn *connection; /* in pipeline mode; NULL: lost */
    char *place;
    int read_only, writing;
    double patience_s;
    int64_t session, transactions; /* see postgres_commit */

    struct {
        const char *text; /* the caller's: a literal */
        int ready;
    } prepared[HEDON_POSTGRES_PREPARED];
    int prepared_count;
    PostgresPending *pending;
    int pending_count, pending_room;
} PostgresDatabase;

int hedon_postgres_run(HedonContext *ctx, HedonDatabase *database, const HedonSql *sql);
int hedon_postgres_flush(HedonContext *ctx, HedonDatabase *database);
int hedon_postgres_script(HedonContext *ctx, HedonDatabase *database, const char *text);
/** Close the connection and forget what was prepared and pending on it. */
void hedon_postgres_lose(PostgresDatabase *db);
/** What a failed result, or with NULL the connection, means. HEDON_AGAIN or an error. */
int hedon_postgres_fail(HedonContext *ctx, PostgresDatabase *db, const PGresult *result);

#endif
