/* A video file's name becomes a descriptor that can be read at any place. */
#ifndef HEDON_DECODE_WORKER_SOURCE_H
#define HEDON_DECODE_WORKER_SOURCE_H

#include <stdatomic.h>

#include "hedon.h"

/**
 * Open path here, so that the worker needs no right to open files. A pipe is first copied to an
 * unlinked temporary file in $TMPDIR or /var/tmp (indexes are at either end of a file).
 *
 * @param fd           set to a descriptor to close, -1 after a failure
 * @param path         "-" is standard input
 * @param silence_s    how long a named pipe may give nothing; standard input may take its time
 * @param interrupted  non-zero: stop waiting
 * @return 0; HEDON_ENOENT, HEDON_EISDIR, HEDON_EIO, HEDON_EDATA (not a file or pipe), HEDON_ELIMIT,
 *         HEDON_ECANCELLED
 */
int hedon_worker_source_open(HedonContext *ctx, int *fd, const char *path, double silence_s,
                             const atomic_int *interrupted);

#endif
