/* JSON written straight to a stream: a timeline of any length costs no memory here. Keys come in
 * the order of the calls; numbers have six significant digits in any locale. */
#ifndef HEDON_SCORE_JSON_WRITER_H
#define HEDON_SCORE_JSON_WRITER_H

#include <stdint.h>
#include <stdio.h>

#include "base/utf8.h"

typedef struct HedonJson {
    FILE *out;
    int comma; /* before the next value */
} HedonJson;

/* key NULL: an array's element, or the document itself. */
void hedon_json_object(HedonJson *json, const char *key);
void hedon_json_array(HedonJson *json, const char *key);
void hedon_json_end_object(HedonJson *json);
void hedon_json_end_array(HedonJson *json);
/** Bytes that are not UTF-8 become U+FFFD. NULL becomes null. */
void hedon_json_string(HedonJson *json, const char *key, const char *value);
/** What is not finite becomes null. */
void hedon_json_number(HedonJson *json, const char *key, double value);
void hedon_json_integer(HedonJson *json, const char *key, int64_t value);
void hedon_json_bool(HedonJson *json, const char *key, int value);
void hedon_json_null(HedonJson *json, const char *key);
/** A finished JSON value. */
void hedon_json_raw(HedonJson *json, const char *key, const char *value);

/** Six significant digits with a decimal point, as JSON and CSV take them: "0.5", "1e-07", "12". */
void hedon_format_number(char text[32], double value);

#endif
