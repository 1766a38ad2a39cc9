#include "train/lists.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Pairs as edges from the less to the more pleasant video, linked by both ends. -1: none. */
typedef struct Edges {
    const HedonDataset *dataset;
    const int32_t *comparisons;
    int64_t *first_up, *first_down; /* of an item: its first edge upwards, downwards */
    int64_t *next_up, *next_down;   /* of an edge: the next one of the same item */
    unsigned char *used;
} Edges;

static const HedonComparison *comparison_of(const Edges *edges, int64_t edge)
{
    return hedon_dataset_comparison(edges->dataset, edges->comparisons[edge]);
}

static void edges_free(Edges *edges)
{
    hedon_free(edges->first_up);
    hedon_free(edges->first_down);
    hedon_free(edges->next_up);
    hedon_free(edges->next_down);
    hedon_free(edges->used);
}

static int64_t *links_new(size_t count)
{
    int64_t *links = hedon_malloc(count + 1, sizeof(*links));
    if (links) memset(links, 0xff, (count + 1) * sizeof(*links));
    return links;
}

/* Backwards, so that the links go in the order of the comparisons. */
static int edges_link(HedonContext *ctx, Edges *edges, int64_t count)
{
    const size_t items = (size_t)hedon_dataset_size(edges->dataset);
    edges->first_up = links_new(items);
    edges->first_down = links_new(items);
    edges->next_up = links_new((size_t)count);
    edges->next_down = links_new((size_t)count);
    edges->used = hedon_calloc((size_t)count + 1, 1);
    if (!edges->first_up || !edges->first_down || !edges->next_up || !edges->next_down ||
        !edges->used)
        return hedon_fail_memory(ctx);
    for (int64_t e = count - 1; e >= 0; e--) {
        const HedonComparison *pair = comparison_of(edges, e);
        if (pair->count != 2 || pair->item[0] == pair->item[1]) {
            edges->used[e] = 1;
            continue;
        }
        edges->next_up[e] = edges->first_up[pair->item[0]];
        edges->first_up[pair->item[0]] = e;
        edges->next_down[e] = edges->first_down[pair->item[1]];
        edges->first_down[pair->item[1]] = e;
    }
    return 0;
}

static int has(const HedonTrainList *list, int32_t item)
{
    for (int i = 0; i < list->count; i++)
        if (list->item[i] == item) return 1;
    return 0;
}

/* The first unused edge from an end of the list to a video that it lacks; its far end is side
 * `far` of the pair. Used ones are taken off the head of the links. */
static int64_t find(const Edges *edges, const HedonTrainList *list, int64_t *first,
                    const int64_t *next, int far)
{
    while (*first >= 0 && edges->used[*first]) *first = next[*first];
    for (int64_t e = *first; e >= 0; e = next[e])
        if (!edges->used[e] && !has(list, comparison_of(edges, e)->item[far])) return e;
    return -1;
}

/* Upwards from its most pleasant video as far as it goes, then downwards from its least. */
static void grow(Edges *edges, HedonTrainList *list)
{
    int64_t e;
    while (list->count < HEDON_MAX_COMPARED &&
           (e = find(edges, list, &edges->first_up[list->item[list->count - 1]], edges->next_up,
                     1)) >= 0) {
        edges->used[e] = 1;
        list->item[list->count++] = comparison_of(edges, e)->item[1];
    }
    while (list->count < HEDON_MAX_COMPARED &&
           (e = find(edges, list, &edges->first_down[list->item[0]], edges->next_down, 0)) >= 0) {
        edges->used[e] = 1;
        memmove(list->item + 1, list->item, (size_t)list->count++ * sizeof(*list->item));
        list->item[0] = comparison_of(edges, e)->item[0];
    }
}

int hedon_train_lists_make(HedonContext *ctx, const HedonDataset *dataset,
                           const int32_t *comparisons, int64_t count, HedonTrainList **lists,
                           int64_t *count_out)
{
    Edges edges = {.dataset = dataset, .comparisons = comparisons};
    int64_t made = 0;
    HedonTrainList *list = *lists = hedon_calloc((size_t)count + 1, sizeof(*list));
    const int code = list ? edges_link(ctx, &edges, count) : hedon_fail_memory(ctx);
    for (int64_t i = 0; i < count && !code; i++) {
        const HedonComparison *given = comparison_of(&edges, i);
        if (given->count <= 2) continue;
        list[made].count = given->count;
        memcpy(list[made++].item, given->item, (size_t)given->count * sizeof(*given->item));
    }
    for (int64_t e = 0; e < count && !code; e++) {
        if (edges.used[e]) continue;
        edges.used[e] = 1;
        list[made].count = 2;
        memcpy(list[made].item, comparison_of(&edges, e)->item, 2 * sizeof(int32_t));
        grow(&edges, &list[made++]);
    }
    edges_free(&edges);
    *count_out = made;
    if (code) {
        hedon_free(*lists);
        *lists = NULL;
    }
    return code;
}
