/* Every operation on every backend that probes, against ref in double; whole networks, so that what
 * a backend fuses is compared too; bits that must not depend on the batch; failing memory.
 *
 *   conformance            the tests
 *   conformance --bench    GFLOP/s of R(2+1)D-18's convolutions and of the other operations
 */
#include "tests/conformance_bench.h"
#include "tests/net.h"

/* ---- Convolutions --------------------------------------------------------------------------- */

static const ConvCase conv_cases[] = {
    /* everything that is 1 */
    {{1, 1, 1, 1, 1}, 1, ONES, ONES, NONE, ONES, 1},
    {{1, 1, 1, 1, 1}, 1, {3, 3, 3}, ONES, {1, 1, 1}, ONES, 1},
    {{3, 5, 1, 1, 1}, 7, ONES, ONES, NONE, ONES, 1},
    {{1, 1, 1, 1, 9}, 17, {1, 1, 3}, ONES, {0, 0, 1}, ONES, 1},
    /* spatial (1,3,3): Winograd's home, at sizes that do not fill its tiles */
    {{1, 16, 2, 8, 8}, 16, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{2, 19, 3, 14, 14}, 33, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 64, 1, 13, 11}, 48, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{3, 7, 2, 9, 10}, 5, {1, 3, 3}, ONES, {0, 0, 0}, ONES, 1},
    {{1, 12, 1, 9, 23}, 20, {1, 3, 3}, ONES, {0, 2, 1}, ONES, 1},
    {{1, 96, 2, 7, 7}, 80, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{1, 33, 1, 3, 2}, 16, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    /* temporal (3,1,1): lengths around its blocks of four, one and two frames */
    {{1, 16, 8, 4, 4}, 16, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{2, 45, 16, 5, 3}, 64, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 30, 1, 5, 5}, 18, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{3, 30, 2, 5, 5}, 18, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 17, 3, 3, 7}, 31, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{1, 17, 7, 3, 7}, 31, {3, 1, 1}, ONES, {0, 0, 0}, ONES, 1},
    /* strides, the 7x7 stem, 1x1x1 shortcuts, 3x3x3 */
    {{2, 3, 2, 29, 30}, 45, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, ONES, 1},
    {{1, 3, 5, 15, 17}, 20, {3, 7, 7}, {1, 2, 2}, {1, 3, 3}, ONES, 1},
    {{2, 24, 5, 9, 9}, 40, ONES, {2, 2, 2}, NONE, ONES, 1},
    {{1, 35, 4, 11, 12}, 29, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, ONES, 1},
    {{2, 21, 9, 5, 4}, 35, {3, 1, 1}, {2, 1, 1}, {1, 0, 0}, ONES, 1},
    {{1, 20, 4, 9, 7}, 33, {3, 3, 3}, ONES, {1, 1, 1}, ONES, 1},
    {{2, 18, 5, 6, 9}, 17, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, ONES, 1},
    {{1, 10, 3, 4, 40}, 9, {2, 1, 5}, {1, 3, 4}, {1, 0, 2}, ONES, 1},
    /* a patch embedding: kernel and stride alike */
    {{1, 3, 4, 16, 16}, 48, {2, 8, 8}, {2, 8, 8}, NONE, ONES, 1},
    /* padding as wide as the kernel */
    {{1, 6, 2, 4, 4}, 5, ONES, ONES, {1, 1, 2}, ONES, 1},
    /* dilation, groups, depthwise; channels within and across the padding */
    {{2, 17, 5, 9, 9}, 16, {3, 3, 3}, ONES, {2, 2, 2}, {2, 2, 2}, 1},
    {{1, 32, 2, 10, 9}, 48, {1, 3, 3}, {1, 2, 1}, {0, 2, 3}, {1, 2, 3}, 1},
    {{2, 32, 3, 6, 6}, 64, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 2},
    {{1, 6, 3, 6, 5}, 9, {3, 3, 3}, ONES, {1, 1, 1}, ONES, 3},
    {{2, 19, 3, 8, 6}, 19, {3, 3, 3}, ONES, {1, 1, 1}, ONES, 19},
    {{1, 32, 4, 7, 7}, 32, {3, 1, 1}, {2, 1, 1}, {1, 0, 0}, ONES, 32},
    {{1, 8, 3, 5, 5}, 16, {1, 3, 3}, ONES, {0, 1, 1}, {1, 1, 1}, 8},
};
enum { CONV_CASES = sizeof(conv_cases) / sizeof(*conv_cases) };

/* Each shape with two of the sixteen variants, so that all of them meet all kernels. */
static void convolutions(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CONV_CASES; i++)
        for (unsigned k = 0; k < 2; k++) {
            const unsigned variant = (i * 5 + k * 11) % VARIANTS;
            char what[64];
            snprintf(what, sizeof(what), "convolution %u variant %u", i, variant);
            Net net = conv_net(&conv_cases[i], conv_cases[i].x[0], variant);
            conform(&net, what, 0);
        }
}

static void every_fusion_of_a_convolution(void **state)
{
    (void)state;
    static const unsigned cases[] = {7, 16, 21, 28, 30, 31};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (unsigned variant = 0; variant < VARIANTS; variant++) {
            char what[64];
            snprintf(what, sizeof(what), "convolution %u variant %u", cases[i], variant);
            Net net = conv_net(&conv_cases[cases[i]], conv_cases[cases[i]].x[0], variant);
            conform(&net, what, 0);
        }
}

/* ---- The other operations ------------------------------------------------------------------- */

static const HedonShape plain_shapes[] = {
    {5, {2, 19, 3, 4, 5}}, {5, {1, 1, 1, 1, 1}}, {5, {3, 16, 2, 1, 7}},
    {3, {2, 5, 7}},        {4, {1, 33, 2, 3}},
};
enum { PLAIN_SHAPES = sizeof(plain_shapes) / sizeof(*plain_shapes) };

static void elementwise_and_norm(void **state)
{
    (void)state;
    for (int s = 0; s < PLAIN_SHAPES; s++)
        for (int kind = 0; kind < 6; kind++) {
            Net net = {.graph = hedon_graph_new()};
            const HedonShape *shape = &plain_shapes[s];
            HedonValueId x = hedon_graph_input(net.graph, "x", shape);
            x = norm(net.graph, "bn.first", x, shape->dim[1]); /* both signs */
            if (kind == 0) x = hedon_relu(net.graph, "relu", x);
            if (kind == 1)
                x = hedon_add(net.graph, "add", x, hedon_graph_input(net.graph, "z", shape));
            if (kind == 2) x = hedon_add(net.graph, "twice", x, x);
            if (kind == 3) x = hedon_add(net.graph, "add", hedon_relu(net.graph, "relu", x), x);
            if (kind == 4) x = hedon_mean_pool(net.graph, "pool", x);
            if (kind == 5)
                x = hedon_add(net.graph, "p", x,
                              hedon_graph_parameter(net.graph, "constant", shape));
            hedon_graph_output(net.graph, "y", x);
            net_fill(&net);
            conform(&net, "element-wise", 0);
        }
}

static void linear_layers(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {
        {1, 1, 1}, {3, 17, 27}, {2, 512, 400}, {5, 16, 1}, {1, 31, 16}};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            Net net = {.graph = hedon_graph_new()};
            const int64_t *s = sizes[i];
            const HedonValueId x =
                hedon_graph_input(net.graph, "x", &(HedonShape){2, {s[0], s[1]}});
            const HedonValueId w =
                hedon_graph_parameter(net.graph, "w", &(HedonShape){2, {s[2], s[1]}});
            const HedonValueId b = with_bias ? vector(net.graph, "b", s[2]) : HEDON_NONE;
            hedon_graph_output(net.graph, "y", hedon_linear(net.graph, "head", x, w, b));
            net_fill(&net);
            conform(&net, "linear", 0);
        }
}

static void colour_and_motion(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {{1, 1, 1, 1}, {2, 1, 5, 7}, {3, 4, 9, 11}, {1, 16, 24, 32}};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        Net net = {.graph = hedon_graph_new()};
        const int64_t *s = sizes[i];
        const HedonValueId x =
            hedon_graph_input(net.graph, "x", &(HedonShape){5, {s[0], 3, s[1], s[2], s[3]}});
        hedon_graph_output(net.graph, "y",
                           hedon_graph_node(net.graph, HEDON_OP_COLOUR_MOTION, "c", &x, 1, NULL));
        net_fill(&net);
        conform(&net, "colour_motion", 1);
    }
}

/* Values worked out by hand: two frames, the first red, the second half black and half white. */
static void colour_and_motion_mean_what_they_say(void **state)
{
    (void)state;
    Net net = {.graph = hedon_graph_new()};
    const HedonValueId x = hedon_graph_input(net.graph, "x", &(HedonShape){5, {1, 3, 2, 1, 2}});
    hedon_graph_output(net.graph, "y",
                       hedon_graph_node(net.graph, HEDON_OP_COLOUR_MOTION, "c", &x, 1, NULL));
    net_fill(&net);
    memcpy(net.inputs[0].data, (double[]){1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, 12 * sizeof(double));
    double wanted[HEDON_COLOUR_MOTION_FEATURES];
    wanted[HEDON_FEATURE_BRIGHTNESS] = (.299 + .5) / 2;
    wanted[HEDON_FEATURE_SATURATION] = .5;
    wanted[HEDON_FEATURE_CONTRAST] = .25;
    wanted[HEDON_FEATURE_WARMTH] = .5;
    wanted[HEDON_FEATURE_COLOURFULNESS] = .3 * sqrt(1 + .25) / 2;
    wanted[HEDON_FEATURE_MOTION] = (.299 + .701) / 2;
    wanted[HEDON_FEATURE_FLICKER] = .5 - .299;
    Outputs got = run(&net, &reference);
    for (int i = 0; i < HEDON_COLOUR_MOTION_FEATURES; i++)
        assert_true(fabs(got.data[0][i] - wanted[i]) < 1e-12);
    outputs_free(&got);
    conform(&net, "colour_motion", 1);
}

/* ---- Networks ------------------------------------------------------------------------------- */

static HedonValueId conv(HedonGraph *graph, const char *name, HedonValueId x, int64_t outputs,
                         int64_t kt, int64_t k, int64_t stride)
{
    const int64_t channels = x == HEDON_NONE ? 1 : graph->values[x].shape.dim[1];
    char full[64];
    snprintf(full, sizeof(full), "%s.weight", name);
    const HedonValueId w =
        hedon_graph_parameter(graph, full, &(HedonShape){5, {outputs, channels, kt, k, k}});
    return hedon_conv3d(
        graph, name, x, w, HEDON_NONE,
        &(HedonConvAttributes){{kt > 1 ? stride : 1, k > 1 ? stride : 1, k > 1 ? stride : 1},
                               {kt / 2, k / 2, k / 2},
                               {1, 1, 1},
                               1});
}

/* A factorised residual block as R(2+1)D's; `shortcut` also changes the width. */
static HedonValueId block(HedonGraph *graph, const char *name, HedonValueId x, int64_t outputs,
                          int shortcut)
{
    char part[48];
    HedonValueId y = x;
    for (int i = 0; i < 2; i++) {
        snprintf(part, sizeof(part), "%s.conv%d.space", name, i);
        y = conv(graph, part, y, outputs + 5, 1, 3, 1);
        snprintf(part, sizeof(part), "%s.bn%d.space", name, i);
        y = hedon_relu(graph, part, norm(graph, part, y, outputs + 5));
        snprintf(part, sizeof(part), "%s.conv%d.time", name, i);
        y = conv(graph, part, y, outputs, 3, 1, 1);
        snprintf(part, sizeof(part), "%s.bn%d.time", name, i);
        y = norm(graph, part, y, outputs);
        if (i == 0) y = hedon_relu(graph, part, y);
    }
    if (shortcut) {
        snprintf(part, sizeof(part), "%s.shortcut", name);
        x = conv(graph, part, x, outputs, 1, 1, 1);
        snprintf(part, sizeof(part), "%s.bn.shortcut", name);
        x = norm(graph, part, x, outputs);
    }
    return hedon_relu(graph, name, hedon_add(graph, name, y, x));
}

/* A small R(2+1)D with three outputs: an inner value, the features, the logits. */
static Net residual_net(int64_t batch)
{
    Net net = {.graph = hedon_graph_new()};
    HedonGraph *graph = net.graph;
    HedonValueId x = hedon_graph_input(graph, "clips", &(HedonShape){5, {batch, 3, 5, 18, 16}});
    x = hedon_relu(graph, "stem.relu",
                   norm(graph, "stem.bn", conv(graph, "stem", x, 12, 1, 7, 2), 12));
    x = block(graph, "one", x, 12, 0);
    const HedonValueId inner = x;
    x = block(graph, "two", x, 20, 1);
    x = hedon_mean_pool(graph, "pool", x);
    const HedonValueId w = hedon_graph_parameter(graph, "head.weight", &(HedonShape){2, {27, 20}});
    hedon_graph_output(graph, "logits",
                       hedon_linear(graph, "head", x, w, vector(graph, "head.bias", 27)));
    hedon_graph_output(graph, "features", x);
    hedon_graph_output(graph, "inner", inner);
    net_fill(&net);
    return net;
}

static void a_residual_network(void **state)
{
    (void)state;
    Net net = residual_net(2);
    conform(&net, "residual network", 1);
}

/* Values that fusion must leave alone: read twice, read by both sides of an addition, or outputs.
 */
static void values_read_twice_are_not_fused_away(void **state)
{
    (void)state;
    Net net = {.graph = hedon_graph_new()};
    HedonGraph *graph = net.graph;
    const HedonValueId x = hedon_graph_input(graph, "x", &(HedonShape){5, {1, 20, 3, 9, 8}});
    const HedonValueId a = conv(graph, "a", x, 20, 1, 3, 1);
    const HedonValueId a_norm = norm(graph, "a.bn", a, 20);
    const HedonValueId a_relu = hedon_relu(graph, "a.relu", a_norm);
    const HedonValueId both = hedon_add(graph, "both", a, a_relu);    /* before and after */
    const HedonValueId twice = hedon_add(graph, "twice", both, both); /* one value, both sides */
    const HedonValueId b = conv(graph, "b", twice, 20, 3, 3, 1);
    const HedonValueId self = hedon_add(graph, "self", b, twice); /* the input as residual */
    const HedonValueId late = hedon_add(graph, "late", hedon_relu(graph, "b.relu", self), a_norm);
    const HedonValueId kernel =
        hedon_graph_parameter(graph, "wide.weight", &(HedonShape){5, {20, 20, 1, 3, 3}});
    HedonValueId wide = hedon_conv3d(graph, "wide", late, kernel, HEDON_NONE,
                                     &(HedonConvAttributes){{1, 1, 1}, {0, 2, 2}, {1, 2, 2}, 1});
    wide = hedon_relu(graph, "wide.relu", hedon_add(graph, "wide.add", wide, late));
    const HedonValueId c = conv(graph, "c", late, 20, 3, 3, 1); /* late lives on */
    const HedonValueId d = conv(graph, "d", late, 20, 1, 1, 1);
    const HedonValueId sum = hedon_add(graph, "sum", c, d); /* two convolutions, one an output */
    hedon_relu(graph, "dead", hedon_add(graph, "dead.add", sum, x));
    hedon_graph_output(graph, "sum", sum);
    hedon_graph_output(graph, "again", sum);
    hedon_graph_output(graph, "c", c);
    hedon_graph_output(graph, "wide", wide);
    hedon_graph_output(graph, "x", x);
    net_fill(&net);
    conform(&net, "shared values", 1);
}

/* ---- What the comparison must notice -------------------------------------------------------- */

static int differs(const Net *net, const Outputs *wanted, const Place *place)
{
    Outputs got = run(net, place);
    double worst;
    const int same = near(&got, wanted, wanted, network_tolerance, &worst);
    outputs_free(&got);
    return !same;
}

static void a_change_of_any_parameter_is_noticed(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = residual_net(1);
    Outputs wanted = run(&net, &reference);
    for (int p = 0; p < count; p++) {
        if (list[p].precision != HEDON_F32) continue; /* one percent is rounding there */
        assert_false(differs(&net, &wanted, &list[p]));
        for (int i = 0; i < net.graph->parameter_count; i++) {
            double *data = net.parameters[i].data;
            const int64_t size = hedon_shape_count(&net.parameters[i].shape);
            for (int64_t k = 0; k < size; k++) data[k] *= 1.01;
            if (!differs(&net, &wanted, &list[p]))
                fail_msg("%s: 1%% of parameter %d goes unnoticed", list[p].backend->name, i);
            for (int64_t k = 0; k < size; k++) data[k] = (float)(data[k] / 1.01);
        }
    }
    /* Exchanged operands of one shape. */
    const HedonTensor gamma = net.parameters[1];
    net.parameters[1] = net.parameters[2];
    net.parameters[2] = gamma;
    for (int p = 0; p < count; p++)
        if (list[p].precision == HEDON_F32) assert_true(differs(&net, &wanted, &list[p]));
    outputs_free(&wanted);
    net_free(&net);
}

/* ---- Bits ----------------------------------------------------------------------------------- */

/* Clip `clip` of three, alone and among the others, at another place and with another team. */
static void assert_same_bits(const Place *place, Net *alone, Net *three, const char *what)
{
    const int64_t clip = 2;
    for (int i = 0; i < three->graph->input_count; i++) {
        const int64_t size = hedon_shape_count(&alone->inputs[i].shape);
        memcpy(alone->inputs[i].data, (double *)three->inputs[i].data + clip * size,
               (size_t)size * sizeof(double));
    }
    Outputs one = run(alone, place), all = run(three, place);
    for (int i = 0; i < one.count; i++)
        if (memcmp(one.data[i], all.data[i] + clip * one.size[i],
                   (size_t)one.size[i] * sizeof(double)))
            fail_msg("%s on %s: a clip's bits depend on the batch", what, place->backend->name);
    outputs_free(&one);
    outputs_free(&all);
}

static void bits_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    for (int p = 0; p < count; p++) {
        if (is_remote(&list[p])) continue; /* its libraries choose by the batch: see below */
        for (unsigned i = 0; i < CONV_CASES; i++) {
            Net alone = conv_net(&conv_cases[i], 1, WITH_RESIDUAL | WITH_NORM);
            Net three = conv_net(&conv_cases[i], 3, WITH_RESIDUAL | WITH_NORM);
            char what[32];
            snprintf(what, sizeof(what), "convolution %u", i);
            assert_same_bits(&list[p], &alone, &three, what);
            net_free(&alone);
            net_free(&three);
        }
        Net alone = residual_net(1), three = residual_net(3);
        assert_same_bits(&list[p], &alone, &three, "residual network");
        net_free(&alone);
        net_free(&three);
    }
}

/* Of the same batch with other clips around it: what a predictor's padded batches count on. */
static void bits_do_not_depend_on_the_neighbours(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    for (int p = 0; p < count; p++) {
        Net net = residual_net(3);
        Outputs before = run(&net, &list[p]);
        const int64_t size = hedon_shape_count(&net.inputs[0].shape) / 3;
        double *clips = net.inputs[0].data;
        for (int64_t i = 0; i < size; i++) clips[i] = clips[2 * size + i] = 0;
        Outputs after = run(&net, &list[p]);
        for (int i = 0; i < before.count; i++) {
            const int64_t each = before.size[i] / 3;
            assert_memory_equal(before.data[i] + each, after.data[i] + each,
                                (size_t)each * sizeof(double));
        }
        outputs_free(&before);
        outputs_free(&after);
        net_free(&net);
    }
}

static void our_kernels_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    Net net = residual_net(2);
    Outputs one = run(&net, &(Place){&hedon_backend_cpu, HEDON_F32, 1});
    for (int threads = 2; threads <= 5; threads++) {
        Outputs more = run(&net, &(Place){&hedon_backend_cpu, HEDON_F32, threads});
        for (int i = 0; i < one.count; i++)
            assert_memory_equal(one.data[i], more.data[i], (size_t)one.size[i] * sizeof(double));
        outputs_free(&more);
    }
    outputs_free(&one);
    net_free(&net);
}

/* ---- The vtable's edges --------------------------------------------------------------------- */

static void failing_memory_is_an_error(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    HedonContext *ctx = hedon_context_new();
    Net nets[] = {residual_net(1), conv_net(&conv_cases[27], 1, 15),
                  conv_net(&conv_cases[30], 1, 15)};
    for (unsigned n = 0; n < sizeof(nets) / sizeof(*nets); n++) {
        for (int p = 0; p < count; p++) {
            int failures = 0;
            if (is_slow_to_open(&list[p])) continue;
            for (int64_t k = 1;; k++) {
                Session session;
                hedon_memory_fail_at(k);
                int err = session_try(ctx, &session, &nets[n], &list[p]);
                if (!err) err = session_execute(ctx, &session);
                const int injected = hedon_memory_failed();
                hedon_memory_fail_at(0);
                session_close(&session);
                if (!injected) {
                    assert_int_equal(err, 0);
                    break;
                }
                assert_int_equal(err, HEDON_ENOMEM);
                assert_non_null(strstr(hedon_last_error(ctx), "memory"));
                failures++;
            }
            assert_true(failures > 8);
        }
        net_free(&nets[n]);
    }
    hedon_context_free(ctx);
}

static void buffers_have_bounds(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    for (int p = 0; p < count; p++) {
        const HedonBackend *backend = list[p].backend;
        HedonDevice *device;
        HedonBuffer *buffer;
        assert_int_equal(
            backend->open(NULL, &device, &(HedonDeviceOptions){backend->name, HEDON_F32, 1}), 0);
        assert_int_equal(backend->buffer_new(NULL, device, 8, &buffer), 0);
        char bytes[8] = "abcdefg", back[8];
        assert_int_equal(backend->upload(NULL, buffer, 0, bytes, 8, NULL), 0);
        assert_int_equal(backend->download(NULL, back, buffer, 3, 5, NULL), 0);
        assert_string_equal(back, "defg");
        assert_int_equal(backend->upload(NULL, buffer, 1, bytes, 8, NULL), HEDON_EINVAL);
        assert_int_equal(backend->upload(NULL, buffer, 9, bytes, 0, NULL), HEDON_EINVAL);
        assert_int_equal(backend->download(NULL, back, buffer, SIZE_MAX, 2, NULL), HEDON_EINVAL);
        backend->buffer_free(buffer);
        backend->close(device);
    }
}

/* Parameters can be read back and replaced. */
static void state_is_read_and_written(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = residual_net(1);
    for (int p = 0; p < count; p++) {
        const HedonBackend *backend = list[p].backend;
        Session session;
        session_open(&session, &net, &list[p]);
        HedonTensor read;
        assert_int_equal(hedon_tensor_alloc(&read, HEDON_F64, &net.parameters[0].shape), 0);
        assert_int_equal(backend->state_read(NULL, session.state, HEDON_STATE_PARAMETER, 0, &read),
                         0);
        const int64_t size = hedon_shape_count(&read.shape);
        assert_memory_equal(read.data, net.parameters[0].data, (size_t)size * 8);
        for (int64_t i = 0; i < size; i++) ((double *)read.data)[i] += 1;
        assert_int_equal(backend->state_write(NULL, session.state, HEDON_STATE_PARAMETER, 0, &read),
                         0);
        memset(read.data, 0, (size_t)size * 8);
        assert_int_equal(backend->state_read(NULL, session.state, HEDON_STATE_PARAMETER, 0, &read),
                         0);
        assert_true(((double *)read.data)[1] == (float)(((double *)net.parameters[0].data)[1] + 1));
        assert_int_equal(backend->state_read(NULL, session.state, HEDON_STATE_PARAMETER, 1, &read),
                         HEDON_EINVAL);
        assert_int_equal(
            backend->state_write(NULL, session.state, HEDON_STATE_PARAMETER, -1, &read),
            HEDON_EINVAL);
        hedon_tensor_free(&read);
        session_close(&session);
    }
    net_free(&net);
}

static void devices_refuse_what_they_cannot_do(void **state)
{
    (void)state;
    HedonContext *ctx = hedon_context_new();
    HedonDevice *device;
    const HedonBackend *backend;
    assert_int_equal(
        hedon_backend_cpu.open(ctx, &device, &(HedonDeviceOptions){"cpu", HEDON_F16, 1}),
        HEDON_EUNSUPPORTED);
    assert_non_null(strstr(hedon_last_error(ctx), "float16"));
    assert_int_equal(
        hedon_backend_cpu.open(ctx, &device, &(HedonDeviceOptions){"cpu", HEDON_F32, -1}),
        HEDON_EINVAL);
    assert_int_equal(
        hedon_backend_ref.open(ctx, &device, &(HedonDeviceOptions){"ref", HEDON_BF16, 1}),
        HEDON_EUNSUPPORTED);
    assert_int_equal(hedon_backend_find(ctx, "abacus", &backend), HEDON_EINVAL);
    assert_non_null(strstr(hedon_last_error(ctx), "abacus"));
    assert_int_equal(hedon_backend_find(ctx, "ref", &backend), 0);
    assert_ptr_equal(backend, &hedon_backend_ref);
    assert_int_equal(hedon_backend_find(ctx, "auto", &backend), 0);
    int first = 0;
    for (HedonBackendInfo info; hedon_backends()[first]->probe(ctx, NULL, &info);) first++;
    assert_ptr_equal(backend, hedon_backends()[first]);
    hedon_context_free(ctx);
}

/* The cpu plan is what the passes promise: no separate norm, addition or activation is left. */
static void the_plan_is_fused(void **state)
{
    (void)state;
    Net net = residual_net(1);
    Session session;
    session_open(&session, &net, &(Place){&hedon_backend_cpu, HEDON_F32, 2});
    HedonPlanInfo info;
    hedon_backend_cpu.plan_info(session.plan, &info);
    double flops = 0, wanted = 0;
    for (int i = 0; i < info.op_count; i++) {
        const char *operation = info.ops[i].operation;
        assert_string_not_equal(operation, "batch_norm");
        assert_string_not_equal(operation, "add");
        assert_string_not_equal(operation, "relu");
        flops += info.ops[i].flops;
    }
    for (int i = 0; i < net.graph->node_count; i++)
        wanted += hedon_node_flops(net.graph, &net.graph->nodes[i]);
    assert_true(fabs(flops - wanted) < 1e-6 * wanted);
    assert_true(info.arena_bytes > 0 && info.weight_bytes > 0);
    char *text = hedon_backend_cpu.plan_text(session.plan);
    assert_non_null(strstr(text, "conv3d+batch_norm+add+relu"));
    free(text);
    session_close(&session);
    net_free(&net);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) return bench();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(every_fusion_of_a_convolution),
        cmocka_unit_test(elementwise_and_norm),
        cmocka_unit_test(linear_layers),
        cmocka_unit_test(colour_and_motion),
        cmocka_unit_test(colour_and_motion_mean_what_they_say),
        cmocka_unit_test(a_residual_network),
        cmocka_unit_test(values_read_twice_are_not_fused_away),
        cmocka_unit_test(a_change_of_any_parameter_is_noticed),
        cmocka_unit_test(bits_do_not_depend_on_the_batch),
        cmocka_unit_test(bits_do_not_depend_on_the_neighbours),
        cmocka_unit_test(our_kernels_bits_do_not_depend_on_threads),
        cmocka_unit_test(failing_memory_is_an_error),
        cmocka_unit_test(buffers_have_bounds),
        cmocka_unit_test(state_is_read_and_written),
        cmocka_unit_test(devices_refuse_what_they_cannot_do),
        cmocka_unit_test(the_plan_is_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
