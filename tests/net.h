/* Small networks for the kernels' tests: built in a line or two, filled with numbers fixed by their
 * names, run on any backend, compared. */
#ifndef HEDON_TESTS_NET_H
#define HEDON_TESTS_NET_H

/* no test uses all of this */
#pragma GCC diagnostic ignored "-Wunused-function"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/backend.h"

enum { MAX_PARAMETERS = 64, MAX_IO = 6 };

/* A graph with its parameters and inputs, in double; values are random but fixed by their names. */
typedef struct Net {
    HedonGraph *graph;
    HedonTensor parameters[MAX_PARAMETERS];
    HedonTensor inputs[MAX_IO];
} Net;

/* Weights are scaled so that activations keep their size; variances are positive. */
static double parameter_element(const HedonValue *value, int64_t i)
{
    const double u =
        hedon_random_uniform(hedon_random_key_name(7, value->name), (uint64_t)i) * 2 - 1;
    if (strstr(value->name, ".var")) return 1 + .5 * u;
    if (strstr(value->name, ".gamma")) return 1 + .3 * u;
    if (value->shape.rank < 2) return .3 * u;
    return u * sqrt(3 * (double)value->shape.dim[0] / (double)hedon_shape_count(&value->shape));
}

static void net_fill(Net *net)
{
    assert_int_equal(hedon_graph_finish(NULL, net->graph), 0);
    assert_true(net->graph->parameter_count <= MAX_PARAMETERS && net->graph->input_count <= MAX_IO);
    for (int v = 0; v < net->graph->value_count; v++) {
        const HedonValue *value = &net->graph->values[v];
        if (value->kind == HEDON_VALUE_NODE) continue;
        const int input = value->kind == HEDON_VALUE_INPUT;
        HedonTensor *tensor = (input ? net->inputs : net->parameters) + value->ordinal;
        assert_int_equal(hedon_tensor_alloc(tensor, HEDON_F64, &value->shape), 0);
        const HedonRandomKey key = hedon_random_key_name(8, value->name);
        double *data = tensor->data;
        for (int64_t i = 0; i < hedon_shape_count(&value->shape); i++)
            data[i] = (float)(input ? hedon_random_uniform(key, (uint64_t)i)
                                    : parameter_element(value, i));
    }
}

static void net_free(Net *net)
{
    for (int i = 0; i < MAX_PARAMETERS; i++) hedon_tensor_free(&net->parameters[i]);
    for (int i = 0; i < MAX_IO; i++) hedon_tensor_free(&net->inputs[i]);
    hedon_graph_free(net->graph);
}

typedef struct Outputs {
    int count;
    double *data[MAX_IO];
    int64_t size[MAX_IO];
} Outputs;

static void outputs_free(Outputs *outputs)
{
    for (int i = 0; i < outputs->count; i++) free(outputs->data[i]);
}

static void upload_doubles(HedonDevice *device, HedonBuffer *buffer, const double *data,
                           int64_t count)
{
    if (device->precision == HEDON_F64) {
        assert_int_equal(device->backend->upload(NULL, buffer, 0, data, (size_t)count * 8, NULL),
                         0);
        return;
    }
    float *narrow = malloc((size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) narrow[i] = (float)data[i];
    assert_int_equal(device->backend->upload(NULL, buffer, 0, narrow, (size_t)count * 4, NULL), 0);
    free(narrow);
}

static double *download_doubles(HedonDevice *device, HedonBuffer *buffer, int64_t count)
{
    double *data = malloc((size_t)count * sizeof(double));
    if (device->precision == HEDON_F64) {
        assert_int_equal(device->backend->download(NULL, data, buffer, 0, (size_t)count * 8, NULL),
                         0);
        return data;
    }
    float *narrow = malloc((size_t)count * sizeof(float));
    assert_int_equal(device->backend->download(NULL, narrow, buffer, 0, (size_t)count * 4, NULL),
                     0);
    for (int64_t i = 0; i < count; i++) data[i] = narrow[i];
    free(narrow);
    return data;
}

typedef struct Place {
    const HedonBackend *backend;
    HedonDtype precision;
    int threads;
} Place;

static const Place reference = {&hedon_backend_ref, HEDON_F64, 1};

/* A net compiled somewhere, with its buffers. */
typedef struct Session {
    const HedonBackend *backend;
    const HedonGraph *graph;
    HedonDevice *device;
    HedonState *state;
    HedonPlan *plan;
    HedonBuffer *in[MAX_IO], *out[MAX_IO];
} Session;

static int64_t output_size(const HedonGraph *graph, int output)
{
    return hedon_shape_count(&graph->values[graph->outputs[output].value].shape);
}

/* The first error is returned; session_close frees what there is. */
static int session_try(HedonContext *ctx, Session *s, const Net *net, const Place *place)
{
    const HedonBackend *backend = place->backend;
    const HedonDeviceOptions options = {backend->name, place->precision, place->threads};
    /* buffers hold float32, but for a device of float64 */
    const size_t size = place->precision == HEDON_F64 ? sizeof(double) : sizeof(float);
    *s = (Session){.backend = backend, .graph = net->graph};
    int err = backend->open(ctx, &s->device, &options);
    if (!err) err = backend->state_new(ctx, s->device, net->graph, net->parameters, &s->state);
    if (!err) err = backend->compile(ctx, s->state, &(HedonCompileOptions){.profile = 1}, &s->plan);
    for (int i = 0; i < net->graph->input_count && !err; i++) {
        const int64_t count = hedon_shape_count(&net->inputs[i].shape);
        err = backend->buffer_new(ctx, s->device, (size_t)count * size, &s->in[i]);
        if (!err) upload_doubles(s->device, s->in[i], net->inputs[i].data, count);
    }
    for (int i = 0; i < net->graph->output_count && !err; i++)
        err = backend->buffer_new(ctx, s->device, (size_t)output_size(net->graph, i) * size,
                                  &s->out[i]);
    return err;
}

static void session_close(Session *s)
{
    for (int i = 0; i < MAX_IO; i++) {
        s->backend->buffer_free(s->in[i]);
        s->backend->buffer_free(s->out[i]);
    }
    s->backend->plan_free(s->plan);
    s->backend->state_free(s->state);
    s->backend->close(s->device);
}

static int session_execute(HedonContext *ctx, Session *s)
{
    return s->backend->execute(ctx, s->plan, &(HedonExecution){.inputs = s->in, .outputs = s->out});
}

static void session_open(Session *s, const Net *net, const Place *place)
{
    HedonContext *ctx = hedon_context_new();
    if (session_try(ctx, s, net, place))
        fail_msg("%s: %s", place->backend->name, hedon_last_error(ctx));
    hedon_context_free(ctx);
}

static Outputs run(const Net *net, const Place *place)
{
    Session s;
    session_open(&s, net, place);
    assert_int_equal(session_execute(NULL, &s), 0);
    /* Once more: nothing may be left over from the first time. */
    if (place->backend != reference.backend) assert_int_equal(session_execute(NULL, &s), 0);
    Outputs outputs = {.count = net->graph->output_count};
    for (int i = 0; i < outputs.count; i++) {
        outputs.size[i] = output_size(net->graph, i);
        outputs.data[i] = download_doubles(s.device, s.out[i], outputs.size[i]);
    }
    session_close(&s);
    return outputs;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* The same arithmetic on absolute values: what the sums would be if nothing cancelled, to which
 * rounding errors are proportional. A batch norm's mean is subtracted, so it goes in negative. */
static Outputs magnitudes(const Net *net)
{
    Net absolute = {.graph = net->graph};
    for (int v = 0; v < net->graph->value_count; v++) {
        const HedonValue *value = &net->graph->values[v];
        if (value->kind == HEDON_VALUE_NODE) continue;
        const int input = value->kind == HEDON_VALUE_INPUT;
        const HedonTensor *from = (input ? net->inputs : net->parameters) + value->ordinal;
        HedonTensor *to = (input ? absolute.inputs : absolute.parameters) + value->ordinal;
        assert_int_equal(hedon_tensor_alloc(to, HEDON_F64, &value->shape), 0);
        const double sign = strstr(value->name, ".mean") ? -1 : 1;
        for (int64_t i = 0; i < hedon_shape_count(&value->shape); i++)
            ((double *)to->data)[i] = sign * fabs(((const double *)from->data)[i]);
    }
    Outputs outputs = run(&absolute, &reference);
    absolute.graph = NULL;
    net_free(&absolute);
    return outputs;
}

static double largest(const double *data, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++) most = fmax(most, fabs(data[i]));
    return most;
}

/* Whether all outputs are as near as `tolerance` times `scale` (its greatest element, by output);
 * the worst share of that allowance in *worst. A NaN is never near. */
static int near(const Outputs *a, const Outputs *b, const Outputs *scale, double tolerance,
                double *worst)
{
    *worst = 0;
    int good = 1;
    for (int k = 0; k < a->count; k++) {
        const double allowed = tolerance * largest(scale->data[k], scale->size[k]) + 1e-30;
        for (int64_t i = 0; i < a->size[k]; i++) {
            const double share = fabs(a->data[k][i] - b->data[k][i]) / allowed;
            if (!(share <= 1)) good = 0;
            if (!(share <= *worst)) *worst = share;
        }
    }
    return good;
}

/* For one operation: rounding of its sums, and Winograd's transforms on top. For a network: its
 * layers' errors add up. Relative to the magnitudes and to the outputs themselves. */
static const double operation_tolerance = 3e-6, network_tolerance = 3e-5;

/* Every place of every backend, ref in float included, but not the reference itself. */
static int places(Place *list)
{
    int count = 0;
    for (int b = 0; hedon_backends()[b]; b++) {
        const HedonBackend *backend = hedon_backends()[b];
        HedonBackendInfo info;
        if (backend->probe(NULL, NULL, &info)) continue;
        static const HedonDtype precisions[] = {HEDON_F32, HEDON_BF16, HEDON_F16};
        for (int i = 0; i < 3; i++)
            if (info.precisions >> precisions[i] & 1)
                list[count++] = (Place){backend, precisions[i], 2};
    }
    return count;
}

/* "cuda in bfloat16" */
static const char *place_name(const Place *place, char text[64])
{
    snprintf(text, 64, "%s in %s", place->backend->name, hedon_dtype_name(place->precision));
    return text;
}

/* Float32's tolerance, and what inputs, weights and results lose when they are rounded to 8 or 11
 * bits. */
static double tolerance_at(const Place *place, double single)
{
    const double rounding = place->precision == HEDON_BF16  ? 0x1p-8
                            : place->precision == HEDON_F16 ? 0x1p-11
                                                            : 0;
    return single + 2 * rounding * (single >= network_tolerance ? 4 : 1);
}

/* Whether the device computes in a queue of its own, where neither its memory nor its bits are the
 * host's. */
static int is_remote(const Place *place)
{
    return place->backend->stream_new != NULL;
}

/* Whether opening a device hundreds of times would take minutes: a real GPU. What depends on no
 * kernel is tested on the simulated one. */
static int is_slow_to_open(const Place *place)
{
    HedonBackendInfo info;
    return is_remote(place) && !place->backend->probe(NULL, NULL, &info) &&
           !strstr(info.device, "simulated");
}

/* Compares everywhere; consumes the net. */
static void conform(Net *net, const char *what, int network)
{
    Place list[16];
    const int count = places(list);
    Outputs wanted = run(net, &reference);
    Outputs scale = network ? run(net, &reference) : magnitudes(net);
    for (int p = 0; p < count; p++) {
        Outputs got = run(net, &list[p]);
        char where[64];
        double worst;
        if (!near(&got, &wanted, &scale,
                  tolerance_at(&list[p], network ? network_tolerance : operation_tolerance),
                  &worst))
            fail_msg("%s on %s: %.2f times the tolerance", what, place_name(&list[p], where),
                     worst);
        outputs_free(&got);
    }
    outputs_free(&wanted);
    outputs_free(&scale);
    net_free(net);
}

/* ---- One convolution ------------------------------------------------------------------------ */

typedef struct ConvCase {
    int64_t x[5], outputs, kernel[3], stride[3], padding[3], dilation[3], groups;
} ConvCase;

#define ONES                                                                                       \
    {                                                                                              \
        1, 1, 1                                                                                    \
    }
#define NONE                                                                                       \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }

/* What follows the convolution: bits. */
enum { WITH_BIAS = 1, WITH_NORM = 2, WITH_RESIDUAL = 4, WITH_RELU = 8, VARIANTS = 16 };

static HedonValueId vector(HedonGraph *graph, const char *name, int64_t count)
{
    return hedon_graph_parameter(graph, name, &(HedonShape){1, {count}});
}

static HedonValueId norm(HedonGraph *graph, const char *name, HedonValueId x, int64_t channels)
{
    static const char *const parts[] = {"gamma", "beta", "mean", "var"};
    HedonValueId id[4];
    for (int i = 0; i < 4; i++) {
        char full[64];
        snprintf(full, sizeof(full), "%s.%s", name, parts[i]);
        id[i] = vector(graph, full, channels);
    }
    return hedon_batch_norm(graph, name, x, id[0], id[1], id[2], id[3], 1e-5);
}

static Net conv_net(const ConvCase *c, int64_t batch, unsigned variant)
{
    Net net = {.graph = hedon_graph_new()};
    HedonGraph *graph = net.graph;
    HedonShape shape = {5, {batch, c->x[1], c->x[2], c->x[3], c->x[4]}};
    const HedonValueId x = hedon_graph_input(graph, "x", &shape);
    const HedonValueId w = hedon_graph_parameter(
        graph, "w",
        &(HedonShape){5,
                      {c->outputs, c->x[1] / c->groups, c->kernel[0], c->kernel[1], c->kernel[2]}});
    HedonConvAttributes attributes = {.groups = c->groups};
    memcpy(attributes.stride, c->stride, sizeof(c->stride));
    memcpy(attributes.padding, c->padding, sizeof(c->padding));
    memcpy(attributes.dilation, c->dilation, sizeof(c->dilation));
    const HedonValueId b = variant & WITH_BIAS ? vector(graph, "b", c->outputs) : HEDON_NONE;
    HedonValueId y = hedon_conv3d(graph, "conv", x, w, b, &attributes);
    if (variant & WITH_NORM) y = norm(graph, "bn", y, c->outputs);
    if (variant & WITH_RESIDUAL) {
        shape = graph->values[y].shape;
        y = hedon_add(graph, "add", hedon_graph_input(graph, "residual", &shape), y);
    }
    if (variant & WITH_RELU) y = hedon_relu(graph, "relu", y);
    hedon_graph_output(graph, "y", y);
    net_fill(&net);
    return net;
}

#endif
