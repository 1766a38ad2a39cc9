/* Videos: opening, indexing, and frames by seeking, in-process. libav* is fuzzed elsewhere; this is
 * about what decode/ makes of the odd packets and times that it lets through. */
#include <libavutil/log.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "decode/video.h"
#include "tests/fuzz/fuzz.h"

static int look(void *opaque, const HedonFrame *frame)
{
    (void)opaque;
    if (frame->width < 1 || frame->height < 1 || !frame->plane[0]) abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_log_set_level(AV_LOG_QUIET);
    char path[FUZZ_PATH];
    const int fd = fuzz_file(data, size, path);
    HedonContext *ctx = hedon_context_new();
    HedonVideoOptions options;
    hedon_video_options_default(&options);
    options.max_pixels = 1 << 18;
    options.max_frames = 1 << 10;
    options.max_seconds = 5;
    HedonVideo *video = NULL;
    int code = hedon_video_open(ctx, &video, path, &options);
    for (int attempt = 0; !code && attempt < 3; attempt++) {
        const int64_t frames = hedon_video_info(video)->frames;
        const double *times = hedon_video_times(video);
        if (frames < 1 || frames > options.max_frames) abort();
        for (int64_t i = 0; i < frames; i++)
            if (!isfinite(times[i]) || (i && times[i] < times[i - 1])) abort();
        const int64_t wanted[2] = {frames / 2, frames - 1};
        code = hedon_video_frames(ctx, video, wanted, wanted[0] < wanted[1] ? 2 : 1, 1, look, NULL);
        if (code != HEDON_ERESAMPLE) break;
        code = 0; /* damaged: its new index is as good as any */
    }
    if (code < 0 && !hedon_last_error(ctx)[0]) abort();
    hedon_video_close(video);
    hedon_context_free(ctx);
    close(fd);
    return 0;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
#define CLIP "ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=64x48:r=8:d=2 "
    static const char *const commands[] = {
        CLIP "-c:v libx264 -g 5 -movflags frag_keyframe+empty_moov -f mp4 -",
        CLIP "-c:v libx264 -g 5 -f matroska -",
        CLIP "-c:v mpeg2video -f mpegts -",
        CLIP "-c:v mpeg4 -bf 1 -f avi -",
        CLIP "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -f webm -",
    };
    const int count = (int)(sizeof(commands) / sizeof(commands[0]));
    return number < count ? fuzz_seed_command(commands[number], size) : NULL;
}
