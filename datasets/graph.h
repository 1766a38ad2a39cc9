/* The graph of comparisons: videos are its nodes, "a is less pleasant than b" its edges. A list
 * gives an edge for every two of its videos. */
#ifndef HEDON_DATASETS_GRAPH_H
#define HEDON_DATASETS_GRAPH_H

#include "datasets/dataset.h"

/** Bit of a split, for masks. */
#define HEDON_SPLIT_BIT(split) (1u << (split))
#define HEDON_SPLIT_ALL        ((1u << HEDON_SPLITS) - 1)

typedef struct HedonEdge {
    int32_t less, more; /* items */
} HedonEdge;

/** Edges of the comparisons of those splits, those of a video with itself left out, sorted and each
 *  once. *edges is to be released with hedon_free. */
int hedon_graph_edges(HedonContext *ctx, const HedonDataset *dataset, unsigned splits,
                      HedonEdge **edges, int64_t *count);

/** component[i] becomes the smallest item number that item i is connected with through comparisons
 * of those splits: i itself when nothing compares it. hedon_dataset_size of them. */
void hedon_graph_components(const HedonDataset *dataset, unsigned splits, int32_t *component);

/**
 * Cycles of three videos or more: each strongly connected part that has one is told once, by one of
 * its cycles. Two videos each below the other are a contradiction, not a cycle.
 *
 * @param edges  as hedon_graph_edges gives them
 * @param tell   gets the videos in order, each below the next and the last below the first;
 * non-zero stops and is returned
 */
int hedon_graph_cycles(HedonContext *ctx, int64_t items, const HedonEdge *edges, int64_t count,
                       int (*tell)(void *opaque, const int32_t *cycle, int length), void *opaque);

#endif
