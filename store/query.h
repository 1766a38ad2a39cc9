/* The statements of reading: rows of results or errors, in an order that an index has. */
#ifndef HEDON_STORE_QUERY_H
#define HEDON_STORE_QUERY_H

#include "store/backend.h"
#include "store/text.h"
#include "store/where.h"

typedef enum HedonQueryPart {
    HEDON_PART_RESULTS,
    HEDON_PART_ERRORS,
    HEDON_PART_BOTH
} HedonQueryPart;

/* The columns of a row. */
enum {
    ROW_ID,
    ROW_PATH,
    ROW_ROOT,
    ROW_HASH,
    ROW_SIZE,
    ROW_MTIME,
    ROW_ANNOTATED,
    ROW_OUTCOME,
    ROW_DURATION,
    ROW_FRAMES,
    ROW_WIDTH,
    ROW_HEIGHT,
    ROW_DAMAGED,
    ROW_LOST,
    ROW_VIEWS,
    ROW_EMOTIONS_SD,
    ROW_UTILITY,
    ROW_PERCENTILE,
    ROW_UTILITY_SD,
    ROW_ERROR_CODE,
    ROW_ERROR,
    ROW_EMOTIONS,
    ROW_CLIP_COUNT = ROW_EMOTIONS + HEDON_EMOTIONS,
    ROW_CLIPS,
    ROW_COUNT
};

enum { HEDON_QUERY_PARAMETERS = 300 };

typedef struct HedonQueryText {
    HedonText text;
    HedonWhere where;
    char *path; /* as text, when it had to be made */
    HedonValue values[HEDON_QUERY_PARAMETERS];
    int count;
} HedonQueryText;

/** By utility or an emotion: only results have a place in it. */
int hedon_query_is_ranking(const HedonStoreQuery *query);
/* q starts as zeros. HEDON_EINVAL for a wrong condition; hedon_query_free in any case. */
int hedon_query_rows(HedonContext *ctx, HedonQueryText *q, const HedonStoreQuery *query,
                     HedonQueryPart part, int64_t offset, int64_t limit);
/** One row with one number. */
int hedon_query_count(HedonContext *ctx, HedonQueryText *q, const HedonStoreQuery *query,
                      HedonQueryPart part);
void hedon_query_free(HedonQueryText *q);

#endif
