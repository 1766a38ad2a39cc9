#include "datasets/json_reader.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

int hedon_json_open(HedonContext *ctx, HedonJsonReader *reader, const char *path)
{
    HedonMappedFile file;
    const int code = hedon_mapped_open(ctx, &file, path);
    hedon_json_open_bytes(ctx, reader, file.data ? (const char *)file.data : "", file.size);
    reader->file = file;
    reader->code = code;
    return code;
}

void hedon_json_open_bytes(HedonContext *ctx, HedonJsonReader *reader, const void *bytes,
                           size_t size)
{
    const char *start = bytes;
    *reader = (HedonJsonReader){
        .ctx = ctx, .start = start, .at = start, .end = start + size, .first_line = 1};
}

void hedon_json_close(HedonJsonReader *reader)
{
    hedon_mapped_close(&reader->file);
    hedon_free(reader->decoded);
    reader->decoded = NULL;
}

/* ---- Mistakes ------------------------------------------------------------------------------- */

static void place(const HedonJsonReader *reader, int64_t *line, int64_t *column)
{
    *line = reader->first_line;
    const char *begin = reader->start;
    for (const char *p; (p = memchr(begin, '\n', (size_t)(reader->at - begin))); begin = p + 1)
        ++*line;
    *column = reader->at - begin + 1;
}

int64_t hedon_json_line(const HedonJsonReader *reader)
{
    int64_t line, column;
    place(reader, &line, &column);
    return line;
}

int hedon_json_refuse(HedonJsonReader *reader, const char *fmt, ...)
{
    if (reader->code) return reader->code;
    char sentence[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    int64_t line, column;
    place(reader, &line, &column);
    reader->code = hedon_fail(reader->ctx, HEDON_EDATA, "line %lld, column %lld: %s",
                              (long long)line, (long long)column, sentence);
    return reader->code;
}

static int refuse_kind(HedonJsonReader *reader, const char *wanted)
{
    const int kind = hedon_json_peek(reader);
    if (reader->code) return reader->code;
    if (reader->at == reader->end)
        return hedon_json_refuse(reader, "the file ends where %s is wanted", wanted);
    const char *found = kind == '{'                                 ? "an object"
                        : kind == '['                               ? "an array"
                        : kind == '"'                               ? "a string"
                        : kind == '0'                               ? "a number"
                        : kind == 't' || kind == 'f' || kind == 'n' ? "true, false or null"
                                                                    : "something else";
    return hedon_json_refuse(reader, "%s where %s is wanted", found, wanted);
}

/* ---- Structure ------------------------------------------------------------------------------ */

static void skip_space(HedonJsonReader *reader)
{
    const char *p = reader->at;
    while (p < reader->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    reader->at = p;
}

int hedon_json_peek(HedonJsonReader *reader)
{
    if (reader->code) return 0;
    skip_space(reader);
    if (reader->at == reader->end) return 0;
    const char c = *reader->at;
    if (c == '-' || (c >= '0' && c <= '9')) return '0';
    return c == '{' || c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n' ? c : 0;
}

static int begin(HedonJsonReader *reader, char open, const char *wanted)
{
    if (hedon_json_peek(reader) != open) return refuse_kind(reader, wanted);
    if (reader->depth == HEDON_JSON_DEPTH)
        return hedon_json_refuse(reader, "nested more than %d deep", HEDON_JSON_DEPTH);
    reader->depth++;
    reader->fresh = 1;
    reader->at++;
    return 0;
}

/* 1 when an element follows, 0 when it was the end. */
static int next(HedonJsonReader *reader, char close)
{
    if (reader->code) return reader->code;
    const int fresh = reader->fresh;
    reader->fresh = 0;
    skip_space(reader);
    if (reader->at == reader->end)
        return hedon_json_refuse(reader, "the file ends inside an %s",
                                 close == '}' ? "object" : "array");
    if (*reader->at == close) {
        reader->at++;
        reader->depth--;
        return 0;
    }
    if (fresh) return 1;
    if (*reader->at != ',') return hedon_json_refuse(reader, "a comma or %c is wanted", close);
    reader->at++;
    skip_space(reader);
    if (reader->at < reader->end && *reader->at == close)
        return hedon_json_refuse(reader, "a comma before %c", close);
    return 1;
}

int hedon_json_begin_object(HedonJsonReader *reader)
{
    return begin(reader, '{', "an object");
}

int hedon_json_begin_array(HedonJsonReader *reader)
{
    return begin(reader, '[', "an array");
}

int hedon_json_next_element(HedonJsonReader *reader)
{
    return next(reader, ']');
}

int hedon_json_next_key(HedonJsonReader *reader, HedonJsonText *key)
{
    const int more = next(reader, '}');
    if (more <= 0) return more;
    const int code = hedon_json_text(reader, key);
    if (code) return code;
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != ':')
        return hedon_json_refuse(reader, "a colon is wanted");
    reader->at++;
    return 1;
}

int hedon_json_finish(HedonJsonReader *reader)
{
    if (reader->code) return reader->code;
    skip_space(reader);
    return reader->at == reader->end
               ? 0
               : hedon_json_refuse(reader, "something follows the JSON value");
}

/* ---- Strings -------------------------------------------------------------------------------- */

/* Length of the UTF-8 character at p, 0 when it is not one. */
static int utf8_length(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    const int length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (!length || s[0] > 0xf4 || end - p < length) return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    const int overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    const int surrogate = s[0] == 0xed && s[1] > 0x9f;
    return overlong || surrogate || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : length;
}

static int hex4(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const char c = p[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

static int put_utf8(char *out, long c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    for (int i = more; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[more] | c);
    return more + 1;
}

/* reader->at is behind the backslash; writes what the escape stands for, at most 4 bytes. */
static int unescape(HedonJsonReader *reader, char *out, int *written)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char letter = reader->at < reader->end ? *reader->at : 0;
    const char *simple = letter ? strchr(from, letter) : NULL;
    if (simple) {
        reader->at++;
        *out = to[simple - from];
        *written = 1;
        return 0;
    }
    if (letter != 'u') return hedon_json_refuse(reader, "an unknown escape in a string");
    long c = hex4(reader->at + 1, reader->end);
    if (c < 0) return hedon_json_refuse(reader, "\\u needs four hexadecimal digits");
    if (c == 0) return hedon_json_refuse(reader, "a string contains \\u0000");
    reader->at += 5;
    if (c >= 0xdc00 && c <= 0xdfff) return hedon_json_refuse(reader, "half a surrogate pair");
    if (c >= 0xd800 && c <= 0xdbff) {
        const int pair =
            reader->end - reader->at > 2 && reader->at[0] == '\\' && reader->at[1] == 'u';
        const int low = pair ? hex4(reader->at + 2, reader->end) : -1;
        if (low < 0xdc00 || low > 0xdfff) return hedon_json_refuse(reader, "half a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        reader->at += 6;
    }
    *written = put_utf8(out, c);
    return 0;
}

static int refuse_long(HedonJsonReader *reader)
{
    return hedon_json_refuse(reader, "a string of more than %d bytes", HEDON_JSON_STRING);
}

/* The rest of a string that has escapes; `begin` is its first byte. */
static int decode(HedonJsonReader *reader, const char *first, HedonJsonText *text)
{
    if (!reader->decoded && !(reader->decoded = hedon_malloc(HEDON_JSON_STRING + 8, 1)))
        return reader->code = hedon_fail_memory(reader->ctx);
    size_t used = (size_t)(reader->at - first);
    memcpy(reader->decoded, first, used);
    while (reader->at < reader->end && *reader->at != '"') {
        int length = 0;
        if (used > HEDON_JSON_STRING) return refuse_long(reader);
        if (*reader->at == '\\') {
            reader->at++;
            const int code = unescape(reader, reader->decoded + used, &length);
            if (code) return code;
        } else {
            length = (unsigned char)*reader->at < 0x20 ? 0 : utf8_length(reader->at, reader->end);
            if (!length) return hedon_json_refuse(reader, "a string with bytes that are not UTF-8");
            memcpy(reader->decoded + used, reader->at, (size_t)length);
            reader->at += length;
        }
        used += (size_t)length;
    }
    if (reader->at == reader->end)
        return hedon_json_refuse(reader, "the file ends inside a string");
    if (used > HEDON_JSON_STRING) return refuse_long(reader);
    reader->at++;
    *text = (HedonJsonText){reader->decoded, used};
    return 0;
}

int hedon_json_text(HedonJsonReader *reader, HedonJsonText *text)
{
    if (hedon_json_peek(reader) != '"') return refuse_kind(reader, "a string");
    const char *first = reader->at + 1, *p = first;
    while (p < reader->end) {
        const unsigned char c = (unsigned char)*p;
        if (c == '"') break;
        const int length = c == '\\' || c < 0x20 ? 0 : c < 0x80 ? 1 : utf8_length(p, reader->end);
        if (!length || p - first > HEDON_JSON_STRING) break;
        p += length;
    }
    reader->at = p;
    if (p == reader->end) return hedon_json_refuse(reader, "the file ends inside a string");
    if (p - first > HEDON_JSON_STRING) return refuse_long(reader);
    if (*p == '\\') return decode(reader, first, text);
    if (*p != '"')
        return hedon_json_refuse(reader, (unsigned char)*p < 0x20
                                             ? "a line break or control character inside a string"
                                             : "a string with bytes that are not UTF-8");
    reader->at = p + 1;
    *text = (HedonJsonText){first, (size_t)(p - first)};
    return 0;
}

int hedon_json_text_is(HedonJsonText text, const char *word)
{
    return strlen(word) == text.size && !memcmp(text.data, word, text.size);
}

/* ---- Numbers -------------------------------------------------------------------------------- */

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* Past the number at p by JSON's grammar, NULL when it is not one. */
static const char *number_end(const char *p, const char *end)
{
    p += *p == '-';
    if (p == end || *p < '0' || *p > '9') return NULL;
    p = *p == '0' ? p + 1 : digits(p, end);
    if (p < end && *p == '.') {
        const char *from = p + 1;
        p = digits(from, end);
        if (p == from) return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        const char *from = p;
        p = digits(from, end);
        if (p == from) return NULL;
    }
    return p;
}

/* Plain decimals of up to 15 digits: both the digits and the power of ten are exact doubles, so
 * that one division rounds correctly (Clinger, PLDI 1990). 0 when the number is not such a one. */
static int exact(const char *p, const char *end, double *value)
{
    static const double power[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    if (end - p > 16) return 0;
    int64_t mantissa = 0;
    int decimals = 0, point = 0, count = 0;
    const int negative = *p == '-';
    for (p += negative; p < end; p++) {
        if (*p == '.') {
            point = 1;
        } else if (*p >= '0' && *p <= '9') {
            mantissa = mantissa * 10 + (*p - '0');
            decimals += point;
            count++;
        } else {
            return 0;
        }
    }
    if (count > 15) return 0;
    *value = (double)mantissa / power[decimals];
    if (negative) *value = -*value;
    return 1;
}

int hedon_json_real(HedonJsonReader *reader, double *value)
{
    if (hedon_json_peek(reader) != '0') return refuse_kind(reader, "a number");
    const char *end = number_end(reader->at, reader->end);
    if (!end) return hedon_json_refuse(reader, "not a number by JSON's rules");
    if (!exact(reader->at, end, value)) {
        char copy[128];
        const size_t size = (size_t)(end - reader->at);
        if (size >= sizeof(copy))
            return hedon_json_refuse(reader, "a number of %zu characters", size);
        memcpy(copy, reader->at, size);
        copy[size] = 0;
        /* glibc's "C" locale is a constant: this allocates nothing */
        const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        *value = strtod_l(copy, NULL, c);
        freelocale(c);
        if (!isfinite(*value)) return hedon_json_refuse(reader, "the number %s is too large", copy);
    }
    reader->at = end;
    return 0;
}

/* ---- Whatever it is ------------------------------------------------------------------------- */

static int skip_word(HedonJsonReader *reader)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        const size_t size = strlen(words[i]);
        if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, words[i], size))
            continue;
        reader->at += size;
        return 0;
    }
    return hedon_json_refuse(reader, "neither a value nor true, false or null");
}

/* Depth is bounded by begin. */
int hedon_json_skip(HedonJsonReader *reader)
{
    HedonJsonText text;
    double number;
    int more;
    switch (hedon_json_peek(reader)) {
    case '{':
        hedon_json_begin_object(reader);
        while ((more = hedon_json_next_key(reader, &text)) > 0) hedon_json_skip(reader);
        return more;
    case '[':
        hedon_json_begin_array(reader);
        while ((more = hedon_json_next_element(reader)) > 0) hedon_json_skip(reader);
        return more;
    case '"':
        return hedon_json_text(reader, &text);
    case '0':
        return hedon_json_real(reader, &number);
    case 't':
    case 'f':
    case 'n':
        return skip_word(reader);
    default:
        return refuse_kind(reader, "a value");
    }
}
