#include "tools/render_encode.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#include "base/error.h"

typedef struct Output {
    AVFormatContext *file;
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
} Output;

static int fail_av(HedonContext *ctx, const char *what, int reason)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(reason, text, sizeof(text));
    return hedon_fail(ctx, reason == AVERROR(ENOMEM) ? HEDON_ENOMEM : HEDON_EIO, "cannot %s: %s",
                      what, text);
}

static int open_encoder(HedonContext *ctx, Output *output, const HedonSynthScene *scene)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "this system's libavcodec has no libx264 encoder; install one that has");
    AVCodecContext *encoder = output->encoder = avcodec_alloc_context3(codec);
    if (!encoder) return hedon_fail_memory(ctx);
    const AVRational rate = {scene->rate_numerator, scene->rate_divisor};
    encoder->width = scene->width;
    encoder->height = scene->height;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->framerate = rate;
    encoder->time_base = av_inv_q(rate);
    encoder->gop_size = 2 * scene->rate_numerator / scene->rate_divisor; /* a keyframe in 2 s */
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_BITEXACT;
    if (output->file->oformat->flags & AVFMT_GLOBALHEADER)
        encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_opt_set(encoder->priv_data, "preset", "veryfast", 0);
    av_opt_set(encoder->priv_data, "crf", "31", 0);
    /* x264's macroblock tree reads memory that it never wrote where it has AVX-512 (build 164): the
     * same frames gave other files after other videos. */
    av_opt_set(encoder->priv_data, "x264-params", "mbtree=0", 0);
    const int reason = avcodec_open2(encoder, codec, NULL);
    return reason < 0 ? fail_av(ctx, "start the encoder", reason) : 0;
}

static int open_output(HedonContext *ctx, Output *output, const HedonSynthScene *scene,
                       const char *path)
{
    int reason = avformat_alloc_output_context2(&output->file, NULL, "mp4", path);
    if (reason < 0) return fail_av(ctx, "make an MP4 file", reason);
    output->file->flags |= AVFMT_FLAG_BITEXACT;
    const int code = open_encoder(ctx, output, scene);
    if (code) return code;
    output->stream = avformat_new_stream(output->file, NULL);
    output->frame = av_frame_alloc();
    output->packet = av_packet_alloc();
    if (!output->stream || !output->frame || !output->packet) return hedon_fail_memory(ctx);
    output->stream->time_base = output->encoder->time_base;
    output->stream->avg_frame_rate = output->encoder->framerate;
    reason = avcodec_parameters_from_context(output->stream->codecpar, output->encoder);
    if (reason < 0) return fail_av(ctx, "describe the video", reason);
    output->frame->format = AV_PIX_FMT_YUV420P;
    output->frame->width = scene->width;
    output->frame->height = scene->height;
    reason = av_frame_get_buffer(output->frame, 0);
    if (reason >= 0) reason = avio_open(&output->file->pb, path, AVIO_FLAG_WRITE);
    if (reason >= 0) reason = avformat_write_header(output->file, NULL);
    return reason < 0 ? fail_av(ctx, "write", reason) : 0;
}

/* Writes what the encoder has ready. */
static int drain(HedonContext *ctx, Output *output)
{
    for (;;) {
        int reason = avcodec_receive_packet(output->encoder, output->packet);
        if (reason == AVERROR(EAGAIN) || reason == AVERROR_EOF) return 0;
        if (reason < 0) return fail_av(ctx, "encode", reason);
        output->packet->duration = 1; /* else the last frame has none, and the file is short */
        output->packet->stream_index = output->stream->index;
        av_packet_rescale_ts(output->packet, output->encoder->time_base, output->stream->time_base);
        reason = av_interleaved_write_frame(output->file, output->packet);
        if (reason < 0) return fail_av(ctx, "write", reason);
    }
}

static int encode_frame(HedonContext *ctx, Output *output, HedonSynthPainter *painter,
                        const HedonSynthScene *scene, int index)
{
    int reason = av_frame_make_writable(output->frame);
    if (reason < 0) return fail_av(ctx, "draw", reason);
    HedonSynthPicture picture;
    for (int p = 0; p < 3; p++) {
        picture.plane[p] = output->frame->data[p];
        picture.stride[p] = output->frame->linesize[p];
    }
    const int code = hedon_synth_paint(ctx, painter, scene, index, &picture);
    if (code) return code;
    output->frame->pts = index;
    reason = avcodec_send_frame(output->encoder, output->frame);
    return reason < 0 ? fail_av(ctx, "encode", reason) : drain(ctx, output);
}

static int finish(HedonContext *ctx, Output *output)
{
    int reason = avcodec_send_frame(output->encoder, NULL);
    if (reason < 0) return fail_av(ctx, "encode", reason);
    const int code = drain(ctx, output);
    if (code) return code;
    reason = av_write_trailer(output->file);
    if (reason >= 0) reason = avio_closep(&output->file->pb);
    return reason < 0 ? fail_av(ctx, "write", reason) : 0;
}

int hedon_render_encode(HedonContext *ctx, HedonSynthPainter *painter, const HedonSynthScene *scene,
                        const char *path)
{
    Output output = {0};
    int code = open_output(ctx, &output, scene, path);
    for (int i = 0; !code && i < scene->frames; i++)
        code = encode_frame(ctx, &output, painter, scene, i);
    if (!code) code = finish(ctx, &output);
    av_packet_free(&output.packet);
    av_frame_free(&output.frame);
    avcodec_free_context(&output.encoder);
    if (output.file) avio_closep(&output.file->pb);
    avformat_free_context(output.file);
    return code;
}
