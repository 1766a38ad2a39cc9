/* What the first picture looks like, found as cheaply as the file allows. */
#ifndef HEDON_DECODE_VIDEO_SHAPE_H
#define HEDON_DECODE_VIDEO_SHAPE_H

#include "decode/planes_turn.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

typedef struct HedonPicture {
    int width, height; /* as stored */
    enum AVPixelFormat format;
} HedonPicture;

/** From the stream's own header in a packet, where its codec's parser reads that. 1 when it did. */
int hedon_picture_from_packet(HedonPicture *shape, const AVCodecParameters *parameters,
                              const uint8_t *data, int size);
/** How the stream's display matrix wants pictures turned. */
HedonOrientation hedon_picture_orientation(const AVStream *stream);

#endif
