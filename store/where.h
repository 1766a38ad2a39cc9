/* Conditions as people write them, for `hedon top --where`:
 *
 *     Joy > .3 and duration < 60 and not (path ~ holiday or "Aesthetic Appreciation" <= 0.1)
 *
 * FIELD OPERATOR VALUE, joined by and, or, not and parentheses. Fields are the emotions ("Awe (or
 * Wonder)", awe, aesthetic_appreciation, in any case), utility (or wellbeing), percentile,
 * duration, frames, width, height, size, views, path, root and error. Numbers compare with numbers,
 * text with text; ~ means "contains", whatever the case of A to Z. Values never become part of the
 * SQL.
 */
#ifndef HEDON_STORE_WHERE_H
#define HEDON_STORE_WHERE_H

#include "store/backend.h"

typedef struct HedonWhere {
    char *sql;          /* over the aliases of store/query.c; parameters numbered from `first` */
    HedonValue *values; /* texts are the condition's own */
    int count;
} HedonWhere;

/** first: the number of the first parameter. HEDON_EINVAL with what is wrong and where. */
int hedon_where_parse(HedonContext *ctx, HedonWhere *where, const char *text, int first);
void hedon_where_free(HedonWhere *where);

#endif
