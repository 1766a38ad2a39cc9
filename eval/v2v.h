/* V2V's metrics: utilities against what people found more pleasant. Pure functions over arrays. */
#ifndef HEDON_EVAL_V2V_H
#define HEDON_EVAL_V2V_H

#include "eval/calibration.h"
#include "eval/metric.h"

typedef enum HedonV2vMetric {
    HEDON_V2V_PAIR_ACCURACY,      /* the preferred one is strictly higher */
    HEDON_V2V_PAIR_TIES,          /* both have the same utility: not counted as right */
    HEDON_V2V_PAIR_ACCURACY_HALF, /* ties count half */
    HEDON_V2V_LOG_LOSS,
    HEDON_V2V_BRIER,
    HEDON_V2V_CALIBRATION_ERROR, /* mean over pairs of |confidence - accuracy| of their bin */
    HEDON_V2V_LOG_LOSS_FITTED,   /* the same with the temperature; NaN without one */
    HEDON_V2V_BRIER_FITTED,
    HEDON_V2V_CALIBRATION_ERROR_FITTED,
    HEDON_V2V_LIST_PAPER,  /* no adjacent decrease: a constant gets 1 */
    HEDON_V2V_LIST_STRICT, /* every step rises */
    HEDON_V2V_LIST_TIES,   /* some step is level */
    HEDON_V2V_LIST_CHANCE, /* mean of 1 / length! */
    HEDON_V2V_KENDALL, /* mean over lists of tau-b; a list whose utilities are all equal has 0 */
    HEDON_V2V_RECIPROCAL_RANK, /* of the best; equals count as above it */
    HEDON_V2V_METRICS
} HedonV2vMetric;

extern const HedonMetric hedon_v2v_metrics[HEDON_V2V_METRICS];

enum { HEDON_V2V_LIST_MAX = 64 }; /* videos of one list */

/* One comparison: count utilities from least to most pleasant, as people had it. Two are a pair
 * unless is_list says otherwise. */
typedef struct HedonV2vRow {
    const double *utility;
    int count;
    int is_list;
    int32_t group; /* 0..groups-1: comparisons that share videos, directly or through others */
} HedonV2vRow;

typedef struct HedonV2v HedonV2v;

/**
 * Prepare an evaluation; rows are copied from. Values of what there is none of (pairs, lists) are
 * NaN.
 *
 * @param temperature  utilities are divided by it for the fitted metrics; NaN: none was fitted
 * @return 0; HEDON_EINVAL when there are no rows, a utility is not finite, or a list is too short
 * or long; HEDON_ENOMEM. Free with hedon_v2v_free.
 */
int hedon_v2v_new(HedonContext *ctx, HedonV2v **out, const HedonV2vRow *rows, int64_t count,
                  int64_t groups, double temperature);
void hedon_v2v_free(HedonV2v *v2v);
/** Units are the groups; HEDON_V2V_METRICS values. Borrows v2v. */
HedonEvaluation hedon_v2v_evaluation(const HedonV2v *v2v);
int64_t hedon_v2v_pairs(const HedonV2v *v2v);
int64_t hedon_v2v_lists(const HedonV2v *v2v);
/** Accuracy by confidence, utilities divided by temperature (1: as they are). */
void hedon_v2v_reliability(const HedonV2v *v2v, double temperature,
                           HedonCalibrationBin bins[HEDON_CALIBRATION_BINS]);

/** Kendall's tau-b between ascending places and these utilities; 0 when all are equal. */
double hedon_kendall(const double *utility, int count);
/** 1 / length!: the chance that a random order has no decrease. */
double hedon_list_chance(int count);

/**
 * Number the connected components of a comparison graph.
 *
 * @param items   items[offsets[c] .. offsets[c+1]-1] are compared with each other; 0..item_count-1
 * @param groups  set for each comparison, by first appearance
 * @return the number of groups, or HEDON_ENOMEM
 */
int64_t hedon_comparison_groups(HedonContext *ctx, int32_t *groups, const int32_t *items,
                                const int64_t *offsets, int64_t comparisons, int64_t item_count);

#endif
