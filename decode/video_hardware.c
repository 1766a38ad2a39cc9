#include "decode/video_hardware.h"

/* ITU-T H.264 and H.265, RFC 6386 (VP8), the VP9 and AV1 specifications define every sample.
 * MPEG-1, -2 and -4 and JPEG only bound the error of the inverse transform: there decoders differ.
 */
static int is_exact(enum AVCodecID codec)
{
    switch (codec) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
        return 1;
    default:
        return 0;
    }
}

int hedon_hardware_takes_format(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P ||
           format == AV_PIX_FMT_YUV420P10;
}

/* libavutil's copy from the device leaves out the last row of chroma of an odd height. */
static int is_even(int width, int height)
{
    return !(width & 1) && !(height & 1);
}

int hedon_hardware_takes(const AVCodecParameters *parameters, const HedonPicture *shape)
{
    const int progressive = parameters->field_order == AV_FIELD_UNKNOWN ||
                            parameters->field_order == AV_FIELD_PROGRESSIVE;
    return is_exact(parameters->codec_id) && hedon_hardware_takes_format(shape->format) &&
           is_even(shape->width, shape->height) && progressive;
}

static int is_interlaced(const AVFrame *picture)
{
#ifdef AV_FRAME_FLAG_INTERLACED
    return !!(picture->flags & AV_FRAME_FLAG_INTERLACED);
#else
    return picture->interlaced_frame;
#endif
}

/* AV1's film grain is drawn over the decoded picture, and decoders' drawings differ. */
static int has_grain(const AVCodecContext *codec)
{
    return !!(codec->properties & FF_CODEC_PROPERTY_FILM_GRAIN);
}

/* libavcodec crops pictures on a device at the right and at the bottom only. */
static int fits(const AVCodecContext *codec, const AVFrame *picture, const HedonPicture *shape)
{
    return picture->width == shape->width && picture->height == shape->height &&
           is_even(picture->width, picture->height) && !picture->crop_left && !picture->crop_top &&
           !is_interlaced(picture) && !has_grain(codec);
}

int hedon_hardware_fetch(const HedonHardware *hardware, const AVCodecContext *codec,
                         const AVFrame *picture, const HedonPicture *shape, AVFrame *to)
{
    if (!fits(codec, picture, shape)) return 1;
    if (to->width != picture->width || to->height != picture->height) av_frame_unref(to);
    if (hardware->fetch(hardware, to, picture) < 0) return 1;
    if (to->format != AV_PIX_FMT_NV12 && to->format != AV_PIX_FMT_P010) return 1;
    if (to->width != picture->width || to->height != picture->height) return 1;
    to->colorspace = picture->colorspace;
    to->color_range = picture->color_range;
    return 0;
}
