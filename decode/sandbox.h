/* What the hedon-decode process may still do once it starts reading hostile files. */
#ifndef HEDON_DECODE_SANDBOX_H
#define HEDON_DECODE_SANDBOX_H

#include <stdint.h>

/**
 * Limit this process: address space, no core dumps, few descriptors.
 *
 * @param max_memory  bytes of address space and of any memory file; 0: no limit
 */
void hedon_sandbox_limits(int64_t max_memory);

/**
 * From now on only the system calls that decoding needs succeed (reading open descriptors, memory,
 * threads, the socket); opening files, sockets, programs and executable memory fails with EPERM.
 * Applies to all threads. Best effort: does nothing where libseccomp was not there at build time,
 * on kernels without it, and in sanitizer builds, whose runtime needs more.
 */
void hedon_sandbox_enter(void);

#endif
