/* Opening a video and answering requests: by stretches while the index can be trusted, in sequence
 * otherwise. */
#include "decode/video.h"

#include "decode/video_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <libavutil/pixdesc.h>

#include <math.h>
#include <stdio.h>

enum { MAX_THREADS = 64 };

void hedon_video_options_default(HedonVideoOptions *options)
{
    *options = (HedonVideoOptions){
        .threads = 1,
        .max_pixels = 8192 * 8192,
        .max_frames = 16000000,
    };
}

void hedon_video_update_info(HedonVideo *video)
{
    HedonVideoInfo *info = &video->info;
    info->frames = video->index.frames;
    info->duration_s = video->index.duration_s;
    info->rate = info->duration_s > 0 ? (double)info->frames / info->duration_s : 0;
}

/* The first picture's size and format: from its header if it can be read there, else by decoding.
 */
static int check_pixels(HedonContext *ctx, const HedonVideo *video, int width, int height)
{
    if ((int64_t)width * height <= video->options.max_pixels) return 0;
    return hedon_fail(ctx, HEDON_ELIMIT,
                      "its pictures of %dx%d are larger than allowed (%lld pixels)", width, height,
                      (long long)video->options.max_pixels);
}

static int find_shape(HedonContext *ctx, HedonVideo *video)
{
    HedonPicture *shape = &video->shape;
    const AVCodecParameters *par = video->parameters;
    AVPacket *packet = av_packet_alloc();
    if (!packet) return hedon_fail_memory(ctx);
    HedonPackets packets;
    hedon_packets_init(&packets, &video->index, &video->bytes, &video->budget,
                       video->options.max_pixels, NULL);
    int found = 0;
    if (video->index.direct && hedon_packets_get(ctx, &packets, 0, packet) == 0)
        found = hedon_picture_from_packet(shape, par, packet->data, packet->size);
    av_packet_free(&packet);
    hedon_packets_free(&packets);
    if (!found && par->format >= 0 && par->width > 0 && par->height > 0) {
        *shape = (HedonPicture){par->width, par->height, (enum AVPixelFormat)par->format};
        found = 1;
    }
    if (found) return 0;
    int code = hedon_sequence_open(ctx, &video->sequence, &video->bytes, &video->budget,
                                   video->options.max_pixels);
    if (!code) code = hedon_sequence_next(ctx, &video->sequence);
    if (code == 1) return hedon_fail(ctx, HEDON_EDATA, "none of its pictures can be decoded");
    if (code < 0) return code;
    const AVFrame *picture = video->sequence.picture;
    *shape = (HedonPicture){picture->width, picture->height, (enum AVPixelFormat)picture->format};
    return 0;
}

static void describe(HedonVideo *video, const HedonDemux *demux)
{
    HedonVideoInfo *info = &video->info;
    snprintf(info->container, sizeof info->container, "%s", demux->format->iformat->name);
    snprintf(info->codec, sizeof info->codec, "%s", avcodec_get_name(video->parameters->codec_id));
    info->stream = demux->stream->index;
}

static int check_shape(HedonContext *ctx, HedonVideo *video)
{
    const HedonPicture *shape = &video->shape;
    HedonVideoInfo *info = &video->info;
    const int code = check_pixels(ctx, video, shape->width, shape->height);
    if (code) return code;
    const char *name = av_get_pix_fmt_name(shape->format);
    snprintf(info->pixel_format, sizeof info->pixel_format, "%s", name ? name : "unknown");
    info->rotation = hedon_orientation_degrees(video->orientation);
    info->width = video->orientation.swap ? shape->height : shape->width;
    info->height = video->orientation.swap ? shape->width : shape->height;
    video->planes = (HedonPlanes){
        .width = shape->width, .height = shape->height, .orientation = video->orientation};
    return 0;
}

static int scan(HedonContext *ctx, HedonVideo *video, HedonDemux *demux)
{
    const int hollow = hedon_index_can_be_hollow(demux);
    const int64_t max_frames = video->options.max_frames;
    int code = hedon_index_scan(ctx, &video->index, demux, max_frames, hollow);
    if (code < 0 || !hollow || video->index.direct) return code;
    hedon_index_free(&video->index);
    hedon_demux_close(demux);
    code =
        hedon_demux_open(ctx, demux, &video->bytes, &video->budget, video->options.max_pixels, 0);
    return code < 0 ? code : hedon_index_scan(ctx, &video->index, demux, max_frames, 0);
}

static int open_video(HedonContext *ctx, HedonVideo *video, const char *path)
{
    int code = hedon_bytes_open(ctx, &video->bytes, path);
    if (code < 0) return code;
    video->readers = hedon_calloc((size_t)video->options.threads, sizeof *video->readers);
    video->demux = hedon_calloc(1, sizeof *video->demux);
    video->parameters = avcodec_parameters_alloc();
    if (!video->readers || !video->demux || !video->parameters) return hedon_fail_memory(ctx);
    HedonDemux *demux = video->demux;
    code =
        hedon_demux_open(ctx, demux, &video->bytes, &video->budget, video->options.max_pixels, 0);
    if (code < 0) return code;
    /* the header's word first: a decoder held to the limit only says that nothing decodes */
    code = check_pixels(ctx, video, demux->stream->codecpar->width,
                        demux->stream->codecpar->height);
    if (code) return code;
    if (!avcodec_find_decoder(demux->stream->codecpar->codec_id))
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "no decoder for its codec (%s) in this libavcodec",
                          avcodec_get_name(demux->stream->codecpar->codec_id));
    code = scan(ctx, video, demux);
    if (code < 0) return code;
    if (avcodec_parameters_copy(video->parameters, demux->stream->codecpar) < 0)
        return hedon_fail_memory(ctx);
    hedon_peek_init(&video->peek, video->parameters);
    video->time_base = demux->stream->time_base;
    video->orientation = hedon_picture_orientation(demux->stream);
    describe(video, demux);
    if (video->index.direct) {
        hedon_demux_close(demux);
        hedon_free(demux);
        video->demux = NULL;
    }
    code = find_shape(ctx, video);
    if (!code) code = check_shape(ctx, video);
    if (!code && video->index.damaged) return hedon_video_settle(ctx, video);
    if (!code && video->options.hardware && hedon_hardware_takes(video->parameters, &video->shape))
        video->hardware = video->options.hardware;
    hedon_video_update_info(video);
    return code;
}

int hedon_video_open(HedonContext *ctx, HedonVideo **out, const char *path,
                     const HedonVideoOptions *options)
{
    *out = NULL;
    hedon_demux_quiet();
    HedonVideo *video = hedon_calloc(1, sizeof *video);
    if (!video) return hedon_fail_memory(ctx);
    video->bytes.fd = -1;
    hedon_video_options_default(&video->options);
    if (options) video->options = *options;
    if (video->options.threads < 1) video->options.threads = 1;
    if (video->options.threads > MAX_THREADS) video->options.threads = MAX_THREADS;
    hedon_budget_begin(&video->budget, &video->options);
    const int code = open_video(ctx, video, path);
    if (code < 0) {
        hedon_video_close(video);
        return code;
    }
    *out = video;
    return 0;
}

const HedonVideoInfo *hedon_video_info(const HedonVideo *video)
{
    return &video->info;
}

const double *hedon_video_times(const HedonVideo *video)
{
    return video->index.times;
}

static void close_readers(HedonVideo *video)
{
    for (int r = 0; video->readers && r < video->options.threads; r++) {
        video->delivered += video->readers[r].delivered;
        hedon_reader_free(&video->readers[r]);
        video->readers[r] = (HedonReader){0};
    }
}

/* By stretches, on the hardware while it serves. What it is wrong about the CPU decides: without a
 * word while the caller has none of its frames. Results as hedon_video_frames_by_stretches. */
static int by_stretches(HedonContext *ctx, HedonVideo *video, const int64_t *indices, size_t count,
                        int more, HedonFrameSink sink, void *opaque, int *stopped)
{
    int code =
        hedon_video_frames_by_stretches(ctx, video, indices, count, more, sink, opaque, stopped);
    if (code != HEDON_READER_WRONG || !video->hardware) return code;
    close_readers(video);
    video->hardware = NULL;
    if (video->options.fell_back) video->options.fell_back(video->options.opaque);
    if (video->delivered)
        return hedon_fail(ctx, HEDON_ERESAMPLE,
                          "is not for the GPU's decoder after all: decoded anew on the CPU");
    return hedon_video_frames_by_stretches(ctx, video, indices, count, more, sink, opaque, stopped);
}

int hedon_video_frames(HedonContext *ctx, HedonVideo *video, const int64_t *indices, size_t count,
                       int more, HedonFrameSink sink, void *opaque)
{
    for (size_t i = 0; i < count; i++)
        if (indices[i] < (i ? indices[i - 1] + 1 : 0) || indices[i] >= video->index.frames)
            return hedon_fail(ctx, HEDON_EINVAL, "frame indices must ascend within 0..%lld",
                              (long long)video->index.frames - 1);
    if (!count) return 0;
    hedon_budget_begin(&video->budget, &video->options);
    if (!video->index.ranked)
        return hedon_video_frames_in_sequence(ctx, video, indices, count, sink, opaque);
    int stopped = 0;
    int code = by_stretches(ctx, video, indices, count, more, sink, opaque, &stopped);
    if (code == HEDON_READER_STOPPED) return stopped;
    if (code != HEDON_READER_WRONG) return code;
    close_readers(video);
    code = hedon_video_settle(ctx, video);
    return code < 0 ? code
                    : hedon_fail(ctx, HEDON_ERESAMPLE,
                                 "is damaged or not what its index says: %lld frames",
                                 (long long)video->index.frames);
}

void hedon_video_close(HedonVideo *video)
{
    if (!video) return;
    close_readers(video);
    hedon_free(video->readers);
    hedon_sequence_close(&video->sequence);
    hedon_planes_free(&video->planes);
    if (video->demux) {
        hedon_demux_close(video->demux);
        hedon_free(video->demux);
    }
    avcodec_parameters_free(&video->parameters);
    hedon_index_free(&video->index);
    hedon_bytes_close(&video->bytes);
    hedon_free(video);
}
