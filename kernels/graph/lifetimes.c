#include "kernels/graph/lifetimes.h"

#include <stdlib.h>

#include "base/memory.h"

enum { ALIGNMENT = 64 };

/* Larger first; equal ones in the order given, so that a plan is the same on every machine. */
static int by_size(const void *a, const void *b)
{
    const HedonLifetime *x = *(HedonLifetime *const *)a, *y = *(HedonLifetime *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int alive_together(const HedonLifetime *a, const HedonLifetime *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset where `value` fits between the placed ones that live with it. `placed` is in
 * the order of offsets. */
static int64_t lowest_gap(const HedonLifetime *value, int64_t bytes, HedonLifetime *const *placed,
                          int count)
{
    int64_t offset = 0;
    for (int i = 0; i < count; i++) {
        if (!alive_together(value, placed[i])) continue;
        if (placed[i]->offset - offset >= bytes) break;
        const int64_t end =
            placed[i]->offset + (placed[i]->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (end > offset) offset = end;
    }
    return offset;
}

static void insert_by_offset(HedonLifetime **placed, int count, HedonLifetime *value)
{
    int at = count;
    for (; at > 0 && placed[at - 1]->offset > value->offset; at--) placed[at] = placed[at - 1];
    placed[at] = value;
}

int hedon_lifetimes_place(HedonLifetime *lifetimes, int count, int64_t *arena_bytes)
{
    *arena_bytes = 0;
    if (count == 0) return 0;
    int64_t sum = 0;
    for (int i = 0; i < count; i++) {
        int64_t rounded;
        if (lifetimes[i].bytes < 0 ||
            __builtin_add_overflow(lifetimes[i].bytes, ALIGNMENT, &rounded) ||
            __builtin_add_overflow(sum, rounded, &sum))
            return HEDON_EINVAL;
    }
    HedonLifetime **order = hedon_malloc((size_t)count * 2, sizeof(*order));
    if (!order) return HEDON_ENOMEM;
    HedonLifetime **placed = order + count;
    for (int i = 0; i < count; i++) order[i] = &lifetimes[i];
    qsort(order, (size_t)count, sizeof(*order), by_size);
    for (int i = 0; i < count; i++) {
        const int64_t bytes = (order[i]->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        order[i]->offset = lowest_gap(order[i], bytes, placed, i);
        insert_by_offset(placed, i, order[i]);
        if (order[i]->offset + bytes > *arena_bytes) *arena_bytes = order[i]->offset + bytes;
    }
    hedon_free(order);
    return 0;
}
