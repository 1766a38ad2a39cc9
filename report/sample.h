/* The numbers of a run's videos as columns, for statistics. */
#ifndef HEDON_REPORT_SAMPLE_H
#define HEDON_REPORT_SAMPLE_H

#include "report/compare.h"

/* Column c of video i: value[c * count + i] once loaded. */
typedef struct HedonSample {
    int64_t count;
    char **path;   /* ascending */
    double *value; /* HEDON_COMPARED columns; NaN: the model has no such head */
} HedonSample;

int hedon_sample_load(HedonContext *ctx, HedonSample *sample, HedonStore *store,
                      const HedonCompareSide *side, const char *where);
/** Keep only the videos of both. */
int hedon_sample_pair(HedonContext *ctx, HedonSample *a, HedonSample *b);
const double *hedon_sample_column(const HedonSample *sample, int column);
void hedon_sample_clear(HedonSample *sample);

#endif
