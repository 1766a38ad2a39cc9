/* What every model has, wherever it comes from: heads, a graph, named parameters. */
#include "models/model.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/model_private.h"
#include "models/trainable.h"

int hedon_model_new(HedonContext *ctx, HedonModel **out, const HedonArchitecture *architecture)
{
    HedonModel *model = *out = hedon_calloc(1, sizeof(*model));
    if (!model) return hedon_fail_memory(ctx);
    model->architecture = architecture;
    model->preprocessing = architecture->preprocessing;
    model->info = (HedonModelInfo){
        .name = architecture->name,
        .architecture = architecture->name,
        .sha256 = model->sha256,
        .trained_on = "",
        .caveat = "",
        .clip_frames = architecture->preprocessing.clip_frames,
        .clip_height = architecture->preprocessing.crop_height,
        .clip_width = architecture->preprocessing.crop_width,
        .heads = model->heads,
        .emotions_head = -1,
        .utility_head = -1,
    };
    return 0;
}

void hedon_model_close(HedonModel *model)
{
    if (!model) return;
    for (int i = 0; i < model->parameter_count; i++)
        if (!model->parameters[i].borrowed) hedon_tensor_free(&model->parameters[i].values);
    hedon_safetensors_close(&model->file);
    hedon_arena_free(&model->arena);
    hedon_free(model);
}

int hedon_model_set_text(HedonContext *ctx, HedonModel *model, const char **field, const char *text)
{
    const char *copy = hedon_arena_strdup(&model->arena, text);
    if (!copy) return hedon_fail_memory(ctx);
    *field = copy;
    return 0;
}

static int emotion_labels(HedonContext *ctx, HedonModel *model, HedonHead *head)
{
    const char **labels = hedon_arena_alloc(&model->arena, HEDON_EMOTIONS, sizeof(*labels));
    if (!labels) return hedon_fail_memory(ctx);
    for (int i = 0; i < HEDON_EMOTIONS; i++) labels[i] = hedon_emotion_name(i);
    head->labels = labels;
    return 0;
}

int hedon_model_add_head(HedonContext *ctx, HedonModel *model, const char *name, int64_t size,
                         int bias)
{
    const int index = model->info.head_count;
    const int is_emotions = !strcmp(name, "emotions"), is_utility = !strcmp(name, "utility");
    if (!is_emotions && !is_utility && strcmp(name, "classes"))
        return hedon_fail(ctx, HEDON_EDATA, "the head %.40s is none of emotions, utility, classes",
                          name);
    for (int i = 0; i < index; i++)
        if (!strcmp(model->heads[i].name, name))
            return hedon_fail(ctx, HEDON_EDATA, "there are two %s heads", name);
    if (size < 1 || size > 1000000 || (is_emotions && size != HEDON_EMOTIONS) ||
        (is_utility && size != 1))
        return hedon_fail(ctx, HEDON_EDATA, "the %s head cannot have %lld outputs", name,
                          (long long)size);
    HedonHead *head = &model->heads[index];
    head->size = size;
    model->head_bias[index] = bias;
    int code = hedon_model_set_text(ctx, model, &head->name, name);
    if (!code && is_emotions) code = emotion_labels(ctx, model, head);
    if (code) return code;
    if (is_emotions) model->info.emotions_head = index;
    if (is_utility) model->info.utility_head = index;
    model->info.head_count++;
    return 0;
}

/* y = features w^T (+ b), under the names head.NAME.weight and head.NAME.bias. */
static HedonValueId build_head(HedonGraph *graph, const HedonHead *head, int bias,
                               HedonValueId features, int64_t feature_size)
{
    char node[64], weight[64], offset[64];
    snprintf(node, sizeof(node), "head.%s", head->name);
    snprintf(weight, sizeof(weight), "head.%s.weight", head->name);
    snprintf(offset, sizeof(offset), "head.%s.bias", head->name);
    const HedonValueId w = hedon_graph_parameter(
        graph, weight, &(HedonShape){.rank = 2, .dim = {head->size, feature_size}});
    const HedonValueId b =
        bias ? hedon_graph_parameter(graph, offset, &(HedonShape){.rank = 1, .dim = {head->size}})
             : HEDON_NONE;
    return hedon_linear(graph, node, features, w, b);
}

void hedon_model_add_to_graph(const HedonModel *model, HedonGraph *graph, HedonValueId clips,
                              HedonValueId *logits)
{
    const HedonValueId features = model->architecture->build(graph, clips);
    for (int i = 0; i < model->info.head_count; i++)
        logits[i] = build_head(graph, &model->heads[i], model->head_bias[i], features,
                               model->architecture->feature_size);
}

int hedon_model_build(HedonContext *ctx, const HedonModel *model, int64_t batch, int64_t frames,
                      int64_t height, int64_t width, HedonGraph **out)
{
    const HedonArchitecture *architecture = model->architecture;
    *out = NULL;
    if (batch < 1 || frames < architecture->min_frames || height < architecture->min_size ||
        width < architecture->min_size)
        return hedon_fail(
            ctx, HEDON_EINVAL,
            "%s takes clips of at least %lld frames of %lldx%lld, not %lld of %lldx%lld",
            architecture->name, (long long)architecture->min_frames,
            (long long)architecture->min_size, (long long)architecture->min_size, (long long)frames,
            (long long)width, (long long)height);
    HedonGraph *graph = hedon_graph_new();
    if (!graph) return hedon_fail_memory(ctx);
    const HedonShape shape = {.rank = 5, .dim = {batch, 3, frames, height, width}};
    HedonValueId logits[HEDON_MAX_HEADS];
    hedon_model_add_to_graph(model, graph, hedon_graph_input(graph, "clips", &shape), logits);
    for (int i = 0; i < model->info.head_count; i++)
        hedon_graph_output(graph, model->heads[i].name, logits[i]);
    const int code = hedon_graph_finish(ctx, graph);
    if (code)
        hedon_graph_free(graph);
    else
        *out = graph;
    return code;
}

/* Learnt numbers: all but batch norm's running statistics, as torch counts them. */
static int64_t count_parameters(const HedonGraph *graph)
{
    int64_t count = 0;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].kind == HEDON_VALUE_PARAMETER)
            count += hedon_shape_count(&graph->values[i].shape);
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i].op == HEDON_OP_BATCH_NORM)
            for (int statistic = 3; statistic <= 4; statistic++)
                count -= hedon_shape_count(&graph->values[graph->nodes[i].input[statistic]].shape);
    return count;
}

int hedon_model_declare(HedonContext *ctx, HedonModel *model, HedonGraph **out)
{
    HedonGraph *graph;
    if (out) *out = NULL;
    int code = hedon_model_build(ctx, model, 1, model->info.clip_frames, model->info.clip_height,
                                 model->info.clip_width, &graph);
    if (code) return code;
    model->parameters =
        hedon_arena_alloc(&model->arena, (size_t)graph->parameter_count, sizeof(HedonParameter));
    if (!model->parameters) code = hedon_fail_memory(ctx);
    for (int i = 0; i < graph->parameter_count && !code; i++) {
        const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, i)];
        HedonParameter *parameter = &model->parameters[i];
        code = hedon_model_set_text(ctx, model, &parameter->name, value->name);
        parameter->values = (HedonTensor){.dtype = HEDON_F32, .shape = value->shape};
        parameter->stored = HEDON_F32;
    }
    if (!code) {
        model->parameter_count = graph->parameter_count;
        model->info.parameters = count_parameters(graph);
    }
    if (!code && out)
        *out = graph;
    else
        hedon_graph_free(graph);
    return code;
}

int hedon_model_allocate(HedonContext *ctx, HedonModel *model, int i)
{
    HedonTensor *values = &model->parameters[i].values;
    const HedonShape shape = values->shape;
    const int code = hedon_tensor_alloc(values, HEDON_F32, &shape);
    return code ? hedon_fail_memory(ctx) : 0;
}

const HedonModelInfo *hedon_model_info(const HedonModel *model)
{
    return &model->info;
}

const HedonArchitecture *hedon_model_architecture(const HedonModel *model)
{
    return model->architecture;
}

const HedonPreprocessing *hedon_model_preprocessing(const HedonModel *model)
{
    return &model->preprocessing;
}

const HedonTensor *hedon_model_parameter(const HedonModel *model, const char *name)
{
    for (int i = 0; i < model->parameter_count; i++)
        if (!strcmp(model->parameters[i].name, name)) return &model->parameters[i].values;
    return NULL;
}
