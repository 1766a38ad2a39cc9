#include "train/engine_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

static const double LIGHT_FLOPS = 4e9; /* of a clip, forward and backward */

/* ---- Opening */

static int make_state(HedonContext *ctx, HedonEngine *engine, const HedonModel *model)
{
    const HedonGraph *graph = engine->made.graph;
    HedonTensor *parameters = hedon_calloc((size_t)graph->parameter_count, sizeof(*parameters));
    if (!parameters) return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->parameter_count; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        parameters[i] = *hedon_model_parameter(model, value->name);
    }
    const int code =
        engine->backend->state_new(ctx, engine->device, graph, parameters, &engine->state);
    hedon_free(parameters);
    return code;
}

static int make_buffer(HedonContext *ctx, HedonEngine *engine, HedonValueId value,
                       HedonBuffer **out, size_t *largest)
{
    const size_t bytes = (size_t)hedon_shape_count(&engine->made.graph->values[value].shape) *
                         hedon_dtype_size(hedon_engine_numbers(engine));
    if (bytes > *largest) *largest = bytes;
    return engine->backend->buffer_new(ctx, engine->device, bytes, out);
}

static int make_buffers(HedonContext *ctx, HedonEngine *engine)
{
    const HedonGraph *graph = engine->made.graph;
    size_t largest = 0;
    engine->inputs = hedon_calloc((size_t)graph->input_count, sizeof(*engine->inputs));
    engine->outputs = hedon_calloc((size_t)graph->output_count, sizeof(*engine->outputs));
    int code = engine->inputs && engine->outputs ? 0 : hedon_fail_memory(ctx);
    for (int i = 0; i < graph->input_count && !code; i++)
        code = make_buffer(ctx, engine, hedon_graph_input_value(graph, i), &engine->inputs[i],
                           &largest);
    for (int i = 0; i < graph->output_count && !code; i++)
        code = make_buffer(ctx, engine, graph->outputs[i].value, &engine->outputs[i], &largest);
    if (!code && hedon_engine_numbers(engine) == HEDON_F64 &&
        !(engine->wide = hedon_malloc(largest, 1)))
        code = hedon_fail_memory(ctx);
    return code;
}

static int spread_groups(HedonContext *ctx, HedonEngine *engine)
{
    const size_t count = (size_t)engine->made.graph->parameter_count;
    engine->rate_scale = hedon_calloc(count, sizeof(double));
    engine->weight_decay = hedon_calloc(count, sizeof(double));
    if (!engine->rate_scale || !engine->weight_decay) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < count; i++) {
        engine->rate_scale[i] = engine->made.groups[i].rate_scale;
        engine->weight_decay[i] = engine->made.groups[i].weight_decay;
    }
    return 0;
}

/* A light model gets half of the cores: decoding needs as many, and steps this small lose more by
 * waiting for a thread that a decoder has displaced than they gain by it. */
static int choose_threads(const HedonEngine *engine, int wanted)
{
    const double clip_flops = hedon_engine_flops(engine) / (double)engine->made.clips;
    const int cores = engine->group->cores;
    if (wanted > 0) return wanted;
    return clip_flops >= LIGHT_FLOPS || cores < 2 ? cores : cores / 2;
}

/* How the plan reaches the other ranks. */
static int sum_over_ranks(void *opaque, double *values, int64_t count, HedonStream *stream)
{
    HedonEngine *engine = opaque;
    (void)stream;
    return engine->group->sum(engine->ctx, engine->group, values, count);
}

static void gradient_ready(void *opaque, int parameter, HedonBuffer *gradient)
{
    HedonEngine *engine = opaque;
    (void)parameter;
    if (engine->summing) hedon_gradient_sum_add(engine->ctx, engine->gradients, gradient);
}

static int make_plan(HedonContext *ctx, HedonEngine *engine, int profile)
{
    const int together = engine->group->ranks > 1 && !engine->joins;
    const HedonCompileOptions options = {.profile = profile,
                                         .gradient_ready = together ? gradient_ready : NULL,
                                         .rank_sum = sum_over_ranks,
                                         .opaque = engine};
    int code = engine->backend->compile(ctx, engine->state, &options, &engine->plan);
    if (!code && together)
        code = hedon_gradient_sum_open(ctx, &engine->gradients, engine->group, engine->made.graph,
                                       hedon_engine_numbers(engine));
    return code;
}

/* Where each rank has a device of its own, those of a machine take one after another. */
static int choose_device(HedonContext *ctx, HedonEngine *engine, const char *wanted)
{
    const HedonProcessGroup *group = engine->group;
    int number;
    int code = hedon_backend_find(ctx, wanted, &engine->backend);
    if (!code) code = engine->backend->probe(ctx, wanted, &engine->info);
    if (!code) code = hedon_device_number(ctx, wanted, &number);
    if (code) return code;
    engine->joins = group->ranks > 1 && engine->backend->group_join;
    snprintf(engine->device_name, sizeof(engine->device_name), "%s", wanted ? wanted : "auto");
    if (!engine->joins) return 0;
    if (number >= 0)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "--device %s with several ranks: each takes a GPU of its own; leave the "
                          "number out, CUDA_VISIBLE_DEVICES says which there are",
                          wanted);
    if (group->local_ranks > engine->info.count)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "%d ranks are on this machine, and each needs a GPU of its own: CUDA "
                          "shows %d; take fewer, or --device cpu",
                          group->local_ranks, engine->info.count);
    snprintf(engine->device_name, sizeof(engine->device_name), "%s:%d", engine->backend->name,
             group->local_rank);
    return engine->backend->probe(ctx, engine->device_name, &engine->info);
}

int hedon_engine_open(HedonContext *ctx, HedonEngine **out, const HedonModel *model,
                      const HedonTrainConfig *config, HedonProcessGroup *group, int profile)
{
    *out = NULL;
    HedonEngine *engine = hedon_calloc(1, sizeof(*engine));
    if (!engine) return hedon_fail_memory(ctx);
    engine->recipe = config->recipe;
    hedon_process_group_alone(&engine->alone);
    engine->group = group ? group : &engine->alone;
    HedonDeviceOptions device = config->device;
    int code = choose_device(ctx, engine, device.device);
    device.device = engine->device_name;
    if (!code)
        code = hedon_train_graph_make(ctx, &engine->made, model, config, engine->group->ranks);
    if (!code) code = spread_groups(ctx, engine);
    if (!code) device.threads = engine->threads = choose_threads(engine, device.threads);
    if (!code) code = engine->backend->open(ctx, &engine->device, &device);
    if (!code) code = make_state(ctx, engine, model);
    if (!code) code = make_plan(ctx, engine, profile);
    if (!code) code = make_buffers(ctx, engine);
    if (!code) code = hedon_engine_list_tensors(ctx, engine);
    if (code)
        hedon_engine_close(engine);
    else
        *out = engine;
    return code;
}

static int check_others(HedonContext *ctx, void *opaque)
{
    HedonProcessGroup *group = opaque;
    return group->check(ctx, group);
}

int hedon_engine_join(HedonContext *ctx, HedonEngine *engine)
{
    HedonProcessGroup *group = engine->group;
    char id[HEDON_GROUP_ID_BYTES] = "";
    if (!engine->joins) return 0;
    int code = group->rank ? 0 : engine->backend->group_id(ctx, id);
    code = hedon_process_group_agree(ctx, group, code);
    if (!code) code = group->broadcast(ctx, group, id, sizeof(id));
    if (code) return code;
    const HedonDeviceGroup with = {.id = id,
                                   .rank = group->rank,
                                   .ranks = group->ranks,
                                   .check = check_others,
                                   .opaque = group};
    code = engine->backend->group_join(ctx, engine->device, &with);
    /* the others wait inside the join for this one, not here: nothing can be agreed on */
    if (code) group->broken = 1;
    return code ? code : hedon_process_group_agree(ctx, group, 0);
}

void hedon_engine_close(HedonEngine *engine)
{
    if (!engine) return;
    const HedonBackend *backend = engine->backend;
    const HedonGraph *graph = engine->made.graph;
    for (int i = 0; engine->inputs && i < graph->input_count; i++)
        if (engine->inputs[i]) backend->buffer_free(engine->inputs[i]);
    for (int i = 0; engine->outputs && i < graph->output_count; i++)
        if (engine->outputs[i]) backend->buffer_free(engine->outputs[i]);
    if (engine->plan) backend->plan_free(engine->plan);
    if (engine->state) backend->state_free(engine->state);
    if (engine->device) backend->close(engine->device);
    hedon_train_graph_free(&engine->made);
    hedon_gradient_sum_close(engine->gradients);
    hedon_tensor_free(&engine->room);
    hedon_free(engine->kept);
    hedon_free(engine->inputs);
    hedon_free(engine->outputs);
    hedon_free(engine->rate_scale);
    hedon_free(engine->weight_decay);
    hedon_free(engine->wide);
    hedon_free(engine);
}

/* ---- A batch */

/* count numbers to `offset` numbers into an input */
static int upload(HedonContext *ctx, HedonEngine *engine, int ordinal, int64_t offset,
                  const float *from, int64_t count)
{
    const size_t size = hedon_dtype_size(hedon_engine_numbers(engine));
    const void *bytes = from;
    if (engine->wide) {
        double *wide = engine->wide;
        for (int64_t i = 0; i < count; i++) wide[i] = (double)from[i];
        bytes = wide;
    }
    return engine->backend->upload(ctx, engine->inputs[ordinal], (size_t)offset * size, bytes,
                                   (size_t)count * size, NULL);
}

/* The same, or where there is nothing `value` in each place. */
static int upload_or_fill(HedonContext *ctx, HedonEngine *engine, int ordinal, const float *from,
                          float value, int64_t count)
{
    int code = from ? upload(ctx, engine, ordinal, 0, from, count) : 0;
    for (int64_t i = 0; i < count && !from && !code; i++)
        code = upload(ctx, engine, ordinal, i, &value, 1);
    return code;
}

static int download(HedonContext *ctx, HedonEngine *engine, int index, double *out, int64_t count)
{
    float narrow[64];
    if (engine->wide)
        return engine->backend->download(ctx, out, engine->outputs[index], 0,
                                         (size_t)count * sizeof(double), NULL);
    for (int64_t done = 0; done < count; done += 64) {
        const int64_t part = count - done < 64 ? count - done : 64;
        const int code = engine->backend->download(ctx, narrow, engine->outputs[index],
                                                   (size_t)done * sizeof(float),
                                                   (size_t)part * sizeof(float), NULL);
        if (code) return code;
        for (int64_t i = 0; i < part; i++) out[done + i] = (double)narrow[i];
    }
    return 0;
}

static int upload_batch(HedonContext *ctx, HedonEngine *engine, const HedonTrainBatch *batch)
{
    const HedonTrainGraph *made = &engine->made;
    const int64_t n = made->clips;
    const HedonShape *shape =
        &made->graph->values[hedon_graph_input_value(made->graph, made->input_clips)].shape;
    const int64_t size = hedon_shape_count(shape) / n;
    int code = 0;
    for (int64_t i = 0; i < n && !code; i++)
        code = upload(ctx, engine, made->input_clips, i * size, batch->pixels[i], size);
    if (!code && made->input_targets >= 0)
        code = upload(ctx, engine, made->input_targets, 0, batch->targets, n * HEDON_EMOTIONS);
    if (!code && made->input_clip_weights >= 0)
        code = upload(ctx, engine, made->input_clip_weights, 0, batch->clip_weights, n);
    if (!code && made->input_pair_weights >= 0)
        code = upload(ctx, engine, made->input_pair_weights, 0, batch->pair_weights,
                      n / hedon_recipe_compared(&engine->recipe));
    if (!code && made->input_ties >= 0)
        code = upload_or_fill(ctx, engine, made->input_ties, batch->ties, 0, n / 2);
    if (!code && made->input_mask >= 0)
        code = upload_or_fill(ctx, engine, made->input_mask, batch->mask, 1, n);
    return code;
}

int hedon_engine_batch(HedonContext *ctx, HedonEngine *engine, const HedonTrainBatch *batch,
                       HedonRandomKey random, int place, HedonTrainLosses *losses)
{
    const HedonTrainGraph *made = &engine->made;
    *losses = (HedonTrainLosses){0};
    int code = upload_batch(ctx, engine, batch);
    const HedonExecution execution = {.inputs = engine->inputs,
                                      .outputs = engine->outputs,
                                      .random = random,
                                      .samples = batch->samples,
                                      .accumulate = !(place & HEDON_BATCH_FIRST),
                                      .sum_gradients = engine->joins && (place & HEDON_BATCH_LAST)};
    engine->ctx = ctx;
    engine->summing = engine->gradients && (place & HEDON_BATCH_LAST);
    if (!code) code = engine->backend->execute(ctx, engine->plan, &execution);
    if (!code && engine->summing) code = hedon_gradient_sum_finish(ctx, engine->gradients);
    engine->summed = engine->summing || execution.sum_gradients;
    if (!code && made->output_emotions_loss >= 0)
        code = download(ctx, engine, made->output_emotions_loss, &losses->emotions, 1);
    if (!code && made->output_utility_loss >= 0)
        code = download(ctx, engine, made->output_utility_loss, &losses->utility, 1);
    losses->total = engine->recipe.emotions_weight * losses->emotions +
                    engine->recipe.utility_weight * losses->utility;
    return code;
}

static int read_logits(HedonContext *ctx, HedonEngine *engine, int index, float *out, int64_t count)
{
    double *wide = hedon_malloc((size_t)count, sizeof(*wide));
    if (!wide) return hedon_fail_memory(ctx);
    const int code = download(ctx, engine, index, wide, count);
    for (int64_t i = 0; i < count && !code; i++) out[i] = (float)wide[i];
    hedon_free(wide);
    return code;
}

int hedon_engine_logits(HedonContext *ctx, HedonEngine *engine, float *emotions, float *utilities)
{
    const HedonTrainGraph *made = &engine->made;
    int code = 0;
    if (emotions && made->output_emotions >= 0)
        code =
            read_logits(ctx, engine, made->output_emotions, emotions, made->clips * HEDON_EMOTIONS);
    if (!code && utilities && made->output_utility >= 0)
        code = read_logits(ctx, engine, made->output_utility, utilities, made->clips);
    return code;
}

/* Where no batch of the step was its last (nothing in that could be decoded). */
static int sum_gradients(HedonContext *ctx, HedonEngine *engine)
{
    const HedonGraph *graph = engine->made.graph;
    int code = 0;
    if (engine->joins) return engine->backend->sum_gradients(ctx, engine->state);
    for (int i = 0; i < graph->gradient_count && !code; i++) {
        const int parameter = graph->values[graph->gradients[i].parameter].ordinal;
        code = hedon_engine_room(ctx, engine, parameter);
        if (!code)
            code = engine->backend->state_read(ctx, engine->state, HEDON_STATE_GRADIENT, parameter,
                                               &engine->room);
        if (!code)
            code = engine->group->sum_start(ctx, engine->group, engine->room.data,
                                            hedon_shape_count(&engine->room.shape),
                                            hedon_engine_numbers(engine));
        if (!code) code = engine->group->sum_finish(ctx, engine->group);
        if (!code)
            code = engine->backend->state_write(ctx, engine->state, HEDON_STATE_GRADIENT, parameter,
                                                &engine->room);
    }
    return code;
}

int hedon_engine_update(HedonContext *ctx, HedonEngine *engine, int64_t step, double rate,
                        HedonOptimiserResult *result)
{
    const HedonRecipe *recipe = &engine->recipe;
    const int code = engine->group->ranks > 1 && !engine->summed ? sum_gradients(ctx, engine) : 0;
    if (code) return code;
    const HedonOptimiserStep optimiser = {
        .kind = recipe->optimiser,
        .number = step + 1,
        .learning_rate = rate,
        .rate_scale = engine->rate_scale,
        .weight_decay = engine->weight_decay,
        .momentum = recipe->momentum,
        .nesterov = recipe->nesterov,
        .beta1 = recipe->beta1,
        .beta2 = recipe->beta2,
        .epsilon = recipe->epsilon,
        .gradient_scale = 1 / (double)recipe->accumulate,
        .clip_norm = recipe->clip_norm,
        .average_decay = recipe->average,
    };
    return engine->backend->optimise(ctx, engine->state, &optimiser, result);
}

/* ---- What it says of itself */

int64_t hedon_engine_batch_clips(const HedonEngine *engine)
{
    return engine->made.clips;
}

const char *hedon_engine_backend(const HedonEngine *engine)
{
    return engine->backend->name;
}

int hedon_engine_threads(const HedonEngine *engine)
{
    return engine->threads;
}

const char *hedon_engine_device(const HedonEngine *engine)
{
    return engine->device_name;
}

void hedon_engine_build(const HedonEngine *engine, char *text, size_t room)
{
    snprintf(text, room, "hedon %s, %s, %s, %s", HEDON_VERSION, engine->backend->name,
             engine->info.device, engine->info.library);
}

void hedon_engine_info(const HedonEngine *engine, HedonPlanInfo *info)
{
    engine->backend->plan_info(engine->plan, info);
}

double hedon_engine_flops(const HedonEngine *engine)
{
    const HedonGraph *graph = engine->made.graph;
    double flops = 0;
    for (int i = 0; i < graph->node_count; i++) flops += hedon_node_flops(graph, &graph->nodes[i]);
    return flops;
}

/* The plan is in order: what comes after the last loss is the backward pass. */
void hedon_engine_phases(const HedonEngine *engine, double *forward_s, double *backward_s)
{
    HedonPlanInfo info;
    int losses = 0;
    hedon_engine_info(engine, &info);
    *forward_s = *backward_s = 0;
    for (int i = 0; i < info.op_count; i++)
        if (!strncmp(info.ops[i].operation, "loss_", 5)) losses = i + 1;
    for (int i = 0; i < info.op_count; i++)
        *(i < losses ? forward_s : backward_s) += info.ops[i].seconds;
}
