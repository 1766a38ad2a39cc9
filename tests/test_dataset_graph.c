/* The graph of comparisons against brute force; what is held out of training; joint training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "worker_fixture.h"

#include "dataset_fixture.h"
#include "datasets/graph.h"
#include "datasets/holdout.h"

enum { NODES = 7 };

/* ---- Cycles --------------------------------------------------------------------------------- */

typedef struct Told {
    const uint8_t (*edge)[NODES];
    uint8_t part[NODES]; /* nodes of cycles told */
    int count;
} Told;

static int hear(void *opaque, const int32_t *cycle, int length)
{
    Told *told = opaque;
    uint8_t seen[NODES] = {0};
    if (length < 3 || length > NODES) fail_msg("a cycle of %d", length);
    for (int i = 0; i < length; i++) {
        if (seen[cycle[i]]++) fail_msg("node %d twice", cycle[i]);
        if (!told->edge[cycle[i]][cycle[(i + 1) % length]]) fail_msg("no such edge");
        told->part[cycle[i]] = 1;
    }
    told->count++;
    return 0;
}

/* Whether a simple path of at least two edges leads from `at` back to `start`, which closes a cycle
 * of three nodes or more. */
static int closes(const uint8_t (*edge)[NODES], int start, int at, unsigned visited, int length)
{
    if (length >= 3 && edge[at][start]) return 1;
    for (int next = 0; next < NODES; next++)
        if (edge[at][next] && !(visited >> next & 1) &&
            closes(edge, start, next, visited | 1u << next, length + 1))
            return 1;
    return 0;
}

static int reaches(const uint8_t (*edge)[NODES], int from, int to)
{
    uint8_t seen[NODES] = {0};
    seen[from] = 1;
    for (int round = 0; round < NODES; round++)
        for (int a = 0; a < NODES; a++)
            for (int b = 0; b < NODES; b++) seen[b] |= (uint8_t)(seen[a] && edge[a][b]);
    return seen[to];
}

/* Random graphs: each strongly connected part with a cycle is told once, none else. */
static void test_cycles_as_brute_force_finds_them(void **state)
{
    (void)state;
    const HedonRandomKey key = hedon_random_key(5, 0, 0);
    int with = 0, without = 0;
    for (int trial = 0; trial < 3000; trial++) {
        uint8_t edge[NODES][NODES] = {{0}};
        HedonEdge edges[NODES * NODES];
        int64_t count = 0;
        for (int a = 0; a < NODES; a++)
            for (int b = 0; b < NODES; b++) {
                const uint64_t draw = (uint64_t)((trial * NODES + a) * NODES + b);
                if (a == b || hedon_random_uniform(key, draw) > .04 * (1 + trial % 8)) continue;
                edge[a][b] = 1;
                edges[count++] = (HedonEdge){a, b};
            }
        Told told = {.edge = (const uint8_t(*)[NODES])edge};
        assert_int_equal(hedon_graph_cycles(NULL, NODES, edges, count, hear, &told), 0);
        int parts = 0;
        uint8_t counted[NODES] = {0};
        for (int a = 0; a < NODES; a++) {
            if (counted[a] || !closes(told.edge, a, a, 1u << a, 1)) continue;
            parts++;
            int is_told = 0;
            for (int b = 0; b < NODES; b++)
                if (reaches(told.edge, a, b) && reaches(told.edge, b, a)) {
                    counted[b] = 1;
                    is_told |= told.part[b];
                }
            if (!is_told) fail_msg("trial %d: the part of %d is not told", trial, a);
        }
        if (parts != told.count) fail_msg("trial %d: %d parts, %d told", trial, parts, told.count);
        if (parts)
            with++;
        else
            without++;
    }
    assert_true(with > 300 && without > 300);
}

/* A hundred thousand in a row and back to the first: no recursion to overflow, one cycle. */
static int measure_length(void *opaque, const int32_t *cycle, int length)
{
    (void)cycle;
    *(int *)opaque += length;
    return 0;
}

static void test_long_cycles(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    int length = 0;
    HedonEdge *edges = malloc(LONG * sizeof(*edges));
    for (int i = 0; i < LONG; i++) edges[i] = (HedonEdge){i, (i + 1) % LONG};
    assert_int_equal(hedon_graph_cycles(NULL, LONG, edges, LONG, measure_length, &length), 0);
    assert_int_equal(length, LONG);
    length = 0;
    assert_int_equal(hedon_graph_cycles(NULL, LONG, edges, LONG - 1, measure_length, &length), 0);
    assert_int_equal(length, 0);
    free(edges);
}

/* A long chain that contradicts itself everywhere is no cycle, and a hundred thousand small cycles
 * are each told: in time that does not grow with the square. */
static int count_one(void *opaque, const int32_t *cycle, int length)
{
    (void)cycle;
    *(int *)opaque += length == 3;
    return 0;
}

static void test_many_contradictions_and_many_cycles(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    int count = 0;
    HedonEdge *edges = malloc(3 * MANY * sizeof(*edges));
    int64_t used = 0;
    for (int i = 0; i < MANY; i++) {
        if (i > 0) edges[used++] = (HedonEdge){i, i - 1};
        if (i + 1 < MANY) edges[used++] = (HedonEdge){i, i + 1};
    }
    assert_int_equal(hedon_graph_cycles(NULL, MANY, edges, used, count_one, &count), 0);
    assert_int_equal(count, 0);
    /* the last three in a ring, too: { MANY-3, MANY-1 } and back */
    used = 0;
    for (int i = 0; i < MANY; i++) {
        if (i == MANY - 1) edges[used++] = (HedonEdge){i, i - 2};
        if (i > 0) edges[used++] = (HedonEdge){i, i - 1};
        if (i + 1 < MANY) edges[used++] = (HedonEdge){i, i + 1};
        if (i == MANY - 3) edges[used++] = (HedonEdge){i, i + 2};
    }
    assert_int_equal(hedon_graph_cycles(NULL, MANY, edges, used, count_one, &count), 0);
    assert_int_equal(count, 1);
    for (int i = 0; i < 3 * MANY; i++) edges[i] = (HedonEdge){i, i % 3 == 2 ? i - 2 : i + 1};
    count = 0;
    assert_int_equal(hedon_graph_cycles(NULL, 3 * MANY, edges, 3 * MANY, count_one, &count), 0);
    assert_int_equal(count, MANY);
    free(edges);
}

/* ---- Edges and components ------------------------------------------------------------------- */

static HedonDataset *open_v2v(const char *train, const char *test, const char *lists)
{
    const char *folder = make_folder("graph");
    HedonContext *ctx = hedon_context_new();
    HedonDataset *dataset;
    write_in(folder, "train_labels.json", train);
    write_in(folder, "test_labels.json", test ? test : "{\"comparisons\": []}");
    write_in(folder, "listwise_labels.json", lists ? lists : "{\"comparisons\": []}");
    if (hedon_dataset_open(ctx, &dataset, "v2v", folder, NULL))
        fail_msg("%s", hedon_last_error(ctx));
    hedon_context_free(ctx);
    return dataset;
}

static void test_edges_and_components(void **state)
{
    (void)state;
    HedonDataset *dataset =
        open_v2v("{\"comparisons\": [[\"a\",\"b\"], [\"c\",\"b\"], [\"a\",\"b\"], [\"d\",\"e\"], "
                 "[\"f\",\"f\"]]}",
                 NULL, "{\"comparisons\": [[\"g\",\"h\",\"i\"]]}");
    HedonEdge *edges;
    int64_t count;
    assert_int_equal(hedon_graph_edges(NULL, dataset, HEDON_SPLIT_ALL, &edges, &count), 0);
    static const HedonEdge wanted[] = {{0, 1}, {2, 1}, {3, 4}, {6, 7}, {6, 8}, {7, 8}};
    assert_int_equal(count, 6);
    assert_memory_equal(edges, wanted, sizeof(wanted));
    hedon_free(edges);
    assert_int_equal(
        hedon_graph_edges(NULL, dataset, HEDON_SPLIT_BIT(HEDON_SPLIT_LISTS), &edges, &count), 0);
    assert_int_equal(count, 3);
    hedon_free(edges);
    int32_t component[9];
    hedon_graph_components(dataset, HEDON_SPLIT_ALL, component);
    assert_memory_equal(component, ((int32_t[]){0, 0, 0, 3, 3, 5, 6, 6, 6}), sizeof(component));
    hedon_graph_components(dataset, HEDON_SPLIT_BIT(HEDON_SPLIT_TRAIN), component);
    assert_memory_equal(component, ((int32_t[]){0, 0, 0, 3, 3, 5, 6, 7, 8}), sizeof(component));
    hedon_dataset_close(dataset);
}

/* ---- Held out ------------------------------------------------------------------------------- */

static void test_holdout_is_a_function_of_seed_and_id(void **state)
{
    (void)state;
    int held = 0, other = 0, both = 0;
    for (int i = 0; i < 50000; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%05d", i);
        const int a = hedon_holdout(1, id, .1), b = hedon_holdout(2, id, .1);
        assert_int_equal(a, hedon_holdout(1, id, .1));
        if (hedon_holdout(1, id, .05)) assert_true(a); /* a smaller share is a part of a larger */
        held += a;
        other += b;
        both += a && b;
    }
    assert_true(abs(held - 5000) < 300 && abs(other - 5000) < 300); /* 4.5 standard deviations */
    assert_true(abs(both - 500) < 100);
    assert_false(hedon_holdout(1, "00000", 0));
    assert_true(hedon_holdout(1, "00000", 1));
    /* the values are part of a run's identity: they must never change */
    char marks[33];
    for (int i = 0; i < 32; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%05d", i);
        marks[i] = hedon_holdout(7, id, .25) ? '1' : '0';
    }
    marks[32] = 0;
    assert_string_equal(marks, "00101000001001000000100000010100");
}

static void test_holdout_of_vce_touches_train_only(void **state)
{
    (void)state;
    HedonDataset *dataset;
    HedonHoldout report;
    uint8_t marks[7];
    assert_int_equal(hedon_dataset_open(NULL, &dataset, "vce", write_vce("holdout"), NULL), 0);
    assert_int_equal(hedon_dataset_holdout(NULL, dataset, 3, 1, marks, NULL, &report), 0);
    assert_memory_equal(marks, ((uint8_t[]){1, 1, 1, 1, 1, 0, 0}), 7);
    assert_int_equal(report.items, 5);
    assert_int_equal(hedon_dataset_holdout(NULL, dataset, 3, .4, marks, NULL, &report), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(marks[i], hedon_holdout(3, hedon_dataset_item(dataset, i)->id, .4));
    HedonContext *ctx = hedon_context_new();
    assert_int_equal(hedon_dataset_holdout(ctx, dataset, 3, 1.5, marks, NULL, NULL), HEDON_EINVAL);
    assert_int_equal(hedon_dataset_holdout(ctx, dataset, 3, NAN, marks, NULL, NULL), HEDON_EINVAL);
    hedon_context_free(ctx);
    hedon_dataset_close(dataset);
}

/* `small` components of three videos, and one of `large`; a test pair and a list. */
static HedonDataset *open_components(int small, int large)
{
    Text text = {0};
    say(&text, "{\"comparisons\": [[\"x\", \"y\"]");
    for (int i = 0; i < small; i++)
        say(&text, ", [\"s%da\", \"s%db\"], [\"s%dc\", \"s%db\"]", i, i, i, i);
    for (int i = 1; i < large; i++) say(&text, ", [\"l%d\", \"l%d\"]", i - 1, i);
    say(&text, "]}");
    HedonDataset *dataset = open_v2v(text.data, "{\"comparisons\": [[\"t\", \"u\"]]}",
                                     "{\"comparisons\": [[\"v\", \"w\"]]}");
    free(text.data);
    return dataset;
}

/* Sizes of what is held out; checks that the marks agree with each other. */
static HedonHoldout hold_out(const HedonDataset *dataset, uint64_t seed, double share)
{
    HedonHoldout report;
    uint8_t *items = malloc((size_t)hedon_dataset_size(dataset));
    uint8_t *comparisons = malloc((size_t)hedon_dataset_comparisons(dataset));
    assert_int_equal(hedon_dataset_holdout(NULL, dataset, seed, share, items, comparisons, &report),
                     0);
    int64_t straddling = 0;
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++) {
        const HedonComparison *comparison = hedon_dataset_comparison(dataset, c);
        if (comparison->split != HEDON_SPLIT_TRAIN) assert_int_equal(comparisons[c], 0);
        for (int k = 0; k < comparison->count; k++) {
            if (items[comparison->item[k]]) assert_true(comparisons[c]);
            straddling += comparisons[c] && !items[comparison->item[k]];
        }
    }
    assert_true(straddling >= report.shared && (report.shared > 0) == (straddling > 0));
    free(items);
    free(comparisons);
    return report;
}

static void test_holdout_of_pairs_is_by_component(void **state)
{
    (void)state;
    HedonDataset *dataset = open_components(1000, 1000); /* the large one stays */
    HedonHoldout report = hold_out(dataset, 1, .1);
    assert_int_equal(report.shared, 0);
    assert_int_equal(report.items * 2, report.comparisons * 3);
    assert_true(abs((int)report.items - 400) < 130); /* a tenth of all 4002 */
    assert_int_equal(hold_out(dataset, 1, .1).items, report.items);
    assert_true(hold_out(dataset, 2, .1).items != report.items);
    assert_int_equal(hold_out(dataset, 1, 0).comparisons, 0);
    hedon_dataset_close(dataset);
}

static void test_holdout_of_one_component_is_by_comparison(void **state)
{
    (void)state;
    HedonDataset *dataset = open_components(10, 3000);
    const HedonHoldout report = hold_out(dataset, 1, .1);
    assert_true(abs((int)report.comparisons - 302) < 80);
    assert_true(report.shared > 300); /* both videos of most */
    hedon_dataset_close(dataset);
}

/* ---- Joint ---------------------------------------------------------------------------------- */

static void test_joint_training_leaves_out_each_others_tests(void **state)
{
    (void)state;
    HedonDataset *vce;
    assert_int_equal(hedon_dataset_open(NULL, &vce, "vce", write_vce("joint"), NULL), 0);
    /* VCE trains on 3 0 12 7 5, tests on 1 9 */
    HedonDataset *v2v = open_v2v(
        "{\"comparisons\": [[\"00003\",\"00000\"], [\"00009\",\"00003\"]]}",
        "{\"comparisons\": [[\"00001\",\"00007\"]]}", "{\"comparisons\": [[\"00005\",\"9\"]]}");
    uint8_t vce_out[7], v2v_out[7], comparisons_out[4];
    HedonJoint counts;
    hedon_dataset_joint(vce, v2v, vce_out, v2v_out, comparisons_out, &counts);
    assert_memory_equal(vce_out, ((uint8_t[]){0, 0, 0, 1, 1, 0, 0}), 7);
    assert_memory_equal(v2v_out, ((uint8_t[]){0, 0, 1, 0, 0, 0, 0}), 7);
    assert_memory_equal(comparisons_out, ((uint8_t[]){0, 1, 0, 0}), 4);
    assert_int_equal(counts.vce_items, 2);
    assert_int_equal(counts.v2v_items, 1);
    assert_int_equal(counts.v2v_comparisons, 1);
    assert_int_equal(counts.unknown, 1);
    hedon_dataset_joint(vce, v2v, NULL, NULL, NULL, &counts);
    assert_int_equal(counts.vce_items, 2);
    hedon_dataset_close(v2v);
    hedon_dataset_close(vce);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles_as_brute_force_finds_them),
        cmocka_unit_test(test_long_cycles),
        cmocka_unit_test(test_many_contradictions_and_many_cycles),
        cmocka_unit_test(test_edges_and_components),
        cmocka_unit_test(test_holdout_is_a_function_of_seed_and_id),
        cmocka_unit_test(test_holdout_of_vce_touches_train_only),
        cmocka_unit_test(test_holdout_of_pairs_is_by_component),
        cmocka_unit_test(test_holdout_of_one_component_is_by_comparison),
        cmocka_unit_test(test_joint_training_leaves_out_each_others_tests),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
