#include "decode/video_demux.h"

#include "base/error.h"

#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>

#include <stdio.h>
#include <string.h>

/* Demuxers of real containers. Those that are left out read other files (playlists, image
 * sequences, concat scripts), devices or the network, or take any text for a video. */
static const char formats[] =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpegtsraw,mpeg,mpegvideo,flv,live_flv,asf,"
    "asf_o,ogg,gif,apng,webp_pipe,h264,hevc,m4v,mjpeg,av1,obu,ivf,nut,mxf,rm,dv,wtv,nsv,"
    "yuv4mpegpipe,vc1,h263,h261,dirac,cavsvideo,smjpeg,bink,roq,4xm,film_cpk,r3d,pva,gxf,viv,"
    /* audio, so that "no video stream" can be said of it */
    "wav,mp3,flac,aac,ac3,eac3,dts,aiff,au,caf,w64,amr,wv,ape,tta,dsf";

enum { IO_BUFFER = 1 << 16 };

static int read_bytes(void *opaque, uint8_t *into, int count)
{
    HedonDemux *demux = opaque;
    if (hedon_budget_check(NULL, demux->budget) < 0) return AVERROR_EXIT;
    int64_t n = demux->bytes->size - demux->position;
    if (n > count) n = count;
    if (n > 0 && !demux->hollow) n = hedon_bytes_read(demux->bytes, into, n, demux->position);
    if (n < 0) return AVERROR(EIO);
    if (n == 0) return AVERROR_EOF;
    demux->position += n;
    return (int)n;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    HedonDemux *demux = opaque;
    if (whence & AVSEEK_SIZE) return demux->bytes->size;
    switch (whence & ~AVSEEK_FORCE) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        offset += demux->position;
        break;
    case SEEK_END:
        offset += demux->bytes->size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (offset < 0) return AVERROR(EINVAL);
    return demux->position = offset;
}

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)format, (void)url, (void)flags, (void)options;
    *io = NULL;
    return AVERROR(EACCES);
}

static int is_video(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
           !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

static int count_videos(const AVFormatContext *format)
{
    int videos = 0;
    for (unsigned i = 0; i < format->nb_streams; i++) videos += is_video(format->streams[i]);
    return videos;
}

/* Cover pictures and further streams lose; among several videos libav ranks. */
static AVStream *choose_stream(AVFormatContext *format)
{
    const int best = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (best >= 0 && is_video(format->streams[best])) return format->streams[best];
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (is_video(format->streams[i])) return format->streams[i];
    return NULL;
}

/* Whether the headers already say what a decoder must know, and no ranking needs more. */
static int headers_suffice(const AVFormatContext *format)
{
    if (strcmp(format->iformat->name, "mov,mp4,m4a,3gp,3g2,mj2") &&
        strcmp(format->iformat->name, "matroska,webm"))
        return 0;
    if (count_videos(format) != 1) return 0;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *par = format->streams[i]->codecpar;
        if (is_video(format->streams[i]))
            return par->codec_id != AV_CODEC_ID_NONE && par->width > 0 && par->height > 0;
    }
    return 0;
}

/* mp4 by its first box, without asking every demuxer: a tenth of opening a short video. NULL: ask. */
static const AVInputFormat *obvious_format(const HedonBytes *bytes)
{
    uint8_t head[8];
    return hedon_bytes_read(bytes, head, sizeof head, 0) == (int64_t)sizeof head &&
                   AV_RB32(head + 4) == MKBETAG('f', 't', 'y', 'p')
               ? av_find_input_format("mov")
               : NULL;
}

static int open_format(HedonDemux *demux)
{
    uint8_t *buffer = av_malloc(IO_BUFFER);
    demux->io = buffer
                    ? avio_alloc_context(buffer, IO_BUFFER, 0, demux, read_bytes, NULL, seek_bytes)
                    : NULL;
    if (!demux->io) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    demux->format = avformat_alloc_context();
    if (!demux->format) return AVERROR(ENOMEM);
    demux->format->pb = demux->io;
    demux->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    demux->format->io_open = refuse_open;
    AVDictionary *options = NULL;
    int ret = av_dict_set(&options, "format_whitelist", formats, 0);
    if (ret >= 0) ret = av_dict_set(&options, "protocol_whitelist", "none", 0);
    if (ret >= 0) ret = av_dict_set(&options, "scan_all_pmts", "1", 0);
    if (ret >= 0) ret = avformat_open_input(&demux->format, NULL, obvious_format(demux->bytes), &options);
    av_dict_free(&options);
    return ret;
}

enum { PROBE_PIXELS = 8192 * 8192 };

/* Decodes the beginning of each stream; its decoders are limited, but not to less than lets them say
 * what a picture's size is: MPEG-4 in mp4 tells it nowhere else. */
static int probe_streams(AVFormatContext *format, int64_t max_pixels)
{
    if (max_pixels < PROBE_PIXELS) max_pixels = PROBE_PIXELS;
    const unsigned streams = format->nb_streams;
    AVDictionary **options = av_calloc(streams ? streams : 1, sizeof *options);
    int ret = options ? 0 : AVERROR(ENOMEM);
    for (unsigned i = 0; ret >= 0 && i < streams; i++)
        ret = av_dict_set_int(&options[i], "max_pixels", max_pixels, 0);
    if (ret >= 0) ret = avformat_find_stream_info(format, options);
    for (unsigned i = 0; options && i < streams; i++) av_dict_free(&options[i]);
    av_free(options);
    return ret;
}

int hedon_demux_open(HedonContext *ctx, HedonDemux *demux, const HedonBytes *bytes,
                     const HedonBudget *budget, int64_t max_pixels, int probe)
{
    *demux = (HedonDemux){.bytes = bytes, .budget = budget};
    int ret = open_format(demux);
    if (ret < 0) {
        hedon_demux_close(demux);
        if (ret == AVERROR_INVALIDDATA && bytes->size < 1 << 10)
            return hedon_fail(ctx, HEDON_EDATA, "not a video (only %lld bytes)",
                              (long long)bytes->size);
        return hedon_demux_fail(ctx, budget, ret,
                                "not a video, or its header is damaged or missing (a download or a "
                                "recording that was cut off?)");
    }
    AVFormatContext *format = demux->format;
    if (!(format->ctx_flags & AVFMTCTX_NOHEADER))
        for (unsigned i = 0; i < format->nb_streams; i++)
            if (!is_video(format->streams[i])) format->streams[i]->discard = AVDISCARD_ALL;
    const int no_video = !(format->ctx_flags & AVFMTCTX_NOHEADER) && !count_videos(format);
    if (!no_video && (probe || !headers_suffice(format))) {
        ret = probe_streams(format, max_pixels);
        if (ret < 0) {
            hedon_demux_close(demux);
            return hedon_demux_fail(ctx, budget, ret, "its streams can't be read");
        }
        demux->probed = 1;
    }
    demux->stream = choose_stream(format);
    if (!demux->stream) {
        const int streams = (int)format->nb_streams;
        hedon_demux_close(demux);
        return streams ? hedon_fail(ctx, HEDON_ENOVIDEO,
                                    "has no video stream, only sound, covers or text")
                       : hedon_fail(ctx, HEDON_EDATA, "not a video: it has no streams");
    }
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (format->streams[i] != demux->stream) format->streams[i]->discard = AVDISCARD_ALL;
    return 0;
}

int hedon_demux_read(HedonDemux *demux, AVPacket *packet)
{
    for (;;) {
        const int ret = av_read_frame(demux->format, packet);
        if (ret < 0 || packet->stream_index == demux->stream->index) return ret;
        av_packet_unref(packet);
        if (hedon_budget_check(NULL, demux->budget) < 0) return AVERROR_EXIT;
    }
}

/* Walks the outermost boxes: fragments announce themselves there. */
int hedon_demux_is_plain_mp4(const HedonDemux *demux)
{
    if (strcmp(demux->format->iformat->name, "mov,mp4,m4a,3gp,3g2,mj2")) return 0;
    int64_t at = 0, boxes = 0;
    uint8_t head[16];
    while (at < demux->bytes->size && ++boxes < 1000) {
        const int64_t n = hedon_bytes_read(demux->bytes, head, sizeof head, at);
        if (n < 8) return 1; /* a few stray bytes at the end */
        const uint32_t kind = AV_RB32(head + 4);
        if (kind == MKBETAG('m', 'o', 'o', 'f') || kind == MKBETAG('s', 'i', 'd', 'x')) return 0;
        uint64_t size = AV_RB32(head);
        if (size == 1 && n == 16) size = AV_RB64(head + 8);
        if (size == 0) return 1; /* to the end of the file */
        if (size < 8 || size > (uint64_t)(demux->bytes->size - at)) return 1;
        at += (int64_t)size;
    }
    return boxes < 1000;
}

void hedon_demux_close(HedonDemux *demux)
{
    avformat_close_input(&demux->format);
    if (demux->io) av_freep(&demux->io->buffer);
    avio_context_free(&demux->io);
    demux->stream = NULL;
}

int hedon_demux_fail(HedonContext *ctx, const HedonBudget *budget, int averror, const char *what)
{
    const int code = hedon_budget_check(ctx, budget);
    if (code < 0) return code;
    if (averror == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(averror, reason, sizeof reason);
    return hedon_fail(ctx, averror == AVERROR(EIO) ? HEDON_EIO : HEDON_EDATA, "%s (%s)", what,
                      reason);
}

static void say_nothing(void *object, int level, const char *fmt, va_list args)
{
    (void)object, (void)level, (void)fmt, (void)args;
}

void hedon_demux_quiet(void)
{
    av_log_set_callback(say_nothing);
}
