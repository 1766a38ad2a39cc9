/* How the cores are shared between decoding and computing. */
#ifndef HEDON_SCORE_SHARE_H
#define HEDON_SCORE_SHARE_H

#include <stdint.h>

typedef struct HedonShare {
    int streams;        /* batches computed at once */
    int stream_threads; /* of each */
    int workers;        /* decoder processes */
    int decode_threads; /* decoders in each of them, on stretches of one video */
} HedonShare;

/* 0: not said. */
typedef struct HedonShareWish {
    int64_t videos; /* that will come */
    int streams, workers;
} HedonShareWish;

/**
 * Several videos (or nobody knows how many): as many computing streams as cores, each alone on its
 * clip, and as many decoders. Whoever has work runs: a decoder that is ahead is stopped by the bounded
 * queue, a stream without a clip waits, and the system shares out the cores; nobody ever waits at a
 * barrier for a thread that was preempted. More than 16 streams would need much memory for
 * activations: then each gets several threads.
 *
 * A single video: a light model (under a billion operations a clip: lowlevel) computes on one thread,
 * and all cores decode. A heavy one has all cores compute each clip together on machines with fewer
 * than four, beside one decoder that the queue keeps a few clips ahead; on larger ones a quarter of
 * the cores decodes.
 *
 * @param cores  that may be used, at least 1
 * @param flops  operations of one clip
 */
HedonShare hedon_share_cores(int cores, double flops, HedonShareWish wish);

#endif
