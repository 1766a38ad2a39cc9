#include "score/share.h"

static const double LIGHT_FLOPS = 1e9;

HedonShare hedon_share_cores(int cores, double flops, int64_t videos, int workers)
{
    const int light = flops < LIGHT_FLOPS;
    const int decode_cores = light ? cores : cores < 4 ? 1 : cores / 4;
    HedonShare share = {.compute_threads = light ? 1 : cores < 4 ? cores : cores - decode_cores};
    share.workers = workers > 0 ? workers : decode_cores;
    if (videos > 0 && videos < share.workers) share.workers = (int)videos;
    share.decode_threads = decode_cores > share.workers ? decode_cores / share.workers : 1;
    return share;
}
