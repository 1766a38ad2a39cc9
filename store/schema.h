/* The tables, as numbered migrations: what a store of any earlier version becomes. */
#ifndef HEDON_STORE_SCHEMA_H
#define HEDON_STORE_SCHEMA_H

#include "hedon.h"

typedef struct HedonStore HedonStore;

/** Columns of the table `emotions`, in VCE's order: "admiration", …, "awe", …, "surprise". */
extern const char *const hedon_emotion_columns[HEDON_EMOTIONS];

/** Bring a store to this version, a new one from nothing. HEDON_EDATA for one of a later version.
 */
int hedon_schema_migrate(HedonContext *ctx, HedonStore *store, int is_new);
/** Whether a store that may not be written can be read. HEDON_EDATA. */
int hedon_schema_check(HedonContext *ctx, HedonStore *store);

#endif
