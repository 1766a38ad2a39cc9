#include "decode/video_codec.h"

#include "base/error.h"

/* Pictures that stay on a device besides those that its decoder keeps: the one in our hands, and
 * the next while that is received. */
enum { HELD = 2, MOST_DELAY = 16 };

static int prepare(AVCodecContext *codec, const HedonHardware *hardware, int delay,
                   const AVCodecParameters *par)
{
    int ret = avcodec_parameters_to_context(codec, par);
    if (ret < 0 || !hardware) return ret;
    codec->extra_hw_frames = HELD + (delay < MOST_DELAY ? delay : MOST_DELAY);
    return hardware->attach(hardware, codec);
}

static int open_decoder(HedonContext *ctx, AVCodecContext **out, const AVCodec *decoder,
                        const HedonHardware *hardware, int delay, const AVCodecParameters *par,
                        AVRational time_base, int64_t max_pixels)
{
    *out = NULL;
    if (!decoder)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "no decoder for its codec (%s) in this libavcodec",
                          avcodec_get_name(par->codec_id));
    if (max_pixels && (int64_t)par->width * par->height > max_pixels)
        return hedon_fail(ctx, HEDON_ELIMIT,
                          "its pictures of %dx%d are larger than allowed (%lld pixels)", par->width,
                          par->height, (long long)max_pixels);
    AVCodecContext *codec = avcodec_alloc_context3(decoder);
    if (!codec) return hedon_fail_memory(ctx);
    int ret = prepare(codec, hardware, delay, par);
    if (ret >= 0) {
        codec->pkt_timebase = time_base;
        codec->thread_count = 1;
        if (max_pixels) codec->max_pixels = max_pixels;
        ret = avcodec_open2(codec, decoder, NULL);
    }
    if (ret < 0) {
        avcodec_free_context(&codec);
        if (ret == AVERROR(ENOMEM)) return hedon_fail_memory(ctx);
        return hedon_fail(ctx, HEDON_EDATA, "its %s stream has a damaged header",
                          avcodec_get_name(par->codec_id));
    }
    *out = codec;
    return 0;
}

int hedon_codec_open(HedonContext *ctx, AVCodecContext **out, const AVCodecParameters *par,
                     AVRational time_base, int64_t max_pixels)
{
    return open_decoder(ctx, out, avcodec_find_decoder(par->codec_id), NULL, 0, par, time_base,
                        max_pixels);
}

int hedon_codec_open_on(HedonContext *ctx, AVCodecContext **out, const HedonHardware *hardware,
                        int delay, const AVCodecParameters *par, AVRational time_base,
                        int64_t max_pixels)
{
    return open_decoder(ctx, out, hardware->decoder(hardware, par->codec_id), hardware, delay, par,
                        time_base, max_pixels);
}

int hedon_picture_is_damaged(const AVFrame *picture)
{
    return picture->decode_error_flags || (picture->flags & AV_FRAME_FLAG_CORRUPT);
}
