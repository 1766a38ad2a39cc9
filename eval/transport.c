/* The transportation problem between two small distributions, by successive shortest paths
 * (Ahuja, Magnanti & Orlin, "Network Flows", 1993, section 9.7): mass goes along the cheapest path
 * of the residual network until none is left. Potentials keep the reduced costs from being
 * negative, so that Dijkstra's algorithm finds the path; among equally cheap ones that of fewest
 * arcs is taken, which bounds their number for any real masses.
 */
#include <math.h>

#include "eval/distribution.h"

enum { MAX = HEDON_DISTRIBUTION_MAX };
static const double nothing = 1e-15; /* of mass: less is rounding */

typedef struct Transport {
    int sources, sinks;
    double supply[MAX], demand[MAX]; /* left */
    double cost[MAX][MAX];           /* of source and sink */
    double flow[MAX][MAX];
    /* nodes: the sources, then the sinks */
    double potential[2 * MAX], distance[2 * MAX];
    int hops[2 * MAX], from[2 * MAX];
} Transport;

static void reach(Transport *t, int node, int from, double distance)
{
    const int hops = t->hops[from] + 1;
    if (distance > t->distance[node] || (distance == t->distance[node] && hops >= t->hops[node]))
        return;
    t->distance[node] = distance;
    t->hops[node] = hops;
    t->from[node] = from;
}

/* From a source to every sink; from a sink back to the sources that sent it something. */
static void reach_neighbours(Transport *t, int node)
{
    const int is_source = node < t->sources;
    for (int i = 0; i < (is_source ? t->sinks : t->sources); i++) {
        const int source = is_source ? node : i, sink = is_source ? i : node - t->sources;
        if (!is_source && !(t->flow[source][sink] > nothing)) continue;
        const int other = is_source ? t->sources + i : i;
        const double cost = is_source ? t->cost[source][sink] : -t->cost[source][sink];
        const double reduced = cost + t->potential[node] - t->potential[other];
        reach(t, other, node, t->distance[node] + fmax(0, reduced));
    }
}

/* The sink with something left to take that is cheapest to reach, or -1. */
static int shortest_path(Transport *t)
{
    const int nodes = t->sources + t->sinks;
    int done[2 * MAX] = {0}, end = -1;
    for (int i = 0; i < nodes; i++) {
        const int start = i < t->sources && t->supply[i] > nothing;
        t->distance[i] = start ? 0 : INFINITY;
        t->hops[i] = 0;
        t->from[i] = -1;
    }
    while (end < 0) {
        int next = -1;
        for (int i = 0; i < nodes; i++)
            if (!done[i] && isfinite(t->distance[i]) &&
                (next < 0 || t->distance[i] < t->distance[next] ||
                 (t->distance[i] == t->distance[next] && t->hops[i] < t->hops[next])))
                next = i;
        if (next < 0) return -1;
        done[next] = 1;
        if (next >= t->sources && t->demand[next - t->sources] > nothing)
            end = next;
        else
            reach_neighbours(t, next);
    }
    for (int i = 0; i < nodes; i++) t->potential[i] += fmin(t->distance[i], t->distance[end]);
    return end;
}

static void send(Transport *t, int end)
{
    int start = end;
    double mass = t->demand[end - t->sources];
    for (; t->from[start] >= 0; start = t->from[start])
        if (start < t->sources) /* reached by giving back */
            mass = fmin(mass, t->flow[start][t->from[start] - t->sources]);
    mass = fmin(mass, t->supply[start]);
    for (int node = end; t->from[node] >= 0; node = t->from[node]) {
        if (node < t->sources)
            t->flow[node][t->from[node] - t->sources] -= mass;
        else
            t->flow[t->from[node]][node - t->sources] += mass;
    }
    t->supply[start] -= mass;
    t->demand[end - t->sources] -= mass;
}

double hedon_wasserstein(const double *p, const double *q, const double *cost, int n)
{
    Transport t = {0};
    int source[MAX], sink[MAX];
    for (int i = 0; i < n; i++) {
        if (p[i] > q[i]) {
            t.supply[t.sources] = p[i] - q[i];
            source[t.sources++] = i;
        } else if (q[i] > p[i]) {
            t.demand[t.sinks] = q[i] - p[i];
            sink[t.sinks++] = i;
        }
    }
    for (int i = 0; i < t.sources; i++)
        for (int j = 0; j < t.sinks; j++) t.cost[i][j] = cost[source[i] * n + sink[j]];
    for (int end; (end = shortest_path(&t)) >= 0;) send(&t, end);
    double sum = 0;
    for (int i = 0; i < t.sources; i++)
        for (int j = 0; j < t.sinks; j++) sum += t.flow[i][j] * t.cost[i][j];
    return sum;
}
