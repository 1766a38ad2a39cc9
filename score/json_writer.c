#include "score/json_writer.h"

#include <math.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

int hedon_utf8_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return s[0] ? 1 : 0;
    const int length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* past U+10FFFF */
    return length;
}

void hedon_utf8_clean(char *out, size_t size, const char *text)
{
    size_t used = 0;
    while (*text) {
        const int length = hedon_utf8_length(text);
        const int control = length == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f);
        const char *piece = length ? control ? "?" : text : REPLACEMENT;
        const size_t bytes = length ? (size_t)length : strlen(REPLACEMENT);
        if (used + bytes + 1 > size) break;
        memcpy(out + used, piece, bytes);
        used += bytes;
        text += length ? length : 1;
    }
    out[used] = 0;
}

/* printf's own point would be the locale's: print digits and exponent, place the point ourselves.
 */
void hedon_format_number(char text[32], double value)
{
    if (value == 0) {
        strcpy(text, "0"); /* and no "-0" */
        return;
    }
    char digits[32];
    snprintf(digits, sizeof(digits), "%.6g", value);
    /* %.6g holds at most one run of bytes that is neither digit, sign nor exponent: the point */
    size_t used = 0;
    for (const char *p = digits; *p; p++) {
        if (strchr("0123456789+-e", *p))
            text[used++] = *p;
        else if (used && text[used - 1] != '.')
            text[used++] = '.';
    }
    text[used] = 0;
}

static void print_string(FILE *out, const char *s)
{
    fputc('"', out);
    while (*s) {
        const unsigned char c = (unsigned char)*s;
        const int length = hedon_utf8_length(s);
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c == '\t')
            fputs("\\t", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else if (length)
            fwrite(s, 1, (size_t)length, out);
        else
            fputs(REPLACEMENT, out);
        s += length ? length : 1;
    }
    fputc('"', out);
}

static void begin(HedonJson *json, const char *key)
{
    if (json->comma) fputc(',', json->out);
    json->comma = 1;
    if (!key) return;
    print_string(json->out, key);
    fputc(':', json->out);
}

void hedon_json_object(HedonJson *json, const char *key)
{
    begin(json, key);
    fputc('{', json->out);
    json->comma = 0;
}

void hedon_json_array(HedonJson *json, const char *key)
{
    begin(json, key);
    fputc('[', json->out);
    json->comma = 0;
}

void hedon_json_end_object(HedonJson *json)
{
    fputc('}', json->out);
    json->comma = 1;
}

void hedon_json_end_array(HedonJson *json)
{
    fputc(']', json->out);
    json->comma = 1;
}

void hedon_json_string(HedonJson *json, const char *key, const char *value)
{
    if (!value) {
        hedon_json_null(json, key);
        return;
    }
    begin(json, key);
    print_string(json->out, value);
}

void hedon_json_number(HedonJson *json, const char *key, double value)
{
    if (!isfinite(value)) {
        hedon_json_null(json, key);
        return;
    }
    char text[32];
    hedon_format_number(text, value);
    hedon_json_raw(json, key, text);
}

void hedon_json_integer(HedonJson *json, const char *key, int64_t value)
{
    begin(json, key);
    fprintf(json->out, "%lld", (long long)value);
}

void hedon_json_bool(HedonJson *json, const char *key, int value)
{
    hedon_json_raw(json, key, value ? "true" : "false");
}

void hedon_json_null(HedonJson *json, const char *key)
{
    hedon_json_raw(json, key, "null");
}

void hedon_json_raw(HedonJson *json, const char *key, const char *value)
{
    begin(json, key);
    fputs(value, json->out);
}
