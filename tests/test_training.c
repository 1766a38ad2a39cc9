/* Gradients of every operation: on ref in double against finite differences, on every other backend
 * against ref; what a training plan leaves in the state. */
#include "tests/training_net.h"

static const HedonRandomKey mask_key = {20210039};

static void execute(Session *s, int accumulate)
{
    const HedonExecution execution = {
        .inputs = s->in, .outputs = s->out, .random = mask_key, .accumulate = accumulate};
    assert_int_equal(s->backend->execute(NULL, s->plan, &execution), 0);
}

static HedonTensor read_state(const Session *s, HedonStatePart part, int parameter)
{
    HedonTensor tensor;
    const HedonValueId id = hedon_graph_parameter_value(s->graph, parameter);
    assert_int_equal(hedon_tensor_alloc(&tensor, HEDON_F64, &s->graph->values[id].shape), 0);
    assert_int_equal(s->backend->state_read(NULL, s->state, part, parameter, &tensor), 0);
    return tensor;
}

/* ---- Finite differences --------------------------------------------------------------------- */

/* The loss: the sum of the output times the seed, or hedon's loss itself. */
static double loss_value(Session *s, const Net *net)
{
    execute(s, 0);
    const int64_t count = output_size(net->graph, 0);
    double *y = download_doubles(s->device, s->out[0], count), sum = 0;
    const double *seed = NULL;
    for (int i = 0; i < net->graph->input_count; i++)
        if (!strcmp(net->graph->values[hedon_graph_input_value(net->graph, i)].name, "seed"))
            seed = net->inputs[i].data;
    for (int64_t i = 0; i < count; i++) sum += seed ? y[i] * seed[i] : y[i];
    free(y);
    return sum;
}

/* The derivative by a parameter along a direction, by central differences. */
static double slope(Session *s, const Net *net, int parameter, const double *direction)
{
    const double step = 1e-7; /* small: few ReLUs of a network change sides within it */
    const HedonTensor *at = &net->parameters[parameter];
    const int64_t count = hedon_shape_count(&at->shape);
    HedonTensor moved;
    double value[2];
    assert_int_equal(hedon_tensor_alloc(&moved, HEDON_F64, &at->shape), 0);
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < count; i++)
            ((double *)moved.data)[i] =
                ((double *)at->data)[i] + (side ? step : -step) * direction[i];
        assert_int_equal(
            s->backend->state_write(NULL, s->state, HEDON_STATE_PARAMETER, parameter, &moved), 0);
        value[side] = loss_value(s, net);
    }
    assert_int_equal(s->backend->state_write(NULL, s->state, HEDON_STATE_PARAMETER, parameter, at),
                     0);
    hedon_tensor_free(&moved);
    return (value[1] - value[0]) / (2 * step);
}

/* Along a random direction; of single operations also along one element, so that nothing hides in
 * the sum. */
static void check_gradient(Session *s, const Net *net, const HedonTensor *gradient, int parameter,
                           int kinds, const char *what)
{
    const int64_t count = hedon_shape_count(&gradient->shape);
    const double *derivative = gradient->data;
    double *direction = calloc((size_t)count, sizeof(double));
    for (int kind = 0; kind < kinds; kind++) {
        const HedonRandomKey key = hedon_random_key(5, (uint64_t)parameter, (uint64_t)kind);
        const int64_t single = (int64_t)(hedon_random_u64(key, 1 << 20) % (uint64_t)count);
        double wanted = 0, size = 0;
        for (int64_t i = 0; i < count; i++) {
            const double u = 2 * hedon_random_uniform(key, (uint64_t)i) - 1;
            direction[i] = kind == 0 ? u : i == single;
            wanted += direction[i] * derivative[i];
            size += fabs(direction[i] * derivative[i]);
        }
        const double found = slope(s, net, parameter, direction);
        if (!(fabs(found - wanted) <= 1e-6 * size + 1e-7))
            fail_msg("%s: slope of parameter %d is %.10g, its gradient says %.10g", what, parameter,
                     found, wanted);
    }
    free(direction);
}

static void check_net(Net *net, int kinds, const char *what)
{
    HedonTensor gradients[MAX_PARAMETERS];
    const HedonGraph *graph = net->graph;
    Session s;
    session_open(&s, net, &reference);
    execute(&s, 0);
    assert_true(graph->gradient_count > 0);
    for (int g = 0; g < graph->gradient_count; g++)
        gradients[g] = read_state(&s, HEDON_STATE_GRADIENT,
                                  graph->values[graph->gradients[g].parameter].ordinal);
    for (int g = 0; g < graph->gradient_count; g++) {
        check_gradient(&s, net, &gradients[g], graph->values[graph->gradients[g].parameter].ordinal,
                       kinds, what);
        hedon_tensor_free(&gradients[g]);
    }
    session_close(&s);
}

static void gradients_are_the_slopes(void **state)
{
    (void)state;
    for (int c = 0; c < TRAINING_CASES; c++)
        for (int v = 0; v < training_cases[c].variants; v++) {
            const int network = training_cases[c].build == network_case;
            char what[64];
            if (network && v > 0) continue; /* the same slopes */
            snprintf(what, sizeof(what), "%s %d", training_cases[c].name, v);
            Net net = training_cases[c].build(v);
            check_net(&net, network ? 1 : 2, what);
            net_free(&net);
        }
}

/* ---- Backends against ref ------------------------------------------------------------------- */

/* Share of a gradient's norm that 8 or 11 bits may cost, of one operation or through a network,
 * where a relu here and there decides otherwise: about twice what ref loses when it rounds what the
 * cuda backend rounds. */
static double share_allowed(const Place *place, double single)
{
    const int network = single >= network_tolerance;
    if (place->precision == HEDON_BF16) return network ? .4 : .05;
    return network ? .15 : .01;
}

/* Whether the tensors are near each other: every element, relative to the greatest, in float32; all
 * together in less, since one relu makes a whole element another. */
static void compare(const HedonTensor *got, const HedonTensor *wanted, const Place *place,
                    double single, const char *what, const char *name)
{
    const int64_t count = hedon_shape_count(&wanted->shape);
    const double *a = got->data, *b = wanted->data;
    const double allowed = single * largest(b, count) + 1e-6 * single;
    double square = 0, distance = 0;
    for (int64_t i = 0; i < count; i++) {
        square += b[i] * b[i];
        distance += (a[i] - b[i]) * (a[i] - b[i]);
        if (place->precision == HEDON_F32 && !(fabs(a[i] - b[i]) <= allowed))
            fail_msg("%s: %s[%lld] is %.9g, not %.9g", what, name, (long long)i, a[i], b[i]);
    }
    if (place->precision != HEDON_F32 &&
        !(sqrt(distance) <= share_allowed(place, single) * sqrt(square) + 1e-6))
        fail_msg("%s: %s is off by %.3g of its norm", what, name, sqrt(distance / square));
}

static const Place on_cpu = {&hedon_backend_cpu, HEDON_F32, 1};

static void compare_sessions(Session *got, Session *wanted, const Place *place, double single,
                             const char *what)
{
    const HedonGraph *graph = wanted->graph;
    for (int i = 0; i < graph->output_count; i++) {
        HedonTensor a = {.shape = {1, {output_size(graph, i)}}}, b = a;
        a.data = download_doubles(got->device, got->out[i], a.shape.dim[0]);
        b.data = download_doubles(wanted->device, wanted->out[i], a.shape.dim[0]);
        compare(&a, &b, place, single, what, graph->outputs[i].name);
        free(a.data);
        free(b.data);
    }
    for (int g = 0; g < graph->gradient_count + graph->update_count; g++) {
        const int gradient = g < graph->gradient_count;
        const HedonValue *value =
            &graph->values[gradient ? graph->gradients[g].parameter
                                    : graph->updates[g - graph->gradient_count].parameter];
        const HedonStatePart part = gradient ? HEDON_STATE_GRADIENT : HEDON_STATE_PARAMETER;
        HedonTensor a = read_state(got, part, value->ordinal);
        HedonTensor b = read_state(wanted, part, value->ordinal);
        compare(&a, &b, place, single, what, value->name);
        hedon_tensor_free(&a);
        hedon_tensor_free(&b);
    }
}

static void backends_agree_with_ref(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    for (int c = 0; c < TRAINING_CASES; c++)
        for (int v = 0; v < training_cases[c].variants; v++) {
            Net net = training_cases[c].build(v);
            Session wanted;
            session_open(&wanted, &net, &reference);
            execute(&wanted, 0);
            execute(&wanted, 0);
            for (int p = 0; p < count; p++) {
                char what[128], where[64];
                const double single = c == TRAINING_CASES - 1 ? 2e-4 : 1e-5;
                snprintf(what, sizeof(what), "%s %d on %s", training_cases[c].name, v,
                         place_name(&list[p], where));
                Session got;
                session_open(&got, &net, &list[p]);
                execute(&got, 0);
                execute(&got, 0); /* updates twice, gradients replaced */
                compare_sessions(&got, &wanted, &list[p], single, what);
                session_close(&got);
            }
            session_close(&wanted);
            net_free(&net);
        }
}

/* ---- The state ------------------------------------------------------------------------------ */

static void gradients_accumulate(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = network_case(0);
    for (int p = 0; p < count; p++) {
        Session s;
        session_open(&s, &net, &list[p]);
        for (int g = 0; g < net.graph->gradient_count; g++) {
            const int parameter = net.graph->values[net.graph->gradients[g].parameter].ordinal;
            execute(&s, 0);
            HedonTensor once = read_state(&s, HEDON_STATE_GRADIENT, parameter);
            execute(&s, 1);
            HedonTensor twice = read_state(&s, HEDON_STATE_GRADIENT, parameter);
            for (int64_t i = 0; i < hedon_shape_count(&once.shape); i++)
                assert_true(((double *)twice.data)[i] == 2 * ((double *)once.data)[i]);
            hedon_tensor_free(&once);
            hedon_tensor_free(&twice);
            g += 6; /* a sample of them */
        }
        session_close(&s);
    }
    net_free(&net);
}

/* Of a training step on cpu: partitions and orders of sums are fixed. */
static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    Net net = network_case(0);
    Session one, more;
    session_open(&one, &net, &(Place){&hedon_backend_cpu, HEDON_F32, 1});
    execute(&one, 0);
    for (int threads = 2; threads <= 4; threads++) {
        session_open(&more, &net, &(Place){&hedon_backend_cpu, HEDON_F32, threads});
        execute(&more, 0);
        compare_sessions(&more, &one, &on_cpu, 0, "threads");
        session_close(&more);
    }
    session_close(&one);
    net_free(&net);
}

/* Bytes that a chain of layers needs, its activations far larger than its weights. */
static int64_t chain_bytes(int recompute)
{
    HedonGraph *graph = training_graph();
    graph->recompute = recompute;
    HedonValueId x = hedon_graph_input(graph, "x", &(HedonShape){5, {2, 16, 8, 24, 24}});
    for (int i = 0; i < 6; i++) {
        char name[24];
        snprintf(name, sizeof(name), "layer%d", i);
        x = factor(graph, name, x, 16, 1, 1, 1, 1);
    }
    Net net = finish_net(graph, x);
    Session s;
    HedonPlanInfo info;
    session_open(&s, &net, &(Place){&hedon_backend_cpu, HEDON_F32, 1});
    s.backend->plan_info(s.plan, &info);
    const int64_t bytes = info.arena_bytes;
    session_close(&s);
    net_free(&net);
    return bytes;
}

/* The same gradients to the bit, in less memory. */
static void what_is_computed_anew_need_not_be_kept(void **state)
{
    (void)state;
    Net kept = network_case(0), anew = network_case(RECOMPUTED);
    Session a, b;
    const Place cpu = {&hedon_backend_cpu, HEDON_F32, 2};
    session_open(&a, &kept, &cpu);
    session_open(&b, &anew, &cpu);
    execute(&a, 0);
    execute(&b, 0);
    compare_sessions(&b, &a, &on_cpu, 0, "recomputed");
    session_close(&a);
    session_close(&b);
    net_free(&kept);
    net_free(&anew);
    assert_true(chain_bytes(1) < chain_bytes(0) * 3 / 4);
}

static void frozen_parameters_have_no_gradient(void **state)
{
    (void)state;
    Net net = network_case(FROZEN_STEM);
    Session s;
    session_open(&s, &net, &reference);
    const int stem =
        net.graph->values[hedon_graph_find_parameter(net.graph, "stem.0.weight")].ordinal;
    HedonTensor tensor;
    assert_int_equal(hedon_tensor_alloc(&tensor, HEDON_F64, &net.parameters[stem].shape), 0);
    assert_int_equal(s.backend->state_read(NULL, s.state, HEDON_STATE_GRADIENT, stem, &tensor),
                     HEDON_EINVAL);
    hedon_tensor_free(&tensor);
    for (int i = 0; i < net.graph->node_count; i++)
        assert_false(net.graph->nodes[i].op == HEDON_OP_CONV_BACKWARD_DATA &&
                     !strncmp(net.graph->nodes[i].name, "stem", 4));
    session_close(&s);
    net_free(&net);
}

static void running_statistics_follow_the_batch(void **state)
{
    (void)state;
    Net net = {.graph = training_graph()};
    HedonGraph *graph = net.graph;
    const HedonValueId x = hedon_graph_input(graph, "x", &(HedonShape){3, {2, 1, 2}});
    hedon_graph_output(graph, "y", norm(graph, "bn", x, 1));
    net_fill(&net);
    memcpy(net.inputs[0].data, (double[]){1, 2, 3, 6}, 32); /* mean 3, unbiased variance 14/3 */
    Session s;
    session_open(&s, &net, &reference);
    execute(&s, 0);
    HedonTensor mean = read_state(&s, HEDON_STATE_PARAMETER, 2);
    HedonTensor var = read_state(&s, HEDON_STATE_PARAMETER, 3);
    assert_true(fabs(*(double *)mean.data - (.9 * *(double *)net.parameters[2].data + .3)) < 1e-12);
    assert_true(fabs(*(double *)var.data - (.9 * *(double *)net.parameters[3].data + .1 * 14 / 3)) <
                1e-12);
    hedon_tensor_free(&mean);
    hedon_tensor_free(&var);
    session_close(&s);
    net_free(&net);
}

static int ready_count;
static const Session *ready_session;

static void note_ready(void *opaque, int parameter, HedonBuffer *gradient)
{
    assert_ptr_equal(opaque, &ready_count);
    HedonTensor now = read_state(ready_session, HEDON_STATE_GRADIENT, parameter);
    assert_int_equal(gradient->bytes, hedon_shape_count(&now.shape) * 4);
    if (!gradient->device->backend->stream_new) /* host memory */
        assert_true(((float *)gradient->data)[0] == (float)((double *)now.data)[0]);
    hedon_tensor_free(&now);
    ready_count++;
}

static void every_gradient_is_announced_once(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = network_case(0);
    for (int p = 0; p < count; p++) {
        Session s;
        session_open(&s, &net, &list[p]);
        s.backend->plan_free(s.plan);
        const HedonCompileOptions options = {.gradient_ready = note_ready, .opaque = &ready_count};
        assert_int_equal(s.backend->compile(NULL, s.state, &options, &s.plan), 0);
        ready_count = 0;
        ready_session = &s;
        execute(&s, 0);
        assert_int_equal(ready_count, net.graph->gradient_count);
        session_close(&s);
    }
    net_free(&net);
}

/* Devices of their own don't train over ranks yet. */
static int has_ranks(const Place *place)
{
    return !place->backend->stream_new;
}

/* The other rank has the same batch. */
static int same_from_the_other(void *opaque, double *values, int64_t count, HedonStream *stream)
{
    (void)stream;
    ++*(int *)opaque;
    for (int64_t i = 0; i < count; i++) values[i] *= 2;
    return 0;
}

/* Statistics and losses are then those of one, and each rank has half of every gradient. */
static void ranks_with_the_same_batch_have_equal_parts(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    for (int p = 0; p < count; p++) {
        if (!has_ranks(&list[p])) continue;
        Session one, two;
        Net net = network_case(0);
        int sums = 0;
        session_open(&one, &net, &list[p]);
        session_open(&two, &net, &list[p]);
        execute(&one, 0);
        net.graph->ranks = 2;
        two.backend->plan_free(two.plan);
        HedonCompileOptions options = {.opaque = &sums};
        assert_int_equal(two.backend->compile(NULL, two.state, &options, &two.plan), HEDON_EINVAL);
        options.rank_sum = same_from_the_other;
        assert_int_equal(two.backend->compile(NULL, two.state, &options, &two.plan), 0);
        execute(&two, 0);
        assert_true(sums > 0);
        for (int g = 0; g < net.graph->gradient_count; g++) {
            const int parameter = net.graph->values[net.graph->gradients[g].parameter].ordinal;
            HedonTensor part = read_state(&two, HEDON_STATE_GRADIENT, parameter);
            for (int64_t i = 0; i < hedon_shape_count(&part.shape); i++)
                ((double *)part.data)[i] *= 2;
            assert_int_equal(
                two.backend->state_write(NULL, two.state, HEDON_STATE_GRADIENT, parameter, &part),
                0);
            hedon_tensor_free(&part);
        }
        compare_sessions(&two, &one, &list[p], 1e-5, "ranks");
        session_close(&one);
        session_close(&two);
        net_free(&net);
    }
}

/* A rank that is lost ends the execution with the sum's error. */
static int lost(void *opaque, double *values, int64_t count, HedonStream *stream)
{
    (void)values, (void)count, (void)stream;
    ++*(int *)opaque;
    return HEDON_EDEVICE;
}

static void a_lost_rank_ends_the_execution(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = network_case(0);
    for (int p = 0; p < count; p++) {
        if (!has_ranks(&list[p])) continue;
        Session s;
        int sums = 0;
        net.graph->ranks = 1;
        session_open(&s, &net, &list[p]);
        net.graph->ranks = 2;
        s.backend->plan_free(s.plan);
        const HedonCompileOptions options = {.rank_sum = lost, .opaque = &sums};
        assert_int_equal(s.backend->compile(NULL, s.state, &options, &s.plan), 0);
        assert_int_equal(session_execute(NULL, &s), HEDON_EDEVICE);
        assert_int_equal(sums, 1);
        session_close(&s);
    }
    net_free(&net);
}

/* Samples that carry their numbers have the same masks wherever they stand. */
static void masks_follow_the_samples_numbers(void **state)
{
    (void)state;
    static const int kinds[] = {DROPOUT, DROP_PATH};
    Place list[16];
    const int count = places(list);
    for (int k = 0; k < 2 * count; k++) {
        if (!has_ranks(&list[k / 2])) continue;
        Session s;
        Net net = element_case(kinds[k % 2] + 2 * ELEMENT_KINDS); /* (3,16,2,1,7) */
        for (int64_t i = 0; i < hedon_shape_count(&net.parameters[0].shape); i++)
            ((double *)net.parameters[0].data)[i] = 1;
        session_open(&s, &net, &list[k / 2]);
        const int64_t size = output_size(net.graph, 0), sample = size / 3;
        HedonExecution execution = {.inputs = s.in, .outputs = s.out, .random = mask_key};
        assert_int_equal(s.backend->execute(NULL, s.plan, &execution), 0);
        double *plain = download_doubles(s.device, s.out[0], size);
        execution.samples = (const int64_t[]){2, 0, 7};
        assert_int_equal(s.backend->execute(NULL, s.plan, &execution), 0);
        double *moved = download_doubles(s.device, s.out[0], size);
        assert_memory_equal(moved, plain + 2 * sample, (size_t)sample * sizeof(double));
        assert_memory_equal(moved + sample, plain, (size_t)sample * sizeof(double));
        free(plain);
        free(moved);
        session_close(&s);
        net_free(&net);
    }
}

static void masks_depend_on_the_key_alone(void **state)
{
    (void)state;
    Net net = element_case(DROPOUT);
    Session s;
    session_open(&s, &net, &reference);
    const int64_t count = output_size(net.graph, 0);
    execute(&s, 0);
    double *first = download_doubles(s.device, s.out[0], count);
    execute(&s, 0);
    double *again = download_doubles(s.device, s.out[0], count);
    assert_memory_equal(first, again, (size_t)count * 8);
    const HedonExecution other = {.inputs = s.in, .outputs = s.out, .random = {1}};
    assert_int_equal(s.backend->execute(NULL, s.plan, &other), 0);
    double *third = download_doubles(s.device, s.out[0], count);
    assert_memory_not_equal(first, third, (size_t)count * 8);
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++) zeros += first[i] == 0;
    assert_true(fabs((double)zeros / (double)count - .3) < .05);
    free(first), free(again), free(third);
    session_close(&s);
    net_free(&net);
}

static void what_has_no_gradient_is_refused(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonGraph *graph = training_graph();
    const HedonValueId x = hedon_graph_parameter(graph, "x", &(HedonShape){5, {1, 3, 2, 4, 4}});
    const HedonValueId y = hedon_graph_node(graph, HEDON_OP_COLOUR_MOTION, "low", &x, 1, NULL);
    const HedonShape shape = graph->values[y].shape;
    const HedonValueId seed = hedon_graph_input(graph, "seed", &shape);
    assert_int_equal(hedon_graph_backward(ctx, graph, &y, &seed, 1, NULL, NULL),
                     HEDON_EUNSUPPORTED);
    assert_non_null(strstr(hedon_last_error(ctx), "colour_motion"));
    assert_int_equal(hedon_graph_backward(ctx, graph, &y, &x, 1, NULL, NULL), HEDON_EINVAL);
    hedon_graph_free(graph);
    graph = training_graph();
    norm(graph, "bn", hedon_graph_input(graph, "x", &(HedonShape){3, {1, 4, 1}}), 4);
    assert_int_equal(graph->error, HEDON_EINVAL);
    hedon_graph_free(graph);
    hedon_context_free(ctx);
}

static void failing_memory_is_an_error(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    Place list[16];
    const int count = places(list);
    for (int64_t k = 1;; k++) {
        HedonGraph *graph = hedon_graph_new();
        graph->training = 1;
        const HedonValueId x = hedon_graph_parameter(graph, "x", &(HedonShape){3, {2, 3, 4}});
        HedonValueId y = norm(graph, "bn", x, 3);
        const HedonValueId seed = hedon_graph_input(graph, "seed", &(HedonShape){3, {2, 3, 4}});
        hedon_graph_output(graph, "y", y);
        hedon_memory_fail_at(k);
        const int err = hedon_graph_backward(ctx, graph, &y, &seed, 1, NULL, NULL);
        const int injected = hedon_memory_failed();
        hedon_memory_fail_at(0);
        hedon_graph_free(graph);
        assert_int_equal(err, injected ? HEDON_ENOMEM : 0);
        if (!injected) break;
    }
    Net net = network_case(0);
    for (int p = 0; p < count; p++)
        for (int64_t k = 1; !is_slow_to_open(&list[p]); k++) {
            Session s;
            hedon_memory_fail_at(k);
            int err = session_try(ctx, &s, &net, &list[p]);
            if (!err) err = session_execute(ctx, &s);
            const int injected = hedon_memory_failed();
            hedon_memory_fail_at(0);
            session_close(&s);
            assert_int_equal(err, injected ? HEDON_ENOMEM : 0);
            if (!injected) break;
        }
    net_free(&net);
    hedon_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_slopes),
        cmocka_unit_test(backends_agree_with_ref),
        cmocka_unit_test(gradients_accumulate),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(what_is_computed_anew_need_not_be_kept),
        cmocka_unit_test(frozen_parameters_have_no_gradient),
        cmocka_unit_test(running_statistics_follow_the_batch),
        cmocka_unit_test(every_gradient_is_announced_once),
        cmocka_unit_test(ranks_with_the_same_batch_have_equal_parts),
        cmocka_unit_test(a_lost_rank_ends_the_execution),
        cmocka_unit_test(masks_depend_on_the_key_alone),
        cmocka_unit_test(masks_follow_the_samples_numbers),
        cmocka_unit_test(what_has_no_gradient_is_refused),
        cmocka_unit_test(failing_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
