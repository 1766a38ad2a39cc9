/* Opening, closing, and transactions that are run again until they succeed. */
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"
#include "store/schema.h"

static const double patience_after_interrupt_s = 2;

void hedon_store_options_default(HedonStoreOptions *options)
{
    *options = (HedonStoreOptions){.lease_s = 120, .patience_s = 60};
}

static int is_postgres(const char *place)
{
    return !strncmp(place, "postgresql://", 13) || !strncmp(place, "postgres://", 11);
}

/* NULL: a kind that this build lacks. */
static const HedonDatabaseKind *choose_kind(const char *place)
{
    if (!is_postgres(place)) return &hedon_database_sqlite;
#ifdef HEDON_POSTGRES
    return &hedon_database_postgres;
#else
    return NULL;
#endif
}

int hedon_store_open(HedonContext *ctx, HedonStore **out, const char *place,
                     const HedonStoreOptions *options)
{
    *out = NULL;
    HedonStoreOptions defaults;
    hedon_store_options_default(&defaults);
    if (!options) options = &defaults;
    if (!place[0]) return hedon_fail(ctx, HEDON_EINVAL, "the store has no name");
    if (!(options->lease_s > 0) || !(options->patience_s >= 0))
        return hedon_fail(ctx, HEDON_EINVAL, "a lease must be longer than no time at all");
    const HedonDatabaseKind *kind = choose_kind(place);
    if (!kind)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "this hedon was built without PostgreSQL: install libpq-dev and build it "
                          "again, or name a file");
    HedonStore *store = hedon_calloc(1, sizeof(*store));
    if (!store) return hedon_fail_memory(ctx);
    store->options = *options;
    hedon_process_self(&store->self);
    int is_new = 0, code = kind->open(ctx, &store->database, place, options, &is_new);
    if (!code)
        code = options->read_only ? hedon_schema_check(ctx, store)
                                  : hedon_schema_migrate(ctx, store, is_new);
    if (code) {
        hedon_store_close(store);
        return code;
    }
    *out = store;
    return 0;
}

void hedon_store_close(HedonStore *store)
{
    if (!store) return;
    if (store->database) store->database->kind->close(store->database);
    hedon_free(store);
}

void hedon_store_shown(const char *place, char *out, size_t size)
{
    static const char parameter[] = "password=";
    const char *rest = place;
    size_t used = 0;
    out[0] = 0;
    if (is_postgres(place)) {
        const char *authority = strstr(place, "://") + 3;
        const size_t length = strcspn(authority, "/?");
        const char *at = memrchr(authority, '@', length), *colon = memchr(authority, ':', length);
        if (at && colon && colon < at) {
            snprintf(out, size, "%.*s***", (int)(colon + 1 - place), place);
            rest = at;
        }
        for (const char *secret; (secret = strstr(rest, parameter));) {
            secret += strlen(parameter);
            used = strlen(out);
            snprintf(out + used, size - used, "%.*s***", (int)(secret - rest), rest);
            rest = secret + strcspn(secret, "&");
        }
    }
    used = strlen(out);
    snprintf(out + used, size - used, "%s", rest);
}

int hedon_store_wait(double since, double patience_s, int trial)
{
    if (hedon_is_cancelled() && patience_s > patience_after_interrupt_s)
        patience_s = patience_after_interrupt_s;
    const double waited = hedon_clock_s() - since;
    if (waited >= patience_s) return -1;
    double pause = trial < 9 ? .002 * (double)(1 << trial) : 1;
    if (pause > patience_s - waited) pause = patience_s - waited;
    const struct timespec time = {.tv_sec = (time_t)pause,
                                  .tv_nsec = (long)((pause - (double)(time_t)pause) * 1e9)};
    nanosleep(&time, NULL);
    return 0;
}

static int attempt(HedonContext *ctx, HedonStore *store, HedonTransactionKind kind,
                   int (*body)(HedonContext *, HedonStore *, void *), void *opaque)
{
    HedonDatabase *database = store->database;
    int code = database->kind->begin(ctx, database, kind);
    if (!code) code = body(ctx, store, opaque);
    if (!code) code = database->kind->commit(ctx, database);
    if (code) database->kind->rollback(database);
    return code;
}

int hedon_store_transact(HedonContext *ctx, HedonStore *store, HedonTransactionKind kind,
                         int (*body)(HedonContext *, HedonStore *, void *), void *opaque)
{
    const double start = hedon_clock_s();
    for (int trial = 1;; trial++) {
        const int code = attempt(ctx, store, kind, body, opaque);
        if (code != HEDON_AGAIN) return code;
        /* The sentence of the last trial stays. */
        if (hedon_store_wait(start, store->options.patience_s, trial)) return HEDON_EIO;
    }
}

int hedon_store_sql(HedonContext *ctx, HedonStore *store, const HedonSql *sql)
{
    return store->database->kind->run(ctx, store->database, sql);
}

int hedon_store_flush(HedonContext *ctx, HedonStore *store)
{
    const HedonDatabaseKind *kind = store->database->kind;
    return kind->flush ? kind->flush(ctx, store->database) : 0;
}

int hedon_store_ask(HedonContext *ctx, HedonStore *store, const HedonSql *sql)
{
    const int code = hedon_store_sql(ctx, store, sql);
    return code ? code : hedon_store_flush(ctx, store);
}
