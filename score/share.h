/* How the cores are shared between decoding and computing. */
#ifndef HEDON_SCORE_SHARE_H
#define HEDON_SCORE_SHARE_H

#include <stdint.h>

typedef struct HedonShare {
    int compute_threads; /* of the model */
    int workers;         /* decoder processes */
    int decode_threads;  /* decoders in each of them, on stretches of one video */
} HedonShare;

/**
 * A light model (under a billion operations a clip: lowlevel) costs next to nothing beside
 * decoding: it computes on one thread, which mostly waits, and decoding gets every core, one video
 * a core, or all of them on the one video there is.
 *
 * A heavy model gets every core on machines with fewer than four, with one single-threaded decoder
 * that the bounded queue keeps a few clips ahead; on larger ones a quarter of the cores decodes.
 *
 * @param cores   that may be used, at least 1
 * @param flops   operations of one clip
 * @param videos  that will come, 0 when unknown
 * @param workers wanted by the user, 0 when free
 */
HedonShare hedon_share_cores(int cores, double flops, int64_t videos, int workers);

#endif
