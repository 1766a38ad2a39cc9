/* Decoders. One thread each: a decoder with several gives other pixels in damaged files. */
#ifndef HEDON_DECODE_VIDEO_CODEC_H
#define HEDON_DECODE_VIDEO_CODEC_H

#include "hedon.h"

#include <libavcodec/avcodec.h>

/** A decoder of a stream; HEDON_EUNSUPPORTED, HEDON_EDATA, HEDON_ENOMEM. */
int hedon_codec_open(HedonContext *ctx, AVCodecContext **out, const AVCodecParameters *parameters,
                     AVRational time_base, int64_t max_pixels);
/** Whether a decoded picture says of itself that something was missing. */
int hedon_picture_is_damaged(const AVFrame *picture);

#endif
