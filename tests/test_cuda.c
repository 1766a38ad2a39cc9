/* What is the cuda backend's own, on a GPU or on the simulated one: full-size parity with
 * torchvision's golden logits, streams, CUDA graphs, running out of memory, float16's loss scale,
 * copies, options. Skips where the backend does not run. */
#include <stdlib.h>

#include "models/model.h"
#include "tests/scenes.h"
#include "tests/training_net.h"

static const HedonBackend *cuda;
static HedonContext *ctx;
static int simulated;

static void check(int code)
{
    if (code) fail_msg("%s: %s", hedon_error_name(code), hedon_last_error(ctx));
}

/* ---- Parity --------------------------------------------------------------------------------- */

enum { CLIPS = 4 };

/* tests/golden/parity.json without a JSON reader: our script writes it, one number a line. */
typedef struct Golden {
    double emotions[CLIPS][HEDON_EMOTIONS], utility[CLIPS];
} Golden;

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing", path);
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

static const char *read_numbers(const char *at, const char *key, double *out, int count)
{
    char name[64];
    snprintf(name, sizeof(name), "\"%s\":", key);
    at = strstr(at, name);
    assert_non_null(at);
    at += strlen(name);
    for (int i = 0; i < count; i++) {
        at += strspn(at, " \n[],");
        char *end;
        out[i] = strtod(at, &end);
        assert_true(end != at);
        at = end;
    }
    return at;
}

static Golden golden_of(const char *architecture, int frames, int size)
{
    char *text = read_text(HEDON_SOURCE_DIR "/tests/golden/parity.json"), name[64];
    snprintf(name, sizeof(name), "\"architecture\": \"%s\"", architecture);
    Golden golden;
    double found[2] = {0};
    const char *at = text;
    while (found[0] != frames || found[1] != size) {
        at = strstr(at, name);
        if (!at) fail_msg("no golden logits of %s for %d frames of %d", architecture, frames, size);
        at += strlen(name);
        read_numbers(at, "frames", &found[0], 1);
        read_numbers(at, "size", &found[1], 1);
    }
    read_numbers(at, "emotions", golden.emotions[0], CLIPS * HEDON_EMOTIONS);
    read_numbers(at, "utility", golden.utility, CLIPS);
    free(text);
    return golden;
}

/* The root mean square over outputs of their standard deviation over clips. */
static double spread_of(const double *values, int outputs)
{
    double variance = 0;
    for (int k = 0; k < outputs; k++) {
        double mean = 0, square = 0;
        for (int n = 0; n < CLIPS; n++) mean += values[n * outputs + k] / CLIPS;
        for (int n = 0; n < CLIPS; n++)
            square += (values[n * outputs + k] - mean) * (values[n * outputs + k] - mean);
        variance += square / (CLIPS - 1) / outputs;
    }
    return sqrt(variance);
}

static double greatest_error(const float *got, const double *wanted, int outputs)
{
    double greatest = 0;
    for (int i = 0; i < CLIPS * outputs; i++) {
        const double error = fabs((double)got[i] - wanted[i]) / spread_of(wanted, outputs);
        if (!(error <= greatest)) greatest = error;
    }
    return greatest;
}

static double parity(const char *architecture, int frames, int size, HedonDtype precision, int tf32,
                     int64_t batch)
{
    const Golden golden = golden_of(architecture, frames, size);
    HedonModel *model;
    check(hedon_model_open_random(ctx, &model, architecture, 1, "emotions,utility"));
    HedonTensor clips, logits[2];
    check(hedon_tensor_alloc(&clips, HEDON_F32, &(HedonShape){5, {CLIPS, 3, frames, size, size}}));
    check(hedon_tensor_alloc(&logits[0], HEDON_F32, &(HedonShape){2, {CLIPS, HEDON_EMOTIONS}}));
    check(hedon_tensor_alloc(&logits[1], HEDON_F32, &(HedonShape){2, {CLIPS, 1}}));
    for (int n = 0; n < CLIPS; n++)
        render_clip((float *)clips.data + (int64_t)n * 3 * frames * size * size, 7, (uint64_t)n,
                    frames, size);
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device = (HedonDeviceOptions){.device = "cuda", .precision = precision, .tf32 = tf32};
    options.batch = batch;
    options.frames = frames;
    options.height = options.width = size;
    HedonPredictor *predictor;
    check(hedon_predictor_open(ctx, &predictor, model, &options));
    check(hedon_predictor_run(ctx, predictor, &clips, logits));
    const double emotions = greatest_error(logits[0].data, golden.emotions[0], HEDON_EMOTIONS);
    const double utility = greatest_error(logits[1].data, golden.utility, 1);
    print_message("%-12s %2d x %3d x %3d  batch %d  %s%s: greatest error %.1e of the spread\n",
                  architecture, frames, size, size, (int)batch, hedon_dtype_name(precision),
                  tf32 ? " by TF32" : "", fmax(emotions, utility));
    hedon_predictor_close(predictor);
    for (int i = 0; i < 2; i++) hedon_tensor_free(&logits[i]);
    hedon_tensor_free(&clips);
    hedon_model_close(model);
    return fmax(emotions, utility);
}

/* Rounding of every layer's inputs, weights and outputs to 8 or 11 bits, and TF32's of products. */
static const double bf16_allowed = .15, fp16_allowed = .02, tf32_allowed = .02;

static void logits_are_torchvisions(void **state)
{
    (void)state;
    if (!cuda) skip();
    assert_true(parity("r2plus1d_18", 4, 32, HEDON_F32, 0, 4) <= 1e-4);
    assert_true(parity("r2plus1d_18", 4, 32, HEDON_BF16, 0, 4) <= bf16_allowed);
    if (simulated) return;
    for (int64_t batch = 1; batch <= 4; batch += 3) {
        assert_true(parity("r2plus1d_18", 16, 112, HEDON_F32, 0, batch) <= 1e-4);
        assert_true(parity("r2plus1d_18", 16, 112, HEDON_F32, 1, batch) <= tf32_allowed);
        assert_true(parity("r2plus1d_18", 16, 112, HEDON_BF16, 0, batch) <= bf16_allowed);
        assert_true(parity("r2plus1d_18", 16, 112, HEDON_F16, 0, batch) <= fp16_allowed);
        assert_true(parity("mc3_18", 8, 64, HEDON_F32, 0, batch) <= 1e-4);
        assert_true(parity("mc3_18", 8, 64, HEDON_BF16, 0, batch) <= bf16_allowed);
        assert_true(parity("r3d_18", 8, 64, HEDON_F32, 0, batch) <= 1e-4);
        assert_true(parity("r3d_18", 8, 64, HEDON_BF16, 0, batch) <= bf16_allowed);
    }
}

/* ---- Plans ---------------------------------------------------------------------------------- */

/* Every convolution of R(2+1)D-18 is cuDNN's, and nothing is left beside them but the pool, the
 * head and the clip's change of layout. */
static void cudnn_computes_what_is_heavy(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonModel *model;
    check(hedon_model_open_random(ctx, &model, "r2plus1d_18", 1, "emotions"));
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device = (HedonDeviceOptions){.device = "cuda", .precision = HEDON_BF16};
    options.frames = 4, options.height = options.width = 32;
    HedonPredictor *predictor;
    check(hedon_predictor_open(ctx, &predictor, model, &options));
    const HedonOpProfile *ops;
    int count, convolutions = 0;
    check(hedon_predictor_profile(predictor, &ops, &count));
    for (int i = 0; i < count; i++) {
        const int conv = !strcmp(ops[i].operation, "conv3d");
        convolutions += conv && !strncmp(ops[i].kernel, "cudnn", 5);
        if (conv && strncmp(ops[i].kernel, "cudnn", 5) && strncmp(ops[i].kernel, "own chain", 9))
            fail_msg("%s is computed by %s", ops[i].name, ops[i].kernel);
    }
    assert_int_equal(convolutions, 37);
    hedon_predictor_close(predictor);
    hedon_model_close(model);
}

/* ---- Queues --------------------------------------------------------------------------------- */

/* Two buffers in turn, copies in one stream and kernels in another, as training feeds a device. */
static void streams_and_events_order_work(void **state)
{
    (void)state;
    if (!cuda) skip();
    enum { ROUNDS = 8, COUNT = 1 << 16 };
    Net net = {.graph = hedon_graph_new()};
    HedonValueId x = hedon_graph_input(net.graph, "x", &(HedonShape){3, {2, 8, COUNT / 16}});
    hedon_graph_output(net.graph, "y", hedon_scale(net.graph, "twice", x, 2));
    net_fill(&net);
    Session s;
    session_open(&s, &net, &(Place){cuda, HEDON_F32, 1});
    cuda->plan_free(s.plan);
    check(cuda->compile(ctx, s.state, NULL, &s.plan));
    HedonStream *copies, *work;
    HedonBuffer *in[2], *out[2];
    check(cuda->stream_new(ctx, s.device, &copies));
    check(cuda->stream_new(ctx, s.device, &work));
    for (int i = 0; i < 2; i++) {
        check(cuda->buffer_new(ctx, s.device, COUNT * 4, &in[i]));
        check(cuda->buffer_new(ctx, s.device, COUNT * 4, &out[i]));
    }
    float *values = malloc(COUNT * sizeof(float)), *got = malloc(COUNT * sizeof(float));
    HedonEvent *done[2] = {NULL};
    for (int round = 0; round < ROUNDS; round++) {
        const int i = round % 2;
        for (int k = 0; k < COUNT; k++) values[k] = (float)(round * 1000 + k % 997);
        if (done[i]) check(cuda->event_await(ctx, copies, done[i]));
        cuda->event_free(done[i]);
        check(cuda->upload(ctx, in[i], 0, values, COUNT * 4, copies));
        HedonEvent *there;
        check(cuda->event_record(ctx, copies, &there));
        check(cuda->event_await(ctx, work, there));
        cuda->event_free(there);
        check(cuda->execute(
            ctx, s.plan, &(HedonExecution){.inputs = &in[i], .outputs = &out[i], .stream = work}));
        check(cuda->download(ctx, got, out[i], 0, COUNT * 4, work));
        check(cuda->event_record(ctx, work, &done[i]));
        check(cuda->stream_wait(ctx, work));
        for (int k = 0; k < COUNT; k++) assert_true(got[k] == 2 * (float)(round * 1000 + k % 997));
    }
    for (int i = 0; i < 2; i++) {
        cuda->event_free(done[i]);
        cuda->buffer_free(in[i]);
        cuda->buffer_free(out[i]);
    }
    cuda->stream_free(copies);
    cuda->stream_free(work);
    free(values), free(got);
    session_close(&s);
    net_free(&net);
}

static void buffers_are_copied_on_the_device(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonDevice *device;
    HedonStream *stream;
    HedonBuffer *from, *to;
    HedonEvent *event;
    uint8_t bytes[100], got[100];
    for (int i = 0; i < 100; i++) bytes[i] = (uint8_t)(i + 1);
    check(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F32, 1}));
    check(cuda->stream_new(ctx, device, &stream));
    check(cuda->buffer_new(ctx, device, 100, &from));
    check(cuda->buffer_new(ctx, device, 100, &to));
    check(cuda->upload(ctx, from, 0, bytes, 100, stream));
    check(cuda->event_record(ctx, stream, &event));
    for (int round = 0; round < 3; round++) {
        check(cuda->copy(ctx, to, 7, from, 31, 60, stream));
        check(cuda->event_renew(ctx, stream, event));
        check(cuda->event_await(ctx, stream, event));
        check(cuda->download(ctx, got, to, 0, 100, stream));
        check(cuda->stream_wait(ctx, stream));
        for (int i = 0; i < 100; i++)
            assert_int_equal(got[i], i < 7 || i >= 67 ? 0 : bytes[31 + i - 7]);
    }
    check(cuda->copy(ctx, to, 0, from, 0, 100, NULL));
    check(cuda->download(ctx, got, to, 0, 100, NULL));
    assert_memory_equal(got, bytes, 100);
    assert_int_equal(cuda->copy(ctx, to, 41, from, 0, 60, stream), HEDON_EINVAL);
    assert_int_equal(cuda->copy(ctx, to, 0, from, 101, 0, stream), HEDON_EINVAL);
    assert_int_equal(cuda->copy(ctx, to, 0, from, 1, SIZE_MAX, stream), HEDON_EINVAL);
    cuda->event_free(event);
    cuda->stream_free(stream);
    cuda->buffer_free(from);
    cuda->buffer_free(to);
    cuda->close(device);
}

/* ---- CUDA graphs ---------------------------------------------------------------------------- */

/* New clips, or other targets, into an input of both. */
static void upload_scaled(const Net *net, int input, float factor, Session *a, Session *b)
{
    const HedonTensor *from = &net->inputs[input];
    const int64_t count = hedon_shape_count(&from->shape);
    float *values = malloc((size_t)count * sizeof(*values));
    for (int64_t i = 0; i < count; i++) values[i] = factor * (float)((double *)from->data)[i];
    check(cuda->upload(ctx, a->in[input], 0, values, (size_t)count * sizeof(float), NULL));
    check(cuda->upload(ctx, b->in[input], 0, values, (size_t)count * sizeof(float), NULL));
    free(values);
}

static void compare_states(const Net *net, Session *a, Session *b, HedonStatePart part)
{
    for (int p = 0; p < net->graph->parameter_count; p++) {
        HedonTensor x, y;
        const HedonValueId id = hedon_graph_parameter_value(net->graph, p);
        check(hedon_tensor_alloc(&x, HEDON_F32, &net->graph->values[id].shape));
        check(hedon_tensor_alloc(&y, HEDON_F32, &net->graph->values[id].shape));
        if (!cuda->state_read(ctx, a->state, part, p, &x)) {
            check(cuda->state_read(ctx, b->state, part, p, &y));
            assert_memory_equal(x.data, y.data,
                                (size_t)hedon_shape_count(&x.shape) * sizeof(float));
        }
        hedon_tensor_free(&x);
        hedon_tensor_free(&y);
    }
}

/* A plan that is profiled runs its steps one by one, always. Whatever changes between executions
 * must reach the graph: inputs, parameters, random keys, samples' numbers, float16's scale. */
static void graphs_compute_what_steps_do(void **state)
{
    (void)state;
    if (!cuda) skip();
    static const HedonDtype precisions[] = {HEDON_F32, HEDON_BF16, HEDON_F16};
    for (int k = 0; k < 3; k++) {
        const Place place = {cuda, precisions[k], 1};
        const HedonCompileOptions profiled = {.profile = 1};
        Net net = network_case(0);
        Session steps, graph;
        session_open(&steps, &net, &place);
        session_open(&graph, &net, &place);
        cuda->plan_free(steps.plan);
        cuda->plan_free(graph.plan);
        check(cuda->compile(ctx, steps.state, &profiled, &steps.plan));
        check(cuda->compile(ctx, graph.state, NULL, &graph.plan));
        for (int round = 0; round < 6; round++) {
            const int64_t samples[4] = {round, 7, 2 * round, 3};
            for (int i = 0; i < net.graph->input_count; i++)
                upload_scaled(&net, i, (float)(1 - .1 * round), &steps, &graph);
            Session *both[2] = {&steps, &graph};
            for (int i = 0; i < 2; i++) {
                const HedonExecution execution = {.inputs = both[i]->in,
                                                  .outputs = both[i]->out,
                                                  .random = hedon_random_key(5, 0, (uint64_t)round),
                                                  .samples = samples,
                                                  .accumulate = round % 3 == 2};
                const HedonOptimiserStep update = {.kind = HEDON_SGD,
                                                   .number = round + 1,
                                                   .learning_rate = .01 * (round + 1),
                                                   .momentum = .9,
                                                   .gradient_scale = 1};
                HedonOptimiserResult result;
                check(cuda->execute(ctx, both[i]->plan, &execution));
                check(cuda->optimise(ctx, both[i]->state, &update, &result));
            }
            compare_states(&net, &steps, &graph, HEDON_STATE_GRADIENT);
            compare_states(&net, &steps, &graph, HEDON_STATE_PARAMETER);
        }
        char *text = cuda->plan_text(graph.plan);
        if (!strstr(text, ", CUDA graph\n")) fail_msg("%.300s", text);
        free(text);
        session_close(&steps);
        session_close(&graph);
        net_free(&net);
    }
}

/* ---- Memory --------------------------------------------------------------------------------- */

static void out_of_memory_says_how_much(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonDevice *device;
    HedonBuffer *buffer;
    check(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F32, 1}));
    assert_int_equal(cuda->buffer_new(ctx, device, (size_t)1 << 46, &buffer), HEDON_ENOMEM);
    assert_null(buffer);
    assert_non_null(strstr(hedon_last_error(ctx), "are free"));
    check(cuda->buffer_new(ctx, device, 1 << 20, &buffer)); /* and life goes on */
    cuda->buffer_free(buffer);
    cuda->close(device);
}

/* The simulated GPU has 1 GiB. */
static void a_batch_too_large_is_halved(void **state)
{
    (void)state;
    if (!cuda || !simulated) skip();
    HedonModel *model;
    check(hedon_model_open_random(ctx, &model, "r2plus1d_tiny", 1, "emotions"));
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device = (HedonDeviceOptions){.device = "cuda", .precision = HEDON_F32};
    options.frames = 4, options.height = options.width = 32;
    options.batch = 1 << 14;
    HedonPredictor *predictor;
    setenv("HEDON_CUDA_TUNE", "1", 1); /* simulated convolutions of that size would take minutes */
    check(hedon_predictor_open(ctx, &predictor, model, &options));
    unsetenv("HEDON_CUDA_TUNE");
    assert_true(hedon_predictor_bytes(predictor) < 1 << 30);
    HedonTensor clips, logits;
    check(hedon_tensor_alloc(&clips, HEDON_F32, &(HedonShape){5, {0, 3, 4, 32, 32}}));
    check(hedon_tensor_alloc(&logits, HEDON_F32, &(HedonShape){2, {0, HEDON_EMOTIONS}}));
    check(hedon_predictor_run(ctx, predictor, &clips, &logits));
    hedon_tensor_free(&clips);
    hedon_tensor_free(&logits);
    hedon_predictor_close(predictor);
    hedon_model_close(model);
}

/* ---- Float16 -------------------------------------------------------------------------------- */

/* A weight whose gradient a loss gives. */
static Net loss_net(double size)
{
    Net net = {.graph = training_graph()};
    HedonGraph *graph = net.graph;
    const HedonValueId x = hedon_graph_input(graph, "x", &(HedonShape){5, {2, 3, 2, 4, 4}});
    const HedonValueId w = hedon_graph_parameter(graph, "w", &(HedonShape){5, {8, 3, 1, 3, 3}});
    const HedonValueId head = hedon_graph_parameter(graph, "head", &(HedonShape){2, {3, 8}});
    HedonValueId y = hedon_conv3d(graph, "conv", x, w, HEDON_NONE,
                                  &(HedonConvAttributes){{1, 1, 1}, {0, 1, 1}, {1, 1, 1}, 1});
    y = hedon_linear(graph, "logits", hedon_mean_pool(graph, "pool", hedon_relu(graph, "relu", y)),
                     head, HEDON_NONE);
    const HedonValueId t = hedon_graph_input(graph, "t", &(HedonShape){2, {2, 3}});
    const HedonValueId loss = hedon_loss_bce(graph, "loss", y, t, HEDON_NONE);
    const HedonValueId seed = hedon_scale(graph, "seed", hedon_graph_sibling(graph, loss, 1), size);
    hedon_graph_output(graph, "loss", loss);
    assert_int_equal(hedon_graph_backward(NULL, graph, &y, &seed, 1, NULL, NULL), 0);
    net_fill(&net);
    return net;
}

static double *gradient_of(Session *s, int parameter)
{
    HedonTensor tensor;
    const HedonShape *shape =
        &s->graph->values[hedon_graph_parameter_value(s->graph, parameter)].shape;
    check(hedon_tensor_alloc(&tensor, HEDON_F64, shape));
    check(s->backend->state_read(ctx, s->state, HEDON_STATE_GRADIENT, parameter, &tensor));
    return tensor.data;
}

/* Gradients of 1e-6, which float16 alone would lose, arrive; and are added to those that are there.
 */
static void small_gradients_survive_float16(void **state)
{
    (void)state;
    if (!cuda) skip();
    Net net = loss_net(1e-5);
    Session wanted, got;
    session_open(&wanted, &net, &reference);
    session_open(&got, &net, &(Place){cuda, HEDON_F16, 1});
    assert_int_equal(session_execute(NULL, &wanted), 0);
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        const HedonExecution execution = {
            .inputs = got.in, .outputs = got.out, .accumulate = accumulate};
        check(cuda->execute(ctx, got.plan, &execution));
        for (int p = 0; p < 2; p++) {
            double *a = gradient_of(&got, p), *b = gradient_of(&wanted, p);
            const int64_t count = hedon_shape_count(&net.parameters[p].shape);
            const double most = largest(b, count);
            assert_true(most > 0 && most < 1e-5);
            for (int64_t i = 0; i < count; i++)
                assert_true(fabs(a[i] - (1 + accumulate) * b[i]) <= .02 * most);
            hedon_free(a), hedon_free(b);
        }
    }
    session_close(&got);
    session_close(&wanted);
    net_free(&net);
}

/* Under a scale that is too large the step is skipped, the scale halved, until it fits. */
static void an_overflow_lowers_the_scale(void **state)
{
    (void)state;
    if (!cuda) skip();
    Net net = loss_net(3e3);
    Session s;
    session_open(&s, &net, &(Place){cuda, HEDON_F16, 1});
    const HedonOptimiserStep step = {
        .kind = HEDON_SGD, .number = 1, .learning_rate = 1e-6, .gradient_scale = 1};
    int skipped = 0;
    HedonOptimiserResult result = {0};
    for (int i = 0; i < 40; i++) {
        assert_int_equal(session_execute(NULL, &s), 0);
        check(cuda->optimise(ctx, s.state, &step, &result));
        assert_true(result.finite);
        if (!result.skipped) break;
        skipped++;
    }
    assert_true(skipped > 0 && skipped < 20);
    assert_true(result.gradient_norm > 0);
    session_close(&s);
    net_free(&net);
}

/* ---- Options -------------------------------------------------------------------------------- */

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    if (!cuda) skip();
    HedonDevice *device;
    assert_int_equal(cuda->open(ctx, &device, &(HedonDeviceOptions){"cuda", HEDON_F64, 1}),
                     HEDON_EUNSUPPORTED);
    assert_non_null(strstr(hedon_last_error(ctx), "float64"));
    assert_int_equal(
        cuda->open(ctx, &device,
                   &(HedonDeviceOptions){.device = "cuda", .precision = HEDON_BF16, .tf32 = 1}),
        HEDON_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_torchvisions),
        cmocka_unit_test(cudnn_computes_what_is_heavy),
        cmocka_unit_test(streams_and_events_order_work),
        cmocka_unit_test(graphs_compute_what_steps_do),
        cmocka_unit_test(out_of_memory_says_how_much),
        cmocka_unit_test(a_batch_too_large_is_halved),
        cmocka_unit_test(small_gradients_survive_float16),
        cmocka_unit_test(an_overflow_lowers_the_scale),
        cmocka_unit_test(buffers_are_copied_on_the_device),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    HedonBackendInfo info;
    ctx = hedon_context_new();
    if (hedon_backend_find(ctx, "cuda", &cuda))
        printf("skipped: %s\n", hedon_last_error(ctx));
    else if (!cuda->probe(ctx, NULL, &info))
        simulated = strstr(info.device, "simulated") != NULL;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hedon_context_free(ctx);
    return failed;
}
