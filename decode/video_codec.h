/* Decoders. One thread each: a decoder with several gives other pixels in damaged files. */
#ifndef HEDON_DECODE_VIDEO_CODEC_H
#define HEDON_DECODE_VIDEO_CODEC_H

#include "decode/video_hardware.h"
#include "hedon.h"

/** A decoder of a stream on the CPU; HEDON_EUNSUPPORTED, HEDON_EDATA, HEDON_ENOMEM. */
int hedon_codec_open(HedonContext *ctx, AVCodecContext **out, const AVCodecParameters *parameters,
                     AVRational time_base, int64_t max_pixels);
/** The same on a device. Its decoder keeps memory on the device for the pictures that the stream
 *  itself needs, and for `delay` more that are decoded and not shown yet. HEDON_EUNSUPPORTED also
 *  where the device has no decoder for the codec. */
int hedon_codec_open_on(HedonContext *ctx, AVCodecContext **out, const HedonHardware *hardware,
                        int delay, const AVCodecParameters *parameters, AVRational time_base,
                        int64_t max_pixels);
/** Whether a decoded picture says of itself that something was missing. */
int hedon_picture_is_damaged(const AVFrame *picture);

#endif
