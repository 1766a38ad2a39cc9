/* Which nodes become one step. A chain conv -> batch_norm -> add -> relu (each link optional) is
 * fused as long as each value inside it is read once and is no output of the graph. In training:
 * batch_norm_train -> add -> relu, relu_backward -> batch_norm_backward, conv_backward_data -> add.
 * The group stands where its last member stood: everything that it reads exists by then. */
#include "base/memory.h"
#include "kernels/cpu/cpu.h"
#include "kernels/graph/ops.h"
#include "kernels/graph/uses.h"

/* The unclaimed node of kind `op` that alone reads the group's output so far; or -1. */
static int next_member(const HedonGraph *graph, const HedonUses *uses, const CpuGroup *group,
                       HedonOpKind op)
{
    return hedon_uses_sole_reader(uses, graph, group->output, op);
}

static void join(const HedonGraph *graph, const HedonUses *uses, CpuGroup *group, int i, int *last)
{
    uses->claimed[i] = 1;
    group->output = graph->nodes[i].output[0];
    group->flops += hedon_node_flops(graph, &graph->nodes[i]);
    if (i > *last) *last = i;
}

static void join_norm(const HedonGraph *graph, const HedonUses *uses, CpuGroup *group, HedonOpKind op,
                      int input, int *last)
{
    const int next = next_member(graph, uses, group, op);
    if (next < 0 || graph->nodes[next].input[input] != group->output) return;
    group->norm = &graph->nodes[next];
    join(graph, uses, group, next, last);
}

static void join_sum(const HedonGraph *graph, const HedonUses *uses, CpuGroup *group, int *last)
{
    const int next = next_member(graph, uses, group, HEDON_OP_ADD);
    if (next < 0) return;
    const HedonValueId *sides = graph->nodes[next].input;
    group->residual = sides[0] == group->output ? sides[1] : sides[0];
    join(graph, uses, group, next, last);
}

static void join_relu(const HedonGraph *graph, const HedonUses *uses, CpuGroup *group, int *last)
{
    const int next = next_member(graph, uses, group, HEDON_OP_RELU);
    if (next < 0) return;
    group->relu = 1;
    join(graph, uses, group, next, last);
}

/* Whether a kernel that takes part in fusion will do the node; others are done one by one. */
static int is_fusible(const HedonGraph *graph, const HedonNode *node)
{
    CpuConvShape shape;
    if (!hedon_graph_is_trained(graph)) return 1;
    switch (node->op) {
    case HEDON_OP_CONV:
        return cpu_conv_geometry(graph, &node->attributes.conv, node->input[0], node->input[1],
                                 node->output[0], &shape);
    case HEDON_OP_CONV_BACKWARD_DATA:
        return cpu_conv_geometry(graph, &node->attributes.conv_backward.conv, node->output[0],
                                 node->input[1], node->input[0], &shape);
    default:
        return graph->values[node->output[0]].shape.rank == 5;
    }
}

/* The group that begins with node i; returns its last member's index. */
static int gather(const HedonGraph *graph, const HedonUses *uses, int i, CpuGroup *group)
{
    const HedonNode *node = &graph->nodes[i];
    *group = (CpuGroup){.node = node, .residual = HEDON_NONE};
    int last = i;
    join(graph, uses, group, i, &last);
    if (!is_fusible(graph, node)) return last;
    switch (node->op) {
    case HEDON_OP_CONV:
        if (!hedon_graph_is_trained(graph))
            join_norm(graph, uses, group, HEDON_OP_BATCH_NORM, 0, &last);
        join_sum(graph, uses, group, &last);
        join_relu(graph, uses, group, &last);
        break;
    case HEDON_OP_BATCH_NORM_TRAIN:
        join_sum(graph, uses, group, &last);
        join_relu(graph, uses, group, &last);
        break;
    case HEDON_OP_CONV_BACKWARD_DATA:
        join_sum(graph, uses, group, &last);
        break;
    case HEDON_OP_ADD:
    case HEDON_OP_BATCH_NORM:
        join_relu(graph, uses, group, &last);
        break;
    case HEDON_OP_RELU_BACKWARD:
        join_norm(graph, uses, group, HEDON_OP_BATCH_NORM_BACKWARD, 1, &last);
        break;
    default:
        break;
    }
    return last;
}

int cpu_fuse(const HedonGraph *graph, CpuGroup **groups, int *count)
{
    *groups = NULL;
    *count = 0;
    const size_t nodes = (size_t)graph->node_count;
    HedonUses uses;
    int err = hedon_uses_count(&uses, graph);
    CpuGroup *by_last = hedon_calloc(nodes, sizeof(*by_last)); /* at its last member's index */
    if (!err && !by_last) err = HEDON_ENOMEM;
    if (!err) {
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
    }
    hedon_uses_free(&uses);
    hedon_free(by_last);
    return err;
}
