/* A pipe's content as a file: what needs to seek cannot read a pipe. */
#ifndef HEDON_BASE_SPOOL_H
#define HEDON_BASE_SPOOL_H

#include <stdatomic.h>

#include "hedon.h"

/* A named pipe may have no writer, and never get one: so long is waited for its next bytes. */
#define HEDON_NAMED_PIPE_SILENCE_S 5.0

/**
 * Copy everything that comes through a pipe to a temporary file without a name, which cannot be left
 * behind, in $TMPDIR or /var/tmp (/tmp is memory on many systems).
 *
 * @param fd           set to the copy's descriptor, to be closed; -1 after a failure
 * @param pipe         read to its end; stays the caller's
 * @param silence_s    how long nothing may come; HUGE_VAL: for ever
 * @param interrupted  non-zero: stop waiting; may be NULL
 * @return 0; HEDON_EIO, HEDON_ELIMIT (silence, or more than 64 GiB), HEDON_ECANCELLED, HEDON_ENOMEM
 */
int hedon_spool(HedonContext *ctx, int *fd, int pipe, double silence_s,
                const atomic_int *interrupted);

#endif
