/* Computing streams: threads that each run the model, with activations of their own, on batches of
 * views that one thread hands to them and takes back.
 *
 * Batches come back in the order in which they were handed over, whichever is computed first, so that
 * sums over views have the same bits for any number of streams. There is a fixed number of batches:
 * that bounds what waits.
 */
#ifndef HEDON_SCORE_STREAMS_H
#define HEDON_SCORE_STREAMS_H

#include "models/predictor.h"
#include "score/scorer.h"

typedef struct HedonView {
    int64_t number, clip, view; /* of which video; of its clips; of the clip's crops */
    int plan;
    int64_t place; /* among the batch's computed ones; -1: repeats the logits of the clip before */
} HedonView;

typedef struct HedonBatch {
    HedonView *views;
    int64_t view_count, view_room;
    int64_t count;           /* of views to compute */
    const float *clips;      /* (count,3,T,H,W): of these */
    float *room;             /* for the scorer's batch of them; NULL when that is one, or on a device */
    HedonDeviceClip *places; /* of a scorer that is on_device: where each view lies; else NULL */
    HedonLoaded **held;      /* events in whose slots they are, to be released */
    int64_t held_count;
    HedonTensor *outputs;    /* one a head, (count, size); data NULL where scoring needs none */
    double seconds;          /* that computing took */
    int code, done;
    char message[512];
} HedonBatch;

/* Sums over the streams. */
typedef struct HedonStreamsStats {
    double busy_s, cpu_s, starved_s;
    int64_t views, batches, places; /* computed; places: what the batches had room for */
} HedonStreamsStats;

typedef struct HedonStreams HedonStreams;

/** How many events all batches together can hold. */
int64_t hedon_streams_most_held(const HedonScorer *scorer);
/** Starts a thread for each of the scorer's predictors. came(opaque) is called from them when the batch
 *  that is due next has been computed. */
int hedon_streams_start(HedonContext *ctx, HedonStreams **out, HedonScorer *scorer,
                        void (*came)(void *opaque), void *opaque);
/** The batch to fill next, empty at first; NULL while all are under way. The same until submitted. */
HedonBatch *hedon_streams_room(HedonStreams *streams);
/** Hand over the batch that room gave, with at least one view. */
void hedon_streams_submit(HedonStreams *streams);
/** The oldest batch handed over, if it is computed, else NULL; the same until returned. */
HedonBatch *hedon_streams_due(HedonStreams *streams);
/** Make the batch that was due free again; its events must have been released. */
void hedon_streams_return(HedonStreams *streams);
/** Whether any batch is handed over and not returned. */
int hedon_streams_busy(HedonStreams *streams);
/** Wait until a batch is due; not for longer than 50 ms, so that hedon_cancel is noticed. */
void hedon_streams_wait(HedonStreams *streams);
void hedon_streams_stats(HedonStreams *streams, HedonStreamsStats *stats);
/** Let streams finish the batch that they are at, and end them. What was not returned can still be got
 *  by hedon_streams_abandoned. */
void hedon_streams_stop(HedonStreams *streams);
/** After stop: events that batches still hold, one a call; NULL when there are none left. */
HedonLoaded *hedon_streams_abandoned(HedonStreams *streams);
void hedon_streams_free(HedonStreams *streams);

#endif
