/* The optimisers over ten steps of given gradients, and the losses' values, against torch in double
 * (tests/golden/optimisers.json, made by tools/golden/optimisers.py): the same hash-made numbers.
 */
#include <jansson.h>

#include "tests/training_net.h"

enum { STEPS = 10, SIZE_A = 15, SIZE_B = 7 };
static const int sizes[] = {SIZE_A, SIZE_B};
static const char *const names[] = {"a", "b"};
static json_t *golden;

static double symmetric(HedonRandomKey key, int64_t i)
{
    return 2 * hedon_random_uniform(key, (uint64_t)i) - 1;
}

/* Two parameters that have gradients, whatever these would be. */
static Net two_parameters(void)
{
    Net net = {.graph = training_graph()};
    HedonValueId y[2], seed[2];
    for (int i = 0; i < 2; i++) {
        const HedonShape shape = {1, {sizes[i]}};
        y[i] =
            hedon_scale(net.graph, names[i], hedon_graph_parameter(net.graph, names[i], &shape), 1);
        seed[i] = hedon_graph_input(net.graph, names[i], &shape);
        hedon_graph_output(net.graph, names[i], y[i]);
    }
    hedon_graph_parameter(net.graph, "statistic", &(HedonShape){1, {1}});
    assert_int_equal(hedon_graph_backward(NULL, net.graph, y, seed, 2, NULL, NULL), 0);
    net_fill(&net);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < sizes[i]; k++)
            ((double *)net.parameters[i].data)[k] =
                symmetric(hedon_random_key_name(11, names[i]), k);
    return net;
}

static void give_gradients(Session *s, int step, double scale)
{
    for (int i = 0; i < 2; i++) {
        double data[SIZE_A];
        for (int k = 0; k < sizes[i]; k++)
            data[k] = scale * .5 * symmetric(hedon_random_key(13, (uint64_t)step, (uint64_t)i), k);
        const HedonTensor gradient = {HEDON_F64, {1, {sizes[i]}}, data};
        assert_int_equal(
            s->backend->state_write(NULL, s->state, HEDON_STATE_GRADIENT, i, &gradient), 0);
    }
}

static void read_part(Session *s, HedonStatePart part, int parameter, double *data)
{
    HedonTensor tensor = {HEDON_F64, {1, {sizes[parameter]}}, data};
    assert_int_equal(s->backend->state_read(NULL, s->state, part, parameter, &tensor), 0);
}

static void compare(Session *s, HedonStatePart part, const json_t *wanted, const char *what)
{
    for (int i = 0; i < 2; i++) {
        double data[SIZE_A];
        read_part(s, part, i, data);
        const json_t *values = json_object_get(wanted, names[i]);
        for (int k = 0; k < sizes[i]; k++) {
            const double right = json_number_value(json_array_get(values, (size_t)k));
            if (!(fabs(data[k] - right) <= 1e-6))
                fail_msg("%s on %s: %s[%d] is %.9g, torch's %.9g", what, s->backend->name, names[i],
                         k, data[k], right);
        }
    }
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void follow(const json_t *wanted, const Place *place)
{
    const double rate_scale[] = {1, .75, 1}, decay[] = {number(wanted, "weight_decay"), 0, 0};
    const int adamw = !strcmp(json_string_value(json_object_get(wanted, "kind")), "adamw");
    Net net = two_parameters();
    Session s;
    session_open(&s, &net, place);
    for (int t = 0; t < STEPS; t++) {
        const HedonOptimiserStep step = {.kind = adamw ? HEDON_ADAMW : HEDON_SGD,
                                         .number = t + 1,
                                         .learning_rate = number(wanted, "rate"),
                                         .rate_scale = rate_scale,
                                         .weight_decay = decay,
                                         .momentum = number(wanted, "momentum"),
                                         .nesterov =
                                             json_is_true(json_object_get(wanted, "nesterov")),
                                         .beta1 = .9,
                                         .beta2 = .99,
                                         .epsilon = 1e-8,
                                         .gradient_scale = .25,
                                         .clip_norm = number(wanted, "clip"),
                                         .average_decay = .9};
        HedonOptimiserResult result;
        give_gradients(&s, t, 4); /* the sum of four batches, as it were */
        assert_int_equal(s.backend->optimise(NULL, s.state, &step, &result), 0);
        assert_true(result.finite);
        const double norm =
            json_number_value(json_array_get(json_object_get(wanted, "norms"), (size_t)t));
        assert_true(fabs(result.gradient_norm - norm) < 1e-6);
        if (t == 0) compare(&s, HEDON_STATE_PARAMETER, json_object_get(wanted, "first"), "step 1");
    }
    compare(&s, HEDON_STATE_PARAMETER, json_object_get(wanted, "last"), "step 10");
    compare(&s, HEDON_STATE_AVERAGE, json_object_get(wanted, "average"), "average");
    session_close(&s);
    net_free(&net);
}

static void optimisers_are_torchs(void **state)
{
    (void)state;
    Place list[17] = {reference};
    const int count = 1 + places(list + 1);
    size_t i;
    json_t *wanted;
    json_array_foreach(json_object_get(golden, "cases"), i, wanted) for (int p = 0; p < count; p++)
        follow(wanted, &list[p]);
    assert_int_equal(i, 5);
}

/* The value of a loss on hash-made logits and targets. */
static double loss_on(int kind, double margin)
{
    Net net = {.graph = training_graph()};
    HedonGraph *graph = net.graph;
    const HedonShape shape = kind <= LOSS_KL ? (HedonShape){2, {4, 7}}
                                             : (HedonShape){2, {kind == LOSS_LISTS ? 16 : 28, 1}};
    const HedonValueId x = hedon_graph_input(graph, "x", &shape);
    const HedonValueId t = hedon_graph_input(
        graph, "t", kind == LOSS_LISTS ? &(HedonShape){2, {4, 4}} : &(HedonShape){2, {4, 7}});
    HedonValueId loss;
    switch (kind) {
    case LOSS_BCE:
        loss = hedon_loss_bce(graph, "loss", x, t, HEDON_NONE);
        break;
    case LOSS_CROSS_ENTROPY:
        loss = hedon_loss_cross_entropy(graph, "loss", x, t, HEDON_NONE);
        break;
    case LOSS_KL:
        loss = hedon_loss_kl(graph, "loss", x, t, HEDON_NONE);
        break;
    case LOSS_LISTS:
        loss = hedon_loss_plackett_luce(graph, "loss", x, t, HEDON_NONE);
        break;
    default:
        loss = hedon_loss_bradley_terry(graph, "loss", x, HEDON_NONE, HEDON_NONE, margin);
        break;
    }
    hedon_graph_output(graph, "loss", loss);
    net_fill(&net);
    double *logits = net.inputs[0].data, *targets = net.inputs[1].data;
    for (int64_t i = 0; i < hedon_shape_count(&shape); i++)
        logits[i] = 4 * symmetric(hedon_random_key(17, 0, 0), i);
    for (int64_t i = 0; i < hedon_shape_count(&net.inputs[1].shape); i++)
        targets[i] =
            kind == LOSS_LISTS ? 1 : hedon_random_uniform(hedon_random_key(17, 0, 1), (uint64_t)i);
    Outputs outputs = run(&net, &reference);
    const double value = outputs.data[0][0];
    outputs_free(&outputs);
    net_free(&net);
    return value;
}

static void losses_are_torchs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int kind;
        double margin;
    } cases[] = {{"bce", LOSS_BCE, 0},
                 {"cross_entropy", LOSS_CROSS_ENTROPY, 0},
                 {"kl", LOSS_KL, 0},
                 {"pairs", LOSS_PAIRS, 0},
                 {"pairs_margin", LOSS_PAIRS, .3},
                 {"lists", LOSS_LISTS, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const double wanted = number(json_object_get(golden, "losses"), cases[i].name);
        const double got = loss_on(cases[i].kind, cases[i].margin);
        if (!(fabs(got - wanted) <= 1e-12 * fabs(wanted)))
            fail_msg("%s is %.15g, not %.15g", cases[i].name, got, wanted);
    }
}

static const HedonOptimiserStep plain_step = {
    .kind = HEDON_SGD, .number = 1, .learning_rate = .1, .momentum = .9, .gradient_scale = 1};

static void what_is_not_finite_changes_nothing(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = two_parameters();
    for (int p = 0; p < count; p++) {
        Session s;
        session_open(&s, &net, &list[p]);
        HedonOptimiserStep step = plain_step;
        step.average_decay = .5;
        HedonOptimiserResult result;
        for (int kind = 0; kind < 2; kind++) {
            double before[SIZE_A], after[SIZE_A], broken[SIZE_B] = {0};
            broken[3] = kind ? NAN : -INFINITY;
            give_gradients(&s, 0, 1);
            const HedonTensor gradient = {HEDON_F64, {1, {SIZE_B}}, broken};
            assert_int_equal(
                s.backend->state_write(NULL, s.state, HEDON_STATE_GRADIENT, 1, &gradient), 0);
            read_part(&s, HEDON_STATE_PARAMETER, 0, before);
            assert_int_equal(s.backend->optimise(NULL, s.state, &step, &result), 0);
            assert_true(!result.finite || result.skipped); /* by float16's loss scale */
            read_part(&s, HEDON_STATE_PARAMETER, 0, after);
            assert_memory_equal(before, after, sizeof(before));
            read_part(&s, HEDON_STATE_MOMENT1, 0, after);
            for (int k = 0; k < SIZE_A; k++) assert_true(after[k] == 0);
        }
        session_close(&s);
    }
    net_free(&net);
}

static void a_rate_of_nothing_freezes(void **state)
{
    (void)state;
    Net net = two_parameters();
    Session s;
    session_open(&s, &net, &reference);
    HedonOptimiserStep step = plain_step;
    step.rate_scale = (double[]){1, 0, 1};
    step.weight_decay = (double[]){.1, .1, .1};
    HedonOptimiserResult result;
    double before[SIZE_B], after[SIZE_B], norm = 0, gradient[SIZE_A];
    give_gradients(&s, 0, 1);
    read_part(&s, HEDON_STATE_GRADIENT, 0, gradient);
    for (int k = 0; k < SIZE_A; k++) norm += gradient[k] * gradient[k];
    read_part(&s, HEDON_STATE_PARAMETER, 1, before);
    assert_int_equal(s.backend->optimise(NULL, s.state, &step, &result), 0);
    assert_true(fabs(result.gradient_norm - sqrt(norm)) < 1e-12); /* of those that learn */
    read_part(&s, HEDON_STATE_PARAMETER, 1, after);
    assert_memory_equal(before, after, sizeof(before));
    read_part(&s, HEDON_STATE_MOMENT1, 1, after);
    for (int k = 0; k < SIZE_B; k++) assert_true(after[k] == 0);
    session_close(&s);
    net_free(&net);
}

static void steps_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    Net net = two_parameters();
    Session s;
    session_open(&s, &net, &reference);
    HedonOptimiserStep steps[] = {plain_step, plain_step, plain_step, plain_step};
    steps[0].kind = HEDON_ADAMW, steps[0].number = 0;
    steps[1].learning_rate = NAN;
    steps[2].nesterov = 1, steps[2].momentum = 0;
    steps[3].clip_norm = -1;
    for (int i = 0; i < 4; i++) {
        HedonOptimiserResult result;
        assert_int_equal(s.backend->optimise(NULL, s.state, &steps[i], &result), HEDON_EINVAL);
    }
    session_close(&s);
    net_free(&net);
}

int main(void)
{
    golden = json_load_file(HEDON_SOURCE_DIR "/tests/golden/optimisers.json", 0, NULL);
    if (!golden) {
        fprintf(stderr, "tests/golden/optimisers.json cannot be read\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimisers_are_torchs),
        cmocka_unit_test(losses_are_torchs),
        cmocka_unit_test(what_is_not_finite_changes_nothing),
        cmocka_unit_test(a_rate_of_nothing_freezes),
        cmocka_unit_test(steps_that_make_no_sense_are_refused),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
