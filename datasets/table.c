/* Any CSV, TSV or JSONL file with a row for each video, or for each pair of videos.
 *
 * Columns are found by their usual names or named by options; what a table lacks, its items lack.
 * Intensities are the 27 emotions, all or none: letters and digits of a column's name are compared,
 * in any case, so "awe_or_wonder" is "Awe (or Wonder)". Emotions may be nested ("emotions.Joy"), as
 * in what hedon score --json prints.
 *
 * A row with the columns `less` and `more` is a pair of ids, with `tie` perhaps one of which
 * neither is the more pleasant; a row with the column `list` is a list of them. A video that only
 * those name has the path ROOT/ID, with .mp4 when the id has no ending. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/build.h"
#include "datasets/table_rows.h"

typedef enum Role {
    ID,
    PATH,
    SPLIT,
    CLASS,
    RATING,
    DURATION,
    LESS,
    MORE,
    TIE,
    LIST,
    EMOTION,
    ROLES = EMOTION + HEDON_EMOTIONS
} Role;

/* The option that names the column, and the columns it is looked for in otherwise. */
static const struct {
    const char *option, *usual[4];
} roles[EMOTION] = {
    [ID] = {"id", {"id", "video_id"}},
    [PATH] = {"path", {"path", "file", "video", "filename"}},
    [SPLIT] = {"split", {"split"}},
    [CLASS] = {"class", {"class", "label"}},
    [RATING] = {"rating", {"rating", "valence"}},
    [DURATION] = {"duration", {"duration", "duration_s"}},
    [LESS] = {"less", {"less"}},
    [MORE] = {"more", {"more"}},
    [TIE] = {"tie", {"tie", "tied"}},
    [LIST] = {"list", {"list"}},
};

typedef struct Table {
    HedonContext *ctx;
    HedonDataset *dataset;
    const HedonDatasetOptions *options;
    HedonTableRows rows;
    const char *root;   /* what paths are relative to, with its slash; "" */
    const char *prefix; /* of the emotions' columns */
    double scale;
    const char *cell[ROLES];                         /* of the row; NULL when absent or empty */
    int role_of[HEDON_TABLE_COLUMNS], columns_known; /* a CSV's columns do not change */
    const char **class_of;                           /* by item */
    int64_t class_room;
    int has_classes;
} Table;

#define FAULT(t, kind, format, ...)                                                                \
    hedon_build_fault((t)->ctx, (t)->options, kind, "line %lld: " format,                          \
                      (long long)(t)->rows.line __VA_OPT__(, ) __VA_ARGS__)

/* ---- Columns -------------------------------------------------------------------------------- */

/* Whether two names have the same letters and digits, whatever their case. */
static int is_alike(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a && !isalnum((unsigned char)*a)) a++;
        while (*b && !isalnum((unsigned char)*b)) b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return 0;
        if (!*a) return 1;
    }
}

static int emotion_role(const Table *table, const char *name)
{
    const size_t length = strlen(table->prefix);
    const char *rest = !strncmp(name, table->prefix, length) ? name + length : NULL;
    for (int i = 0; rest && i < HEDON_EMOTIONS; i++)
        if (is_alike(rest, hedon_emotion_name(i))) return EMOTION + i;
    return -1;
}

static int role_of_column(const Table *table, const char *name)
{
    for (int role = 0; role < EMOTION; role++) {
        const char *wanted = hedon_build_setting(table->options, roles[role].option);
        if (wanted && !strcmp(name, wanted)) return role;
        for (int i = 0; !wanted && i < 4 && roles[role].usual[i]; i++)
            if (!strcasecmp(name, roles[role].usual[i])) return role;
    }
    const int emotion = emotion_role(table, name);
    if (emotion >= 0 || hedon_build_setting(table->options, "intensities")) return emotion;
    return !strncasecmp(name, "emotions.", 9) ? emotion_role(table, name + 9) : -1;
}

/* Of two columns for one role ("path" and "file") the first counts. */
static void fill_cells(Table *table)
{
    memset(table->cell, 0, sizeof(table->cell));
    for (int i = 0; i < table->rows.count; i++) {
        if (!table->columns_known) table->role_of[i] = role_of_column(table, table->rows.name[i]);
        const int role = table->role_of[i];
        if (role >= 0 && !table->cell[role] && table->rows.value[i][0])
            table->cell[role] = table->rows.value[i];
    }
    table->columns_known = table->rows.format != HEDON_TABLE_JSONL;
}

/* A column that an option names must be there: a misspelt one would silently give no labels. */
static int check_named_columns(Table *table)
{
    for (int role = 0; role < EMOTION && table->rows.format != HEDON_TABLE_JSONL; role++) {
        const char *wanted = hedon_build_setting(table->options, roles[role].option);
        int i = 0;
        while (wanted && i < table->rows.count && strcmp(wanted, table->rows.name[i])) i++;
        if (wanted && i == table->rows.count)
            return hedon_fail(table->ctx, HEDON_EINVAL, "%s=%s: the table has no such column",
                              roles[role].option, wanted);
    }
    return 0;
}

/* ---- Cells ---------------------------------------------------------------------------------- */

/* 0 when the text is not a finite number. */
static int number(const char *text, double *value)
{
    char *end;
    while (*text == ' ') text++;
    if (!*text || strspn(text, "0123456789.eE+- ") != strlen(text)) return 0;
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *value = strtod_l(text, &end, c);
    freelocale(c);
    const int any = end != text;
    return any && !end[strspn(end, " ")] && isfinite(*value);
}

static int read_split(Table *table, HedonSplit *split)
{
    const char *text = table->cell[SPLIT];
    *split = HEDON_SPLIT_TRAIN;
    if (!text) return 0;
    const int known = hedon_split_from_name(text);
    if (known < 0)
        return FAULT(table, HEDON_FAULT_VALUE, "split '%.40s' is not train, test or lists", text);
    *split = (HedonSplit)known;
    return 0;
}

static int read_intensities(Table *table, HedonDatasetItem *item)
{
    double values[HEDON_EMOTIONS];
    int given = 0, missing = -1;
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        const char *text = table->cell[EMOTION + i], *emotion = hedon_emotion_name(i);
        if (!text) {
            if (missing < 0) missing = i;
            continue;
        }
        given++;
        if (!number(text, &values[i]))
            return FAULT(table, HEDON_FAULT_VALUE, "%s is '%.40s', not a number", emotion, text);
        values[i] /= table->scale;
        if (!(values[i] >= 0 && values[i] <= 1))
            return FAULT(table, HEDON_FAULT_RANGE, "%s is %g, outside 0..1", emotion, values[i]);
    }
    if (!given) return 0;
    if (missing >= 0)
        return FAULT(table, HEDON_FAULT_MISSING_EMOTION, "%s is missing",
                     hedon_emotion_name(missing));
    return hedon_build_intensities(table->ctx, table->dataset, item, values);
}

static int read_quantity(Table *table, Role role, double *value)
{
    const char *text = table->cell[role];
    if (!text || number(text, value)) return 0;
    return FAULT(table, HEDON_FAULT_VALUE, "%s is '%.40s', not a number", roles[role].option, text);
}

/* class_of gets room for every item. */
static int grow_classes(Table *table)
{
    const int64_t room = table->dataset->room;
    if (table->class_room >= room) return 0;
    const char **grown = hedon_realloc(table->class_of, (size_t)room, sizeof(*grown));
    if (!grown) return hedon_fail_memory(table->ctx);
    memset(grown + table->class_room, 0, (size_t)(room - table->class_room) * sizeof(*grown));
    table->class_of = grown;
    table->class_room = room;
    return 0;
}

static int keep_class(Table *table, int64_t item)
{
    if (!table->cell[CLASS]) return 0;
    const int code = grow_classes(table);
    if (code) return code;
    table->has_classes = 1;
    table->class_of[item] = hedon_arena_strdup(&table->dataset->arena, table->cell[CLASS]);
    return table->class_of[item] ? 0 : hedon_fail_memory(table->ctx);
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static int set_path(Table *table, HedonDatasetItem *item, const char *path, const char *ending)
{
    item->path = hedon_arena_printf(&table->dataset->arena, "%s%s%s",
                                    path[0] == '/' ? "" : table->root, path, ending);
    return item->path ? 0 : hedon_fail_memory(table->ctx);
}

/* Without an id column the path is the id. */
static int read_video(Table *table)
{
    const char *id = table->cell[ID] ? table->cell[ID] : table->cell[PATH];
    HedonSplit split;
    int is_new, code = read_split(table, &split);
    if (code) return code;
    if (!id) return FAULT(table, HEDON_FAULT_VALUE, "neither a path nor an id");
    HedonDatasetItem *item;
    code = hedon_build_item(table->ctx, table->dataset, (HedonJsonText){id, strlen(id)}, split,
                            &item, &is_new);
    if (code) return code;
    /* a pair may have named the video before its row came */
    if (!is_new && item->path)
        return FAULT(table, item->split == split ? HEDON_FAULT_DUPLICATE_ID : HEDON_FAULT_SHARED_ID,
                     "video %.200s has a row already", id);
    item->split = split;
    const int plain = !table->cell[PATH];
    code = set_path(table, item, plain ? id : table->cell[PATH],
                    plain && !strchr(id, '.') ? ".mp4" : "");
    if (!code) code = read_intensities(table, item);
    if (!code) code = read_quantity(table, RATING, &item->rating);
    if (!code) code = read_quantity(table, DURATION, &item->duration_s);
    return code ? code : keep_class(table, item - table->dataset->items);
}

static int read_tie(Table *table, int *tied)
{
    static const char *const words[] = {"0", "1", "false", "true", "no", "yes"};
    const char *text = table->cell[TIE];
    *tied = 0;
    for (int i = 0; text && i < 6; i++)
        if (!strcasecmp(text, words[i])) {
            *tied = i % 2;
            return 0;
        }
    return text ? FAULT(table, HEDON_FAULT_VALUE, "tie is '%.40s', not 0 or 1", text) : 0;
}

static int keep_comparison(Table *table, const HedonJsonText *ids, int count, int tied)
{
    HedonSplit split;
    int32_t items[HEDON_MAX_COMPARED];
    int code = read_split(table, &split);
    for (int k = 0; k < count && !code; k++) {
        HedonDatasetItem *item;
        code = hedon_build_item(table->ctx, table->dataset, ids[k], split, &item, NULL);
        if (!code) items[k] = (int32_t)(item - table->dataset->items);
    }
    return code ? code
                : hedon_build_comparison(table->ctx, table->dataset, split, items, count, tied);
}

static int read_pair(Table *table)
{
    const char *less = table->cell[LESS], *more = table->cell[MORE];
    const HedonJsonText ids[2] = {{less, strlen(less)}, {more, strlen(more)}};
    int tied;
    const int code = read_tie(table, &tied);
    return code ? code : keep_comparison(table, ids, 2, tied);
}

/* Ids from least to most pleasant, with spaces between. */
static int read_list(Table *table)
{
    HedonJsonText ids[HEDON_MAX_COMPARED];
    int count = 0;
    for (const char *at = table->cell[LIST] + strspn(table->cell[LIST], " "); *at;) {
        const size_t length = strcspn(at, " ");
        if (count < HEDON_MAX_COMPARED) ids[count] = (HedonJsonText){at, length};
        count++;
        at += length;
        at += strspn(at, " ");
    }
    if (count < 2 || count > HEDON_MAX_COMPARED)
        return FAULT(table, HEDON_FAULT_VALUE, "a list of %d videos, not of two to four", count);
    return keep_comparison(table, ids, count, 0);
}

static int read_rows(Table *table)
{
    int more, code = check_named_columns(table);
    while (!code && (more = hedon_table_next(&table->rows))) {
        if (more < 0) return more;
        fill_cells(table);
        const int pair = table->cell[LESS] && table->cell[MORE];
        if (!pair && (table->cell[LESS] || table->cell[MORE]))
            code = FAULT(table, HEDON_FAULT_VALUE, "half a pair");
        else
            code = pair                ? read_pair(table)
                   : table->cell[LIST] ? read_list(table)
                                       : read_video(table);
    }
    return code;
}

static int finish(Table *table)
{
    HedonDataset *dataset = table->dataset;
    int code = 0;
    for (int64_t i = 0; i < dataset->count && !code; i++) {
        HedonDatasetItem *item = &dataset->items[i];
        if (!item->path)
            code = set_path(table, item, item->id, strchr(item->id, '.') ? "" : ".mp4");
    }
    if (!code && table->has_classes) {
        code = grow_classes(table);
        if (!code) code = hedon_build_classes(table->ctx, dataset, table->class_of);
    }
    return code ? code : hedon_build_check_splits(table->ctx, dataset, table->options);
}

/* ---- Settings ------------------------------------------------------------------------------- */

static int settings(Table *table, const char *path, HedonTableFormat *format)
{
    const char *scale = hedon_build_setting(table->options, "scale");
    table->scale = 1;
    if (scale && (!number(scale, &table->scale) || !(table->scale > 0)))
        return hedon_fail(table->ctx, HEDON_EINVAL, "scale=%s: give a number above 0", scale);
    const char *prefix = hedon_build_setting(table->options, "intensities");
    table->prefix = prefix ? prefix : "";
    const char *name = hedon_build_setting(table->options, "format");
    const int known = !name                    ? hedon_table_format(path)
                      : !strcmp(name, "csv")   ? HEDON_TABLE_CSV
                      : !strcmp(name, "tsv")   ? HEDON_TABLE_TSV
                      : !strcmp(name, "jsonl") ? HEDON_TABLE_JSONL
                                               : -1;
    if (known < 0)
        return hedon_fail(table->ctx, HEDON_EINVAL,
                          "what kind of table is it? give format=csv, tsv or jsonl");
    *format = (HedonTableFormat)known;
    const char *root = hedon_build_setting(table->options, "root"), *slash = strrchr(path, '/');
    table->root = root ? hedon_arena_printf(&table->dataset->arena, "%s%s", root,
                                            root[strlen(root) - 1] == '/' ? "" : "/")
                       : hedon_arena_printf(&table->dataset->arena, "%.*s",
                                            slash ? (int)(slash + 1 - path) : 0, path);
    return table->root ? 0 : hedon_fail_memory(table->ctx);
}

static int table_open(HedonContext *ctx, HedonDataset *dataset, const char *path,
                      const HedonDatasetOptions *options)
{
    HedonTableFormat format = HEDON_TABLE_CSV;
    Table *table = hedon_calloc(1, sizeof(*table));
    if (!table) return hedon_fail_memory(ctx);
    table->ctx = ctx;
    table->dataset = dataset;
    table->options = options;
    int code = settings(table, path, &format);
    if (!code) {
        code = hedon_table_open(ctx, &table->rows, path, format);
        if (!code) code = read_rows(table);
        hedon_table_close(&table->rows);
    }
    if (!code) code = finish(table);
    hedon_free(table->class_of);
    hedon_free(table);
    return code;
}

static int table_detect(const char *path)
{
    struct stat status;
    return hedon_table_format(path) >= 0 && !stat(path, &status) && !S_ISDIR(status.st_mode);
}

static const HedonDatasetOption table_options[] = {
    {"path", "COLUMN", "the video's file (default: path, file, video or filename)"},
    {"id", "COLUMN", "its name (default: id or video_id, else the path)"},
    {"split", "COLUMN", "train, test or lists (default: split; absent: train)"},
    {"intensities", "PREFIX", "of the 27 emotions' columns (default: none, or \"emotions.\")"},
    {"scale", "NUMBER", "what intensities are divided by to be 0..1 (default 1)"},
    {"class", "COLUMN", "a class (default: class or label)"},
    {"rating", "COLUMN", "a number (default: rating or valence)"},
    {"duration", "COLUMN", "seconds (default: duration or duration_s)"},
    {"less", "COLUMN", "of a pair: the id of the less pleasant video (default: less)"},
    {"more", "COLUMN", "of a pair: the id of the more pleasant video (default: more)"},
    {"tie", "COLUMN", "of a pair: 1 where neither is the more pleasant (default: tie or tied)"},
    {"list", "COLUMN", "two to four ids, least to most pleasant, spaces between (default: list)"},
    {"root", "DIR", "what paths are relative to (default: the table's folder)"},
    {"format", "csv|tsv|jsonl", "(default: by the file's ending)"},
    {NULL},
};

const HedonDatasetKind hedon_dataset_table = {
    .name = "table",
    .summary =
        "a CSV, TSV or JSONL file: paths with intensities, classes, ratings, or pairs of ids",
    .options = table_options,
    .detect = table_detect,
    .open = table_open,
};
