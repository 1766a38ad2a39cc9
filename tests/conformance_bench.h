/* conformance --bench: what the operations cost, by backend and kernel. */
#ifndef HEDON_TESTS_CONFORMANCE_BENCH_H
#define HEDON_TESTS_CONFORMANCE_BENCH_H

#include "tests/net.h"

/* R(2+1)D-18's convolutions at 16x112x112, each shape once. */
static const ConvCase bench_cases[] = {
    {{1, 3, 16, 112, 112}, 45, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, ONES, 1},
    {{1, 45, 16, 56, 56}, 64, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 64, 16, 56, 56}, 144, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 144, 16, 56, 56}, 64, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 64, 16, 56, 56}, 230, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, ONES, 1},
    {{1, 230, 16, 28, 28}, 128, {3, 1, 1}, {2, 1, 1}, {1, 0, 0}, ONES, 1},
    {{1, 64, 16, 56, 56}, 128, ONES, {2, 2, 2}, NONE, ONES, 1},
    {{1, 128, 8, 28, 28}, 230, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 230, 8, 28, 28}, 128, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 256, 4, 14, 14}, 460, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 460, 4, 14, 14}, 256, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 512, 2, 7, 7}, 921, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 921, 2, 7, 7}, 512, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
};

enum { MAX_STEPS = 8 };

/* The best time of each step of the net's plan. */
static void bench_net(const Net *net, const Place *place, int repeats)
{
    Session session;
    HedonPlanInfo info;
    double best[MAX_STEPS], before[MAX_STEPS] = {0};
    session_open(&session, net, place);
    session.backend->plan_info(session.plan, &info);
    assert_true(info.op_count <= MAX_STEPS);
    for (int i = 0; i < info.op_count; i++) best[i] = INFINITY;
    for (int r = 0; r < repeats; r++) {
        assert_int_equal(session_execute(NULL, &session), 0);
        for (int i = 0; i < info.op_count; i++) {
            best[i] = fmin(best[i], info.ops[i].seconds - before[i]);
            before[i] = info.ops[i].seconds;
        }
    }
    for (int i = 0; i < info.op_count; i++) {
        const HedonShape *s = &net->inputs[0].shape;
        printf("%-4s %-13s %-24s (%d", session.backend->name, info.ops[i].operation,
               info.ops[i].kernel, (int)s->dim[0]);
        for (int d = 1; d < s->rank; d++) printf(",%d", (int)s->dim[d]);
        printf(")  %8.2f ms  %7.1f GFLOP/s\n", best[i] * 1e3, info.ops[i].flops / best[i] / 1e9);
    }
    session_close(&session);
}

static void bench_conv(const ConvCase *c, const Place *place)
{
    Net net = conv_net(c, 1, WITH_NORM | WITH_RELU);
    bench_net(&net, place, 10);
    net_free(&net);
}

/* One small operation on (1,64,16,56,56). */
static void bench_plain(HedonOpKind op, const Place *place)
{
    Net net = {.graph = hedon_graph_new()};
    HedonGraph *graph = net.graph;
    const int64_t channels = op == HEDON_OP_COLOUR_MOTION ? 3 : 64;
    const HedonShape shape = {5, {1, channels, 16, 56, 56}};
    HedonValueId x = hedon_graph_input(graph, "x", &shape);
    if (op == HEDON_OP_BATCH_NORM)
        x = norm(graph, "bn", x, channels);
    else if (op == HEDON_OP_ADD)
        x = hedon_add(graph, "add", x, x);
    else
        x = hedon_graph_node(graph, op, "node", &x, 1, NULL);
    hedon_graph_output(graph, "y", x);
    net_fill(&net);
    bench_net(&net, place, 10);
    net_free(&net);
}

static int bench(void)
{
    Place list[16];
    const int count = places(list);
    for (int p = 0; p < count; p++) {
        list[p].threads = 0;
        /* ref would take minutes: one small layer shows what it does. */
        const int slow = list[p].backend == &hedon_backend_ref;
        for (unsigned i = 0; !slow && i < sizeof(bench_cases) / sizeof(*bench_cases); i++)
            bench_conv(&bench_cases[i], &list[p]);
        if (slow)
            bench_conv(&bench_cases[sizeof(bench_cases) / sizeof(*bench_cases) - 1], &list[p]);
        static const HedonOpKind plain[] = {HEDON_OP_BATCH_NORM, HEDON_OP_RELU, HEDON_OP_ADD,
                                            HEDON_OP_MEAN_POOL, HEDON_OP_COLOUR_MOTION};
        for (unsigned i = 0; i < sizeof(plain) / sizeof(*plain); i++)
            bench_plain(plain[i], &list[p]);
    }
    return 0;
}

#endif
