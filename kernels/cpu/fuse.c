/* Which nodes become one step. A chain conv -> batch_norm -> add -> relu (each link optional) is
 * fused as long as each value inside it is read once and is no output of the graph. The group
 * stands where its last member stood: everything that it reads exists by then. */
#include "base/memory.h"
#include "kernels/cpu/cpu.h"
#include "kernels/graph/ops.h"

typedef struct Uses {
    int *readers;  /* by value: how often it is read, outputs of the graph included */
    int *reader;   /* by value: the last node that reads it */
    char *live;    /* by node: an output depends on it */
    char *claimed; /* by node: already a member of a group */
} Uses;

static void count_uses(const HedonGraph *graph, const Uses *uses)
{
    for (int i = 0; i < graph->output_count; i++) {
        /* Twice: an output must exist by itself even if one node reads it as well. */
        uses->readers[graph->outputs[i].value] += 2;
        const int producer = graph->values[graph->outputs[i].value].producer;
        if (producer >= 0) uses->live[producer] = 1;
    }
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
}

/* The unclaimed node of kind `op` that alone reads the group's output so far; or -1. */
static int next_member(const HedonGraph *graph, const Uses *uses, const CpuGroup *group,
                       HedonOpKind op)
{
    if (uses->readers[group->output] != 1) return -1;
    const int i = uses->reader[group->output];
    return graph->nodes[i].op == op && !uses->claimed[i] ? i : -1;
}

static void join(const HedonGraph *graph, const Uses *uses, CpuGroup *group, int i, int *last)
{
    uses->claimed[i] = 1;
    group->output = graph->nodes[i].output[0];
    group->flops += hedon_node_flops(graph, &graph->nodes[i]);
    if (i > *last) *last = i;
}

/* The group that begins with node i; returns its last member's index. */
static int gather(const HedonGraph *graph, const Uses *uses, int i, CpuGroup *group)
{
    const HedonNode *node = &graph->nodes[i];
    *group = (CpuGroup){.node = node, .residual = HEDON_NONE};
    int last = i, next;
    join(graph, uses, group, i, &last);
    if (node->op == HEDON_OP_CONV) {
        next = next_member(graph, uses, group, HEDON_OP_BATCH_NORM);
        if (next >= 0 && graph->nodes[next].input[0] == group->output) {
            group->norm = &graph->nodes[next];
            join(graph, uses, group, next, &last);
        }
        next = next_member(graph, uses, group, HEDON_OP_ADD);
        if (next >= 0) {
            const HedonValueId *sides = graph->nodes[next].input;
            group->residual = sides[0] == group->output ? sides[1] : sides[0];
            join(graph, uses, group, next, &last);
        }
    }
    if (node->op == HEDON_OP_CONV || node->op == HEDON_OP_ADD || node->op == HEDON_OP_BATCH_NORM) {
        next = next_member(graph, uses, group, HEDON_OP_RELU);
        if (next >= 0) {
            group->relu = 1;
            join(graph, uses, group, next, &last);
        }
    }
    return last;
}

int cpu_fuse(const HedonGraph *graph, CpuGroup **groups, int *count)
{
    *groups = NULL;
    *count = 0;
    const size_t values = (size_t)graph->value_count, nodes = (size_t)graph->node_count;
    const Uses uses = {.readers = hedon_calloc(values, sizeof(int)),
                       .reader = hedon_calloc(values, sizeof(int)),
                       .live = hedon_calloc(nodes, 1),
                       .claimed = hedon_calloc(nodes, 1)};
    CpuGroup *by_last = hedon_calloc(nodes, sizeof(*by_last)); /* at its last member's index */
    int err = HEDON_ENOMEM;
    if (uses.readers && uses.reader && uses.live && uses.claimed && by_last) {
        count_uses(graph, &uses);
        for (int i = 0; i < graph->node_count; i++) {
            if (!uses.live[i] || uses.claimed[i]) continue;
            CpuGroup group;
            const int last = gather(graph, &uses, i, &group);
            by_last[last] = group;
        }
        for (int i = 0; i < graph->node_count; i++)
            if (by_last[i].node) by_last[(*count)++] = by_last[i];
        *groups = by_last;
        by_last = NULL;
        err = 0;
    }
    hedon_free(uses.readers);
    hedon_free(uses.reader);
    hedon_free(uses.live);
    hedon_free(uses.claimed);
    hedon_free(by_last);
    return err;
}
