/* Where the files come from: folders, single files, lists of files; filtered, probed. */
#ifndef HEDON_ANNOTATE_SOURCE_H
#define HEDON_ANNOTATE_SOURCE_H

#include "annotate/walk.h"
#include "store/store.h"

typedef struct HedonSource HedonSource;

typedef struct HedonSourceOptions {
    const char *const *places; /* folders, files, and "-" for a list on standard input */
    int place_count;
    const char *list; /* a file with a list of files, or NULL */
    int nul;          /* lists are separated by NUL instead of newline */
    HedonFilter filter;
} HedonSourceOptions;

typedef struct HedonSourceCounts {
    int64_t files;    /* videos */
    int64_t others;   /* looked into and no videos */
    int64_t troubles; /* folders, files and places that could not be read */
} HedonSourceCounts;

/** options are borrowed. trouble is told what could not be read. HEDON_ENOENT, HEDON_EIO when the
 * list cannot be opened; HEDON_ENOMEM. */
int hedon_source_open(HedonContext *ctx, HedonSource **out, const HedonSourceOptions *options,
                      HedonWalkTrouble *trouble, void *opaque);
/** The next file that is a video or may be one; 1 when there are no more; HEDON_ECANCELLED. What it
 * points to is borrowed until the next call.
 *
 * @param unsure  set to 1 when the name does not tell: hedon_source_settle does */
int hedon_source_next(HedonContext *ctx, HedonSource *source, HedonStoreFile *file, int *unsure);
/** Whether an unsure file is a video, 1 or 0: looks into it, unless it is known to be one. What
 * cannot be read is trouble, and no video. */
int hedon_source_settle(HedonContext *ctx, HedonSource *source, const char *path, int known);
const HedonSourceCounts *hedon_source_counts(const HedonSource *source);
void hedon_source_close(HedonSource *source);

#endif
