/* What people look at: curves.png and report.html of a run, made anew from its log and
 * configuration. */
#ifndef HEDON_TRAIN_REPORT_H
#define HEDON_TRAIN_REPORT_H

#include "train/config.h"
#include "train/run_folder.h"

/* One line of numbers over steps. */
typedef struct HedonCurve {
    double *step, *value;
    int64_t count;
} HedonCurve;

typedef struct HedonRunHistory {
    HedonCurve loss, top3, pairs; /* of steps; held-out, of epochs */
    json_t *epochs;               /* the epoch events, in order */
    json_t *start;                /* the first event, NULL */
    int64_t best_epoch, broken;
} HedonRunHistory;

/** Read RUN/log.jsonl; lines that are not JSON are skipped. Free with hedon_history_free. */
int hedon_history_read(HedonContext *ctx, HedonRunHistory *history, const HedonRunFolder *folder);
void hedon_history_free(HedonRunHistory *history);

/** curves.png */
int hedon_curves_write(HedonContext *ctx, const HedonRunFolder *folder,
                       const HedonRunHistory *history, const char *title);
/** curves.png and report.html, which has the picture inside and needs nothing else. */
int hedon_report_write(HedonContext *ctx, const HedonRunFolder *folder,
                       const HedonTrainConfig *config);

#endif
