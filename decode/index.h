/* Where a video's packets lie and which frame each one shows, found without decoding. A forecast:
 * whoever decodes checks that the frames come out as it says. */
#ifndef HEDON_DECODE_INDEX_H
#define HEDON_DECODE_INDEX_H

#include "decode/index_peek.h"
#include "decode/video_demux.h"

typedef struct HedonIndexPacket { /* in decoding order */
    int64_t position;             /* in the file */
    int64_t pts;                  /* in the stream's time base */
    int32_t size;
    int32_t frame; /* that it shows, in presentation order; -1: none */
    int32_t entry; /* the last packet up to this one where decoding may begin, as the container says
                      and nothing has contradicted; itself when it is one */
} HedonIndexPacket;

typedef struct HedonIndex {
    HedonIndexPacket *packets;
    int64_t count, capacity;
    int32_t *packet_of; /* frames of them */
    double *times;      /* frames of them: seconds from the first */
    int64_t frames;
    double duration_s; /* of the pictures */
    int ranked;        /* presentation times tell frames apart: one may jump */
    int direct;        /* packets lie in the file just as decoders want them */
    int damaged;       /* reading met an error, an incomplete packet or an early end */
    int64_t missing;   /* packets that the header names and the file lacks */
    int delay; /* most pictures that come before another in decoding and after it in showing */
} HedonIndex;  /* zeroed is empty */

/** Whether the container's header alone tells all that an index needs. */
int hedon_index_can_be_hollow(const HedonDemux *demux);
/**
 * Reads all packets of demux, which is at its beginning.
 *
 * @param hollow  leave their contents in the file; demux is of no further use then, and the index
 * is only if it comes out direct
 * @return 0, HEDON_ELIMIT, HEDON_EDATA (no packets), HEDON_ENOMEM, HEDON_ECANCELLED
 */
int hedon_index_scan(HedonContext *ctx, HedonIndex *index, HedonDemux *demux, int64_t max_frames,
                     int hollow);
/** The entry from which frame is reached: the last one that is neither decoded nor shown after it.
 */
int64_t hedon_index_entry(const HedonIndex *index, int64_t frame);
/** Decoding can't begin with this packet after all. */
void hedon_index_drop_entry(HedonIndex *index, int64_t packet);
/** Replace the forecast by what a whole decoding gave; times is taken over. No jumps any more. */
void hedon_index_settle(HedonIndex *index, double *times, int64_t frames, double duration_s);
void hedon_index_free(HedonIndex *index);

#endif
