/* What the site's scripts read: documents that call hedonData(name, value). The static report
 * writes them as files, the server makes them on demand. */
#ifndef HEDON_REPORT_SITE_DATA_H
#define HEDON_REPORT_SITE_DATA_H

#include <stdio.h>

#include "report/peaks.h"
#include "report/run.h"

enum { HEDON_SITE_SHARD_ROWS = 2500 }; /* of the table in one document */

/* What all pages of a site share. */
typedef struct HedonSite {
    const HedonReportRun *run;
    const char *title;
    int live;                      /* served: videos and thumbnails come from the server */
    int thumbnails;                /* at most so many a video; 0: none */
    int has_emotions, has_utility; /* the model has such a head */
    int64_t rows, left_out;        /* shown; in the store but over the limit */
} HedonSite;

/** "site": the model, what its numbers are, what there is. */
void hedon_site_write_site(FILE *out, const HedonSite *site);
/** "progress": how far annotating is. rate: videos a second, 0 when not known. */
void hedon_site_write_progress(FILE *out, const HedonReportRun *run, double rate);

/* A row of the table or a video's record, to be written between begin and end. */
typedef struct HedonSiteVideo {
    const HedonStoreRow *row;
    int64_t shard; /* in which document clips-SHARD its record is */
    int peak_count;
    HedonPeak peaks[HEDON_MOST_PEAKS];
    char thumb[64]; /* the name of its thumbnails without ".png"; "": it has none */
} HedonSiteVideo;

/** Choose the peaks and name the thumbnails: the name changes with the content. */
void hedon_site_video(HedonSiteVideo *video, const HedonSite *site, const HedonStoreRow *row,
                      int64_t shard);

/* "rows-N": an array of rows. */
void hedon_site_rows_begin(FILE *out, int64_t shard);
void hedon_site_rows_put(FILE *out, const HedonSiteVideo *video, int first);
void hedon_site_rows_end(FILE *out);

/* "clips-N": records by the annotation's id. */
void hedon_site_clips_begin(FILE *out, int64_t shard);
void hedon_site_clips_put(FILE *out, const HedonSite *site, const HedonSiteVideo *video, int first);
void hedon_site_clips_end(FILE *out);

/** A place without what may be secret in it: the file's or database's own name. */
void hedon_site_title(char *title, size_t size, const char *place);

#endif
