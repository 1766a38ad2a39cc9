/* Reading: rows become results again. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/emotions.h"
#include "store/clips.h"
#include "store/path.h"
#include "store/query.h"

typedef struct Reading {
    HedonContext *ctx;
    const HedonStoreQuery *query;
    int (*each)(void *opaque, const HedonStoreRow *row);
    void *opaque;
    HedonScoreClip *clips;
    int64_t clip_room;
    int64_t rows; /* given to each */
    int stopped;  /* what each said, or an error */
} Reading;

static int take_clips(Reading *reading, const HedonValue *row, HedonScore *score)
{
    const HedonValue *records = &row[ROW_CLIPS];
    if (records->null) return 0;
    const int64_t count = (int64_t)(records->size / HEDON_CLIP_RECORD);
    if (records->kind != HEDON_VALUE_BLOB || hedon_integer_of(&row[ROW_CLIP_COUNT]) != count ||
        records->size % HEDON_CLIP_RECORD)
        return hedon_fail(reading->ctx, HEDON_EDATA,
                          "the store is damaged: a timeline has %zu bytes, "
                          "which is not what it says",
                          records->size);
    if (count > reading->clip_room) {
        HedonScoreClip *room = hedon_realloc(reading->clips, (size_t)count, sizeof(*room));
        if (!room) return hedon_fail_memory(reading->ctx);
        reading->clips = room;
        reading->clip_room = count;
    }
    hedon_clips_unpack(reading->clips, count, records->bytes);
    score->clips = reading->clips;
    score->clip_count = count;
    return 0;
}

static void take_scores(const HedonValue *row, HedonScore *score)
{
    score->duration_s = hedon_real_of(&row[ROW_DURATION]);
    score->frames = hedon_integer_of(&row[ROW_FRAMES]);
    score->width = (int)hedon_integer_of(&row[ROW_WIDTH]);
    score->height = (int)hedon_integer_of(&row[ROW_HEIGHT]);
    score->damaged = hedon_integer_of(&row[ROW_DAMAGED]) != 0;
    score->lost = hedon_integer_of(&row[ROW_LOST]);
    score->views = hedon_integer_of(&row[ROW_VIEWS]);
    score->has_utility = !row[ROW_UTILITY].null;
    score->utility = hedon_real_of(&row[ROW_UTILITY]);
    score->utility_sd = hedon_real_of(&row[ROW_UTILITY_SD]);
    score->has_percentile = !row[ROW_PERCENTILE].null;
    score->percentile = hedon_real_of(&row[ROW_PERCENTILE]);
    score->has_emotions = !row[ROW_EMOTIONS].null;
    if (!score->has_emotions) return;
    score->emotions_sd = hedon_real_of(&row[ROW_EMOTIONS_SD]);
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        score->emotions[i] = hedon_real_of(&row[ROW_EMOTIONS + i]);
    hedon_emotions_top(score->emotions, score->top);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int give(Reading *reading, const HedonValue *columns, HedonStoreRow *row)
{
    HedonScore *score = &row->score;
    const char *outcome = or_empty(hedon_text_of(&columns[ROW_OUTCOME]));
    if (!strcmp(outcome, "failed")) {
        score->code = (int)hedon_integer_of(&columns[ROW_ERROR_CODE]);
        if (!score->code) score->code = HEDON_EDATA;
        score->error = or_empty(hedon_text_of(&columns[ROW_ERROR]));
    } else {
        take_scores(columns, score);
        const int code = reading->query->clips ? take_clips(reading, columns, score) : 0;
        if (code) return code;
    }
    score->video = row->path;
    reading->rows++;
    return reading->each(reading->opaque, row);
}

static int take_row(void *opaque, const HedonValue *columns, int count)
{
    (void)count;
    Reading *reading = opaque;
    HedonStoreRow row = {.id = hedon_integer_of(&columns[ROW_ID]),
                         .hash = hedon_text_of(&columns[ROW_HASH]),
                         .size = hedon_integer_of(&columns[ROW_SIZE]),
                         .mtime_ns = hedon_integer_of(&columns[ROW_MTIME]),
                         .annotated_s = hedon_real_of(&columns[ROW_ANNOTATED])};
    char *path = hedon_path_of_text(or_empty(hedon_text_of(&columns[ROW_PATH])));
    char *root = path ? hedon_path_of_text(or_empty(hedon_text_of(&columns[ROW_ROOT]))) : NULL;
    row.path = path;
    row.root = root;
    reading->stopped = hedon_check_cancelled(reading->ctx);
    if (!reading->stopped)
        reading->stopped = root ? give(reading, columns, &row) : hedon_fail_memory(reading->ctx);
    hedon_free(path);
    hedon_free(root);
    return reading->stopped;
}

static int take_count(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    *(int64_t *)opaque += hedon_integer_of(&row[0]);
    return 0;
}

/* What was put together, unless that failed; frees it. */
static int ask(HedonContext *ctx, HedonStore *store, HedonQueryText *s, int code,
               HedonRowFunction row, void *opaque)
{
    if (!code)
        code = hedon_store_ask(ctx, store,
                               &(HedonSql){.text = s->text.bytes,
                                           .once = 1,
                                           .values = s->values,
                                           .count = s->count,
                                           .row = row,
                                           .opaque = opaque});
    hedon_query_free(s);
    return code;
}

static int count_rows(HedonContext *ctx, HedonStore *store, const HedonStoreQuery *query,
                      HedonQueryPart part, int64_t *total)
{
    HedonQueryText s = {0};
    const int code = hedon_query_count(ctx, &s, query, part);
    return ask(ctx, store, &s, code, take_count, total);
}

static int read_rows(HedonContext *ctx, HedonStore *store, Reading *reading, HedonQueryPart part,
                     int64_t offset, int64_t limit)
{
    HedonQueryText s = {0};
    const int code = hedon_query_rows(ctx, &s, reading->query, part, offset, limit);
    return ask(ctx, store, &s, code, take_row, reading);
}

/* Which rows, in one or two statements: a ranking has the errors at its end. */
static HedonQueryPart first_part(const HedonStoreQuery *query)
{
    if (query->errors == 1) return HEDON_PART_ERRORS;
    return query->errors == 0 || hedon_query_is_ranking(query) ? HEDON_PART_RESULTS
                                                               : HEDON_PART_BOTH;
}

static int has_second_part(const HedonStoreQuery *query)
{
    return query->errors == 2 && hedon_query_is_ranking(query);
}

/* The second part goes on where the first one ended: with what is left of limit and offset. */
static int read_second_part(HedonContext *ctx, HedonStore *store, Reading *reading)
{
    const HedonStoreQuery *query = reading->query;
    int64_t before = 0, limit = 0;
    if (query->limit) {
        limit = query->limit - reading->rows;
        if (!limit) return 0;
    }
    if (query->offset) {
        const int code = count_rows(ctx, store, query, HEDON_PART_RESULTS, &before);
        if (code) return code;
    }
    return read_rows(ctx, store, reading, HEDON_PART_ERRORS,
                     query->offset > before ? query->offset - before : 0, limit);
}

/* Once rows were given, a lost connection cannot start them anew. */
static int read_all(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Reading *reading = opaque;
    const HedonStoreQuery *query = reading->query;
    int code = read_rows(ctx, store, reading, first_part(query), query->offset, query->limit);
    if (!code && has_second_part(query)) code = read_second_part(ctx, store, reading);
    return code == HEDON_AGAIN && reading->rows ? HEDON_EIO : code;
}

int hedon_store_each(HedonContext *ctx, HedonStore *store, const HedonStoreQuery *query,
                     int (*each)(void *opaque, const HedonStoreRow *row), void *opaque)
{
    Reading reading = {.ctx = ctx, .query = query, .each = each, .opaque = opaque};
    const int code = hedon_store_transact(ctx, store, HEDON_READING, read_all, &reading);
    hedon_free(reading.clips);
    return reading.stopped ? reading.stopped : code;
}

typedef struct Counting {
    const HedonStoreQuery *query;
    int64_t total;
} Counting;

static int count_all(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Counting *counting = opaque;
    counting->total = 0;
    int code =
        count_rows(ctx, store, counting->query, first_part(counting->query), &counting->total);
    if (!code && has_second_part(counting->query))
        code = count_rows(ctx, store, counting->query, HEDON_PART_ERRORS, &counting->total);
    return code;
}

int hedon_store_count(HedonContext *ctx, HedonStore *store, const HedonStoreQuery *query,
                      int64_t *count)
{
    HedonStoreQuery counted = *query;
    counted.clips = 0;
    Counting counting = {.query = &counted};
    const int code = hedon_store_transact(ctx, store, HEDON_READING, count_all, &counting);
    *count = counting.total;
    return code;
}
