/* Videos into training clips, in a fixed order, ahead of the step that takes them.
 *
 * Places 0, 1, 2, ... each hold one clip; what a place shows is a pure function that the caller
 * gives. Decode workers fill places as they come, a bounded number ahead; clips leave in the order
 * of their places, whichever was ready first, so that nothing depends on the number of workers or
 * on timing. */
#ifndef HEDON_TRAIN_CLIP_FEED_H
#define HEDON_TRAIN_CLIP_FEED_H

#include "kernels/backend.h"
#include "models/preprocessing.h"
#include "train/recipe.h"

typedef struct HedonClipPlace {
    const char *path; /* of the video; borrowed for the feed's life. NULL: no clip is wanted here */
    HedonRandomKey key; /* of everything random about this clip */
} HedonClipPlace;

typedef struct HedonClipFeedOptions {
    const char
        *device; /* whose backend pre-processes, and whose GPU decodes where one does; borrowed */
    HedonPreprocessing preprocessing; /* size and colours of a clip */
    HedonClipSampling sampling;
    double clip_rate;
    int leave_out_short;
    int centred;         /* validation: the middle of the video, nothing random, no augmentation */
    const char *augment; /* a name that train/augment/augment.h knows */
    int workers;
    HedonDecoder decoder;
    int64_t window;     /* clips decoded ahead, at most */
    int64_t first, end; /* places; end -1: without end */
    /** What place shows. Called from other threads, one at a time; pure. */
    void (*place)(void *opaque, int64_t place, HedonClipPlace *out);
    void *opaque;
} HedonClipFeedOptions;

typedef struct HedonFedClip {
    int64_t place;
    int code;            /* 0, or why there is no clip: a broken video, HEDON_ENOENT without path */
    int is_short;        /* left out because it is too short; not broken */
    const char *message; /* of code */
    float *pixels;       /* (3,T,H,W), normalised; NULL when there is no clip. The taker may write
                            to it */
} HedonFedClip;

typedef struct HedonClipFeed HedonClipFeed;

/** Starts decoding at once. HEDON_EDECODER when the worker program is not there, HEDON_EDEVICE when
 *  the decoder is NVDEC and no GPU decodes, HEDON_ENOMEM. */
int hedon_clip_feed_open(HedonContext *ctx, HedonClipFeed **out,
                         const HedonClipFeedOptions *options);
/**
 * Wait for the next `count` places in order (count at most window); valid until the next call.
 *
 * @param waited_s  increased by the time that this took
 * @return 0; HEDON_ECANCELLED; HEDON_ENOMEM, HEDON_EDECODER when decoding as a whole broke down
 */
int hedon_clip_feed_take(HedonContext *ctx, HedonClipFeed *feed, HedonFedClip *clips, int64_t count,
                         double *waited_s);
void hedon_clip_feed_close(HedonClipFeed *feed);

#endif
