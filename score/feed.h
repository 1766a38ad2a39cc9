/* The decoding side of scoring: what the loader's threads call. Chooses the clips of a video, has
 * the backend put frames into them (in host memory, or on a device that pre-processes), and takes
 * thumbnails on the way. */
#ifndef HEDON_SCORE_FEED_H
#define HEDON_SCORE_FEED_H

#include "score/scorer.h"
#include "score/tally.h"

enum { HEDON_MAX_PLANS = 4, HEDON_MAX_THUMBNAILS = 64 };

/* Where a thumbnail is taken from. */
typedef struct HedonPick {
    int64_t clip, t;
    double distance_s; /* from where it should be */
    HedonThumbnail image;
} HedonPick;

/* The part of a video's state that belongs to its loader thread until the video's end is out. */
typedef struct HedonFeedVideo {
    HedonClipRoles roles[HEDON_MAX_PLANS]; /* a damaged video is planned again; the collector may
                                              still be reading the plan before. Rows are owned */
    int plans;
    uint64_t serial; /* of the plan under way, among all the feed's */
    int repeats;     /* some frame is shown more than once */
    HedonPick picks[HEDON_MAX_THUMBNAILS];
    int pick_count;
    HedonThumbnail *images; /* of the result; the pixels are the picks' */
} HedonFeedVideo;

typedef struct HedonFeed HedonFeed;

/** threads: how many loader threads will call. */
int hedon_feed_new(HedonContext *ctx, HedonFeed **out, const HedonScorer *scorer, int threads);
int hedon_feed_plan(HedonContext *ctx, HedonFeed *feed, HedonFeedVideo *video,
                    const HedonVideoInfo *info, const double *times, HedonClips *clips);
/** slot: the clip's views one after the other, floats; of a scorer that is on_device a HedonDeviceClip. */
int hedon_feed_place(HedonContext *ctx, HedonFeed *feed, HedonFeedVideo *video,
                     const HedonFrame *frame, int64_t clip, int64_t t, void *slot);
void hedon_feed_video_clear(HedonFeedVideo *video);
void hedon_feed_free(HedonFeed *feed);

/** Which clips a video gives: the timeline's and the model's own, in the order in which they end.
 *  roles->row: hedon_free. */
int hedon_feed_choose(HedonContext *ctx, const HedonScorer *scorer, const HedonVideoInfo *info,
                      const double *times, HedonClips *clips, HedonClipRoles *roles);

/** Of a run of this scorer, by its share. */
void hedon_scorer_loader_options(const HedonScorer *scorer, HedonLoaderOptions *options);

#endif
