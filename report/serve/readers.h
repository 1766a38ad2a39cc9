/* A store belongs to one thread at a time: a few of them, lent to whoever answers. */
#ifndef HEDON_REPORT_SERVE_READERS_H
#define HEDON_REPORT_SERVE_READERS_H

#include "store/store.h"

typedef struct HedonReaders HedonReaders;

typedef struct HedonReader {
    HedonContext *ctx;
    HedonStore *store;
} HedonReader;

int hedon_readers_new(HedonContext *ctx, HedonReaders **out, const char *place);
/** Borrow one, opened when none is free. NULL: the store cannot be opened (now). */
HedonReader *hedon_readers_take(HedonReaders *readers);
/** broken: its connection is not to be used again. */
void hedon_readers_give(HedonReaders *readers, HedonReader *reader, int broken);
void hedon_readers_free(HedonReaders *readers);

#endif
