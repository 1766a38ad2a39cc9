/* What the hedon-decode process may still do once it starts reading hostile files. */
#ifndef HEDON_DECODE_SANDBOX_H
#define HEDON_DECODE_SANDBOX_H

#include <stdint.h>

/* What the process works with. A GPU's driver opens its devices again and again and talks to the
 * kernel through them: its process is allowed more. */
typedef enum HedonSandbox { HEDON_SANDBOX_CPU, HEDON_SANDBOX_GPU } HedonSandbox;

/**
 * Before a GPU's driver is started (libraries may be loaded already): from now on files can be
 * opened only below the system's directories and of /proc what is about this process and the
 * machine, to read, and NVIDIA's devices. Nothing in a home, in /etc but the loader's list, or in
 * /tmp; and no memory of other processes. By Landlock, which holds for the calling thread and those
 * that it will start: there must be no others.
 *
 * @return 0; -1: the kernel has no Landlock (before Linux 5.13, or switched off), or there are
 *         threads
 */
int hedon_sandbox_files(void);

/**
 * Limit this process: address space, no core dumps, few descriptors.
 *
 * @param max_memory  bytes of address space and of any memory file; 0: no limit. For a GPU, besides
 * the addresses that are taken now: its driver reserves far more than there is memory
 */
void hedon_sandbox_limits(HedonSandbox sandbox, int64_t max_memory);

/**
 * From now on only the system calls that decoding needs succeed (reading open descriptors, memory,
 * threads, the socket); opening files, sockets, programs and executable memory fails with EPERM.
 * For a GPU opening files is left to hedon_sandbox_files, which must have succeeded, and what a
 * driver needs is allowed: ioctl, eventfd, asking about files and this process, memory placement.
 * Applies to all threads. Best effort: does nothing where libseccomp was not there at build time,
 * on kernels without it, and in sanitizer builds, whose runtime needs more.
 */
void hedon_sandbox_enter(HedonSandbox sandbox);

#endif
