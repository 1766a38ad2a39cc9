/* Videos that look the same: perceptual hashes of a few frames, compared bit by bit.
 *
 * The hash is the difference hash of N. Krawetz ("Kind of like that", 2013): a picture is averaged
 * down to 9 x 8 greys, and each bit says whether a grey is darker than its left neighbour, here by
 * more than 2 of 255, so that flat areas give the same bits after another encoding. */
#ifndef HEDON_DATASETS_DUPLICATES_H
#define HEDON_DATASETS_DUPLICATES_H

#include "base/frame.h"
#include "datasets/videos.h"

enum { HEDON_HASH_FRAMES = 4, HEDON_HASH_BITS = 64 * HEDON_HASH_FRAMES };

/** The 64 bits of one frame. 0: hardly any contrast. */
uint64_t hedon_frame_hash(const HedonFrame *frame);

typedef struct HedonDuplicatePair {
    int32_t a, b; /* items */
    int bits;     /* that differ */
} HedonDuplicatePair;

typedef struct HedonDuplicates {
    int64_t looked;          /* videos hashed */
    int64_t blank;           /* of those: without contrast, compared with none */
    int64_t failed;          /* could not be decoded */
    int64_t pairs;           /* within the threshold */
    int64_t across;          /* of those: in two splits */
    int64_t groups, grouped; /* connected groups, and the videos in them */
    int threshold;
    int example_count;
    HedonDuplicatePair *example; /* the nearest first, across splits before others */
} HedonDuplicates;

/**
 * @param visit      workers, budgets and progress; the callbacks `wanted` and `visit` are ours
 * @param threshold  bits that differ at most
 * @return 0; as hedon_visit_videos. Free with hedon_duplicates_free always.
 */
int hedon_dataset_duplicates(HedonContext *ctx, HedonDuplicates *result,
                             const HedonDataset *dataset, const HedonVisitOptions *visit,
                             int threshold, int examples);
void hedon_duplicates_free(HedonDuplicates *result);

#endif
