/* One evaluation as a user asks for it: a dataset's labels, what models say, and everything that is
 * derived from the two. The two tasks (task_vce.c, task_v2v.c) stand behind one vtable. */
#ifndef HEDON_EVAL_STUDY_H
#define HEDON_EVAL_STUDY_H

#include "eval/bootstrap.h"
#include "eval/calibration.h"
#include "eval/outputs.h"

enum { HEDON_STUDY_RESULTS = 64, HEDON_STUDY_SLICES = 256, HEDON_SLICE_NAME = 96 };

/* Which part is evaluated. */
typedef enum HedonPart {
    HEDON_PART_DEFAULT, /* VCE: test; V2V: test pairs and lists */
    HEDON_PART_TEST,
    HEDON_PART_TRAIN,
    HEDON_PART_LISTS,
    HEDON_PART_HOLDOUT, /* of train, as training holds it out */
} HedonPart;

typedef struct HedonStudy HedonStudy;

/* One subject measured on some rows. */
typedef struct HedonResult {
    const char *name;            /* borrowed from the outputs, or static */
    const char *note;            /* how a baseline is made; NULL for subjects */
    const HedonOutputs *outputs; /* NULL for chance */
    int64_t rows;                /* evaluated */
    int64_t missing;             /* rows for which the subject says nothing */
    int64_t units;               /* of resampling */
    double *value;               /* task->value_count */
    HedonInterval *interval;     /* the same; NULL where values are exact (chance) */
    int64_t all_zero, zero_predictions, output_ties;  /* VCE */
    int64_t pairs, lists;                             /* V2V */
    double largest_group;                             /* V2V: its share of the comparisons */
    double temperature;                               /* V2V; NaN when none was fitted */
    int64_t temperature_pairs;                        /* that it was fitted on */
    HedonCalibrationBin bins[HEDON_CALIBRATION_BINS]; /* VCE: deciles; V2V: by confidence */
} HedonResult;

typedef struct HedonSlice {
    char name[HEDON_SLICE_NAME]; /* "duration 3.2 to 7.5" */
    HedonResult result;          /* of the first subject */
} HedonSlice;

/* A row is a video (VCE) or a comparison (V2V), by its number in the dataset. */
typedef struct HedonEvalTask {
    const char *name, *title; /* "vce", "VCE" */
    int width;                /* of outputs */
    const HedonMetric *metrics;
    int metric_count;
    const int *headline; /* metrics that slices show; ended by -1 */
    int value_count;     /* metrics, then whatever else `measure` gives */
    /** Whether the row is in the study's part. */
    int (*in_part)(const HedonStudy *study, int64_t row);
    int64_t (*row_count)(const HedonDataset *dataset);
    int (*has)(const HedonStudy *study, const HedonOutputs *outputs, int64_t row);
    /** Mark the items whose outputs a row needs. */
    void (*mark)(const HedonStudy *study, int64_t row, uint8_t *items);
    /** Columns that the labels give, to slice by: NULL-terminated. */
    const char *const *columns;
    /** What the number-th of them says of the row; NaN: nothing. */
    double (*own_column)(const HedonStudy *study, int number, int64_t row);
    /** Names of the own column's values, when they are classes; NULL: numbers. */
    const char *(*own_category)(int number, int value);
    /** Of a column of items, what holds for the row; classes: whether values are classes. */
    double (*of_items)(const HedonStudy *study, const double *value, int classes, int64_t row);
    /** Prepare rows for measuring; counts and calibration go into result. *prepared: to be freed.
     */
    int (*prepare)(HedonContext *ctx, const HedonStudy *study, const HedonOutputs *outputs,
                   const int64_t *rows, int64_t count, void **prepared, HedonResult *result,
                   HedonEvaluation *evaluation);
    void (*release)(void *prepared);
    /** Baselines that need no decoding, by number; 0 and *outputs NULL past the last. */
    int (*baseline)(HedonContext *ctx, const HedonStudy *study, int number, HedonOutputs **outputs,
                    const char **note);
    /** Exact values of guessing; NULL: none. */
    void (*chance)(const HedonStudy *study, double *values);
} HedonEvalTask;

extern const HedonEvalTask hedon_eval_vce, hedon_eval_v2v;

struct HedonStudy {
    const HedonDataset *dataset; /* borrowed */
    const HedonEvalTask *task;
    HedonPart part;
    HedonBootstrap bootstrap;
    uint64_t holdout_seed;
    double holdout_share;
    int ungrouped;

    int64_t *rows; /* of the part, labelled */
    int64_t row_count;
    uint8_t *held_items, *held_comparisons; /* of train */

    HedonResult result[HEDON_STUDY_RESULTS]; /* the subjects, then the baselines */
    int subject_count, result_count;
    HedonOutputs *owned[HEDON_STUDY_RESULTS]; /* outputs that the study frees */
    int owned_count;
    HedonDifference *difference; /* first subject minus `against`; metric_count, or NULL */
    const char *against;
    int64_t common;    /* rows that both have */
    double *mean, *sd; /* over the subjects, when there are several; metric_count */
    HedonSlice *slices;
    int slice_count;
    const HedonOutputs *brightness; /* mean brightness of videos, to slice by; NULL: not known */
};

typedef struct HedonStudyOptions {
    const HedonEvalTask *task;
    HedonPart part;
    HedonBootstrap bootstrap;
    uint64_t holdout_seed; /* as training had it */
    double holdout_share;
    int ungrouped; /* V2V: resample comparisons as if those of one group told nothing of each other
                    */
} HedonStudyOptions;

/** HEDON_EINVAL when the part is empty or the task has none of that name; HEDON_ENOMEM. */
int hedon_study_open(HedonContext *ctx, HedonStudy **out, const HedonDataset *dataset,
                     const HedonStudyOptions *options);
void hedon_study_close(HedonStudy *study);
/** Items that a model must be run over: the part's, and for V2V the held-out ones that a
 * temperature is fitted on. items: of the dataset's size, set to 0 or 1. */
void hedon_study_wanted(const HedonStudy *study, uint8_t *items);

/* Subjects first, then baselines. The study takes outputs over, also after a failure. HEDON_EINVAL
 * when they have nothing to say about the part. */
int hedon_study_add_subject(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs);
int hedon_study_add_baseline(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs,
                             const char *note);
/** Those that need no decoding. */
int hedon_study_add_cheap_baselines(HedonContext *ctx, HedonStudy *study);
/** Compare the first subject with outputs, on the rows that both have. */
int hedon_study_compare(HedonContext *ctx, HedonStudy *study, HedonOutputs *outputs);
/** Mean and spread over the subjects (training seeds), when there are several. */
int hedon_study_spread(HedonContext *ctx, HedonStudy *study);
/** Measure the first subject within parts of a column: its classes; quarters of its numbers, or
 * single numbers where there are at most eight. HEDON_EINVAL when nothing has that column. */
int hedon_study_slice(HedonContext *ctx, HedonStudy *study, const char *column);

/** One JSON document, schema "hedon.eval/1", with its newline. *text by free(). */
int hedon_study_json(HedonContext *ctx, const HedonStudy *study, char **text);
/** Tables for a terminal. */
int hedon_study_text(HedonContext *ctx, const HedonStudy *study, const HedonTextStyle *style,
                     char **text);

#endif
