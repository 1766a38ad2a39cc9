/* Which run of a store is shown, and what the store kept of its model: every output says by whom
 * its numbers are and what was rated. */
#ifndef HEDON_REPORT_RUN_H
#define HEDON_REPORT_RUN_H

#include "hedon.h"
#include "store/store.h"

typedef struct HedonReportRun {
    int64_t id;
    const char *settings; /* JSON */
    HedonModelInfo info;  /* name, sha256, trained_on, caveat, human_trained, test_metric, and the
                             reference's name and number; the rest is not kept */
    char *warning;        /* "not an estimate of ...", to be shown first; NULL: human-trained */
    char *notes;          /* lines for the end of outputs for people */
    int64_t todo, leased, done, failed;
    int others; /* runs that `name` or the lack of one would have fitted as well */
    char *text; /* what info points into */
} HedonReportRun;

/**
 * Find a run.
 *
 * @param name  a run's number, a model's name, or at least six digits of its SHA-256; the newest
 *              run that fits is taken; NULL: the newest of all
 * @return 0; HEDON_EINVAL when there is none, with what there is; HEDON_EDATA; HEDON_EIO;
 * HEDON_ENOMEM
 */
int hedon_report_run_find(HedonContext *ctx, HedonReportRun *out, HedonStore *store,
                          const char *name);
/** The same of one that hedon_store_runs gave. HEDON_EDATA, HEDON_ENOMEM. */
int hedon_report_run_of(HedonContext *ctx, HedonReportRun *out, const HedonStoreRun *run);
/** Whether name would find one, without a sentence. 1, 0 or HEDON_E*. */
int hedon_report_run_exists(HedonContext *ctx, HedonStore *store, const char *name);
void hedon_report_run_clear(HedonReportRun *run);

/**
 * What a ranking or comparison of `what` ("pleasantness of watching", an emotion's name) is and is
 * not: one line, without its end.
 */
void hedon_report_caveat(char *line, size_t size, const HedonReportRun *run, const char *what);

enum { HEDON_REPORT_UTILITY = -1 }; /* otherwise an emotion's index */
/**
 * What people rank by: "wellbeing", "utility", or an emotion's name or the start of one, in any
 * case.
 *
 * @return 0; HEDON_EINVAL with the nearest names
 */
int hedon_report_measure(HedonContext *ctx, int *measure, const char *name);
/** "utility" or the emotion's name. */
const char *hedon_report_measure_name(int measure);
double hedon_report_value(const HedonScore *score, int measure);
int hedon_report_has(const HedonScore *score, int measure);

#endif
