/* Which frames to ask for next, and which places each of them fills. A place is one frame of one
 * clip, numbered clip * clip_frames + t. Nothing here decodes or waits. */
#ifndef HEDON_DECODE_LOADER_SCHEDULE_H
#define HEDON_DECODE_LOADER_SCHEDULE_H

#include "decode/sampler.h"

typedef struct HedonSchedule {
    const HedonClips *clips;
    int64_t first, end; /* of the clips scheduled */
    int64_t *order;     /* their places by ascending frame */
    int64_t *left;      /* by clip - first: places to fill; -1 while no chunk has touched it */
    int64_t next;       /* of order: where the next chunk begins */
    int64_t started;    /* clips touched */
    int64_t finished;   /* clips with all their places filled and all before them finished too */
} HedonSchedule;

/** Schedule clips first..end-1. HEDON_EINVAL when there are too many places; HEDON_ENOMEM. */
int hedon_schedule_make(HedonSchedule *schedule, const HedonClips *clips, int64_t first,
                        int64_t end);
void hedon_schedule_free(HedonSchedule *schedule);

/** How many clips are in the making at once, at most, when frames come in order and finished clips
 *  leave in order. */
int64_t hedon_schedule_overlap(const HedonSchedule *schedule);

/**
 * Take the next frames to ask for: as many as fit, though never more than keep `most` clips in the
 * making, in whatever order they come (but one frame at least).
 *
 * @param indices  room for max; set to ascending, distinct frames
 * @param from,to  set to their places' range in order
 * @return how many; 0 when all have been asked for
 */
size_t hedon_schedule_chunk(HedonSchedule *schedule, int64_t *indices, size_t max, int64_t most,
                            int64_t *from, int64_t *to);

/** Whether another chunk will follow. */
int hedon_schedule_has_more(const HedonSchedule *schedule);

/** The frame of entry i of order. */
int64_t hedon_schedule_frame(const HedonSchedule *schedule, int64_t i);
/** The first entry in from..to-1 of order that shows frame; to when none does. */
int64_t hedon_schedule_find(const HedonSchedule *schedule, int64_t from, int64_t to, int64_t frame);
/** A place of this clip was filled. */
void hedon_schedule_fill(HedonSchedule *schedule, int64_t clip);

#endif
