/* A strict, streaming JSON reader for label files: nothing is built in memory, strings point into
 * the mapped file. VCE's 55 MB take it a quarter of a second, and jansson five times as long; and
 * unlike a tree it still knows the place when a value turns out to be of the wrong kind.
 *
 * The caller asks for what it expects. The first mistake, of syntax (RFC 8259, UTF-8 included) or
 * of kind, leaves "line 3, column 14: ..." in the context, and every later call returns the same
 * code.
 */
#ifndef HEDON_DATASETS_JSON_READER_H
#define HEDON_DATASETS_JSON_READER_H

#include "base/mapped_file.h"
#include "hedon.h"

enum { HEDON_JSON_DEPTH = 32, HEDON_JSON_STRING = 4096 };

/* Not terminated. Borrowed until the next string with escapes, or close. */
typedef struct HedonJsonText {
    const char *data;
    size_t size;
} HedonJsonText;

typedef struct HedonJsonReader {
    HedonContext *ctx;
    HedonMappedFile file; /* empty when reading from memory */
    const char *start, *at, *end;
    int64_t first_line; /* of start, for messages; 1 */
    int depth, fresh;   /* fresh: an object or array was begun and nothing is read of it yet */
    int code;
    char *decoded; /* of the last string with escapes; HEDON_JSON_STRING bytes, allocated when
                      needed */
} HedonJsonReader;

/** HEDON_ENOENT, HEDON_EISDIR, HEDON_EDATA, HEDON_EIO. Close also after a failure of reading. */
int hedon_json_open(HedonContext *ctx, HedonJsonReader *reader, const char *path);
/** Of bytes that outlive the reader. */
void hedon_json_open_bytes(HedonContext *ctx, HedonJsonReader *reader, const void *bytes,
                           size_t size);
void hedon_json_close(HedonJsonReader *reader);

/** What comes next: one of { [ " 0 t f n, or 0 at the end or where no value begins. */
int hedon_json_peek(HedonJsonReader *reader);

/* begin, then next until it returns 0 (that was the end) or a negative code; between them exactly
 * one value is to be read, or skipped, after each 1. */
int hedon_json_begin_object(HedonJsonReader *reader);
int hedon_json_next_key(HedonJsonReader *reader, HedonJsonText *key);
int hedon_json_begin_array(HedonJsonReader *reader);
int hedon_json_next_element(HedonJsonReader *reader);

/** Strings of more than HEDON_JSON_STRING bytes and those that contain \u0000 are refused. */
int hedon_json_text(HedonJsonReader *reader, HedonJsonText *text);
/** As strtod rounds it, in any locale; what overflows a double is refused. */
int hedon_json_real(HedonJsonReader *reader, double *value);
/** A value of any kind. */
int hedon_json_skip(HedonJsonReader *reader);
/** That nothing but white space is left. */
int hedon_json_finish(HedonJsonReader *reader);

/** HEDON_EDATA with the place in front of the sentence; for callers that refuse a value. */
int hedon_json_refuse(HedonJsonReader *reader, const char *fmt, ...) HEDON_PRINTF(2, 3);
/** The line that the reader is in, from 1. Counts from the start: for messages. */
int64_t hedon_json_line(const HedonJsonReader *reader);

int hedon_json_text_is(HedonJsonText text, const char *word);

#endif
