/* Composition offsets of an mp4 track, read from its sample tables. libavformat's index of a track has
 * every sample's place and decoding time but not this, the way to its presentation time, which it
 * tells only packet by packet, at three quarters of the cost of opening a short video. */
#ifndef HEDON_DECODE_INDEX_MP4_H
#define HEDON_DECODE_INDEX_MP4_H

#include "decode/video_demux.h"

/**
 * Only a track whose tables are plain and say of every sample what libavformat's index says is
 * understood: ISO/IEC 14496-12, 8.6.1.3 (ctts), 8.7.3.2 (stsz), one sample description.
 *
 * @param demux    an open mp4 whose header is read
 * @param offsets  set to one a sample, in the track's time scale, the caller's to free; NULL for a
 *                 track without ctts, and unless 1 is returned
 * @return 1; 0 when the track is not understood: ask libavformat for its packets; HEDON_ENOMEM
 */
int hedon_mp4_offsets(HedonContext *ctx, const HedonDemux *demux, int32_t **offsets);

#endif
