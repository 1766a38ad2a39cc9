/* One pass over a video file's packets through libavformat, which sees the file only through our
 * descriptor: whatever a hostile file names, nothing else is opened. */
#ifndef HEDON_DECODE_VIDEO_DEMUX_H
#define HEDON_DECODE_VIDEO_DEMUX_H

#include "decode/bytes.h"
#include "decode/video_budget.h"

#include <libavformat/avformat.h>

typedef struct HedonDemux {
    AVFormatContext *format;
    AVIOContext *io;
    AVStream *stream; /* the best video stream */
    const HedonBytes *bytes;
    const HedonBudget *budget;
    int64_t position;
    int hollow; /* packets' contents are not wanted: don't read them */
    int probed; /* avformat_find_stream_info has run */
} HedonDemux;

/**
 * Open and choose the best video stream; every other is discarded.
 *
 * @param bytes, budget  borrowed until close
 * @param max_pixels  of a picture that is decoded to learn about the stream
 * @param probe  decode a little to learn what headers don't say, as the ffmpeg command does;
 * without it that is done only where the container leaves something open
 * @return 0; HEDON_EDATA, HEDON_ENOVIDEO, HEDON_ELIMIT, HEDON_ECANCELLED, HEDON_ENOMEM
 */
int hedon_demux_open(HedonContext *ctx, HedonDemux *demux, const HedonBytes *bytes,
                     const HedonBudget *budget, int64_t max_pixels, int probe);
/** The stream's next packet: 0 or an AVERROR. */
int hedon_demux_read(HedonDemux *demux, AVPacket *packet);
/** Whether the file is an mp4 or mov whose header knows all packets (not one of fragments). */
int hedon_demux_is_plain_mp4(const HedonDemux *demux);
void hedon_demux_close(HedonDemux *demux);

/** A sentence for a libav error that the user must see; budget and cancellation come first. */
int hedon_demux_fail(HedonContext *ctx, const HedonBudget *budget, int averror, const char *what);
/** Silence libav, for the whole process. */
void hedon_demux_quiet(void);

#endif
