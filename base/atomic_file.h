/* Files that appear whole or not at all: written beside their name, synced, renamed. */
#ifndef HEDON_BASE_ATOMIC_FILE_H
#define HEDON_BASE_ATOMIC_FILE_H

#include <stdio.h>

#include "hedon.h"

typedef struct HedonAtomicFile HedonAtomicFile;

/** Start writing path. "-" is standard output; that, devices and pipes are written directly. */
int hedon_atomic_open(HedonContext *ctx, HedonAtomicFile **out, const char *path);
/** The stream to write to; owned by the file. */
FILE *hedon_atomic_stream(HedonAtomicFile *file);
/** Flush, sync, rename into place; frees file also on failure (the temporary is then removed). */
int hedon_atomic_commit(HedonContext *ctx, HedonAtomicFile *file);
/** Remove the temporary and free; NULL is fine. */
void hedon_atomic_abort(HedonAtomicFile *file);

#endif
