#include "datasets/graph.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

static int by_nodes(const void *a, const void *b)
{
    const HedonEdge *p = a, *q = b;
    if (p->less != q->less) return p->less < q->less ? -1 : 1;
    return p->more < q->more ? -1 : p->more > q->more;
}

int hedon_graph_edges(HedonContext *ctx, const HedonDataset *dataset, unsigned splits,
                      HedonEdge **edges, int64_t *count)
{
    const int64_t comparisons = hedon_dataset_comparisons(dataset);
    int64_t most = 0;
    for (int64_t c = 0; c < comparisons; c++) {
        const int n = hedon_dataset_comparison(dataset, c)->count;
        most += n * (n - 1) / 2;
    }
    *count = 0;
    HedonEdge *list = *edges = hedon_malloc((size_t)most, sizeof(*list));
    if (!list) return hedon_fail_memory(ctx);
    int64_t given = 0, kept = 0;
    for (int64_t c = 0; c < comparisons; c++) {
        const HedonComparison *one = hedon_dataset_comparison(dataset, c);
        if (!(splits & HEDON_SPLIT_BIT(one->split)) || one->tied) continue;
        for (int i = 0; i < one->count; i++)
            for (int k = i + 1; k < one->count; k++)
                if (one->item[i] != one->item[k])
                    list[given++] = (HedonEdge){one->item[i], one->item[k]};
    }
    qsort(list, (size_t)given, sizeof(*list), by_nodes);
    for (int64_t i = 0; i < given; i++)
        if (!i || by_nodes(&list[i], &list[kept - 1])) list[kept++] = list[i];
    *count = kept;
    return 0;
}

/* Union by smallest number, with path halving. */
static int32_t root(int32_t *component, int32_t i)
{
    while (component[i] != i) i = component[i] = component[component[i]];
    return i;
}

void hedon_graph_components(const HedonDataset *dataset, unsigned splits, int32_t *component)
{
    const int64_t size = hedon_dataset_size(dataset);
    for (int64_t i = 0; i < size; i++) component[i] = (int32_t)i;
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++) {
        const HedonComparison *one = hedon_dataset_comparison(dataset, c);
        if (!(splits & HEDON_SPLIT_BIT(one->split))) continue;
        for (int k = 1; k < one->count; k++) {
            const int32_t a = root(component, one->item[0]), b = root(component, one->item[k]);
            component[a > b ? a : b] = a > b ? b : a;
        }
    }
    for (int64_t i = 0; i < size; i++) component[i] = root(component, (int32_t)i);
}
