#include "datasets/table_rows.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/json_reader.h"

int hedon_table_format(const char *path)
{
    const char *dot = strrchr(path, '.');
    if (!dot || strchr(dot, '/')) return -1;
    if (!strcasecmp(dot, ".csv")) return HEDON_TABLE_CSV;
    if (!strcasecmp(dot, ".tsv")) return HEDON_TABLE_TSV;
    return !strcasecmp(dot, ".jsonl") || !strcasecmp(dot, ".ndjson") ? HEDON_TABLE_JSONL : -1;
}

static int fail(HedonTableRows *rows, int code, const char *what)
{
    return hedon_fail(rows->ctx, code, "line %lld: %s", (long long)rows->line, what);
}

/* ---- The row's buffer ----------------------------------------------------------------------- */

static int put(HedonTableRows *rows, const char *bytes, size_t size)
{
    if (size >= HEDON_TABLE_ROW - rows->used)
        return fail(rows, HEDON_ELIMIT, "a row of more than a megabyte");
    memcpy(rows->buffer + rows->used, bytes, size);
    rows->used += size;
    return 0;
}

static int put_terminated(HedonTableRows *rows, const char *bytes, size_t size, const char **kept)
{
    *kept = rows->buffer + rows->used;
    const int code = put(rows, bytes, size);
    return code ? code : put(rows, "", 1);
}

/* ---- CSV ------------------------------------------------------------------------------------ */

/* One field into the buffer; rows->at is then at the separator, the line's end or the file's. */
static int csv_field(HedonTableRows *rows, char separator, const char **value)
{
    const char *p = rows->at, *end = rows->end;
    if (p == end || *p != '"' || rows->format == HEDON_TABLE_TSV) {
        while (p < end && *p != separator && *p != '\n') p++;
        const size_t cr = p > rows->at && p[-1] == '\r' && (p == end || *p == '\n');
        const char *first = rows->at;
        rows->at = p;
        if (memchr(first, 0, (size_t)(p - first))) return fail(rows, HEDON_EDATA, "a zero byte");
        return put_terminated(rows, first, (size_t)(p - first) - cr, value);
    }
    *value = rows->buffer + rows->used;
    int code = 0;
    for (p++; !code; p++) {
        if (p == end) return fail(rows, HEDON_EDATA, "a quoted field that does not end");
        if (!*p) return fail(rows, HEDON_EDATA, "a zero byte");
        if (*p == '"' && (p + 1 == end || p[1] != '"')) break;
        p += *p == '"';
        rows->next_line += *p == '\n';
        code = put(rows, p, 1);
    }
    if (code) return code;
    p++;
    if (p + 1 < end && *p == '\r' && p[1] == '\n') p++;
    rows->at = p;
    if (p < end && *p != separator && *p != '\n' && *p != '\r')
        return fail(rows, HEDON_EDATA, "something follows a quoted field");
    return put(rows, "", 1);
}

static int csv_line(HedonTableRows *rows, const char **fields, int *count)
{
    const char separator = rows->format == HEDON_TABLE_TSV ? '\t' : ',';
    rows->line = rows->next_line;
    rows->used = 0;
    for (*count = 0;; rows->at++) {
        if (*count == HEDON_TABLE_COLUMNS)
            return fail(rows, HEDON_ELIMIT, "more than 1024 columns");
        const int code = csv_field(rows, separator, &fields[(*count)++]);
        if (code) return code;
        if (rows->at == rows->end) return 0;
        if (*rows->at != separator) break;
    }
    rows->at++; /* the line's end */
    rows->next_line++;
    return 0;
}

static int csv_header(HedonTableRows *rows)
{
    if (rows->end - rows->at >= 3 && !memcmp(rows->at, "\xef\xbb\xbf", 3)) rows->at += 3;
    if (rows->at == rows->end)
        return fail(rows, HEDON_EDATA, "the file is empty; a header is wanted");
    const int code = csv_line(rows, rows->name, &rows->count);
    if (code) return code;
    for (int i = 0; i < rows->count; i++)
        for (int k = 0; k < i; k++)
            if (rows->name[i][0] && !strcmp(rows->name[i], rows->name[k]))
                return fail(rows, HEDON_EDATA, "two columns have the same name");
    rows->names = rows->buffer;
    rows->buffer = hedon_malloc(HEDON_TABLE_ROW, 1);
    return rows->buffer ? 0 : hedon_fail_memory(rows->ctx);
}

static int csv_next(HedonTableRows *rows)
{
    const int columns = rows->count;
    while (rows->at < rows->end) {
        int count;
        const int code = csv_line(rows, rows->value, &count);
        if (code) return code;
        if (count == 1 && !rows->value[0][0]) continue;
        if (count == columns) return 1;
        char what[96];
        snprintf(what, sizeof(what), "%d fields, but the header has %d", count, columns);
        return fail(rows, HEDON_EDATA, what);
    }
    return 0;
}

/* ---- JSONL ---------------------------------------------------------------------------------- */

static int json_value(HedonTableRows *rows, HedonJsonReader *json, const char *name);

/* "name.key", or "key" at the top. */
static int json_child(HedonTableRows *rows, HedonJsonReader *json, const char *name,
                      HedonJsonText key)
{
    const char *child = rows->buffer + rows->used;
    int code = 0;
    if (*name && !(code = put(rows, name, strlen(name)))) code = put(rows, ".", 1);
    if (!code) code = put(rows, key.data, key.size);
    if (!code) code = put(rows, "", 1);
    return code ? code : json_value(rows, json, child);
}

static int json_nested(HedonTableRows *rows, HedonJsonReader *json, const char *name, int object)
{
    int more = 0, code = object ? hedon_json_begin_object(json) : hedon_json_begin_array(json);
    for (int i = 0; !code; i++) {
        char number[16];
        HedonJsonText key = {number, (size_t)snprintf(number, sizeof(number), "%d", i)};
        more = object ? hedon_json_next_key(json, &key) : hedon_json_next_element(json);
        if (more <= 0) return more;
        code = json_child(rows, json, name, key);
    }
    return code;
}

static int json_value(HedonTableRows *rows, HedonJsonReader *json, const char *name)
{
    const int kind = hedon_json_peek(json);
    if (kind == '{' || kind == '[') return json_nested(rows, json, name, kind == '{');
    HedonJsonText text;
    int code = kind == '"' ? hedon_json_text(json, &text) : 0;
    if (kind != '"') {
        const char *first = json->at;
        code = hedon_json_skip(json);
        text = (HedonJsonText){first, (size_t)(json->at - first)};
        if (kind == 't' || kind == 'f') text = (HedonJsonText){kind == 't' ? "1" : "0", 1};
    }
    if (code || kind == 'n') return code;
    if (rows->count == HEDON_TABLE_COLUMNS)
        return fail(rows, HEDON_ELIMIT, "more than 1024 values");
    rows->name[rows->count] = name;
    return put_terminated(rows, text.data, text.size, &rows->value[rows->count++]);
}

static int is_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) p++;
    return p == end;
}

static int jsonl_next(HedonTableRows *rows)
{
    while (rows->at < rows->end) {
        const char *first = rows->at;
        const char *end = memchr(first, '\n', (size_t)(rows->end - first));
        rows->at = end ? end + 1 : rows->end;
        rows->line = rows->next_line++;
        if (!end) end = rows->end;
        if (is_blank(first, end)) continue;
        HedonJsonReader json;
        hedon_json_open_bytes(rows->ctx, &json, first, (size_t)(end - first));
        json.first_line = rows->line;
        rows->count = 0;
        rows->used = 0;
        int code = json_nested(rows, &json, "", 1);
        if (!code) code = hedon_json_finish(&json);
        hedon_json_close(&json);
        return code ? code : 1;
    }
    return 0;
}

/* --------------------------------------------------------------------------------------------- */

int hedon_table_open(HedonContext *ctx, HedonTableRows *rows, const char *path,
                     HedonTableFormat format)
{
    *rows = (HedonTableRows){.ctx = ctx, .format = format, .line = 1, .next_line = 1};
    const int code = hedon_mapped_open(ctx, &rows->file, path);
    if (code) return code;
    rows->at = rows->file.data ? (const char *)rows->file.data : "";
    rows->end = rows->at + rows->file.size;
    rows->name = hedon_malloc(HEDON_TABLE_COLUMNS, sizeof(*rows->name));
    rows->value = hedon_malloc(HEDON_TABLE_COLUMNS, sizeof(*rows->value));
    rows->buffer = hedon_malloc(HEDON_TABLE_ROW, 1);
    if (!rows->name || !rows->value || !rows->buffer) return hedon_fail_memory(ctx);
    return format == HEDON_TABLE_JSONL ? 0 : csv_header(rows);
}

int hedon_table_next(HedonTableRows *rows)
{
    return rows->format == HEDON_TABLE_JSONL ? jsonl_next(rows) : csv_next(rows);
}

void hedon_table_close(HedonTableRows *rows)
{
    hedon_mapped_close(&rows->file);
    hedon_free(rows->name);
    hedon_free(rows->value);
    hedon_free(rows->names);
    hedon_free(rows->buffer);
    *rows = (HedonTableRows){0};
}
