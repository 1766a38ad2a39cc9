/* Every frame from the first to the last, in the order and with the pixels of
 * `ffmpeg -threads 1 -vsync passthrough`: the definition of what a video's frames are. Slow, and
 * right for damaged files and odd containers too. */
#ifndef HEDON_DECODE_VIDEO_SEQUENCE_H
#define HEDON_DECODE_VIDEO_SEQUENCE_H

#include "decode/video_codec.h"
#include "decode/video_demux.h"

typedef struct HedonSequence {
    HedonDemux demux;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *picture; /* of the last next() */
    int64_t count;    /* frames given so far */
    int errors;       /* decoding errors and incomplete pictures met so far */
    int packets_over;
    int64_t max_pixels;
} HedonSequence; /* zeroed is closed */

int hedon_sequence_open(HedonContext *ctx, HedonSequence *sequence, const HedonBytes *bytes,
                        const HedonBudget *budget, int64_t max_pixels);
/** 0: picture is the next frame; 1: there are no more; or HEDON_ELIMIT, _ECANCELLED, _ENOMEM. */
int hedon_sequence_next(HedonContext *ctx, HedonSequence *sequence);
void hedon_sequence_close(HedonSequence *sequence);

#endif
