/* Starting this program several times, as the ranks of one training run. */
#ifndef HEDON_TOOLS_LAUNCH_RANKS_H
#define HEDON_TOOLS_LAUNCH_RANKS_H

#include "hedon.h"

/* An environment variable of the ranks, whose standard error is a pipe of mpirun's: it is set when
 * a terminal stands at the other end. */
#define HEDON_LAUNCHED_FROM_TERMINAL "HEDON_LAUNCHED_FROM_TERMINAL"

/**
 * Run `hedon WORD... ARGUMENT...` as so many processes of this machine under mpirun, and wait.
 *
 * Ctrl-C and SIGTERM ask all of them to stop after their step; a second one ends them at once.
 *
 * @param words      "train vce": what stands between hedon and the arguments
 * @param arguments  NULL-terminated
 * @param status     their exit status; 128 + the signal when one of them was killed
 * @return 0; HEDON_EUNSUPPORTED when there is no mpirun; HEDON_ENOMEM, HEDON_EIO
 */
int hedon_launch_ranks(HedonContext *ctx, int ranks, const char *words, char *const *arguments,
                       int *status);

#endif
