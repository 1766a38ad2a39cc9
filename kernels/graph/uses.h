/* Who reads which value and what made it: what fusing nodes needs to know. */
#ifndef HEDON_KERNELS_GRAPH_USES_H
#define HEDON_KERNELS_GRAPH_USES_H

#include "kernels/graph/graph.h"

typedef struct HedonUses {
    int *readers;  /* by value: how often it is read; what the graph delivers counts two more, since it
                    * must exist by itself even if one node reads it as well */
    int *reader;   /* by value: the last node that reads it */
    char *live;    /* by node: something delivered depends on it */
    char *claimed; /* by node: for the caller, zero */
} HedonUses;

/** 0 or HEDON_ENOMEM; freed with hedon_uses_free either way. */
int hedon_uses_count(HedonUses *uses, const HedonGraph *graph);
void hedon_uses_free(HedonUses *uses);

/** The unclaimed node of kind `op` that alone reads the value; or -1. */
int hedon_uses_sole_reader(const HedonUses *uses, const HedonGraph *graph, HedonValueId value,
                           HedonOpKind op);

/** The beta of the batch norm that a relu follows directly, given the relu's output y and the batch
 * norm's x; HEDON_NONE when something was added between. */
HedonValueId hedon_norm_beta_before(const HedonGraph *graph, HedonValueId y, HedonValueId x);

#endif
