#include "annotate/measure.h"

enum { LEAST_VIDEOS = 8, MOST_STREAMS = 16 };
static const double LEAST_CPU_S = .5, SLACK = 1.25;

static int lanes_for(double share, int cores)
{
    const int lanes = (int)(SLACK * share * cores + .999);
    return lanes < 1 ? 1 : lanes > cores ? cores : lanes;
}

int hedon_measure_share(const HedonScorerStats *stats, HedonMeasuredShare *share)
{
    const double decode_s = stats->stage[HEDON_STAGE_OPEN].cpu_s +
                            stats->stage[HEDON_STAGE_DECODE].cpu_s +
                            stats->stage[HEDON_STAGE_PREPROCESS].cpu_s;
    const double inference_s = stats->stage[HEDON_STAGE_INFERENCE].cpu_s;
    const double all_s = decode_s + inference_s;
    const int least = stats->cores > LEAST_VIDEOS ? stats->cores : LEAST_VIDEOS;
    if (stats->videos - stats->failed < least || !(all_s >= LEAST_CPU_S)) return 0;
    share->workers = lanes_for(decode_s / all_s, stats->cores);
    share->streams = lanes_for(inference_s / all_s, stats->cores);
    if (share->streams > MOST_STREAMS) share->streams = MOST_STREAMS;
    return 1;
}
