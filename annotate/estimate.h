/* How long annotating would take, and how much disk, before it is begun. */
#ifndef HEDON_ANNOTATE_ESTIMATE_H
#define HEDON_ANNOTATE_ESTIMATE_H

#include "annotate/annotate.h"

typedef struct HedonAnnotateEstimate {
    HedonSourceCounts found;
    int64_t bytes; /* of all videos */
    int sampled;   /* videos that were scored for it, failed ones included */
    int failed;
    double seconds;                   /* that this machine would take for all */
    double seconds_low, seconds_high; /* two standard errors of the sample's mean to either side */
    double disk_bytes;                /* that the store would take */
    int64_t known; /* results and errors of this model and settings in the store now */
} HedonAnnotateEstimate;

/**
 * Find all videos, score some of them, spread evenly, into a store that is thrown away, and
 * extrapolate. options->store is only read.
 *
 * @param callbacks  `trouble` alone is called
 * @return 0; errors as hedon_annotate, HEDON_EIO also when there is no room for a temporary file
 */
int hedon_annotate_estimate(HedonContext *ctx, const HedonModel *model,
                            const HedonAnnotateOptions *options,
                            const HedonAnnotateCallbacks *callbacks,
                            HedonAnnotateEstimate *estimate);

#endif
