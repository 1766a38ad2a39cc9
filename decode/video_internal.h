/* The parts of an open video, shared by the files that work on it. */
#ifndef HEDON_DECODE_VIDEO_INTERNAL_H
#define HEDON_DECODE_VIDEO_INTERNAL_H

#include "decode/index.h"
#include "decode/seek.h"
#include "decode/video.h"
#include "decode/video_sequence.h"
#include "decode/video_shape.h"

struct HedonVideo {
    HedonVideoOptions options;
    HedonVideoInfo info;
    HedonBytes bytes;
    HedonBudget budget; /* of the calling thread's request */
    HedonIndex index;
    HedonPeek peek;
    AVCodecParameters *parameters; /* of the stream, which outlive its demuxer */
    AVRational time_base;
    HedonPicture shape;
    HedonOrientation orientation;

    const HedonHardware *hardware; /* NULL: not, or no longer */
    int64_t delivered;             /* frames that callers were given while there was one */

    HedonDemux *demux;    /* left from the scan, for the first reader */
    HedonReader *readers; /* options.threads of them, opened as needed */

    HedonSequence sequence; /* while codec is set */
    HedonPlanes planes;     /* of the sequence */
    int settled;            /* the index is what a whole decoding gave */
};

/** Frames in sequence, all decoded: any file. Results as hedon_video_frames. */
int hedon_video_frames_in_sequence(HedonContext *ctx, HedonVideo *video, const int64_t *indices,
                                   size_t count, HedonFrameSink sink, void *opaque);
/** Frames by stretches, on several threads: files whose index is ranked. A HedonReaderResult too;
 *  when the sink stopped, *stopped is what it returned. */
int hedon_video_frames_by_stretches(HedonContext *ctx, HedonVideo *video, const int64_t *indices,
                                    size_t count, int more, HedonFrameSink sink, void *opaque,
                                    int *stopped);
/** Decode everything once, and let the index and info be what came out. */
int hedon_video_settle(HedonContext *ctx, HedonVideo *video);
/** Copy the index's numbers to info. */
void hedon_video_update_info(HedonVideo *video);

#endif
