/* Decoding outside the processor: what a video asks of a device, and which pictures it leaves to
 * one. Pixels must depend on the file alone, so a device gets only what it decodes bit by bit as
 * libavcodec does; at the first surprise the video is decoded on the CPU, as if there were no
 * device (video.c). */
#ifndef HEDON_DECODE_VIDEO_HARDWARE_H
#define HEDON_DECODE_VIDEO_HARDWARE_H

#include "decode/video_shape.h"

#include <libavcodec/avcodec.h>

/* One device. Devices embed this as their first member. Entries are called from several threads,
 * for different contexts. */
typedef struct HedonHardware HedonHardware;
struct HedonHardware {
    /** A decoder of the codec that can use the device; NULL: there is none. */
    const AVCodec *(*decoder)(const HedonHardware *hardware, enum AVCodecID codec);
    /** Have a context of that decoder, which is not open yet, decode on the device. It may still
     *  decode in host memory what the device refuses. 0 or an AVERROR. */
    int (*attach)(const HedonHardware *hardware, AVCodecContext *codec);
    /** Whether a picture that came out lies on the device. */
    int (*holds)(const HedonHardware *hardware, const AVFrame *picture);
    /** Copy such a picture's samples to host memory, as NV12 or P010. `to` is empty or has the
     *  buffer of an earlier picture of the same size. 0 or an AVERROR. */
    int (*fetch)(const HedonHardware *hardware, AVFrame *to, const AVFrame *picture);
};

/**
 * Whether a stream is left to devices: a codec whose standard lets no decoder round as it likes,
 * 4:2:0 at 8 or 10 bits, even sizes, no fields. Of H.264 the container's header has to show it.
 *
 * @param shape  of its pictures, as a decoder on the CPU gives them
 */
int hedon_hardware_takes(const AVCodecParameters *parameters, const HedonPicture *shape);
/** Whether pictures of a pixel format (the CPU decoder's) are. */
int hedon_hardware_takes_format(enum AVPixelFormat format);
/**
 * A picture in host memory, with its matrix and range.
 *
 * @param codec    that it came from
 * @param to       kept from call to call
 * @param shape    that it must have
 * @return 0; 1 when the CPU has to decode the video: the picture is not one for a device after all,
 *         or could not be had
 */
int hedon_hardware_fetch(const HedonHardware *hardware, const AVCodecContext *codec,
                         const AVFrame *picture, const HedonPicture *shape, AVFrame *to);

#endif
