/* What an evaluation measures, as tables, and the one interface that resampling needs of it. */
#ifndef HEDON_EVAL_METRIC_H
#define HEDON_EVAL_METRIC_H

#include "hedon.h"

enum { HEDON_MOST_METRICS = 32 }; /* of one table */

typedef struct HedonMetric {
    const char *key;  /* in JSON: "top3" */
    const char *name; /* for people: "top-3" */
    int better;       /* 1: higher is better, -1: lower, 0: neither */
    int percent;      /* shown for people as 100 times the value */
    int tested;       /* in the family of the paired tests */
} HedonMetric;

/* Something evaluated: the values are a pure function of it and of how often each of its units
 * (videos; V2V: groups of videos that comparisons connect) is taken. */
typedef struct HedonEvaluation {
    int64_t units;
    int metrics;    /* values that `measure` fills */
    size_t scratch; /* doubles that it works in */
    const void *data;
    /** weight: units of them, NULL for once each. NaN where a value is not defined. */
    void (*measure)(const void *data, const int32_t *weight, double *scratch, double *values);
} HedonEvaluation;

#endif
