/* Two models on the same videos, or two folders of one run: mean differences of the utility and of
 * each emotion with 95% bootstrap intervals, and for models how alike they rank the videos. */
#ifndef HEDON_REPORT_COMPARE_H
#define HEDON_REPORT_COMPARE_H

#include "eval/bootstrap.h"
#include "report/run.h"

enum { HEDON_COMPARED = 1 + HEDON_EMOTIONS }; /* the utility, then the emotions */

typedef struct HedonCompareSide {
    int64_t run;        /* its id */
    const char *folder; /* only videos under it (absolute); NULL: all */
} HedonCompareSide;

typedef struct HedonComparedValue {
    int measured;         /* both sides have it */
    double first, second; /* means */
    double difference;    /* first minus second */
    HedonInterval interval;
    double rank_correlation; /* Spearman's, of paired sides; NaN when one side is constant */
    HedonInterval rank_interval;
} HedonComparedValue;

typedef struct HedonComparison {
    int paired;                          /* the sides are runs: the same videos, pair by pair */
    int64_t videos;                      /* pairs */
    int64_t first_videos, second_videos; /* each side has */
    HedonComparedValue value[HEDON_COMPARED]; /* [0]: the utility; [1 + e]: emotion e */
} HedonComparison;

/**
 * Compare. Sides of different runs are paired by the videos' paths; sides of one run are two
 * samples, each resampled by itself.
 *
 * @param where  which videos, as HedonStoreQuery's; or NULL
 * @return 0; HEDON_EINVAL when a side or the common part has fewer than two videos, or for a wrong
 *         `where`; HEDON_EIO, HEDON_ECANCELLED, HEDON_ENOMEM
 */
int hedon_compare_sides(HedonContext *ctx, HedonComparison *out, HedonStore *store,
                        const HedonCompareSide *first, const HedonCompareSide *second,
                        const char *where, const HedonBootstrap *bootstrap);

#endif
