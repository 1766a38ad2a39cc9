/* What a dataset is like: balance of labels, durations, the graph of comparisons, and videos that
 * look the same. */
#ifndef HEDON_DATASETS_STATS_H
#define HEDON_DATASETS_STATS_H

#include "datasets/duplicates.h"
#include "datasets/videos.h"

typedef struct HedonStatsOptions {
    int open;       /* open videos whose duration no metadata says */
    int duplicates; /* look for near-duplicates, which decodes a few frames of every video */
    int threshold;  /* bits, of HEDON_HASH_BITS, that near-duplicates differ in at most; default 24
                     */
    int examples;   /* pairs kept; default 5 */
    int workers;    /* as HedonVisitOptions */
    HedonWorkerOptions worker;
    void (*progress)(void *opaque, int64_t done, int64_t total); /* of videos opened; may be NULL */
    void *opaque;
} HedonStatsOptions;

enum { HEDON_DEGREES = 9 }; /* 1, 2, ... 8, and all above */

/* Connectivity of the comparisons of one split. */
typedef struct HedonGraphStats {
    int64_t videos, comparisons, components, largest; /* in videos */
    int64_t size[HEDON_DEGREES];   /* components of 2, 3, ... 9 videos, and of more */
    int64_t degree[HEDON_DEGREES]; /* videos in 1, 2, ... 8 comparisons, and in more */
    int64_t most_compared;         /* the greatest degree */
    double mean_degree;
} HedonGraphStats;

typedef struct HedonDatasetStats {
    const HedonDatasetKind *kind;
    int64_t videos[HEDON_SPLITS], comparisons[HEDON_SPLITS];

    /* Of the videos with intensities, by split. */
    int64_t rated[HEDON_SPLITS];
    int64_t all_zero;                            /* rated with nothing but zeros */
    int64_t tied;                                /* the greatest intensity is shared */
    int64_t label[HEDON_SPLITS][HEDON_EMOTIONS]; /* first maxima */
    int64_t top[HEDON_EMOTIONS];                 /* videos that have it in topK */
    double mean[HEDON_EMOTIONS];                 /* intensity, over all splits */

    int classes; /* of a table or folder */
    const char *const *class_name;
    int64_t *class_count;
    int64_t rating_count;
    double rating_mean, rating_sd, rating_least, rating_most;

    int64_t duration_count, unreadable; /* videos whose duration is known; that would not open */
    double *duration_s;                 /* ascending */
    double total_s;

    HedonGraphStats graph[HEDON_SPLITS];
    HedonDuplicates duplicates; /* looked == 0 when not asked for */
} HedonDatasetStats;

void hedon_stats_options_default(HedonStatsOptions *options);
/** Names are borrowed from dataset. 0; HEDON_EDECODER, HEDON_ECANCELLED, HEDON_ENOMEM. Free with
 *  hedon_stats_free always. */
int hedon_dataset_stats(HedonContext *ctx, HedonDatasetStats *stats, const HedonDataset *dataset,
                        const HedonStatsOptions *options);
void hedon_stats_free(HedonDatasetStats *stats);
/** The duration that the share q (0..1) of the videos does not exceed (nearest rank); NaN without
 * any. */
double hedon_stats_duration(const HedonDatasetStats *stats, double q);

#endif
