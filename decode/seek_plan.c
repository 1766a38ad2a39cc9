#include "decode/seek.h"

#include "base/error.h"
#include "base/memory.h"

/* Packets that a hollow scan never saw are looked at before decoding begins with them. The first is
 * taken as it is: there is no earlier one, and the whole file's decoding begins there too. */
static int check_entry(HedonContext *ctx, HedonIndex *index, const HedonPeek *peek,
                       const HedonBytes *bytes, int64_t entry, int *good)
{
    *good = 1;
    if (!index->direct || entry == 0) return 0;
    const HedonIndexPacket *packet = &index->packets[entry];
    uint8_t *data = hedon_malloc((size_t)packet->size, 1);
    if (!data) return hedon_fail_memory(ctx);
    const int64_t n = hedon_bytes_read(bytes, data, packet->size, packet->position);
    *good = n > 0 && (hedon_peek(peek, data, (int)n) & HEDON_PEEK_ENTRY);
    hedon_free(data);
    return 0;
}

int hedon_seek_plan(HedonContext *ctx, HedonIndex *index, const HedonPeek *peek,
                    const HedonBytes *bytes, const int64_t *frames, size_t count,
                    HedonStretch *stretches, size_t *made)
{
    HedonStretch *last = NULL;
    *made = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t packet = index->packet_of[frames[i]];
        int64_t entry;
        for (int good = 0; !good;) {
            entry = hedon_index_entry(index, frames[i]);
            if (last && entry <= last->reach) break; /* on the way of the stretch before */
            const int code = check_entry(ctx, index, peek, bytes, entry, &good);
            if (code < 0) return code;
            if (!good) hedon_index_drop_entry(index, entry);
        }
        if (!last || entry > last->reach) {
            last = &stretches[(*made)++];
            *last = (HedonStretch){.frames = &frames[i], .entry = entry, .reach = packet};
        }
        last->count++;
        if (packet > last->reach) last->reach = packet;
    }
    return 0;
}
