/* How many decoders and computing streams a run should have, from what its first videos cost. */
#ifndef HEDON_ANNOTATE_MEASURE_H
#define HEDON_ANNOTATE_MEASURE_H

#include "hedon.h"

typedef struct HedonMeasuredShare {
    int workers, streams;
} HedonMeasuredShare;

/**
 * Shares out cores in proportion to the processor time that decoding (with opening and
 * pre-processing) and inference take, a quarter more of each than that, so that neither waits when
 * videos differ: a decoder that is not needed costs memory and a process, a stream its activations.
 *
 * @return 1; 0 when too little was measured yet
 */
int hedon_measure_share(const HedonScorerStats *stats, HedonMeasuredShare *share);

#endif
