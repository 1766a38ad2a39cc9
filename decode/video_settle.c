/* Videos that are decoded from the first frame on: damaged ones, those whose packets don't tell
 * their frames' order, those of codecs we know no entries of. */
#include "decode/video_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>

static int restart(HedonContext *ctx, HedonVideo *video)
{
    hedon_sequence_close(&video->sequence);
    return hedon_sequence_open(ctx, &video->sequence, &video->bytes, &video->budget,
                               video->options.max_pixels);
}

/* What a whole decoding gives. */
typedef struct Take {
    double *times;
    int64_t frames, capacity;
    double last_duration;
    int stamped; /* every frame had a time, and they ascend */
} Take;

static int take_frame(HedonContext *ctx, HedonVideo *video, Take *take)
{
    if (take->frames == video->options.max_frames)
        return hedon_fail(ctx, HEDON_ELIMIT, "has more frames than the allowed %lld",
                          (long long)video->options.max_frames);
    if (take->frames == take->capacity) {
        const int64_t capacity = take->capacity ? take->capacity * 2 : 1024;
        double *times = hedon_realloc(take->times, (size_t)capacity, sizeof *times);
        if (!times) return hedon_fail_memory(ctx);
        take->times = times;
        take->capacity = capacity;
    }
    const AVFrame *picture = video->sequence.picture;
    const double tick = av_q2d(video->sequence.demux.stream->time_base);
    const int64_t stamp = picture->best_effort_timestamp;
    const double time = (double)stamp * tick;
    take->stamped &= stamp != AV_NOPTS_VALUE && isfinite(time) &&
                     (take->frames == 0 || time > take->times[take->frames - 1]);
    take->last_duration = (double)picture->pkt_duration * tick;
    take->times[take->frames++] = time;
    return 0;
}

static double finish_times(Take *take, const AVStream *stream)
{
    const int64_t n = take->frames;
    AVRational rate = stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0) rate = (AVRational){25, 1};
    const double even = (double)rate.den / rate.num, first = take->times[0];
    for (int64_t f = 0; f < n; f++)
        take->times[f] = take->stamped ? take->times[f] - first : (double)f * even;
    double last = take->stamped ? take->last_duration : even;
    if (!(last > 0) || !isfinite(last)) last = n > 1 ? take->times[n - 1] / (double)(n - 1) : even;
    return take->times[n - 1] + last;
}

int hedon_video_settle(HedonContext *ctx, HedonVideo *video)
{
    Take take = {.stamped = 1};
    int code = restart(ctx, video);
    while (!code && !(code = hedon_sequence_next(ctx, &video->sequence)))
        code = take_frame(ctx, video, &take);
    if (code == 1 && !take.frames)
        code = hedon_fail(ctx, HEDON_EDATA, "none of its pictures can be decoded");
    if (code < 0) {
        hedon_free(take.times);
        return code;
    }
    const double duration = finish_times(&take, video->sequence.demux.stream);
    const int64_t expected = video->index.frames + video->index.missing;
    video->info.damaged = video->sequence.errors > 0 || video->index.damaged;
    video->info.lost = expected > take.frames ? expected - take.frames : 0;
    video->settled = 1;
    hedon_index_settle(&video->index, take.times, take.frames, duration);
    hedon_video_update_info(video);
    hedon_sequence_close(&video->sequence);
    return 0;
}

/* The forecast failed: count, and let the caller sample again. */
static int resample(HedonContext *ctx, HedonVideo *video)
{
    const int code = hedon_video_settle(ctx, video);
    return code < 0 ? code
                    : hedon_fail(ctx, HEDON_ERESAMPLE,
                                 "is damaged or not what its index says: %lld frames",
                                 (long long)video->index.frames);
}

static int deliver(HedonContext *ctx, HedonVideo *video, HedonFrameSink sink, void *opaque)
{
    HedonFrame frame;
    const int code = hedon_planes_of(ctx, &video->planes, video->sequence.picture, &frame);
    if (code < 0) return code;
    frame.index = video->sequence.count - 1;
    frame.time_s = video->index.times[frame.index];
    return sink(opaque, &frame);
}

int hedon_video_frames_in_sequence(HedonContext *ctx, HedonVideo *video, const int64_t *indices,
                                   size_t count, HedonFrameSink sink, void *opaque)
{
    HedonSequence *s = &video->sequence;
    for (size_t i = 0; i < count; i++) {
        int code = 0;
        if (!s->codec || s->count > indices[i] + 1) code = restart(ctx, video);
        while (!code && s->count <= indices[i]) code = hedon_sequence_next(ctx, s);
        if (code < 0) return code;
        const int surprised = code == 1 || s->errors;
        if (surprised && !video->settled) return resample(ctx, video);
        if (code == 1) return hedon_fail(ctx, HEDON_EDATA, "changed while it was read");
        code = deliver(ctx, video, sink, opaque);
        if (code) return code;
    }
    return 0;
}
