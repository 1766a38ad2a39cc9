/* Reading: rows of results, errors, or both, in an order that an index has. */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/emotions.h"
#include "store/backend.h"
#include "store/clips.h"
#include "store/path.h"
#include "store/schema.h"
#include "store/text.h"
#include "store/where.h"

int hedon_store_emotion(const char *name)
{
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        if (!strcasecmp(name, hedon_emotion_name(i)) || !strcasecmp(name, hedon_emotion_columns[i]))
            return i;
    return -1;
}

/* ---- The statement */

enum { MOST_PARAMETERS = 300 };

typedef struct Statement {
    HedonText text;
    HedonWhere where;
    char *path; /* as text, when it had to be made */
    HedonValue values[MOST_PARAMETERS];
    int count;
} Statement;

static const char row_columns[] =
    "a.id, v.path, v.root, a.hash, COALESCE(a.size, v.size), COALESCE(a.mtime_ns, v.mtime_ns), "
    "a.annotated_s, a.outcome, v.duration_s, v.frames, v.width, v.height, a.damaged, a.lost, "
    "a.views, a.emotions_sd, w.utility, w.percentile, w.utility_sd, x.code, x.message, "
    "e.admiration, e.adoration, e.aesthetic_appreciation, e.amusement, e.anger, e.anxiety, e.awe, "
    "e.awkwardness, e.boredom, e.calmness, e.confusion, e.craving, e.disgust, e.empathic_pain, "
    "e.entrancement, e.excitement, e.fear, e.horror, e.interest, e.joy, e.nostalgia, e.relief, "
    "e.romance, e.sadness, e.satisfaction, e.sexual_desire, e.surprise";

enum { /* places in row_columns */
       ROW_ID,
       ROW_PATH,
       ROW_ROOT,
       ROW_HASH,
       ROW_SIZE,
       ROW_MTIME,
       ROW_ANNOTATED,
       ROW_OUTCOME,
       ROW_DURATION,
       ROW_FRAMES,
       ROW_WIDTH,
       ROW_HEIGHT,
       ROW_DAMAGED,
       ROW_LOST,
       ROW_VIEWS,
       ROW_EMOTIONS_SD,
       ROW_UTILITY,
       ROW_PERCENTILE,
       ROW_UTILITY_SD,
       ROW_ERROR_CODE,
       ROW_ERROR,
       ROW_EMOTIONS,
       ROW_CLIP_COUNT = ROW_EMOTIONS + HEDON_EMOTIONS,
       ROW_CLIPS,
       ROW_COUNT
};

static int is_ranking(const HedonStoreQuery *query)
{
    return query->order != HEDON_STORE_BY_PATH;
}

typedef enum Part { PART_RESULTS, PART_ERRORS, PART_BOTH } Part;

static const struct {
    const char *name, *alias;
} outcome_tables[] = {{"wellbeing", "w"}, {"emotions", "e"}, {"errors", "x"}};

/* The outcome table, if any, whose rows in its index's order are the rows wanted. */
static int leading_table(const HedonStoreQuery *query, Part part)
{
    if (part == PART_ERRORS) return 2; /* they are few */
    if (!is_ranking(query) || query->id || query->path) return -1;
    return query->order == HEDON_STORE_BY_UTILITY ? 0 : 1;
}

static void add_outcome_tables(Statement *s, int except)
{
    for (int i = 0; i < 3; i++)
        if (i != except)
            hedon_text_add(&s->text, " LEFT JOIN %s %s ON %s.annotation_id = a.id",
                           outcome_tables[i].name, outcome_tables[i].alias,
                           outcome_tables[i].alias);
}

/* $1 is the run. */
static void add_tables_in_order(Statement *s, const HedonStoreQuery *query, Part part)
{
    const int first = leading_table(query, part);
    const char *alias = first >= 0 ? outcome_tables[first].alias : "a";
    if (first >= 0)
        hedon_text_add(&s->text,
                       " FROM %s %s @join annotations a ON a.id = %s.annotation_id "
                       "@join videos v ON v.id = a.video_id",
                       outcome_tables[first].name, alias, alias);
    else if (query->id)
        hedon_text_add(&s->text, " FROM annotations a @join videos v ON v.id = a.video_id");
    else
        hedon_text_add(&s->text, " FROM videos v @join annotations a ON a.run_id = $1 "
                                 "AND a.video_id = v.id");
    add_outcome_tables(s, first);
    if (query->clips) hedon_text_add(&s->text, " LEFT JOIN clips c ON c.annotation_id = a.id");
    hedon_text_add(&s->text, " WHERE %s.run_id = $1", alias);
}

/* In no order, and only what the conditions need: databases leave out what is joined for nothing.
 */
static void add_tables_to_count(Statement *s)
{
    hedon_text_add(&s->text, " FROM annotations a LEFT JOIN videos v ON v.id = a.video_id");
    add_outcome_tables(s, -1);
    hedon_text_add(&s->text, " WHERE a.run_id = $1");
}

static void add_parameter(Statement *s, const char *condition, HedonValue value)
{
    s->values[s->count++] = value;
    hedon_text_add(&s->text, "%s$%d", condition, s->count);
}

static int add_conditions(HedonContext *ctx, Statement *s, const HedonStoreQuery *query, Part part)
{
    static const char *const outcomes[] = {
        [PART_RESULTS] = " AND a.outcome = 'scored'",
        [PART_ERRORS] = " AND a.outcome = 'failed'",
        [PART_BOTH] = " AND a.outcome IS NOT NULL",
    };
    hedon_text_add(&s->text, "%s", outcomes[part]);
    if (part == PART_RESULTS && query->order == HEDON_STORE_BY_UTILITY)
        hedon_text_add(&s->text, " AND w.utility IS NOT NULL");
    if (part == PART_RESULTS && query->order == HEDON_STORE_BY_EMOTION)
        hedon_text_add(&s->text, " AND e.%s IS NOT NULL", hedon_emotion_columns[query->emotion]);
    if (query->id) add_parameter(s, " AND a.id = ", hedon_value_integer(query->id));
    if (query->path) {
        const char *path = hedon_path_text(query->path, &s->path);
        if (!path) return hedon_fail_memory(ctx);
        add_parameter(s, " AND v.path = ", hedon_value_text(path));
    }
    if (!query->where || !query->where[0]) return 0;
    const int code = hedon_where_parse(ctx, &s->where, query->where, s->count + 1);
    if (code) return code;
    hedon_text_add(&s->text, " AND %s", s->where.sql);
    memcpy(s->values + s->count, s->where.values, (size_t)s->where.count * sizeof(*s->values));
    s->count += s->where.count;
    return 0;
}

static void add_order(Statement *s, const HedonStoreQuery *query, Part part)
{
    const char *direction = query->descending ? " DESC" : "";
    if (!is_ranking(query))
        hedon_text_add(&s->text, " ORDER BY v.path%s", direction);
    else if (part == PART_ERRORS)
        hedon_text_add(&s->text, " ORDER BY v.path");
    else if (query->order == HEDON_STORE_BY_UTILITY)
        hedon_text_add(&s->text, " ORDER BY w.utility%s, v.path", direction);
    else
        hedon_text_add(&s->text, " ORDER BY e.%s%s, v.path", hedon_emotion_columns[query->emotion],
                       direction);
}

static void statement_free(Statement *s)
{
    hedon_free(s->text.bytes);
    hedon_free(s->path);
    hedon_where_free(&s->where);
    *s = (Statement){0};
}

static int start_statement(HedonContext *ctx, Statement *s, const HedonStoreQuery *query)
{
    if (query->order == HEDON_STORE_BY_EMOTION &&
        (query->emotion < 0 || query->emotion >= HEDON_EMOTIONS))
        return hedon_fail(ctx, HEDON_EINVAL, "there is no emotion %d", query->emotion);
    s->values[s->count++] = hedon_value_integer(query->run);
    return 0;
}

static int build_count(HedonContext *ctx, Statement *s, const HedonStoreQuery *query, Part part)
{
    int code = start_statement(ctx, s, query);
    if (code) return code;
    hedon_text_add(&s->text, "SELECT count(*)");
    add_tables_to_count(s);
    code = add_conditions(ctx, s, query, part);
    return !code && s->text.failed ? hedon_fail_memory(ctx) : code;
}

static int build_rows(HedonContext *ctx, Statement *s, const HedonStoreQuery *query, Part part,
                      int64_t offset, int64_t limit)
{
    int code = start_statement(ctx, s, query);
    if (code) return code;
    hedon_text_add(&s->text, "SELECT %s%s", row_columns,
                   query->clips ? ", c.count, c.records" : "");
    add_tables_in_order(s, query, part);
    code = add_conditions(ctx, s, query, part);
    if (code) return code;
    add_order(s, query, part);
    add_parameter(s, " LIMIT ", hedon_value_integer(limit ? limit : INT64_MAX));
    add_parameter(s, " OFFSET ", hedon_value_integer(offset));
    return s->text.failed ? hedon_fail_memory(ctx) : 0;
}

/* ---- Rows */

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

static int count_rows(HedonContext *ctx, HedonStore *store, const HedonStoreQuery *query, Part part,
                      int64_t *total)
{
    Statement s = {0};
    int code = build_count(ctx, &s, query, part);
    if (!code)
        code = hedon_store_ask(ctx, store,
                               &(HedonSql){.text = s.text.bytes,
                                           .once = 1,
                                           .values = s.values,
                                           .count = s.count,
                                           .row = take_count,
                                           .opaque = total});
    statement_free(&s);
    return code;
}

static int read_rows(HedonContext *ctx, HedonStore *store, Reading *reading, Part part,
                     int64_t offset, int64_t limit)
{
    Statement s = {0};
    int code = build_rows(ctx, &s, reading->query, part, offset, limit);
    if (!code)
        code = hedon_store_ask(ctx, store,
                               &(HedonSql){.text = s.text.bytes,
                                           .once = 1,
                                           .values = s.values,
                                           .count = s.count,
                                           .row = take_row,
                                           .opaque = reading});
    statement_free(&s);
    return code;
}

/* Which rows, in one or two statements: a ranking has the errors at its end. */
static Part first_part(const HedonStoreQuery *query)
{
    if (query->errors == 1) return PART_ERRORS;
    return query->errors == 0 || is_ranking(query) ? PART_RESULTS : PART_BOTH;
}

static int has_second_part(const HedonStoreQuery *query)
{
    return query->errors == 2 && is_ranking(query);
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
        const int code = count_rows(ctx, store, query, PART_RESULTS, &before);
        if (code) return code;
    }
    return read_rows(ctx, store, reading, PART_ERRORS,
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
        code = count_rows(ctx, store, counting->query, PART_ERRORS, &counting->total);
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
