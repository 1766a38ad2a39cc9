/* The graph's builder: shapes, errors that stick, text, flops; and the placement of lifetimes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/graph/lifetimes.h"
#include "kernels/graph/ops.h"

#define SHAPE(...)                                                                                 \
    (&(HedonShape){.rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),              \
                   .dim = {__VA_ARGS__}})

static const HedonConvAttributes same3 = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 1};

static HedonGraph *conv_graph(const HedonShape *x, const HedonShape *w,
                              const HedonConvAttributes *attributes)
{
    HedonGraph *graph = hedon_graph_new();
    assert_non_null(graph);
    const HedonValueId in = hedon_graph_input(graph, "clips", x);
    const HedonValueId weight = hedon_graph_parameter(graph, "conv.weight", w);
    hedon_graph_output(graph, "y", hedon_conv3d(graph, "conv", in, weight, HEDON_NONE, attributes));
    return graph;
}

static void assert_conv_shape(const HedonShape *x, const HedonShape *w,
                              const HedonConvAttributes *attributes, const HedonShape *y)
{
    HedonGraph *graph = conv_graph(x, w, attributes);
    assert_int_equal(hedon_graph_finish(NULL, graph), 0);
    const HedonShape *got = &graph->values[graph->outputs[0].value].shape;
    assert_int_equal(got->rank, y->rank);
    assert_memory_equal(got->dim, y->dim, (size_t)y->rank * sizeof(y->dim[0]));
    hedon_graph_free(graph);
}

static void convolution_shapes(void **state)
{
    (void)state;
    assert_conv_shape(SHAPE(2, 3, 16, 112, 112), SHAPE(45, 3, 1, 7, 7),
                      &(HedonConvAttributes){{1, 2, 2}, {0, 3, 3}, {1, 1, 1}, 1},
                      SHAPE(2, 45, 16, 56, 56));
    assert_conv_shape(SHAPE(1, 4, 7, 7, 7), SHAPE(6, 2, 3, 3, 3),
                      &(HedonConvAttributes){{2, 3, 1}, {1, 0, 2}, {1, 2, 3}, 2},
                      SHAPE(1, 6, 4, 1, 5));
    assert_conv_shape(SHAPE(1, 1, 1, 1, 1), SHAPE(1, 1, 3, 3, 3), &same3, SHAPE(1, 1, 1, 1, 1));
}

static void assert_conv_refused(const HedonShape *x, const HedonShape *w,
                                const HedonConvAttributes *attributes, const char *words)
{
    HedonContext *ctx = hedon_context_new();
    HedonGraph *graph = conv_graph(x, w, attributes);
    assert_int_equal(hedon_graph_finish(ctx, graph), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "node conv: conv3d: "));
    assert_non_null(strstr(hedon_last_error(ctx), words));
    hedon_graph_free(graph);
    hedon_context_free(ctx);
}

static void impossible_convolutions_are_refused(void **state)
{
    (void)state;
    const HedonShape *x = SHAPE(1, 4, 2, 8, 8), *w = SHAPE(6, 4, 3, 3, 3);
    assert_conv_refused(SHAPE(4, 2, 8, 8), w, &same3, "5 dimensions");
    assert_conv_refused(x, SHAPE(6, 3, 3, 3, 3), &same3, "do not fit");
    assert_conv_refused(x, w, &(HedonConvAttributes){{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 3}, "groups");
    assert_conv_refused(x, w, &(HedonConvAttributes){{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, 0}, "groups");
    assert_conv_refused(x, w, &(HedonConvAttributes){{0, 1, 1}, {1, 1, 1}, {1, 1, 1}, 1}, "stride");
    assert_conv_refused(x, w, &(HedonConvAttributes){{1, 1, 1}, {-1, 1, 1}, {1, 1, 1}, 1},
                        "padding");
    assert_conv_refused(x, w, &(HedonConvAttributes){{1, 1, 1}, {0, 1, 1}, {1, 1, 1}, 1},
                        "time of 2");
    assert_conv_refused(x, w, &(HedonConvAttributes){{1, 1, 1}, {1, 1, 1}, {1, 1, INT64_MAX}, 1},
                        "width");
    assert_conv_refused(x, w, &(HedonConvAttributes){{1, 1, 1}, {1, 1, INT64_MAX}, {1, 1, 1}, 1},
                        "width");
}

static void too_large_shapes_are_refused(void **state)
{
    (void)state;
    HedonGraph *graph = hedon_graph_new();
    assert_int_equal(hedon_graph_input(graph, "x", SHAPE(INT64_MAX / 2, 3)), HEDON_NONE);
    assert_int_equal(hedon_graph_finish(NULL, graph), HEDON_EINVAL);
    hedon_graph_free(graph);

    /* Each shape is fine, the output's is not. */
    const int64_t huge = (int64_t)1 << 31;
    graph = conv_graph(SHAPE(1, 1, huge, 1, 1), SHAPE(huge, 1, 1, 1, 1),
                       &(HedonConvAttributes){{1, 1, 1}, {0, 0, 0}, {1, 1, 1}, 1});
    assert_int_equal(hedon_graph_finish(NULL, graph), HEDON_EINVAL);
    hedon_graph_free(graph);

    graph = hedon_graph_new();
    assert_int_equal(hedon_graph_parameter(graph, "w", SHAPE(3, 0)), HEDON_NONE);
    assert_int_equal(hedon_graph_finish(NULL, graph), HEDON_EINVAL);
    hedon_graph_free(graph);
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonGraph *graph = hedon_graph_new();
    const HedonValueId x = hedon_graph_input(graph, "x", SHAPE(2, 8));
    const HedonValueId w = hedon_graph_parameter(graph, "w", SHAPE(3, 9));
    const HedonValueId y = hedon_linear(graph, "head", x, w, HEDON_NONE);
    assert_int_equal(y, HEDON_NONE);
    assert_int_equal(hedon_relu(graph, "after", y), HEDON_NONE);
    hedon_graph_output(graph, "y", y);
    assert_int_equal(hedon_graph_finish(ctx, graph), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "node head: linear"));
    hedon_graph_free(graph);
    hedon_context_free(ctx);
}

/* Each builds a graph that must be refused. */
static void refused(HedonGraph *graph)
{
    assert_int_equal(hedon_graph_finish(NULL, graph), HEDON_EINVAL);
    hedon_graph_free(graph);
}

static void other_mistakes_are_refused(void **state)
{
    (void)state;
    refused(hedon_graph_new()); /* no output */

    HedonGraph *graph = hedon_graph_new();
    hedon_graph_parameter(graph, "w", SHAPE(3));
    hedon_graph_parameter(graph, "w", SHAPE(4));
    refused(graph);

    graph = hedon_graph_new();
    const HedonValueId a = hedon_graph_input(graph, "a", SHAPE(2, 3));
    hedon_graph_output(graph, "y",
                       hedon_add(graph, "add", a, hedon_graph_input(graph, "b", SHAPE(3, 2))));
    refused(graph);

    graph = hedon_graph_new();
    hedon_graph_output(graph, "y",
                       hedon_mean_pool(graph, "pool", hedon_graph_input(graph, "x", SHAPE(2, 3))));
    refused(graph);

    graph = hedon_graph_new();
    const HedonValueId x = hedon_graph_input(graph, "x", SHAPE(2, 3, 4));
    const HedonValueId p = hedon_graph_parameter(graph, "p", SHAPE(3));
    const HedonValueId q = hedon_graph_parameter(graph, "q", SHAPE(4));
    hedon_graph_output(graph, "y", hedon_batch_norm(graph, "bn", x, p, p, p, q, 1e-5));
    refused(graph);

    graph = hedon_graph_new();
    hedon_graph_node(graph, HEDON_OP_ADD, "add", (HedonValueId[]){0, 1}, 2, NULL);
    refused(graph);

    graph = hedon_graph_new();
    const HedonValueId gray = hedon_graph_input(graph, "x", SHAPE(1, 1, 2, 4, 4));
    hedon_graph_node(graph, HEDON_OP_COLOUR_MOTION, "colour", &gray, 1, NULL);
    refused(graph);

    graph = hedon_graph_new();
    const HedonValueId one = hedon_graph_input(graph, "x", SHAPE(1));
    hedon_graph_output(graph, "y", one);
    hedon_graph_output(graph, "y", one);
    refused(graph);
}

static void names_text_and_flops(void **state)
{
    (void)state;
    HedonGraph *graph = hedon_graph_new();
    const HedonValueId x = hedon_graph_input(graph, "clips", SHAPE(2, 4, 3, 5, 5));
    const HedonValueId w = hedon_graph_parameter(graph, "stem.weight", SHAPE(6, 2, 1, 3, 3));
    const HedonValueId scalar = hedon_graph_parameter(graph, "scalar", &(HedonShape){0});
    const HedonValueId y = hedon_conv3d(graph, "stem", x, w, HEDON_NONE,
                                        &(HedonConvAttributes){{1, 2, 2}, {0, 1, 1}, {1, 1, 1}, 2});
    hedon_graph_output(graph, "features",
                       hedon_mean_pool(graph, "pool", hedon_relu(graph, "relu", y)));
    assert_int_equal(hedon_graph_finish(NULL, graph), 0);
    assert_int_equal(hedon_graph_find_output(graph, "features"), 0);
    assert_int_equal(hedon_graph_find_output(graph, "other"), -1);
    assert_int_equal(hedon_graph_find_parameter(graph, "stem.weight"), w);
    assert_int_equal(hedon_graph_find_parameter(graph, "clips"), HEDON_NONE);
    assert_int_equal(hedon_graph_parameter_value(graph, 1), scalar);
    assert_int_equal(hedon_graph_input_value(graph, 0), x);
    /* (2,6,3,3,3) outputs of 2 x 9 multiplications and additions */
    assert_true(hedon_node_flops(graph, &graph->nodes[0]) == 2.0 * 2 * 6 * 27 * 18);

    char *text = hedon_graph_text(graph);
    assert_non_null(strstr(text, "conv3d"));
    assert_non_null(strstr(
        text, "(2,6,3,3,3) = clips stem.weight(6,2,1,3,3) stride 1,2,2 padding 0,1,1 groups 2\n"));
    assert_non_null(strstr(text, "output"));
    assert_non_null(strstr(text, "(2,6) ="));
    free(text);
    hedon_graph_free(graph);
}

static void builders_survive_failing_memory(void **state)
{
    (void)state;
    int failures = 0;
    for (int64_t k = 1;; k++) {
        hedon_memory_fail_at(k);
        HedonGraph *graph = hedon_graph_new();
        int err = HEDON_ENOMEM;
        if (graph) {
            HedonValueId x = hedon_graph_input(graph, "x", SHAPE(1, 3, 4, 4, 4));
            for (int i = 0; i < 200; i++) x = hedon_relu(graph, "a name of some length", x);
            hedon_graph_output(graph, "y", x);
            err = hedon_graph_finish(NULL, graph);
        }
        const int injected = hedon_memory_failed();
        hedon_memory_fail_at(0);
        hedon_graph_free(graph);
        if (!injected) {
            assert_int_equal(err, 0);
            break;
        }
        assert_int_equal(err, HEDON_ENOMEM);
        failures++;
    }
    assert_in_range(failures, 5, 100);
}

/* ---- Lifetimes ------------------------------------------------------------------------------ */

static void assert_disjoint(const HedonLifetime *lifetimes, int count, int64_t arena)
{
    for (int i = 0; i < count; i++) {
        const HedonLifetime *a = &lifetimes[i];
        assert_int_equal(a->offset % 64, 0);
        assert_true(a->offset >= 0 && a->offset + a->bytes <= arena);
        for (int k = 0; k < i; k++) {
            const HedonLifetime *b = &lifetimes[k];
            const int together = a->first <= b->last && b->first <= a->last;
            const int overlap =
                a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            assert_false(together && overlap);
        }
    }
}

static void values_alive_together_never_overlap(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        const HedonRandomKey key = hedon_random_key(1, 0, round);
        HedonLifetime lifetimes[40];
        const int count = 1 + (int)(hedon_random_u64(key, 0) % 40);
        int64_t sum = 0;
        for (int i = 0; i < count; i++) {
            const uint64_t draw = hedon_random_u64(key, (uint64_t)i + 1);
            const int first = (int)(draw % 20), steps = (int)((draw >> 8) % 6);
            lifetimes[i] = (HedonLifetime){
                .bytes = (int64_t)(draw >> 32) % 5000, .first = first, .last = first + steps};
            sum += (lifetimes[i].bytes + 63) / 64 * 64;
        }
        int64_t arena;
        assert_int_equal(hedon_lifetimes_place(lifetimes, count, &arena), 0);
        assert_disjoint(lifetimes, count, arena);
        assert_true(arena <= sum);
    }
}

static void memory_is_used_again(void **state)
{
    (void)state;
    /* A chain: each value lives for two steps, so that two places are enough. */
    HedonLifetime chain[10];
    for (int i = 0; i < 10; i++)
        chain[i] = (HedonLifetime){.bytes = 1000, .first = i, .last = i + 1};
    int64_t arena;
    assert_int_equal(hedon_lifetimes_place(chain, 10, &arena), 0);
    assert_int_equal(arena, 2048);
    assert_disjoint(chain, 10, arena);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    int64_t arena;
    HedonLifetime negative = {.bytes = -1};
    assert_int_equal(hedon_lifetimes_place(&negative, 1, &arena), HEDON_EINVAL);
    HedonLifetime huge[2] = {{.bytes = INT64_MAX / 2 + 1}, {.bytes = INT64_MAX / 2 + 1}};
    assert_int_equal(hedon_lifetimes_place(huge, 2, &arena), HEDON_EINVAL);
    huge[0].bytes = INT64_MAX;
    assert_int_equal(hedon_lifetimes_place(huge, 1, &arena), HEDON_EINVAL);
    assert_int_equal(hedon_lifetimes_place(NULL, 0, &arena), 0);
    assert_int_equal(arena, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_shapes),
        cmocka_unit_test(impossible_convolutions_are_refused),
        cmocka_unit_test(too_large_shapes_are_refused),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(other_mistakes_are_refused),
        cmocka_unit_test(names_text_and_flops),
        cmocka_unit_test(builders_survive_failing_memory),
        cmocka_unit_test(values_alive_together_never_overlap),
        cmocka_unit_test(memory_is_used_again),
        cmocka_unit_test(absurd_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
