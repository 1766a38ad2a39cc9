/* Cycles in a directed graph: strongly connected parts (Tarjan, "Depth-first search and linear
 * graph algorithms", SIAM J. Comput. 1972, without recursion), then one cycle of each. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/graph.h"

typedef struct Search {
    int64_t items;
    const HedonEdge *edges;
    int64_t *first; /* edges of node i are first[i] to first[i + 1] - 1 */
    int32_t *part;  /* of a node: its strongly connected part, from 1 */
    int32_t *low, *order, *stack, *path;
    int64_t *next; /* edge to follow from the nodes on the path */
    int32_t parts;
} Search;

static void search_free(Search *s)
{
    hedon_free(s->first);
    hedon_free(s->part);
    hedon_free(s->low);
    hedon_free(s->order);
    hedon_free(s->stack);
    hedon_free(s->path);
    hedon_free(s->next);
}

static int search_init(HedonContext *ctx, Search *s, int64_t items, const HedonEdge *edges,
                       int64_t count)
{
    const size_t n = (size_t)items;
    *s = (Search){.items = items, .edges = edges};
    s->first = hedon_calloc(n + 1, sizeof(*s->first));
    s->next = hedon_calloc(n, sizeof(*s->next));
    s->part = hedon_calloc(n, sizeof(*s->part));
    s->low = hedon_calloc(n, sizeof(*s->low));
    s->order = hedon_calloc(n, sizeof(*s->order));
    s->stack = hedon_calloc(n, sizeof(*s->stack));
    s->path = hedon_calloc(n, sizeof(*s->path));
    if (!s->first || !s->next || !s->part || !s->low || !s->order || !s->stack || !s->path)
        return hedon_fail_memory(ctx);
    for (int64_t e = 0; e < count; e++) s->first[edges[e].less + 1]++;
    for (int64_t i = 0; i < items; i++) s->first[i + 1] += s->first[i];
    return 0;
}

/* Tarjan's search from one node. `seen` counts nodes, `held` those on the stack. */
static void visit(Search *s, int32_t start, int32_t *seen, int32_t *held)
{
    int64_t depth = 0;
    int32_t node = start;
    s->path[depth++] = node;
    s->order[node] = s->low[node] = ++*seen;
    s->stack[(*held)++] = node;
    s->next[node] = s->first[node];
    while (depth) {
        node = s->path[depth - 1];
        if (s->next[node] < s->first[node + 1]) {
            const int32_t to = s->edges[s->next[node]++].more;
            if (!s->order[to]) {
                s->order[to] = s->low[to] = ++*seen;
                s->stack[(*held)++] = to;
                s->next[to] = s->first[to];
                s->path[depth++] = to;
            } else if (!s->part[to] && s->order[to] < s->low[node]) {
                s->low[node] = s->order[to];
            }
            continue;
        }
        depth--;
        if (depth && s->low[node] < s->low[s->path[depth - 1]])
            s->low[s->path[depth - 1]] = s->low[node];
        if (s->low[node] != s->order[node]) continue;
        s->parts++;
        int32_t member;
        do {
            member = s->stack[--*held];
            s->part[member] = s->parts;
        } while (member != node);
    }
}

static int has_edge(const Search *s, int32_t from, int32_t to)
{
    int64_t low = s->first[from], high = s->first[from + 1];
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (s->edges[middle].more < to)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->first[from + 1] && s->edges[low].more == to;
}

/* The shortest way from `from` to `to` inside their part, not by the edge between them; its nodes
 * are left in s->path. Returns how many, 0 when there is no way. s->low is -1 everywhere before and
 * after. */
static int way(Search *s, int32_t from, int32_t to)
{
    int32_t *before = s->low, *queue = s->stack; /* Tarjan is done with them */
    int64_t head = 0, tail = 0;
    before[from] = from;
    queue[tail++] = from;
    while (head < tail && before[to] < 0) {
        const int32_t node = queue[head++];
        for (int64_t e = s->first[node]; e < s->first[node + 1]; e++) {
            const int32_t next = s->edges[e].more;
            if (s->part[next] != s->part[from] || before[next] >= 0) continue;
            if (node == from && next == to) continue;
            before[next] = node;
            queue[tail++] = next;
        }
    }
    int length = 0;
    if (before[to] >= 0) {
        length = 1;
        for (int32_t node = to; node != from; node = before[node]) length++;
        int32_t node = to;
        for (int i = length - 1; i >= 0; i--, node = before[node]) s->path[i] = node;
    }
    while (tail > 0) before[queue[--tail]] = -1;
    return length;
}

/* How many neighbours, seen without direction, the part's nodes have, twice over; and its nodes. A
 * strongly connected part has a cycle of three or more unless it is a tree of contradictions. */
static void measure(const Search *s, int64_t *nodes, int64_t *edges)
{
    for (int64_t i = 0; i < s->items; i++) {
        nodes[s->part[i]]++;
        for (int64_t e = s->first[i]; e < s->first[i + 1]; e++) {
            const int32_t to = s->edges[e].more;
            if (s->part[to] != s->part[i]) continue;
            if (i < to || !has_edge(s, to, (int32_t)i)) edges[s->part[i]]++;
        }
    }
}

static int32_t root(int32_t *tree, int32_t i)
{
    while (tree[i] != i) i = tree[i] = tree[tree[i]];
    return i;
}

/* Whether an edge inside a part lies on a cycle of three or more, seen in the order of the edges:
 * one without an edge back always does, since its part is strongly connected; of edges that go both
 * ways the one that closes a ring without direction. So each part costs one search. */
static int closes(const Search *s, int32_t *tree, int32_t from, int32_t to)
{
    if (!has_edge(s, to, from)) return 1;
    if (to < from) return 0; /* seen from the other side */
    const int32_t a = root(tree, from), b = root(tree, to);
    tree[a] = b;
    return a == b;
}

static int tell_cycles(Search *s, int64_t *nodes, const int64_t *edges,
                       int (*tell)(void *opaque, const int32_t *cycle, int length), void *opaque)
{
    int32_t *tree = s->order; /* Tarjan is done with it */
    for (int64_t i = 0; i < s->items; i++) {
        tree[i] = (int32_t)i;
        s->low[i] = -1;
    }
    for (int64_t i = 0; i < s->items; i++) {
        const int32_t part = s->part[i], node = (int32_t)i;
        for (int64_t e = s->first[i]; e < s->first[i + 1]; e++) {
            const int32_t to = s->edges[e].more;
            if (nodes[part] < 3 || edges[part] < nodes[part]) break;
            if (s->part[to] != part || !closes(s, tree, node, to)) continue;
            const int length = way(s, to, node);
            if (length < 3) continue;
            memmove(s->path + 1, s->path, ((size_t)length - 1) * sizeof(*s->path));
            s->path[0] = node;
            const int code = tell(opaque, s->path, length);
            if (code) return code;
            nodes[part] = 0; /* told */
        }
    }
    return 0;
}

int hedon_graph_cycles(HedonContext *ctx, int64_t items, const HedonEdge *edges, int64_t count,
                       int (*tell)(void *opaque, const int32_t *cycle, int length), void *opaque)
{
    Search s;
    int64_t *nodes = NULL, *joined = NULL;
    int32_t seen = 0, held = 0;
    int code = search_init(ctx, &s, items, edges, count);
    if (code) goto done;
    for (int64_t i = 0; i < items; i++)
        if (!s.order[i]) visit(&s, (int32_t)i, &seen, &held);
    nodes = hedon_calloc((size_t)s.parts + 1, sizeof(*nodes));
    joined = hedon_calloc((size_t)s.parts + 1, sizeof(*joined));
    if (!nodes || !joined) {
        code = hedon_fail_memory(ctx);
        goto done;
    }
    measure(&s, nodes, joined);
    code = tell_cycles(&s, nodes, joined, tell, opaque);
done:
    hedon_free(nodes);
    hedon_free(joined);
    search_free(&s);
    return code;
}
