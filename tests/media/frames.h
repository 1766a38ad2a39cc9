/* Frames that hedon delivers, as MD5s that compare with ffmpeg's framemd5, and the requests that
 * every clip has to answer alike. */
#ifndef HEDON_TESTS_MEDIA_FRAMES_H
#define HEDON_TESTS_MEDIA_FRAMES_H

#include "base/error.h"
#include "decode/video_internal.h"
#include "tests/media/ffmpeg.h"

#include <libavutil/md5.h>
#include <libavutil/mem.h>

#include <setjmp.h>
#include <stdarg.h>
/* after them */
#include <cmocka.h>

typedef struct Seen {
    Md5 *frames; /* by index; "" when not delivered */
    int64_t count, delivered;
} Seen;

static void frame_md5(const HedonFrame *frame, Md5 out)
{
    struct AVMD5 *md5 = av_md5_alloc();
    av_md5_init(md5);
    const int bytes = frame->bits > 8 ? 2 : 1;
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(frame->layout, p, frame->width, frame->height, &width, &height);
        for (int64_t y = 0; y < height; y++)
            av_md5_update(md5, (const uint8_t *)frame->plane[p] + y * frame->stride[p],
                          (size_t)(width * bytes));
    }
    uint8_t digest[16];
    av_md5_final(md5, digest);
    av_free(md5);
    for (int i = 0; i < 16; i++) sprintf(out + 2 * i, "%02x", digest[i]);
}

static int see(void *opaque, const HedonFrame *frame)
{
    Seen *seen = opaque;
    if (frame->index < 0 || frame->index >= seen->count || *seen->frames[frame->index])
        return -1000; /* out of range, or twice */
    frame_md5(frame, seen->frames[frame->index]);
    seen->delivered++;
    return 0;
}

/* Asks for frames; where the index turns out wrong (allowed for odd and damaged files), the caller
 * is told and asks anew. */
static int request(HedonContext *ctx, HedonVideo *video, const int64_t *indices, size_t count,
                   const Md5 *expected, const char *name)
{
    const int64_t frames = hedon_video_info(video)->frames;
    Seen seen = {.frames = calloc((size_t)frames, sizeof *seen.frames), .count = frames};
    const int code = hedon_video_frames(ctx, video, indices, count, 1, see, &seen);
    if (code == 0) {
        if (seen.delivered != (int64_t)count)
            fail_msg("%s: %lld of %zu frames delivered", name, (long long)seen.delivered, count);
        for (size_t i = 0; i < count; i++)
            if (strcmp(seen.frames[indices[i]], expected[indices[i]]))
                fail_msg("%s: frame %lld of %lld is not ffmpeg's", name, (long long)indices[i],
                         (long long)frames);
    } else if (code != HEDON_ERESAMPLE) {
        fail_msg("%s: %s: %s", name, hedon_error_name(code), hedon_last_error(ctx));
    }
    free(seen.frames);
    return code;
}

static HedonVideo *open_clip(HedonContext *ctx, const char *path, int threads)
{
    HedonVideoOptions options;
    hedon_video_options_default(&options);
    options.threads = threads;
    HedonVideo *video;
    const int code = hedon_video_open(ctx, &video, path, &options);
    if (code) fail_msg("%s: %s: %s", path, hedon_error_name(code), hedon_last_error(ctx));
    return video;
}

/* About one frame in `spacing`, from a generator that the test seeds. */
static size_t scatter(int64_t *indices, int64_t frames, uint32_t *seed, uint32_t spacing)
{
    size_t count = 0;
    for (int64_t f = 0; f < frames; f++) {
        *seed = *seed * 1664525u + 1013904223u;
        if ((*seed >> 8) % spacing == 0) indices[count++] = f;
    }
    return count;
}

/* All frames; then scattered ones, each time opened afresh, with one and two threads; evenly
 * spaced; then single ones from the last to the first. Returns how often the index turned out
 * wrong, and leaves in *ranked whether jumping was possible. */
__attribute__((unused)) static int check_clip(HedonContext *ctx, const char *path, int *ranked)
{
    HedonVideo *video = open_clip(ctx, path, 1);
    Md5 *expected;
    const HedonVideoInfo *info = hedon_video_info(video);
    const int64_t count =
        (int64_t)ffmpeg_frames(path, info->stream, info->rotation != 0, &expected);
    int resampled = 0;
    *ranked = video->index.ranked;
    int64_t *indices =
        malloc((size_t)(info->frames > count ? info->frames : count) * sizeof *indices);
    for (int code = HEDON_ERESAMPLE, k = 0; code && k < 2; k++) {
        for (int64_t f = 0; f < info->frames; f++) indices[f] = f;
        if (info->frames != count && k == 1)
            fail_msg("%s: %lld frames, ffmpeg has %lld", path, (long long)info->frames,
                     (long long)count);
        code = request(ctx, video, indices, (size_t)info->frames, expected, path);
        resampled += code == HEDON_ERESAMPLE;
    }
    if (info->frames != count)
        fail_msg("%s: %lld frames, ffmpeg has %lld", path, (long long)info->frames,
                 (long long)count);
    const double *times = hedon_video_times(video);
    for (int64_t f = 1; f < count; f++)
        if (!(times[f] >= times[f - 1]))
            fail_msg("%s: times do not ascend at %lld", path, (long long)f);
    if (!(info->duration_s >= times[count - 1]) || !(info->rate >= 0))
        fail_msg("%s: duration %g, rate %g", path, info->duration_s, info->rate);
    for (int64_t f = count - 1; f >= 0; f -= count / 12 + 1)
        assert_int_equal(request(ctx, video, &f, 1, expected, path), 0);
    hedon_video_close(video);

    uint32_t seed = 20261123;
    static const uint32_t spacings[] = {3, 9, 20, 50, 0};
    for (int round = 0; round < 10; round++) {
        video = open_clip(ctx, path, 1 + round % 2);
        for (int code = HEDON_ERESAMPLE, k = 0; code && k < 2; k++) {
            const int64_t frames = hedon_video_info(video)->frames;
            size_t wanted = 0;
            if (spacings[round / 2]) wanted = scatter(indices, frames, &seed, spacings[round / 2]);
            for (int64_t f = 0; !spacings[round / 2] && f < frames; f += frames / 16 + 1)
                indices[wanted++] = f;
            /* In a damaged file only a settled index is ffmpeg's. */
            if (resampled && k == 0 && frames != count)
                for (wanted = 0; (int64_t)wanted < frames; wanted++)
                    indices[wanted] = (int64_t)wanted;
            code = request(ctx, video, indices, wanted, expected, path);
        }
        hedon_video_close(video);
    }
    free(indices);
    free(expected);
    return resampled;
}

#endif
