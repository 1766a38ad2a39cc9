#include "score/json_writer.h"

#include <math.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

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
