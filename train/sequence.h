/* What is shown when: the endless sequence of places that training walks through, N to a batch, as
 * a pure function of the place's number. */
#ifndef HEDON_TRAIN_SEQUENCE_H
#define HEDON_TRAIN_SEQUENCE_H

#include "train/clip_feed.h"
#include "train/data.h"

/* Of several ranks each has a sequence of its own: its share of the batches that one process with
 * `ranks` times the clips and pairs would be shown. */
typedef struct HedonSequence {
    const HedonTrainData *data;
    uint64_t seed;
    int rank, ranks;
    int64_t clips, pairs; /* of a rank's share of a batch; 0 where the task has none. Plackett-Luce:
                             pairs are lists */
    int64_t compared;     /* places of each of those: 2 or 4 */
    int64_t batch_clips;  /* N = clips + compared * pairs */
    int64_t accumulate, steps_per_epoch;
} HedonSequence;

/**
 * An epoch is one pass over the clips (V2V: the pairs); what does not fill a step is left for
 * another epoch's order, as PyTorch's drop_last does. Fewer items than a step takes: they repeat.
 * Joint: pairs go round in epochs of their own.
 */
void hedon_sequence_init(HedonSequence *sequence, const HedonTrainData *data,
                         const HedonTrainConfig *config, int rank, int ranks);

/** Where slot `slot` of the share, below batch_clips, stands in the batch of all ranks. */
int64_t hedon_sequence_slot(const HedonSequence *sequence, int64_t slot);

typedef struct HedonShown {
    const HedonDatasetItem *item; /* NULL: nothing, the rest of a list of fewer than four */
    HedonRandomKey key;           /* of this showing */
    int is_pair;                  /* else a VCE clip */
    int is_tie;                   /* ... of which neither is the more pleasant */
    int64_t number; /* of the video, the same whenever it is shown; below hedon_sequence_videos */
} HedonShown;

HedonShown hedon_sequence_at(const HedonSequence *sequence, int64_t place);
/** hedon_sequence_at for a HedonClipFeed; opaque is the sequence. */
void hedon_sequence_place(void *opaque, int64_t place, HedonClipPlace *out);
/** An upper bound of HedonShown.number. */
int64_t hedon_sequence_videos(const HedonSequence *sequence);

#endif
