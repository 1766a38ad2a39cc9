#include "store/query.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/path.h"
#include "store/schema.h"

int hedon_store_emotion(const char *name)
{
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        if (!strcasecmp(name, hedon_emotion_name(i)) || !strcasecmp(name, hedon_emotion_columns[i]))
            return i;
    return -1;
}

/* ---- The statement */

static const char row_columns[] =
    "a.id, v.path, v.root, a.hash, COALESCE(a.size, v.size), COALESCE(a.mtime_ns, v.mtime_ns), "
    "a.annotated_s, a.outcome, v.duration_s, v.frames, v.width, v.height, a.damaged, a.lost, "
    "a.views, a.emotions_sd, w.utility, w.percentile, w.utility_sd, x.code, x.message, "
    "e.admiration, e.adoration, e.aesthetic_appreciation, e.amusement, e.anger, e.anxiety, e.awe, "
    "e.awkwardness, e.boredom, e.calmness, e.confusion, e.craving, e.disgust, e.empathic_pain, "
    "e.entrancement, e.excitement, e.fear, e.horror, e.interest, e.joy, e.nostalgia, e.relief, "
    "e.romance, e.sadness, e.satisfaction, e.sexual_desire, e.surprise";

int hedon_query_is_ranking(const HedonStoreQuery *query)
{
    return query->order != HEDON_STORE_BY_PATH;
}

static const struct {
    const char *name, *alias;
} outcome_tables[] = {{"wellbeing", "w"}, {"emotions", "e"}, {"errors", "x"}};

/* The outcome table, if any, whose rows in its index's order are the rows wanted. */
static int leading_table(const HedonStoreQuery *query, HedonQueryPart part)
{
    if (part == HEDON_PART_ERRORS) return 2; /* they are few */
    if (!hedon_query_is_ranking(query) || query->id || query->path) return -1;
    return query->order == HEDON_STORE_BY_UTILITY ? 0 : 1;
}

static void add_outcome_tables(HedonQueryText *s, int except)
{
    for (int i = 0; i < 3; i++)
        if (i != except)
            hedon_text_add(&s->text, " LEFT JOIN %s %s ON %s.annotation_id = a.id",
                           outcome_tables[i].name, outcome_tables[i].alias,
                           outcome_tables[i].alias);
}

/* $1 is the run. */
static void add_tables_in_order(HedonQueryText *s, const HedonStoreQuery *query,
                                HedonQueryPart part)
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
static void add_tables_to_count(HedonQueryText *s)
{
    hedon_text_add(&s->text, " FROM annotations a LEFT JOIN videos v ON v.id = a.video_id");
    add_outcome_tables(s, -1);
    hedon_text_add(&s->text, " WHERE a.run_id = $1");
}

static void add_parameter(HedonQueryText *s, const char *condition, HedonValue value)
{
    s->values[s->count++] = value;
    hedon_text_add(&s->text, "%s$%d", condition, s->count);
}

static int add_conditions(HedonContext *ctx, HedonQueryText *s, const HedonStoreQuery *query,
                          HedonQueryPart part)
{
    static const char *const outcomes[] = {
        [HEDON_PART_RESULTS] = " AND a.outcome = 'scored'",
        [HEDON_PART_ERRORS] = " AND a.outcome = 'failed'",
        [HEDON_PART_BOTH] = " AND a.outcome IS NOT NULL",
    };
    hedon_text_add(&s->text, "%s", outcomes[part]);
    if (part == HEDON_PART_RESULTS && query->order == HEDON_STORE_BY_UTILITY)
        hedon_text_add(&s->text, " AND w.utility IS NOT NULL");
    if (part == HEDON_PART_RESULTS && query->order == HEDON_STORE_BY_EMOTION)
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

static void add_order(HedonQueryText *s, const HedonStoreQuery *query, HedonQueryPart part)
{
    const char *direction = query->descending ? " DESC" : "";
    if (!hedon_query_is_ranking(query))
        hedon_text_add(&s->text, " ORDER BY v.path%s", direction);
    else if (part == HEDON_PART_ERRORS)
        hedon_text_add(&s->text, " ORDER BY v.path");
    else if (query->order == HEDON_STORE_BY_UTILITY)
        hedon_text_add(&s->text, " ORDER BY w.utility%s, v.path", direction);
    else
        hedon_text_add(&s->text, " ORDER BY e.%s%s, v.path", hedon_emotion_columns[query->emotion],
                       direction);
}

void hedon_query_free(HedonQueryText *s)
{
    hedon_free(s->text.bytes);
    hedon_free(s->path);
    hedon_where_free(&s->where);
    *s = (HedonQueryText){0};
}

static int start_statement(HedonContext *ctx, HedonQueryText *s, const HedonStoreQuery *query)
{
    if (query->order == HEDON_STORE_BY_EMOTION &&
        (query->emotion < 0 || query->emotion >= HEDON_EMOTIONS))
        return hedon_fail(ctx, HEDON_EINVAL, "there is no emotion %d", query->emotion);
    s->values[s->count++] = hedon_value_integer(query->run);
    return 0;
}

int hedon_query_count(HedonContext *ctx, HedonQueryText *s, const HedonStoreQuery *query,
                      HedonQueryPart part)
{
    int code = start_statement(ctx, s, query);
    if (code) return code;
    hedon_text_add(&s->text, "SELECT count(*)");
    add_tables_to_count(s);
    code = add_conditions(ctx, s, query, part);
    return !code && s->text.failed ? hedon_fail_memory(ctx) : code;
}

int hedon_query_rows(HedonContext *ctx, HedonQueryText *s, const HedonStoreQuery *query,
                     HedonQueryPart part, int64_t offset, int64_t limit)
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
