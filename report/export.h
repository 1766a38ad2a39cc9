/* A run's annotations as files for other programs: JSON lines, CSV, WebVTT tracks. Rows are written
 * as the store hands them out: memory does not grow with their number. */
#ifndef HEDON_REPORT_EXPORT_H
#define HEDON_REPORT_EXPORT_H

#include <stdio.h>

#include "report/run.h"

typedef struct HedonExport {
    HedonStore *store;
    const HedonReportRun *run;
    const char *where; /* conditions as HedonStoreQuery's, or NULL */
    int per_clip;      /* CSV: a row a clip instead of a row a video */
} HedonExport;

typedef struct HedonExported {
    int64_t videos, errors; /* written; of JSON and CSV errors are rows too */
} HedonExported;

/** Score's JSON without "runtime", a line a video, by path. HEDON_EINVAL for a wrong `where`,
 *  HEDON_EIO. */
int hedon_export_jsonl(HedonContext *ctx, const HedonExport *export, FILE *out,
                       HedonExported *exported);
/** Score's CSV. */
int hedon_export_csv(HedonContext *ctx, const HedonExport *export, FILE *out,
                     HedonExported *exported);
/**
 * A WebVTT track a video, atomically each: a cue a clip, with the strongest emotions and the
 * utility. A video that failed has none.
 *
 * @param folder  tracks are written there, laid out as the annotated folders (each under its name),
 *                as VIDEO.vtt; NULL: beside each video, as VIDEO.hedon.vtt
 */
int hedon_export_vtt(HedonContext *ctx, const HedonExport *export, const char *folder,
                     HedonExported *exported);
/** One track, with its header. */
int hedon_vtt_write(HedonContext *ctx, FILE *out, const HedonReportRun *run,
                    const HedonScore *score);

#endif
