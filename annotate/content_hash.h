/* The SHA-256 of a file's content: whether a file that looks changed has changed. */
#ifndef HEDON_ANNOTATE_CONTENT_HASH_H
#define HEDON_ANNOTATE_CONTENT_HASH_H

#include "hedon.h"

typedef struct HedonContent {
    char hash[65]; /* hexadecimal */
    int64_t size, mtime_ns;
} HedonContent;

/**
 * Read and hash a regular file. Never waits on what is none.
 *
 * @return 0; HEDON_ENOENT, HEDON_EISDIR, HEDON_EIO, HEDON_EINVAL for a pipe, socket or device,
 *         HEDON_ECANCELLED
 */
int hedon_content_hash(HedonContext *ctx, const char *path, HedonContent *content);
/** Size and time alone; whether they are those of content: 1 or 0. */
int hedon_content_is_current(const char *path, const HedonContent *content);

#endif
