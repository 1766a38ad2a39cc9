/* What is wrong with a dataset: everything, counted, with a few examples each. */
#ifndef HEDON_DATASETS_CHECK_H
#define HEDON_DATASETS_CHECK_H

#include "datasets/fault.h"
#include "datasets/holdout.h"
#include "datasets/videos.h"

typedef struct HedonCheckOptions {
    const char *kind;            /* NULL: detected */
    HedonDatasetOptions dataset; /* faults is ours */
    int no_open;                 /* only whether videos are there */
    int examples;                /* of each fault; default 5 */
    const char *joint;           /* the folder of the other of VCE and V2V, or NULL */
    int workers;                 /* as HedonVisitOptions */
    HedonWorkerOptions worker;
    void (*progress)(void *opaque, int64_t done, int64_t total); /* of videos opened; may be NULL */
    void *opaque;
} HedonCheckOptions;

typedef struct HedonCheck {
    const HedonDatasetKind *kind;
    int64_t videos[HEDON_SPLITS], comparisons[HEDON_SPLITS];
    int64_t opened; /* videos that were opened and whose first and last frame decoded */
    int is_joint;
    HedonJoint joint;
    HedonFaults faults;
} HedonCheck;

void hedon_check_options_default(HedonCheckOptions *options);
/**
 * Check a dataset. A dataset with faults is not a failure: hedon_faults_total(&check->faults)
 * tells.
 *
 * A video is opened in a decode worker within the budgets, and its first and last frames are
 * decoded: that finds what is no video, what was cut off and what is damaged at the ends, not every
 * flaw.
 *
 * @return 0; HEDON_ENOENT (no such folder, none of the label files), HEDON_EINVAL, HEDON_EDECODER
 * (no worker program), HEDON_ECANCELLED, HEDON_ENOMEM. Free check with hedon_check_free always.
 */
int hedon_dataset_check(HedonContext *ctx, HedonCheck *check, const char *dir,
                        const HedonCheckOptions *options);
void hedon_check_free(HedonCheck *check);

#endif
