#include "store/where.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/path.h"
#include "store/schema.h"
#include "store/text.h"

enum { DEEPEST = 64, MOST_VALUES = 256, LONGEST_WORD = 4096 };

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_WORD, /* bare */
    TOKEN_QUOTED,
    TOKEN_OPERATOR,
    TOKEN_OPEN,
    TOKEN_CLOSE
} TokenKind;

typedef struct Parser {
    HedonContext *ctx;
    const char *start, *at; /* at: after the token */
    TokenKind kind;
    const char *token;
    char word[LONGEST_WORD]; /* of the token, quotes taken off */
    int first, depth;
    HedonText sql;
    HedonValue values[MOST_VALUES];
    int count;
} Parser;

typedef struct Field {
    const char *name, *column;
    int is_text;
    const char *searched; /* by ~ instead of column */
} Field;

static const Field fields[] = {
    {"utility", "w.utility", 0, NULL},
    {"wellbeing", "w.utility", 0, NULL},
    {"percentile", "w.percentile", 0, NULL},
    {"duration", "v.duration_s", 0, NULL},
    {"frames", "v.frames", 0, NULL},
    {"width", "v.width", 0, NULL},
    {"height", "v.height", 0, NULL},
    {"size", "v.size", 0, NULL},
    {"views", "a.views", 0, NULL},
    {"path", "v.path", 1, "v.path"},
    {"root", "v.root", 1, "v.root"},
    {"error", "x.name", 1, "(x.name || ': ' || x.message)"},
};

static int complain(Parser *p, const char *at, const char *what)
{
    return hedon_fail(p->ctx, HEDON_EINVAL,
                      "the condition is not understood at '%.40s' (character %d): %s",
                      *at ? at : "its end", (int)(at - p->start) + 1, what);
}

/* ---- Tokens */

static int is_operator(char c)
{
    return c && strchr("<>=!~", c);
}

static int keep(Parser *p, size_t *used, char c)
{
    if (*used + 1 >= LONGEST_WORD) return complain(p, p->token, "too long");
    p->word[(*used)++] = c;
    p->word[*used] = 0;
    return 0;
}

/* A quote doubled stands for itself. */
static int read_quoted(Parser *p)
{
    const char quote = *p->at++;
    size_t used = 0;
    for (;; p->at++) {
        if (!*p->at) return complain(p, p->token, "the quote is never closed");
        if (*p->at == quote && p->at[1] != quote) break;
        p->at += *p->at == quote;
        const int code = keep(p, &used, *p->at);
        if (code) return code;
    }
    p->at++;
    p->kind = TOKEN_QUOTED;
    return 0;
}

static int read_word(Parser *p)
{
    size_t used = 0;
    p->kind = TOKEN_WORD;
    for (; *p->at && !isspace((unsigned char)*p->at) && !is_operator(*p->at) &&
           !strchr("()\"'", *p->at);
         p->at++) {
        const int code = keep(p, &used, *p->at);
        if (code) return code;
    }
    return 0;
}

static int next(Parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
    p->token = p->at;
    p->word[0] = 0;
    const char c = *p->at;
    if (!c) {
        p->kind = TOKEN_END;
    } else if (c == '(' || c == ')') {
        p->kind = c == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
        p->at++;
    } else if (is_operator(c)) {
        p->kind = TOKEN_OPERATOR;
        size_t used = 0;
        (void)keep(p, &used, *p->at++);
        if (*p->at == '=' && (c == '<' || c == '>' || c == '!')) (void)keep(p, &used, *p->at++);
        if (!strcmp(p->word, "!")) return complain(p, p->token, "did you mean != or not?");
    } else {
        return c == '"' || c == '\'' ? read_quoted(p) : read_word(p);
    }
    return 0;
}

static int is_keyword(const Parser *p, const char *keyword)
{
    return p->kind == TOKEN_WORD && !strcasecmp(p->word, keyword);
}

/* ---- Comparisons */

static int find_field(Parser *p, char column[64], const Field **text_field)
{
    *text_field = NULL;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (!strcasecmp(p->word, fields[i].name)) {
            strcpy(column, fields[i].column);
            if (fields[i].is_text) *text_field = &fields[i];
            return 0;
        }
    const int emotion = hedon_store_emotion(p->word);
    if (emotion < 0)
        return complain(p, p->token,
                        "no such field; there are the 27 emotions, utility, percentile, "
                        "duration, frames, width, height, size, views, path, root and error");
    strcpy(stpcpy(column, "e."), hedon_emotion_columns[emotion]);
    return 0;
}

static int add_value(Parser *p, HedonValue value)
{
    if (p->count == MOST_VALUES) return complain(p, p->token, "too many comparisons");
    if (value.kind == HEDON_VALUE_TEXT) {
        char *copy = hedon_strdup(value.bytes);
        if (!copy) return hedon_fail_memory(p->ctx);
        value.bytes = copy;
    }
    p->values[p->count++] = value;
    return 0;
}

static int compare_number(Parser *p, const char *column, const char *comparison)
{
    char *end;
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) return hedon_fail_memory(p->ctx);
    const double number = strtod_l(p->word, &end, c);
    freelocale(c);
    if (p->kind != TOKEN_WORD || !p->word[0] || *end || !isfinite(number))
        return complain(p, p->token, "a number is wanted here");
    if (!strcmp(comparison, "~"))
        return complain(p, p->token, "~ (contains) is for path, root and error");
    hedon_text_add(&p->sql, "%s %s $%d", column, !strcmp(comparison, "!=") ? "<>" : comparison,
                   p->first + p->count);
    return add_value(p, hedon_value_real(number));
}

static int compare_text(Parser *p, const Field *field, const char *comparison)
{
    char *made;
    const int contains = !strcmp(comparison, "~");
    for (char *c = p->word; contains && *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    const char *text = hedon_path_text(p->word, &made);
    if (!text) return hedon_fail_memory(p->ctx);
    if (contains)
        hedon_text_add(&p->sql, "@find(lower(%s), $%d) > 0", field->searched, p->first + p->count);
    else
        hedon_text_add(&p->sql, "%s %s $%d", field->column,
                       !strcmp(comparison, "!=") ? "<>" : comparison, p->first + p->count);
    const int code = add_value(p, hedon_value_text(text));
    hedon_free(made);
    return code;
}

static int parse_comparison(Parser *p)
{
    char column[64], comparison[4];
    const Field *field;
    if (p->kind != TOKEN_WORD && p->kind != TOKEN_QUOTED)
        return complain(p, p->token, "a comparison is wanted here, such as Joy > 0.3");
    int code = find_field(p, column, &field);
    if (!code) code = next(p);
    if (code) return code;
    if (p->kind != TOKEN_OPERATOR)
        return complain(p, p->token, "one of < <= > >= = != ~ is wanted here");
    strcpy(comparison, p->word);
    code = next(p);
    if (code) return code;
    if (p->kind != TOKEN_WORD && p->kind != TOKEN_QUOTED)
        return complain(p, p->token, "a value is wanted here");
    code = field ? compare_text(p, field, comparison) : compare_number(p, column, comparison);
    return code ? code : next(p);
}

/* ---- Joined */

static int parse_any(Parser *p);

static int parse_one(Parser *p)
{
    if (p->depth == DEEPEST) return complain(p, p->token, "nested too deep");
    int code;
    p->depth++;
    if (is_keyword(p, "not")) {
        hedon_text_add(&p->sql, "NOT (");
        code = next(p);
        if (!code) code = parse_one(p);
        hedon_text_add(&p->sql, ")");
    } else if (p->kind == TOKEN_OPEN) {
        hedon_text_add(&p->sql, "(");
        code = next(p);
        if (!code) code = parse_any(p);
        hedon_text_add(&p->sql, ")");
        if (!code && p->kind != TOKEN_CLOSE)
            code = complain(p, p->token, "a ) is wanted here, or 'and' or 'or'");
        if (!code) code = next(p);
    } else {
        code = parse_comparison(p);
    }
    p->depth--;
    return code;
}

static int parse_all(Parser *p)
{
    int code = parse_one(p);
    while (!code && is_keyword(p, "and")) {
        hedon_text_add(&p->sql, " AND ");
        code = next(p);
        if (!code) code = parse_one(p);
    }
    return code;
}

static int parse_any(Parser *p)
{
    int code = parse_all(p);
    while (!code && is_keyword(p, "or")) {
        hedon_text_add(&p->sql, " OR ");
        code = next(p);
        if (!code) code = parse_all(p);
    }
    return code;
}

static void free_values(HedonValue *values, int count)
{
    for (int i = 0; i < count; i++)
        if (values[i].kind == HEDON_VALUE_TEXT) hedon_free((char *)values[i].bytes);
}

int hedon_where_parse(HedonContext *ctx, HedonWhere *where, const char *text, int first)
{
    *where = (HedonWhere){0};
    Parser *p = hedon_calloc(1, sizeof(*p));
    if (!p) return hedon_fail_memory(ctx);
    p->ctx = ctx;
    p->start = p->at = text;
    p->first = first;
    hedon_text_add(&p->sql, "(");
    int code = next(p);
    if (!code) code = parse_any(p);
    if (!code && p->kind != TOKEN_END)
        code = complain(p, p->token, "'and', 'or' or nothing more is wanted here");
    hedon_text_add(&p->sql, ")");
    if (!code && p->sql.failed) code = hedon_fail_memory(ctx);
    if (!code) {
        where->values = hedon_calloc((size_t)p->count, sizeof(*where->values));
        if (!where->values) code = hedon_fail_memory(ctx);
    }
    if (code) {
        free_values(p->values, p->count);
        hedon_free(p->sql.bytes);
    } else {
        memcpy(where->values, p->values, (size_t)p->count * sizeof(*where->values));
        where->count = p->count;
        where->sql = p->sql.bytes;
    }
    hedon_free(p);
    return code;
}

void hedon_where_free(HedonWhere *where)
{
    free_values(where->values, where->count);
    hedon_free(where->values);
    hedon_free(where->sql);
    *where = (HedonWhere){0};
}
