/* A video's timeline as one blob: a record of 132 bytes a clip, little-endian: start_s, end_s and
 * utility as float64, then 27 emotions as float32 in VCE's order. */
#ifndef HEDON_STORE_CLIPS_H
#define HEDON_STORE_CLIPS_H

#include "hedon.h"

enum { HEDON_CLIP_RECORD = 3 * 8 + HEDON_EMOTIONS * 4 };

/** count * HEDON_CLIP_RECORD bytes, by hedon_malloc; NULL when memory is out. */
uint8_t *hedon_clips_pack(const HedonScoreClip *clips, int64_t count);
void hedon_clips_unpack(HedonScoreClip *clips, int64_t count, const void *records);

#endif
