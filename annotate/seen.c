#include "annotate/seen.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

/* The key's place, or the empty one where it belongs. */
static struct HedonSeenKey *place_of(const HedonSeen *seen, uint64_t device, uint64_t inode)
{
    size_t at = hedon_random_u64((HedonRandomKey){device}, inode) & (seen->size - 1);
    for (;; at = (at + 1) & (seen->size - 1)) {
        struct HedonSeenKey *key = &seen->keys[at];
        if ((!key->device && !key->inode) || (key->device == device && key->inode == inode))
            return key;
    }
}

static int grow(HedonContext *ctx, HedonSeen *seen)
{
    HedonSeen larger = {.size = seen->size ? 2 * seen->size : 64, .count = seen->count};
    larger.keys = hedon_calloc(larger.size, sizeof(*larger.keys));
    if (!larger.keys) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < seen->size; i++)
        if (seen->keys[i].device || seen->keys[i].inode)
            *place_of(&larger, seen->keys[i].device, seen->keys[i].inode) = seen->keys[i];
    hedon_free(seen->keys);
    *seen = larger;
    return 0;
}

int hedon_seen_add(HedonContext *ctx, HedonSeen *seen, uint64_t device, uint64_t inode, int *fresh)
{
    if (4 * (seen->count + 1) > 3 * seen->size && grow(ctx, seen)) return HEDON_ENOMEM;
    struct HedonSeenKey *key = place_of(seen, device, inode);
    *fresh = key->device != device || key->inode != inode;
    if (!*fresh) return 0;
    *key = (struct HedonSeenKey){device, inode};
    seen->count++;
    return 0;
}

void hedon_seen_free(HedonSeen *seen)
{
    hedon_free(seen->keys);
    memset(seen, 0, sizeof(*seen));
}
