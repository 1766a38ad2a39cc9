#include "decode/video_hardware.h"

#include <string.h>

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

/* ---- H.264 without colour: its decoder here makes it 4:2:0 with chroma in the middle, and tells a
 * device that it is 4:2:0, which it then misreads. */

typedef struct Bits {
    const uint8_t *bytes;
    int at, end; /* bits */
} Bits;

static int next_bit(Bits *bits)
{
    const int at = bits->at++;
    return at < bits->end ? bits->bytes[at >> 3] >> (7 - (at & 7)) & 1 : 0;
}

/* ue(v), H.264 9.1; -1 when it is none. */
static int next_number(Bits *bits)
{
    int zeros = 0, number = 1;
    while (zeros < 16 && bits->at < bits->end && !next_bit(bits)) zeros++;
    if (zeros == 16 || bits->at >= bits->end) return -1;
    for (int i = 0; i < zeros; i++) number = number << 1 | next_bit(bits);
    return number - 1;
}

/* Of a sequence parameter set (7.3.2.1.1): 0 without colour, 1 for 4:2:0. */
static int chroma_format(const uint8_t *nal, int size)
{
    static const uint8_t with_format[] = {100, 110, 122, 244, 44,  83, 86,
                                          118, 128, 138, 139, 134, 135};
    if (size < 5) return -1;
    if (!memchr(with_format, nal[1], sizeof with_format)) return 1;
    Bits bits = {nal + 4, 0, 8 * (size - 4 < 8 ? size - 4 : 8)};
    return next_number(&bits) < 0 ? -1 : next_number(&bits);
}

/* Counts the NAL unit if it is a sequence parameter set; 0 when that is not one for 4:2:0. */
static int is_coloured(const uint8_t *nal, int size, int *sets)
{
    if ((nal[0] & 31) != 7) return 1;
    ++*sets;
    return chroma_format(nal, size) == 1;
}

/* An avcC record (ISO/IEC 14496-15, 5.3.3.1): sequence parameter sets, then picture parameter sets,
 * among which libavcodec takes either kind. */
static int avcc_has_colour(const uint8_t *extra, int size)
{
    int at = 5, sets = 0;
    for (int list = 0; list < 2; list++) {
        if (at >= size) return 0;
        int count = list ? extra[at] : extra[at] & 31;
        for (at++; count > 0; count--) {
            if (size - at < 3) return 0;
            const int length = extra[at] << 8 | extra[at + 1];
            at += 2;
            if (length < 1 || length > size - at || !is_coloured(extra + at, length, &sets))
                return 0;
            at += length;
        }
    }
    return sets > 0;
}

/* The stream's header: an avcC record or start codes. A stream may turn to any of its parameter
 * sets. */
static int h264_has_colour(const uint8_t *extra, int size)
{
    int sets = 0;
    if (size >= 7 && extra[0] == 1) return avcc_has_colour(extra, size);
    for (int at = 0; at + 4 <= size; at++)
        if (!extra[at] && !extra[at + 1] && extra[at + 2] == 1 &&
            !is_coloured(extra + at + 3, size - at - 3, &sets))
            return 0;
    return sets > 0;
}

int hedon_hardware_takes(const AVCodecParameters *parameters, const HedonPicture *shape)
{
    const int progressive = parameters->field_order == AV_FIELD_UNKNOWN ||
                            parameters->field_order == AV_FIELD_PROGRESSIVE;
    return is_exact(parameters->codec_id) && hedon_hardware_takes_format(shape->format) &&
           is_even(shape->width, shape->height) && progressive &&
           (parameters->codec_id != AV_CODEC_ID_H264 ||
            h264_has_colour(parameters->extradata, parameters->extradata_size));
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
