/* The predictor: one model compiled once, for one batch size, on one device, for one thread or, by
 * sharing, for several. Every clip goes through the same plan, whatever the caller's N, so that its
 * bits depend on nothing but itself. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/backend.h"
#include "models/model.h"
#include "models/predictor.h"

struct HedonPredictor {
    const HedonBackend *backend;
    int is_sharer; /* device, graph and state are another predictor's */
    HedonDevice *device;
    HedonGraph *graph;
    HedonState *state;
    HedonPlan *plan;
    HedonBuffer *clips;    /* one batch */
    HedonBuffer **outputs; /* by index of the graph's outputs, which is that of the heads */
    HedonStream *stream;   /* for clips on the device; NULL until some came */
    double *wide;          /* a batch in float64, for devices of that precision; else NULL */
    int64_t batch, clip_size;
};

void hedon_predictor_options_default(HedonPredictorOptions *options)
{
    memset(options, 0, sizeof(*options));
    hedon_device_options_default(&options->device);
    options->batch = 1;
}

/* The graph's parameters by ordinal, borrowed from the model. */
static int state_from_model(HedonContext *ctx, const HedonBackend *backend, HedonDevice *device,
                            const HedonGraph *graph, const HedonModel *model, HedonState **out)
{
    HedonTensor *parameters = hedon_calloc((size_t)graph->parameter_count, sizeof(*parameters));
    if (!parameters) return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->parameter_count; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        parameters[i] = *hedon_model_parameter(model, value->name);
    }
    const int code = backend->state_new(ctx, device, graph, parameters, out);
    hedon_free(parameters);
    return code;
}

static int make_buffers(HedonContext *ctx, HedonPredictor *predictor)
{
    const HedonBackend *backend = predictor->backend;
    const HedonGraph *graph = predictor->graph;
    const int is_wide = predictor->device->precision == HEDON_F64;
    const size_t size = is_wide ? sizeof(double) : sizeof(float);
    const HedonShape *clips = &graph->values[hedon_graph_input_value(graph, 0)].shape;
    size_t largest = (size_t)hedon_shape_count(clips);
    predictor->batch = clips->dim[0];
    predictor->clip_size = (int64_t)largest / predictor->batch;

    int code = backend->buffer_new(ctx, predictor->device, largest * size, &predictor->clips);
    predictor->outputs = hedon_calloc((size_t)graph->output_count, sizeof(*predictor->outputs));
    if (!code && !predictor->outputs) code = hedon_fail_memory(ctx);
    for (int i = 0; i < graph->output_count && !code; i++) {
        const size_t count =
            (size_t)hedon_shape_count(&graph->values[graph->outputs[i].value].shape);
        if (count > largest) largest = count;
        code = backend->buffer_new(ctx, predictor->device, count * size, &predictor->outputs[i]);
    }
    if (!code && is_wide && !(predictor->wide = hedon_malloc(largest, sizeof(double))))
        code = hedon_fail_memory(ctx);
    return code;
}

/* Graph, state, plan and buffers for batches of this size. */
static int compile(HedonContext *ctx, HedonPredictor *predictor, const HedonModel *model,
                   const HedonPredictorOptions *options, int64_t batch)
{
    const HedonModelInfo *info = hedon_model_info(model);
    const HedonBackend *backend = predictor->backend;
    int code =
        hedon_model_build(ctx, model, batch, options->frames ? options->frames : info->clip_frames,
                          options->height ? options->height : info->clip_height,
                          options->width ? options->width : info->clip_width, &predictor->graph);
    if (!code)
        code = state_from_model(ctx, backend, predictor->device, predictor->graph, model,
                                &predictor->state);
    if (!code)
        code =
            backend->compile(ctx, predictor->state,
                             &(HedonCompileOptions){.profile = options->profile}, &predictor->plan);
    return code ? code : make_buffers(ctx, predictor);
}

static void release(HedonPredictor *predictor)
{
    const HedonBackend *backend = predictor->backend;
    for (int i = 0; predictor->outputs && i < predictor->graph->output_count; i++)
        if (predictor->outputs[i]) backend->buffer_free(predictor->outputs[i]);
    if (predictor->stream) backend->stream_free(predictor->stream);
    if (predictor->clips) backend->buffer_free(predictor->clips);
    if (predictor->plan) backend->plan_free(predictor->plan);
    if (predictor->state && !predictor->is_sharer) backend->state_free(predictor->state);
    if (!predictor->is_sharer) hedon_graph_free(predictor->graph);
    hedon_free(predictor->outputs);
    hedon_free(predictor->wide);
    *predictor = (HedonPredictor){
        .backend = backend, .device = predictor->device, .is_sharer = predictor->is_sharer};
}

/* Whether half the batch is worth trying: a device of its own has memory of its own, which others
 * use, too. */
static int may_shrink(const HedonPredictor *predictor, int code, int64_t batch)
{
    return code == HEDON_ENOMEM && batch > 1 && predictor->device && predictor->backend->stream_new;
}

int hedon_predictor_open(HedonContext *ctx, HedonPredictor **out, const HedonModel *model,
                         const HedonPredictorOptions *options)
{
    HedonPredictorOptions defaults;
    if (!options) {
        hedon_predictor_options_default(&defaults);
        options = &defaults;
    }
    *out = NULL;
    HedonPredictor *predictor = hedon_calloc(1, sizeof(*predictor));
    if (!predictor) return hedon_fail_memory(ctx);
    int code = hedon_backend_find(ctx, options->device.device, &predictor->backend);
    if (!code) code = predictor->backend->open(ctx, &predictor->device, &options->device);
    int64_t batch = options->batch;
    if (!code) code = compile(ctx, predictor, model, options, batch);
    while (may_shrink(predictor, code, batch)) {
        release(predictor);
        batch = (batch + 1) / 2;
        code = compile(ctx, predictor, model, options, batch);
    }
    if (code)
        hedon_predictor_close(predictor);
    else
        *out = predictor;
    return code;
}

int hedon_predictor_share(HedonContext *ctx, HedonPredictor **out, const HedonPredictor *predictor)
{
    *out = NULL;
    HedonPredictor *other = hedon_calloc(1, sizeof(*other));
    if (!other) return hedon_fail_memory(ctx);
    other->backend = predictor->backend;
    other->is_sharer = 1;
    other->device = predictor->device;
    other->graph = predictor->graph;
    other->state = predictor->state;
    int code = other->backend->plan_share(ctx, predictor->plan, &other->plan);
    if (!code) code = make_buffers(ctx, other);
    if (code)
        hedon_predictor_close(other);
    else
        *out = other;
    return code;
}

void hedon_predictor_close(HedonPredictor *predictor)
{
    if (!predictor) return;
    release(predictor);
    if (predictor->device && !predictor->is_sharer) predictor->backend->close(predictor->device);
    hedon_free(predictor);
}

static int check_clips(HedonContext *ctx, const HedonPredictor *predictor, const HedonTensor *clips)
{
    const HedonGraph *graph = predictor->graph;
    const HedonShape *wanted = &graph->values[hedon_graph_input_value(graph, 0)].shape;
    int fits = clips->dtype == HEDON_F32 && clips->shape.rank == 5 && clips->shape.dim[0] >= 0;
    for (int d = 1; d < 5 && fits; d++) fits = clips->shape.dim[d] == wanted->dim[d];
    if (fits) return 0;
    return hedon_fail(
        ctx, HEDON_EINVAL,
        "the clips must be float32 of shape (N,%lld,%lld,%lld,%lld): clips, channels, "
        "frames, height, width",
        (long long)wanted->dim[1], (long long)wanted->dim[2], (long long)wanted->dim[3],
        (long long)wanted->dim[4]);
}

static int check_outputs(HedonContext *ctx, const HedonPredictor *predictor, int64_t clips,
                         const HedonTensor *outputs)
{
    const HedonGraph *graph = predictor->graph;
    for (int i = 0; i < graph->output_count; i++) {
        const int64_t size = graph->values[graph->outputs[i].value].shape.dim[1];
        const HedonTensor *output = &outputs[i];
        if (output->data && (output->dtype != HEDON_F32 || output->shape.rank != 2 ||
                             output->shape.dim[0] != clips || output->shape.dim[1] != size))
            return hedon_fail(ctx, HEDON_EINVAL,
                              "the output %s must be float32 of shape (%lld,%lld)",
                              graph->outputs[i].name, (long long)clips, (long long)size);
    }
    return 0;
}

/* Fill the batch's buffer; the places after the last clip are zeros. */
static int upload_clips(HedonContext *ctx, HedonPredictor *predictor, const float *clips,
                        int64_t count)
{
    const HedonBackend *backend = predictor->backend;
    const size_t used = (size_t)(count * predictor->clip_size);
    const size_t room = (size_t)(predictor->batch * predictor->clip_size);
    if (predictor->wide) {
        for (size_t i = 0; i < room; i++) predictor->wide[i] = i < used ? (double)clips[i] : 0;
        return backend->upload(ctx, predictor->clips, 0, predictor->wide, room * sizeof(double),
                               NULL);
    }
    int code = backend->upload(ctx, predictor->clips, 0, clips, used * sizeof(float), NULL);
    if (!code && used < room) {
        float *zeros = hedon_calloc(room - used, sizeof(float));
        code = zeros ? backend->upload(ctx, predictor->clips, used * sizeof(float), zeros,
                                       (room - used) * sizeof(float), NULL)
                     : hedon_fail_memory(ctx);
        hedon_free(zeros);
    }
    return code;
}

/* The same from clips on the device. Places after the last clip keep what they had: no clip's
 * logits depend on its neighbours. */
static int gather_clips(HedonContext *ctx, HedonPredictor *predictor, const HedonDeviceClip *clips,
                        int64_t count)
{
    const HedonBackend *backend = predictor->backend;
    const size_t bytes = (size_t)predictor->clip_size * sizeof(float);
    int code = 0;
    for (int64_t i = 0; i < count && !code; i++) {
        if (clips[i].ready) code = backend->event_await(ctx, predictor->stream, clips[i].ready);
        if (!code)
            code = backend->copy(ctx, predictor->clips, (size_t)i * bytes, clips[i].buffer,
                                 clips[i].offset, bytes, predictor->stream);
    }
    return code;
}

static int download_output(HedonContext *ctx, HedonPredictor *predictor, int index, float *out,
                           int64_t count, HedonStream *stream)
{
    const HedonBackend *backend = predictor->backend;
    HedonBuffer *buffer = predictor->outputs[index];
    if (!predictor->wide)
        return backend->download(ctx, out, buffer, 0, (size_t)count * sizeof(float), stream);
    const int code =
        backend->download(ctx, predictor->wide, buffer, 0, (size_t)count * sizeof(double), stream);
    for (int64_t i = 0; i < count && !code; i++) out[i] = (float)predictor->wide[i];
    return code;
}

/* What is in the batch's buffer becomes clips done .. done + count - 1 of the outputs. */
static int compute_batch(HedonContext *ctx, HedonPredictor *predictor, int64_t done, int64_t count,
                         HedonTensor *outputs, HedonStream *stream)
{
    const HedonGraph *graph = predictor->graph;
    const HedonExecution execution = {
        .inputs = &predictor->clips, .outputs = predictor->outputs, .stream = stream};
    int code = predictor->backend->execute(ctx, predictor->plan, &execution);
    for (int i = 0; i < graph->output_count && !code; i++) {
        const int64_t size = graph->values[graph->outputs[i].value].shape.dim[1];
        if (outputs[i].data)
            code = download_output(ctx, predictor, i, (float *)outputs[i].data + done * size,
                                   count * size, stream);
    }
    return code;
}

int hedon_predictor_run(HedonContext *ctx, HedonPredictor *predictor, const HedonTensor *clips,
                        HedonTensor *outputs)
{
    const int64_t total = clips->shape.dim[0], batch = predictor->batch;
    int code = check_clips(ctx, predictor, clips);
    if (!code) code = check_outputs(ctx, predictor, total, outputs);
    for (int64_t done = 0; done < total && !code; done += batch) {
        const int64_t count = total - done < batch ? total - done : batch;
        code = hedon_check_cancelled(ctx);
        if (!code)
            code = upload_clips(ctx, predictor,
                                (const float *)clips->data + done * predictor->clip_size, count);
        if (!code) code = compute_batch(ctx, predictor, done, count, outputs, NULL);
    }
    return code;
}

HedonDevice *hedon_predictor_device(const HedonPredictor *predictor)
{
    return predictor->device;
}

static int open_stream(HedonContext *ctx, HedonPredictor *predictor)
{
    if (predictor->stream) return 0;
    if (predictor->wide || !predictor->backend->stream_new)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the %s device takes clips from host memory only",
                          predictor->backend->name);
    return predictor->backend->stream_new(ctx, predictor->device, &predictor->stream);
}

int hedon_predictor_run_device(HedonContext *ctx, HedonPredictor *predictor,
                               const HedonDeviceClip *clips, int64_t total, HedonTensor *outputs)
{
    const HedonBackend *backend = predictor->backend;
    const int64_t batch = predictor->batch;
    int code = check_outputs(ctx, predictor, total, outputs);
    if (!code) code = open_stream(ctx, predictor);
    for (int64_t done = 0; done < total && !code; done += batch) {
        const int64_t count = total - done < batch ? total - done : batch;
        code = hedon_check_cancelled(ctx);
        if (!code) code = gather_clips(ctx, predictor, clips + done, count);
        if (!code) code = compute_batch(ctx, predictor, done, count, outputs, predictor->stream);
        /* whatever went wrong: the copies under way still read the clips */
        const int waited =
            predictor->stream ? backend->stream_wait(code ? NULL : ctx, predictor->stream) : 0;
        if (!code) code = waited;
    }
    return code;
}

int hedon_predictor_profile(const HedonPredictor *predictor, const HedonOpProfile **ops, int *count)
{
    HedonPlanInfo info;
    predictor->backend->plan_info(predictor->plan, &info);
    *ops = info.ops;
    *count = info.op_count;
    return 0;
}

const char *hedon_predictor_backend(const HedonPredictor *predictor)
{
    return predictor->backend->name;
}

int64_t hedon_predictor_bytes(const HedonPredictor *predictor)
{
    HedonPlanInfo info;
    predictor->backend->plan_info(predictor->plan, &info);
    return info.arena_bytes + info.weight_bytes;
}

double hedon_predictor_flops(const HedonPredictor *predictor)
{
    double flops = 0;
    for (int i = 0; i < predictor->graph->node_count; i++)
        flops += hedon_node_flops(predictor->graph, &predictor->graph->nodes[i]);
    return flops;
}

int hedon_model_graph_text(HedonContext *ctx, const HedonModel *model,
                           const HedonDeviceOptions *device, char **text)
{
    *text = NULL;
    int code = 0;
    if (device) {
        HedonPredictorOptions options;
        hedon_predictor_options_default(&options);
        options.device = *device;
        HedonPredictor *predictor;
        code = hedon_predictor_open(ctx, &predictor, model, &options);
        if (code) return code;
        *text = predictor->backend->plan_text(predictor->plan);
        hedon_predictor_close(predictor);
    } else {
        const HedonModelInfo *info = hedon_model_info(model);
        HedonGraph *graph;
        code = hedon_model_build(ctx, model, 1, info->clip_frames, info->clip_height,
                                 info->clip_width, &graph);
        if (code) return code;
        *text = hedon_graph_text(graph);
        hedon_graph_free(graph);
    }
    return *text ? 0 : hedon_fail_memory(ctx);
}
