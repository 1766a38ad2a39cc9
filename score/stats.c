#include "score/stats.h"

/* Streams of several threads lead teams, whose processor time no thread's clock has: it is what
 * remains of the process's. */
static double inference_cpu_s(const HedonScorer *scorer, const HedonRunTotals *totals)
{
    if (scorer->share.stream_threads == 1) return totals->streams.cpu_s;
    const double others_s = totals->deliver_cpu_s + totals->loader.thread_cpu_s;
    return totals->process_cpu_s > others_s ? totals->process_cpu_s - others_s : 0;
}

void hedon_stats_make(HedonScorerStats *stats, const HedonScorer *scorer,
                      const HedonRunTotals *totals)
{
    const HedonLoaderStats *loader = &totals->loader;
    const HedonStreamsStats *streams = &totals->streams;
    const HedonShare *share = &scorer->share;
    const double starved_s = loader->starved_s - totals->ring_blocked_s;
    *stats = (HedonScorerStats){
        .wall_s = totals->wall_s,
        .stage = {[HEDON_STAGE_OPEN] = {.lanes = share->workers,
                                        .busy_s = loader->open_s,
                                        .cpu_s = loader->open_cpu_s,
                                        .starved_s = starved_s > 0 ? starved_s : 0,
                                        .blocked_s = totals->ring_blocked_s},
                  [HEDON_STAGE_DECODE] = {.lanes = share->workers,
                                          .busy_s = loader->decode_s,
                                          .cpu_s = loader->decode_cpu_s,
                                          .blocked_s = loader->blocked_s},
                  [HEDON_STAGE_PREPROCESS] = {.lanes = share->workers,
                                              .busy_s = loader->place_s,
                                              .cpu_s = loader->place_cpu_s},
                  [HEDON_STAGE_INFERENCE] = {.lanes = share->streams,
                                             .busy_s = streams->busy_s,
                                             .cpu_s = inference_cpu_s(scorer, totals),
                                             .starved_s = streams->starved_s},
                  [HEDON_STAGE_DELIVER] = {.lanes = 1,
                                           .busy_s = totals->wall_s - totals->deliver_starved_s,
                                           .cpu_s = totals->deliver_cpu_s,
                                           .starved_s = totals->deliver_starved_s}},
        .cores = scorer->cores,
        .workers = share->workers,
        .streams = share->streams,
        .stream_threads = share->stream_threads,
        .videos = totals->videos,
        .failed = totals->failed,
        .clips = totals->clips,
        .views = streams->views,
        .batches = streams->batches,
        .batch_fill = streams->places ? (double)streams->views / (double)streams->places : 0,
        .decoder_cpu_s = loader->open_cpu_s + loader->decode_cpu_s + loader->place_cpu_s -
                         loader->thread_cpu_s,
        .decoder_memory_bytes = loader->memory_bytes,
    };
}

const char *hedon_stage_name(HedonStage stage)
{
    static const char *const names[HEDON_STAGES] = {"open", "decode", "pre-process", "inference",
                                                    "deliver"};
    return stage >= 0 && stage < HEDON_STAGES ? names[stage] : "unknown";
}

void hedon_scorer_stats(const HedonScorer *scorer, HedonScorerStats *stats)
{
    *stats = scorer->stats;
}
