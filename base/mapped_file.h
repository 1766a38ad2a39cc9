/* A regular file mapped read-only. */
#ifndef HEDON_BASE_MAPPED_FILE_H
#define HEDON_BASE_MAPPED_FILE_H

#include "hedon.h"

typedef struct HedonMappedFile {
    const uint8_t *data; /* NULL when empty */
    size_t size;
} HedonMappedFile;

/** HEDON_ENOENT, HEDON_EISDIR, HEDON_EDATA (not a regular file), HEDON_EIO. */
int hedon_mapped_open(HedonContext *ctx, HedonMappedFile *out, const char *path);
void hedon_mapped_close(HedonMappedFile *file);

#endif
