/* A set of folders, by device and inode. */
#ifndef HEDON_ANNOTATE_SEEN_H
#define HEDON_ANNOTATE_SEEN_H

#include "hedon.h"

typedef struct HedonSeen {
    struct HedonSeenKey {
        uint64_t device, inode; /* both 0: empty */
    } * keys;                   /* open addressing; size is a power of two */
    size_t size, count;
} HedonSeen;

/** *fresh: 1 when it was not there. Starts from a zero-filled set. HEDON_ENOMEM. */
int hedon_seen_add(HedonContext *ctx, HedonSeen *seen, uint64_t device, uint64_t inode, int *fresh);
void hedon_seen_free(HedonSeen *seen);

#endif
