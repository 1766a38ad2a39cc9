#include "decode/video_codec.h"

#include "base/error.h"

int hedon_codec_open(HedonContext *ctx, AVCodecContext **out, const AVCodecParameters *par,
                     AVRational time_base, int64_t max_pixels)
{
    *out = NULL;
    const AVCodec *decoder = avcodec_find_decoder(par->codec_id);
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
    int ret = avcodec_parameters_to_context(codec, par);
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

int hedon_picture_is_damaged(const AVFrame *picture)
{
    return picture->decode_error_flags || (picture->flags & AV_FRAME_FLAG_CORRUPT);
}
