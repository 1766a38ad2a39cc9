/* The bytes of one input: a regular file as it is, or a pipe copied to an unlinked temporary. */
#ifndef HEDON_DECODE_BYTES_H
#define HEDON_DECODE_BYTES_H

#include "hedon.h"

typedef struct HedonBytes {
    int fd; /* -1: none */
    int owned;
    int64_t size;
} HedonBytes;

/**
 * @param path  file name, "-" for standard input, or "fd:N"
 * @return 0; HEDON_ENOENT, HEDON_EISDIR, HEDON_EDATA (empty, or a device), HEDON_ELIMIT (nothing
 *         comes through a named pipe), HEDON_EIO,
 *         HEDON_ECANCELLED, HEDON_ENOMEM. Close with hedon_bytes_close, also after a failure.
 */
int hedon_bytes_open(HedonContext *ctx, HedonBytes *out, const char *path);
/** Reads up to count bytes at offset: their number, short only at the end, or -1 with errno. */
int64_t hedon_bytes_read(const HedonBytes *bytes, void *into, int64_t count, int64_t offset);
void hedon_bytes_close(HedonBytes *bytes);

#endif
