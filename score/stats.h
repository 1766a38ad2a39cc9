/* What a run's parts have counted, as the public statistics. */
#ifndef HEDON_SCORE_STATS_H
#define HEDON_SCORE_STATS_H

#include "score/streams.h"

typedef struct HedonRunTotals {
    double wall_s;
    double process_cpu_s; /* of all threads of this process */
    double deliver_cpu_s, deliver_starved_s; /* of the calling thread */
    double ring_blocked_s; /* loader threads waited for earlier videos to finish */
    int64_t videos, failed, clips;
    HedonLoaderStats loader;
    HedonStreamsStats streams;
} HedonRunTotals;

void hedon_stats_make(HedonScorerStats *stats, const HedonScorer *scorer,
                      const HedonRunTotals *totals);

#endif
