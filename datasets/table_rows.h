/* Rows of a CSV, TSV or JSONL file, one at a time, as names and texts. */
#ifndef HEDON_DATASETS_TABLE_ROWS_H
#define HEDON_DATASETS_TABLE_ROWS_H

#include "base/mapped_file.h"
#include "hedon.h"

enum { HEDON_TABLE_COLUMNS = 1024, HEDON_TABLE_ROW = 1 << 20 };

typedef enum HedonTableFormat {
    HEDON_TABLE_CSV,
    HEDON_TABLE_TSV,
    HEDON_TABLE_JSONL
} HedonTableFormat;

/* CSV and TSV: RFC 4180 with a header line; a quoted field may contain line breaks. JSONL: an
 * object a line; what is nested is named with dots ("emotions.Joy", "pair.0"); null, true and false
 * are absent, "1" and "0". */
typedef struct HedonTableRows {
    HedonContext *ctx;
    HedonMappedFile file;
    HedonTableFormat format;
    const char *at, *end;
    int64_t line; /* where the row began, from 1 */
    int64_t next_line;
    int count;            /* fields of the row */
    const char **name;    /* of each; the same in every row of a CSV */
    const char **value;   /* terminated; "" when the field is empty */
    char *names, *buffer; /* what they point into */
    size_t used;
} HedonTableRows;

/** The format by the file's name; -1 when its ending is not one of .csv .tsv .jsonl .ndjson. */
int hedon_table_format(const char *path);
/** Reads the header. Close also after a failure. */
int hedon_table_open(HedonContext *ctx, HedonTableRows *rows, const char *path,
                     HedonTableFormat format);
/** 1: the next row is there; 0: no more; HEDON_EDATA with "line N: ...", HEDON_ELIMIT. Empty lines
 * are passed over. */
int hedon_table_next(HedonTableRows *rows);
void hedon_table_close(HedonTableRows *rows);

#endif
