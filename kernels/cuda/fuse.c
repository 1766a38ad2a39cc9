/* Which nodes become one step (and a chain behind it), as long as each value inside is read once
 * and is delivered by nobody: convolution -> batch_norm -> add -> relu at inference;
 * batch_norm_train and any element-wise nodes; relu_backward -> batch_norm_backward;
 * conv_backward_data -> add; chains of element-wise nodes. The group stands where its last member
 * stood: what it reads exists by then. */
#include "base/memory.h"
#include "kernels/cuda/plan.h"
#include "kernels/graph/ops.h"
#include "kernels/graph/uses.h"

int cuda_chain_input(const HedonNode *node)
{
    return node->op == HEDON_OP_RELU_BACKWARD ? 1 : 0;
}

static int is_elementwise(const HedonNode *node)
{
    switch (node->op) {
    case HEDON_OP_RELU:
    case HEDON_OP_ADD:
    case HEDON_OP_SCALE:
    case HEDON_OP_DROPOUT:
    case HEDON_OP_DROP_PATH:
    case HEDON_OP_RELU_BACKWARD:
    case HEDON_OP_BATCH_NORM:
        return 1;
    default:
        return 0;
    }
}

/* While groups are gathered. */
typedef struct Gather {
    const HedonGraph *graph;
    HedonUses uses;
    int last; /* of the group's members */
} Gather;

static void join(Gather *g, CudaGroup *group, int i)
{
    g->uses.claimed[i] = 1;
    group->output = g->graph->nodes[i].output[0];
    group->flops += hedon_node_flops(g->graph, &g->graph->nodes[i]);
    if (i > g->last) g->last = i;
}

/* The node of kind `op` that alone reads the group's output, through input number `input`. */
static int follower(const Gather *g, const CudaGroup *group, HedonOpKind op, int input)
{
    const int i = hedon_uses_sole_reader(&g->uses, g->graph, group->output, op);
    return i >= 0 && g->graph->nodes[i].input[input] == group->output ? i : -1;
}

static int join_norm(Gather *g, CudaGroup *group, HedonOpKind op, int input)
{
    const int i = follower(g, group, op, input);
    if (i < 0) return 0;
    group->norm = &g->graph->nodes[i];
    join(g, group, i);
    return 1;
}

static void add_to_chain(Gather *g, CudaGroup *group, int i)
{
    group->chain[group->chain_count++] = &g->graph->nodes[i];
    join(g, group, i);
}

static int join_kind(Gather *g, CudaGroup *group, HedonOpKind op)
{
    if (group->chain_count == CUDA_CHAIN_OPS) return 0;
    const int i = hedon_uses_sole_reader(&g->uses, g->graph, group->output, op);
    if (i < 0) return 0;
    add_to_chain(g, group, i);
    return 1;
}

/* Element-wise nodes that follow. A batch norm only begins a chain, and none comes behind
 * relu_backward, whose norm's gradient wants it. */
static void join_chain(Gather *g, CudaGroup *group)
{
    static const HedonOpKind kinds[] = {HEDON_OP_ADD,       HEDON_OP_RELU,
                                        HEDON_OP_SCALE,     HEDON_OP_DROPOUT,
                                        HEDON_OP_DROP_PATH, HEDON_OP_RELU_BACKWARD};
    for (int found = 1; found;) {
        found = 0;
        for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds) && !found; k++) {
            if (kinds[k] == HEDON_OP_RELU_BACKWARD) {
                const int i = follower(g, group, kinds[k], 1);
                /* left for the gradient of a batch norm to take */
                if (i < 0 ||
                    hedon_uses_sole_reader(&g->uses, g->graph, g->graph->nodes[i].output[0],
                                           HEDON_OP_BATCH_NORM_BACKWARD) >= 0)
                    continue;
            }
            found = join_kind(g, group, kinds[k]);
        }
    }
}

static void gather(Gather *g, int i, CudaGroup *group)
{
    const HedonNode *node = &g->graph->nodes[i];
    const int trained = hedon_graph_is_trained(g->graph);
    *group = (CudaGroup){.node = node};
    g->last = i;
    if (node->op == HEDON_OP_RELU_BACKWARD) {
        join(g, group, i);
        if (join_norm(g, group, HEDON_OP_BATCH_NORM_BACKWARD, 1)) return;
        group->chain[group->chain_count++] = node;
        join_chain(g, group);
        return;
    }
    if (is_elementwise(node)) {
        add_to_chain(g, group, i);
        join_chain(g, group);
        return;
    }
    join(g, group, i);
    switch (node->op) {
    case HEDON_OP_CONV:
        if (!trained) join_norm(g, group, HEDON_OP_BATCH_NORM, 0);
        join_kind(g, group, HEDON_OP_ADD);
        join_kind(g, group, HEDON_OP_RELU);
        break;
    case HEDON_OP_BATCH_NORM_TRAIN:
        join_chain(g, group);
        break;
    case HEDON_OP_CONV_BACKWARD_DATA:
        join_kind(g, group, HEDON_OP_ADD);
        break;
    default:
        break;
    }
}

int cuda_fuse(const HedonGraph *graph, CudaGroup **groups, int *count)
{
    Gather g = {.graph = graph};
    *groups = NULL;
    *count = 0;
    int err = hedon_uses_count(&g.uses, graph);
    CudaGroup *by_last = hedon_calloc((size_t)graph->node_count, sizeof(*by_last));
    if (!err && !by_last) err = HEDON_ENOMEM;
    for (int i = 0; i < graph->node_count && !err; i++) {
        if (!g.uses.live[i] || g.uses.claimed[i]) continue;
        CudaGroup group;
        gather(&g, i, &group);
        by_last[g.last] = group;
    }
    if (!err) {
        for (int i = 0; i < graph->node_count; i++)
            if (by_last[i].node) by_last[(*count)++] = by_last[i];
        *groups = by_last;
        by_last = NULL;
    }
    hedon_uses_free(&g.uses);
    hedon_free(by_last);
    return err;
}
