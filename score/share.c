#include "score/share.h"

static const double LIGHT_FLOPS = 1e9;
enum { STREAMS_MOST = 16 };

static HedonShare share_one_video(int cores, int light)
{
    const int decode_cores = light ? cores : cores < 4 ? 1 : cores / 4;
    return (HedonShare){.streams = 1,
                        .stream_threads = light ? 1 : cores < 4 ? cores : cores - decode_cores,
                        .workers = 1,
                        .decode_threads = decode_cores};
}

static HedonShare share_videos(int cores, int light, HedonShareWish wish)
{
    HedonShare share = {.streams = cores < STREAMS_MOST ? cores : STREAMS_MOST,
                        .workers = wish.workers > 0 ? wish.workers : cores};
    if (wish.streams > 0) share.streams = wish.streams;
    share.stream_threads = light || share.streams >= cores ? 1 : cores / share.streams;
    if (wish.videos > 0 && wish.videos < share.workers) share.workers = (int)wish.videos;
    share.decode_threads = light && cores > share.workers ? cores / share.workers : 1;
    return share;
}

HedonShare hedon_share_cores(int cores, double flops, HedonShareWish wish)
{
    const int light = flops < LIGHT_FLOPS;
    if (wish.videos == 1 && wish.streams <= 1) return share_one_video(cores, light);
    return share_videos(cores, light, wish);
}
