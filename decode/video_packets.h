/* Packets of an indexed stream by their number: read straight from the file where they lie there
 * ready for the decoder, else through a demuxer that is moved as seldom as possible. */
#ifndef HEDON_DECODE_VIDEO_PACKETS_H
#define HEDON_DECODE_VIDEO_PACKETS_H

#include "decode/index.h"

typedef struct HedonPackets {
    const HedonIndex *index;
    const HedonBytes *bytes;
    const HedonBudget *budget;
    int64_t max_pixels;
    HedonDemux
        *demux;   /* when the index is not direct: opened on first use, or given by the owner */
    int64_t next; /* packet that demux gives next */
    int cannot_seek;
} HedonPackets;

/** `demux` may be NULL; it is taken over, and may stand anywhere. */
void hedon_packets_init(HedonPackets *packets, const HedonIndex *index, const HedonBytes *bytes,
                        const HedonBudget *budget, int64_t max_pixels, HedonDemux *demux);
/** 0, HEDON_EDATA (the file no longer holds what the index says), HEDON_EIO, HEDON_ELIMIT, ... */
int hedon_packets_get(HedonContext *ctx, HedonPackets *packets, int64_t number, AVPacket *packet);
void hedon_packets_free(HedonPackets *packets);

#endif
