/* Frames without decoding everything before them. A request is cut into stretches, each beginning
 * where decoding may begin; a reader decodes a stretch, leaving out pictures that neither the
 * request nor any other picture needs, and checks the index's forecast against every picture that
 * comes out. */
#ifndef HEDON_DECODE_SEEK_H
#define HEDON_DECODE_SEEK_H

#include "decode/planes.h"
#include "decode/video_codec.h"
#include "decode/video_packets.h"

typedef struct HedonStretch {
    const int64_t *frames; /* wanted, ascending */
    size_t count;
    int64_t entry; /* packet where decoding begins */
    int64_t reach; /* last packet, in decoding order, that a wanted frame needs */
} HedonStretch;

/**
 * Cut a request into stretches; entries that turn out to be none are dropped from the index.
 *
 * @param stretches  room for count; *made of them are set
 */
int hedon_seek_plan(HedonContext *ctx, HedonIndex *index, const HedonPeek *peek,
                    const HedonBytes *bytes, const int64_t *frames, size_t count,
                    HedonStretch *stretches, size_t *made);

enum { HEDON_READER_PENDING = 64 };

typedef struct HedonReader {
    const HedonIndex *index;
    HedonPeek peek;
    HedonPackets packets;
    HedonPlanes planes;
    HedonBudget budget;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *picture;
    const HedonHardware *hardware; /* on which codec decodes; NULL: on none */
    HedonPicture shape;            /* of every picture, when there is one */
    AVFrame *fetched;              /* from it */
    int64_t delivered;             /* frames that the sink was given while there is one */
    int live;                      /* the decoder holds the state of packets up to next */
    int64_t entry;                 /* where this state began */
    int64_t next;                  /* packet to look at next */
    int64_t shown;                 /* last frame that came out */
    int64_t passed;                /* last frame, in presentation order, that was left out */
    int64_t
        pending[HEDON_READER_PENDING]; /* packets decoded whose pictures are to come, as shown */
    int pending_count;
} HedonReader; /* codec, packet, picture, fetched and planes are the reader's own */

typedef enum HedonReaderResult {
    HEDON_READER_STOPPED = 1, /* the sink said so */
    HEDON_READER_WRONG =
        2, /* the forecast is wrong, the file damaged, or not one for the hardware */
} HedonReaderResult;

/** Whether the reader's state serves for stretch, so that it need not begin at the entry. */
int hedon_reader_can_continue(const HedonReader *reader, const HedonStretch *stretch);
/**
 * @param stay  go on from here later: don't drain the decoder to save the last few pictures
 * @param sink  receives each wanted frame; non-zero stops
 * @return 0, a HedonReaderResult, or an error
 */
int hedon_reader_run(HedonContext *ctx, HedonReader *reader, const HedonStretch *stretch, int stay,
                     int (*sink)(void *opaque, const HedonFrame *frame), void *opaque);
void hedon_reader_free(HedonReader *reader);

#endif
