#include "kernels/graph/uses.h"

#include "base/memory.h"

static void deliver(const HedonGraph *graph, const HedonUses *uses, HedonValueId value)
{
    uses->readers[value] += 2;
    if (graph->values[value].producer >= 0) uses->live[graph->values[value].producer] = 1;
}

int hedon_uses_count(HedonUses *uses, const HedonGraph *graph)
{
    const size_t values = (size_t)graph->value_count, nodes = (size_t)graph->node_count;
    *uses = (HedonUses){.readers = hedon_calloc(values, sizeof(int)),
                        .reader = hedon_calloc(values, sizeof(int)),
                        .live = hedon_calloc(nodes, 1),
                        .claimed = hedon_calloc(nodes, 1)};
    if (!uses->readers || !uses->reader || !uses->live || !uses->claimed) return HEDON_ENOMEM;
    for (int i = 0; i < graph->output_count; i++) deliver(graph, uses, graph->outputs[i].value);
    for (int i = 0; i < graph->gradient_count; i++) deliver(graph, uses, graph->gradients[i].value);
    for (int i = 0; i < graph->update_count; i++) deliver(graph, uses, graph->updates[i].value);
    for (int i = graph->node_count - 1; i >= 0; i--) {
        const HedonNode *node = &graph->nodes[i];
        if (!uses->live[i]) continue;
        for (int k = 0; k < node->input_count; k++) {
            const HedonValueId id = node->input[k];
            if (id == HEDON_NONE) continue;
            if (uses->readers[id]++ == 0) uses->reader[id] = i;
            if (graph->values[id].producer >= 0) uses->live[graph->values[id].producer] = 1;
        }
    }
    return 0;
}

void hedon_uses_free(HedonUses *uses)
{
    hedon_free(uses->readers);
    hedon_free(uses->reader);
    hedon_free(uses->live);
    hedon_free(uses->claimed);
    *uses = (HedonUses){0};
}

int hedon_uses_sole_reader(const HedonUses *uses, const HedonGraph *graph, HedonValueId value,
                           HedonOpKind op)
{
    if (uses->readers[value] != 1) return -1;
    const int i = uses->reader[value];
    return graph->nodes[i].op == op && !uses->claimed[i] ? i : -1;
}

HedonValueId hedon_norm_beta_before(const HedonGraph *graph, HedonValueId y, HedonValueId x)
{
    const int32_t relu = graph->values[y].producer;
    if (relu < 0 || graph->nodes[relu].op != HEDON_OP_RELU) return HEDON_NONE;
    const int32_t norm = graph->values[graph->nodes[relu].input[0]].producer;
    if (norm < 0 || graph->nodes[norm].input[0] != x ||
        (graph->nodes[norm].op != HEDON_OP_BATCH_NORM_TRAIN &&
         graph->nodes[norm].op != HEDON_OP_BATCH_NORM))
        return HEDON_NONE;
    return graph->nodes[norm].input[2];
}
