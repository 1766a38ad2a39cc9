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
    int64_t files;    /* given */
    int64_t others;   /* looked into and no videos */
    int64_t troubles; /* folders, files and places that could not be read */
} HedonSourceCounts;

/** options are borrowed. trouble is told what could not be read. HEDON_ENOENT, HEDON_EIO when the
 * list cannot be opened; HEDON_ENOMEM. */
int hedon_source_open(HedonContext *ctx, HedonSource **out, const HedonSourceOptions *options,
                      HedonWalkTrouble *trouble, void *opaque);
/** The next video; 1 when there are no more; HEDON_ECANCELLED. What file points to is borrowed
 * until the next call. */
int hedon_source_next(HedonContext *ctx, HedonSource *source, HedonStoreFile *file);
const HedonSourceCounts *hedon_source_counts(const HedonSource *source);
void hedon_source_close(HedonSource *source);

#endif
