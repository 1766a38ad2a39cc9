/* VCE's metrics: predicted intensities against those that raters gave. Pure functions over arrays.
 */
#ifndef HEDON_EVAL_VCE_H
#define HEDON_EVAL_VCE_H

#include "eval/calibration.h"
#include "eval/metric.h"

typedef enum HedonVceMetric {
    HEDON_VCE_TOP1,
    HEDON_VCE_TOP2,
    HEDON_VCE_TOP3,
    HEDON_VCE_TOP5,
    HEDON_VCE_MACRO_TOP1,
    HEDON_VCE_MACRO_TOP2,
    HEDON_VCE_MACRO_TOP3,
    HEDON_VCE_MACRO_TOP5,
    HEDON_VCE_L1,
    HEDON_VCE_L2,
    HEDON_VCE_COSINE,
    HEDON_VCE_KL_LABEL,
    HEDON_VCE_KL_PREDICTION,
    HEDON_VCE_JENSEN_SHANNON,
    HEDON_VCE_WASSERSTEIN,
    HEDON_VCE_PEARSON, /* from here on: means over the emotions for which it is defined */
    HEDON_VCE_SPEARMAN,
    HEDON_VCE_CCC,
    HEDON_VCE_MAE,
    HEDON_VCE_AUROC,
    HEDON_VCE_AP,
    HEDON_VCE_SLOPE, /* pooled over all emotions */
    HEDON_VCE_METRICS
} HedonVceMetric;

/* Of each emotion; they follow the above in the values: emotion e's metric m at
 * HEDON_VCE_METRICS + e * HEDON_VCE_EMOTION_METRICS + m. */
typedef enum HedonVceEmotionMetric {
    HEDON_VCE_EMOTION_PEARSON,
    HEDON_VCE_EMOTION_SPEARMAN,
    HEDON_VCE_EMOTION_CCC,
    HEDON_VCE_EMOTION_MAE,
    HEDON_VCE_EMOTION_AUROC,
    HEDON_VCE_EMOTION_AP,
    HEDON_VCE_EMOTION_SLOPE,
    HEDON_VCE_EMOTION_METRICS
} HedonVceEmotionMetric;

enum { HEDON_VCE_VALUES = HEDON_VCE_METRICS + HEDON_EMOTIONS * HEDON_VCE_EMOTION_METRICS };

extern const HedonMetric hedon_vce_metrics[HEDON_VCE_METRICS];
extern const HedonMetric hedon_vce_emotion_metrics[HEDON_VCE_EMOTION_METRICS];

/* One video. */
typedef struct HedonVceRow {
    double label[HEDON_EMOTIONS];     /* intensities, 0..1 */
    double predicted[HEDON_EMOTIONS]; /* intensities, 0..1 */
    double output[HEDON_EMOTIONS];    /* what ranks the classes: logits, or the intensities again */
    uint8_t positive[HEDON_EMOTIONS]; /* the emotion is among the label's topK */
} HedonVceRow;

typedef struct HedonVce HedonVce;

/** Prepare an evaluation; rows are copied from. HEDON_EINVAL when there are none or a number is not
 *  finite, HEDON_ENOMEM. Free with hedon_vce_free. */
int hedon_vce_new(HedonContext *ctx, HedonVce **out, const HedonVceRow *rows, int64_t count);
void hedon_vce_free(HedonVce *vce);
/** Units are the rows; HEDON_VCE_VALUES values. Borrows vce. */
HedonEvaluation hedon_vce_evaluation(const HedonVce *vce);

/** Rows whose label has no positive intensity. Top-k counts them as the paper's code does, as of
 * the first class; the distances leave them out. */
int64_t hedon_vce_all_zero(const HedonVce *vce);
/** Rows without a distance because the prediction has no positive intensity. */
int64_t hedon_vce_zero_predictions(const HedonVce *vce);
/** Rows in which the label's output equals another class's: there, class order decided. */
int64_t hedon_vce_output_ties(const HedonVce *vce);
/** Deciles of label on prediction, pooled over the emotions. */
int hedon_vce_deciles(HedonContext *ctx, const HedonVce *vce,
                      HedonCalibrationBin bins[HEDON_CALIBRATION_BINS]);

/** The label's class as the paper counts: the first maximum in class order. */
int hedon_vce_label(const double intensities[HEDON_EMOTIONS]);
/** Its place among the outputs, from 1: one more than the outputs that are higher, or equal and
 *  earlier in class order. Top-k is whether this is at most k. */
int hedon_vce_place(const double output[HEDON_EMOTIONS], int label);
/** 27 x 27 Euclidean distances between the emotions' words in pleasure, arousal and dominance, in
 *  points of the norms' scale from 1 to 9 (models/emotion_words.h). */
void hedon_vce_ground_metric(double cost[HEDON_EMOTIONS * HEDON_EMOTIONS]);

#endif
