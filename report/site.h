/* hedon report: a folder of pages that a browser opens from disk. */
#ifndef HEDON_REPORT_SITE_H
#define HEDON_REPORT_SITE_H

#include "decode/worker.h"
#include "report/run.h"

typedef struct HedonSiteOptions {
    const char *title; /* of the pages */
    const char *where; /* which videos, as HedonStoreQuery's; or NULL */
    int64_t limit;     /* rows at most, the first by path */
    int thumbnails;    /* a video, at most; 0: none are decoded */
    int workers;       /* decoder processes for them; 0: one a core */
    HedonWorkerOptions worker;
    /** May be NULL: thumbnails done of all. */
    void (*progress)(void *opaque, int64_t done, int64_t count);
    void *opaque;
} HedonSiteOptions;

typedef struct HedonSiteWritten {
    int64_t videos, errors, left_out;
    int64_t thumbnails, kept,
        missing; /* strips made now; there from before; videos that gave none */
} HedonSiteWritten;

/** For the limit: what a browser sorts and filters at once. */
enum { HEDON_SITE_ROWS = 100000 };

void hedon_site_options_default(HedonSiteOptions *options);
/**
 * Write the site into folder, which is made when it is not there. An earlier report there is
 * replaced file by file, each atomically, the one that names the others last.
 *
 * @return 0; HEDON_EINVAL for a folder with other things in it, or a wrong `where`; HEDON_EIO;
 *         HEDON_ECANCELLED; HEDON_ENOMEM
 */
int hedon_site_write(HedonContext *ctx, HedonStore *store, const HedonReportRun *run,
                     const char *folder, const HedonSiteOptions *options,
                     HedonSiteWritten *written);

#endif
