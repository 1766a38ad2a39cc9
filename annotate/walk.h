/* Every file below some folders, in an order that is always the same: the names of a folder sorted,
 * folders gone into where they stand.
 *
 * Links are followed; a folder that several paths lead to is visited once, so that loops end.
 * Memory: the names of the folders on the path from the root to the current one, and 16 bytes a
 * folder seen.
 */
#ifndef HEDON_ANNOTATE_WALK_H
#define HEDON_ANNOTATE_WALK_H

#include "annotate/filter.h"
#include "hedon.h"

typedef struct HedonWalk HedonWalk;

typedef struct HedonWalkFile {
    const char *path;     /* absolute; borrowed until the next call */
    const char *relative; /* the end of path, below the root */
    int64_t size, mtime_ns;
    int broken; /* a link that leads nowhere; size and time are the link's */
} HedonWalkFile;

/* What could not be read on the way: reported, not fatal. */
typedef void HedonWalkTrouble(void *opaque, const char *path, const char *sentence);

/** filter is borrowed; its shard is not looked at. trouble may be NULL. */
int hedon_walk_new(HedonContext *ctx, HedonWalk **out, const HedonFilter *filter,
                   HedonWalkTrouble *trouble, void *opaque);
/** Begin a root: an absolute path without a slash at its end. A folder that cannot be read is
 *  trouble. */
int hedon_walk_root(HedonContext *ctx, HedonWalk *walk, const char *root);
/** The next regular file (or broken link) that the filter wants; 1 at the end of the root. What is
 *  neither file, folder nor link is passed over, unopened. */
int hedon_walk_next(HedonContext *ctx, HedonWalk *walk, HedonWalkFile *file);
void hedon_walk_free(HedonWalk *walk);

#endif
