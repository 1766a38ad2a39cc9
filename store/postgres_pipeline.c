/* Statements in libpq's pipeline mode: they are sent without waiting, and all their answers are
 * read at the next flush, so that sixty-four results or a thousand files cost a few round trips. */
#include <errno.h>
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/postgres.h"

enum {
    MOST_PARAMETERS = 300,
    MOST_COLUMNS = 64,
    MOST_ARRAYS = 4,
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_TEXTS = 1009,
    OID_INT8S = 1016,
    OID_VARCHAR = 1043,
};

static const double patience_after_interrupt_s = 2;

/* ---- Errors */

static int is_class(const char *state, const char *prefix)
{
    return !strncmp(state, prefix, strlen(prefix));
}

/* A server that goes away or comes back, somebody else's lock, or too many guests. */
static int is_passing(const char *state)
{
    static const char *const passing[] = {"08",    "57P01", "57P02", "57P03", "57P05",
                                          "40001", "40P01", "55P03", "53300"};
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (is_class(state, passing[i])) return 1;
    return 0;
}

int hedon_postgres_fail(HedonContext *ctx, PostgresDatabase *db, const PGresult *result)
{
    const char *state = result ? db->pq.PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *message =
        result ? db->pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const int lost = !db->connection || db->pq.PQstatus(db->connection) != CONNECTION_OK;
    char line[512];
    if (!message && db->connection) message = db->pq.PQerrorMessage(db->connection);
    snprintf(line, sizeof(line), "%s", message ? message : "no connection");
    for (char *end = line + strlen(line); end > line && end[-1] == '\n';) *--end = 0;
    if (lost || (state && is_passing(state)))
        return hedon_fail(ctx, HEDON_AGAIN, "PostgreSQL did not answer in time: %s", line);
    if (state && is_class(state, "42P01"))
        return hedon_fail(ctx, HEDON_EDATA, "the store is damaged, or not as hedon made it (%s)",
                          line);
    if (state && is_class(state, "53100"))
        return hedon_fail(ctx, HEDON_EIO, "the disk of the PostgreSQL server is full: %s", line);
    return hedon_fail(ctx, HEDON_EIO, "PostgreSQL: %s", line);
}

void hedon_postgres_lose(PostgresDatabase *db)
{
    if (db->connection) db->pq.PQfinish(db->connection);
    db->connection = NULL;
    db->prepared_count = db->pending_count = 0;
}

/* ---- Sending */

typedef struct Parameters {
    Oid types[MOST_PARAMETERS];
    const char *values[MOST_PARAMETERS];
    int lengths[MOST_PARAMETERS], formats[MOST_PARAMETERS];
    uint64_t numbers[MOST_PARAMETERS]; /* big-endian */
    char *arrays[MOST_ARRAYS];         /* by hedon_malloc */
    int array_count;
} Parameters;

static char *put(char *out, int32_t number)
{
    const uint32_t bits = htobe32((uint32_t)number);
    return mempcpy(out, &bits, sizeof(bits));
}

static size_t packed_size(const HedonValue *value)
{
    size_t size = 20;
    for (size_t i = 0; i < value->size; i++)
        size += 4 + (value->kind == HEDON_VALUE_TEXTS ? strlen(value->texts[i]) : 8);
    return size;
}

/* An array as PostgreSQL sends and receives it: dimensions, whether there are NULLs, the type; each
 * dimension's length and first subscript; then length and bytes of each element. */
static int pack_array(HedonContext *ctx, Parameters *p, int place, const HedonValue *value)
{
    const int texts = value->kind == HEDON_VALUE_TEXTS;
    const size_t size = packed_size(value);
    if (p->array_count == MOST_ARRAYS || size > INT32_MAX / 2)
        return hedon_fail(ctx, HEDON_ELIMIT, "too much for one statement");
    char *out = hedon_malloc(size, 1);
    if (!out) return hedon_fail_memory(ctx);
    p->arrays[p->array_count++] = out;
    p->values[place] = out;
    p->lengths[place] = (int)size;
    out = put(put(put(out, 1), 0), texts ? OID_TEXT : OID_INT8);
    out = put(put(out, (int32_t)value->size), 1);
    for (size_t i = 0; i < value->size; i++) {
        const uint64_t bits = texts ? 0 : htobe64((uint64_t)value->integers[i]);
        const size_t length = texts ? strlen(value->texts[i]) : sizeof(bits);
        out = mempcpy(put(out, (int32_t)length), texts ? value->texts[i] : (const char *)&bits,
                      length);
    }
    return 0;
}

static int fill(HedonContext *ctx, Parameters *p, const HedonValue *values, int count)
{
    static const Oid types[] = {OID_INT8, OID_FLOAT8, OID_TEXT, OID_BYTEA, OID_TEXTS, OID_INT8S};
    p->array_count = 0;
    if (count > MOST_PARAMETERS) return hedon_fail(ctx, HEDON_EINVAL, "too many parameters");
    for (int i = 0; i < count; i++) {
        const HedonValue *value = &values[i];
        uint64_t bits = (uint64_t)value->integer;
        if (value->kind == HEDON_VALUE_REAL) memcpy(&bits, &value->real, sizeof(bits));
        p->numbers[i] = htobe64(bits);
        p->types[i] = types[value->kind];
        p->formats[i] = 1;
        if (value->kind == HEDON_VALUE_TEXTS || value->kind == HEDON_VALUE_INTEGERS) {
            const int code = pack_array(ctx, p, i, value);
            if (code) return code;
            continue;
        }
        const int is_number = value->kind == HEDON_VALUE_INTEGER || value->kind == HEDON_VALUE_REAL;
        if (!is_number && value->size > INT32_MAX / 2)
            return hedon_fail(ctx, HEDON_ELIMIT, "a timeline is too long for PostgreSQL");
        p->lengths[i] = is_number ? 8 : (int)value->size;
        p->values[i] = value->null ? NULL : is_number ? (const char *)&p->numbers[i] : value->bytes;
    }
    return 0;
}

static int expect(HedonContext *ctx, PostgresDatabase *db, PostgresPending pending)
{
    if (db->pending_count == db->pending_room) {
        const int room = db->pending_room ? 2 * db->pending_room : 64;
        PostgresPending *more = hedon_realloc(db->pending, (size_t)room, sizeof(*more));
        if (!more) {
            hedon_postgres_lose(db); /* one answer would be nobody's */
            return hedon_fail_memory(ctx);
        }
        db->pending = more;
        db->pending_room = room;
    }
    db->pending[db->pending_count++] = pending;
    return 0;
}

/* The number of a prepared statement; -1 when it has to go by its text. */
static int find_prepared(const PostgresDatabase *db, const HedonSql *sql)
{
    for (int i = 0; !sql->once && i < db->prepared_count; i++)
        if (db->prepared[i].text == sql->text) return i;
    return -1;
}

static int prepare(HedonContext *ctx, PostgresDatabase *db, const HedonSql *sql, const char *text,
                   const Parameters *p, int *number)
{
    char name[16];
    *number = -1;
    if (sql->once || db->prepared_count == HEDON_POSTGRES_PREPARED) return 0;
    const int next = db->prepared_count++;
    db->prepared[next].text = sql->text;
    db->prepared[next].ready = 0;
    snprintf(name, sizeof(name), "h%d", next);
    if (!db->pq.PQsendPrepare(db->connection, name, text, sql->count, p->types))
        return hedon_postgres_fail(ctx, db, NULL);
    *number = next;
    return expect(ctx, db, (PostgresPending){.prepares = next});
}

static int send_new(HedonContext *ctx, PostgresDatabase *db, const HedonSql *sql,
                    const Parameters *p, int *number)
{
    char *text = hedon_dialect_spell(&hedon_dialect_postgres, sql->text);
    if (!text) return hedon_fail_memory(ctx);
    int code = prepare(ctx, db, sql, text, p, number);
    if (!code && *number < 0 &&
        !db->pq.PQsendQueryParams(db->connection, text, sql->count, p->types, p->values, p->lengths,
                                  p->formats, 1))
        code = hedon_postgres_fail(ctx, db, NULL);
    hedon_free(text);
    return code;
}

static int send_statement(HedonContext *ctx, PostgresDatabase *db, const HedonSql *sql,
                          const Parameters *p)
{
    char name[16];
    int number = find_prepared(db, sql);
    const int code = number < 0 ? send_new(ctx, db, sql, p, &number) : 0;
    if (code || number < 0) return code;
    snprintf(name, sizeof(name), "h%d", number);
    return db->pq.PQsendQueryPrepared(db->connection, name, sql->count, p->values, p->lengths,
                                      p->formats, 1)
               ? 0
               : hedon_postgres_fail(ctx, db, NULL);
}

int hedon_postgres_run(HedonContext *ctx, HedonDatabase *database, const HedonSql *sql)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    if (!db->connection) return hedon_postgres_fail(ctx, db, NULL);
    Parameters p;
    int code = fill(ctx, &p, sql->values, sql->count);
    if (!code) code = send_statement(ctx, db, sql, &p);
    for (int i = 0; i < p.array_count; i++) hedon_free(p.arrays[i]);
    if (code) return code;
    return expect(
        ctx, db,
        (PostgresPending){
            .prepares = -1, .row = sql->row, .opaque = sql->opaque, .changed = sql->changed});
}

/* ---- Receiving */

static int64_t whole(const char *bytes, int length)
{
    uint64_t bits = 0;
    for (int i = 0; i < length; i++) bits = bits << 8 | (uint8_t)bytes[i];
    return length == 8 ? (int64_t)bits : length == 4 ? (int32_t)bits : (int16_t)bits;
}

static HedonValue column(const PostgresDatabase *db, const PGresult *result, int row, int place)
{
    if (db->pq.PQgetisnull(result, row, place)) return (HedonValue){.null = 1};
    const char *bytes = db->pq.PQgetvalue(result, row, place);
    const int length = db->pq.PQgetlength(result, row, place);
    switch (db->pq.PQftype(result, place)) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
        return hedon_value_integer(whole(bytes, length));
    case OID_BOOL:
        return hedon_value_integer(bytes[0] != 0);
    case OID_FLOAT8: {
        const int64_t bits = whole(bytes, 8);
        double real;
        memcpy(&real, &bits, sizeof(real));
        return hedon_value_real(real);
    }
    case OID_TEXT:
    case OID_VARCHAR:
        return (HedonValue){.kind = HEDON_VALUE_TEXT, .bytes = bytes, .size = (size_t)length};
    default:
        return (HedonValue){.kind = HEDON_VALUE_BLOB, .bytes = bytes, .size = (size_t)length};
    }
}

static int deliver(const PostgresDatabase *db, const PGresult *result,
                   const PostgresPending *pending)
{
    HedonValue values[MOST_COLUMNS];
    const int rows = db->pq.PQntuples(result), count = db->pq.PQnfields(result);
    for (int row = 0; row < rows; row++) {
        for (int i = 0; i < count && i < MOST_COLUMNS; i++) values[i] = column(db, result, row, i);
        const int stopped = pending->row(pending->opaque, values, count);
        if (stopped) return stopped;
    }
    return 0;
}

/* Until libpq has an answer, sending what is left meanwhile: who only sends while the server only
 * sends waits for ever. */
static int await(HedonContext *ctx, PostgresDatabase *db)
{
    const HedonLibpq *pq = &db->pq;
    double interrupted = 0;
    for (;;) {
        const int unsent = pq->PQflush(db->connection);
        if (unsent < 0) return hedon_postgres_fail(ctx, db, NULL);
        if (!pq->PQisBusy(db->connection)) return 0;
        struct pollfd socket = {.fd = pq->PQsocket(db->connection),
                                .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        const int ready = poll(&socket, 1, 500);
        if (ready < 0 && errno != EINTR) return hedon_fail_errno(ctx, "waiting for PostgreSQL");
        if (ready > 0 && (socket.revents & (POLLIN | POLLHUP | POLLERR)) &&
            !pq->PQconsumeInput(db->connection))
            return hedon_postgres_fail(ctx, db, NULL);
        if (!hedon_is_cancelled()) continue;
        if (!interrupted) interrupted = hedon_clock_s();
        if (hedon_clock_s() - interrupted > patience_after_interrupt_s) {
            hedon_postgres_lose(db);
            return hedon_check_cancelled(ctx);
        }
    }
}

static void cancel(const PostgresDatabase *db)
{
    char message[256];
    PGcancel *request = db->pq.PQgetCancel(db->connection);
    if (request) db->pq.PQcancel(request, message, sizeof(message));
    db->pq.PQfreeCancel(request);
}

/* Reads the answer to one statement. *outcome: the first error of all, or what stopped the rows. */
static int take_answer(HedonContext *ctx, PostgresDatabase *db, const PostgresPending *pending,
                       int *outcome)
{
    const HedonLibpq *pq = &db->pq;
    if (pending->row) pq->PQsetSingleRowMode(db->connection);
    for (;;) {
        const int code = await(ctx, db);
        if (code) return code;
        PGresult *result = pq->PQgetResult(db->connection);
        if (!result) return 0;
        switch (pq->PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
        case PGRES_TUPLES_OK:
            if (*outcome || !pending->row) break;
            *outcome = deliver(db, result, pending);
            if (*outcome) cancel(db); /* there may be millions more */
            break;
        case PGRES_COMMAND_OK:
            if (pending->prepares >= 0) db->prepared[pending->prepares].ready = 1;
            if (pending->changed) *pending->changed = atoll(pq->PQcmdTuples(result));
            break;
        case PGRES_PIPELINE_ABORTED:
            break;
        default:
            if (!*outcome) *outcome = hedon_postgres_fail(ctx, db, result);
        }
        pq->PQclear(result);
    }
}

/* Statements that an earlier failure kept from being prepared are unknown to the server. */
static void forget_unprepared(PostgresDatabase *db)
{
    for (int i = 0; i < db->prepared_count; i++)
        if (!db->prepared[i].ready) db->prepared[i].text = NULL;
}

int hedon_postgres_flush(HedonContext *ctx, HedonDatabase *database)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    if (!db->connection) return hedon_postgres_fail(ctx, db, NULL);
    if (!db->pending_count) return 0;
    int code = db->pq.PQpipelineSync(db->connection) ? 0 : hedon_postgres_fail(ctx, db, NULL);
    int outcome = 0;
    for (int i = 0; !code && i < db->pending_count; i++)
        code = take_answer(ctx, db, &db->pending[i], &outcome);
    if (!code) code = await(ctx, db);
    if (!code) {
        PGresult *sync = db->pq.PQgetResult(db->connection);
        if (db->pq.PQresultStatus(sync) != PGRES_PIPELINE_SYNC)
            code = hedon_postgres_fail(ctx, db, sync);
        db->pq.PQclear(sync);
    }
    db->pending_count = 0;
    if (code) {
        /* Where in the conversation the connection is, nobody knows. */
        hedon_postgres_lose(db);
        return outcome ? outcome : code;
    }
    forget_unprepared(db);
    if (outcome == HEDON_AGAIN && db->pq.PQstatus(db->connection) != CONNECTION_OK)
        hedon_postgres_lose(db);
    return outcome;
}

int hedon_postgres_script(HedonContext *ctx, HedonDatabase *database, const char *text)
{
    PostgresDatabase *db = (PostgresDatabase *)database;
    int code = hedon_postgres_flush(ctx, database);
    if (code) return code;
    char *spelt = hedon_dialect_spell(&hedon_dialect_postgres, text);
    if (!spelt) return hedon_fail_memory(ctx);
    if (!db->pq.PQexitPipelineMode(db->connection)) {
        code = hedon_postgres_fail(ctx, db, NULL);
    } else {
        PGresult *result = db->pq.PQexec(db->connection, spelt);
        if (db->pq.PQresultStatus(result) != PGRES_COMMAND_OK)
            code = hedon_postgres_fail(ctx, db, result);
        db->pq.PQclear(result);
        if (!db->pq.PQenterPipelineMode(db->connection)) hedon_postgres_lose(db);
    }
    hedon_free(spelt);
    return code;
}
