#include "models/trainable.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "models/model_private.h"

/* ---- Fresh weights */

static float *values_of(HedonModel *model, const HedonGraph *graph, HedonValueId value)
{
    return model->parameters[graph->values[value].ordinal].values.data;
}

static int64_t count_of(const HedonGraph *graph, HedonValueId value)
{
    return hedon_shape_count(&graph->values[value].shape);
}

static void fill(HedonModel *model, const HedonGraph *graph, HedonValueId value, float constant)
{
    float *values = values_of(model, graph, value);
    for (int64_t i = 0; i < count_of(graph, value); i++) values[i] = constant;
}

static HedonRandomKey key_of(const HedonGraph *graph, HedonValueId value, uint64_t seed)
{
    return hedon_random_key_name(seed, graph->values[value].name);
}

/* torch.nn.init.kaiming_normal_(mode="fan_out", nonlinearity="relu") */
static void fill_conv(HedonModel *model, const HedonGraph *graph, const HedonNode *node,
                      uint64_t seed)
{
    const HedonValueId weight = node->input[1];
    const HedonShape *shape = &graph->values[weight].shape;
    const double fan_out = (double)(shape->dim[0] * shape->dim[2] * shape->dim[3] * shape->dim[4]) /
                           (double)node->attributes.conv.groups;
    const HedonRandomKey key = key_of(graph, weight, seed);
    float *values = values_of(model, graph, weight);
    for (int64_t i = 0; i < count_of(graph, weight); i++)
        values[i] = (float)(sqrt(2 / fan_out) * hedon_random_normal(key, (uint64_t)i));
    if (node->input_count > 2 && node->input[2] != HEDON_NONE)
        fill(model, graph, node->input[2], 0);
}

/* torch.nn.init.trunc_normal_(std=.02) with its bounds of 2 standard deviations, which torch's own
 * +-2 would never reach, then the paper's init_scale of .001: drawn again until it is inside. */
static void fill_emotions(float *values, int64_t count, HedonRandomKey key)
{
    uint64_t draw = 0;
    for (int64_t i = 0; i < count; i++) {
        double normal;
        do normal = hedon_random_normal(key, draw++);
        while (fabs(normal) > 2);
        values[i] = (float)(.001 * .02 * normal);
    }
}

static void fill_linear(HedonModel *model, const HedonGraph *graph, const HedonNode *node,
                        uint64_t seed)
{
    const HedonValueId weight = node->input[1];
    const int64_t count = count_of(graph, weight);
    const double width = 1 / sqrt((double)graph->values[weight].shape.dim[1]);
    const HedonRandomKey key = key_of(graph, weight, seed);
    float *values = values_of(model, graph, weight);
    if (!strcmp(node->name, "head.emotions"))
        fill_emotions(values, count, key);
    else
        for (int64_t i = 0; i < count; i++)
            values[i] = (float)(width * (2 * hedon_random_uniform(key, (uint64_t)i) - 1));
    if (node->input_count > 2 && node->input[2] != HEDON_NONE)
        fill(model, graph, node->input[2], 0);
}

static void fill_all(HedonModel *model, const HedonGraph *graph, uint64_t seed)
{
    for (int i = 0; i < graph->node_count; i++) {
        const HedonNode *node = &graph->nodes[i];
        if (node->op == HEDON_OP_CONV) fill_conv(model, graph, node, seed);
        if (node->op == HEDON_OP_LINEAR) fill_linear(model, graph, node, seed);
        if (node->op != HEDON_OP_BATCH_NORM) continue;
        for (int k = 1; k < 5; k++) fill(model, graph, node->input[k], k == 1 || k == 4);
    }
}

int hedon_model_open_fresh(HedonContext *ctx, HedonModel **out, const char *architecture,
                           uint64_t seed, const char *heads)
{
    const int code = hedon_model_make(ctx, out, architecture, heads, fill_all, seed);
    if (code) return code;
    (*out)->info.trained_on = "nothing yet";
    (*out)->info.caveat = "fresh weights: not trained yet";
    return 0;
}

/* ---- Weights from elsewhere */

static int same_shape(const HedonShape *a, const HedonShape *b)
{
    if (a->rank != b->rank) return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return 0;
    return 1;
}

int hedon_model_copy_weights(HedonContext *ctx, HedonModel *model, const HedonModel *from,
                             int *copied, int *fresh)
{
    *copied = *fresh = 0;
    if (model->architecture != from->architecture)
        return hedon_fail(ctx, HEDON_EINVAL, "is a %s, but the model to train is a %s",
                          from->architecture->name, model->architecture->name);
    for (int i = 0; i < model->parameter_count; i++) {
        HedonTensor *to = &model->parameters[i].values;
        const HedonTensor *values = hedon_model_parameter(from, model->parameters[i].name);
        if (values && same_shape(&values->shape, &to->shape)) {
            memcpy(to->data, values->data, (size_t)hedon_shape_count(&to->shape) * sizeof(float));
            (*copied)++;
        } else {
            (*fresh)++;
        }
    }
    if (!*copied) return hedon_fail(ctx, HEDON_EINVAL, "has no tensor that the model could take");
    model->preprocessing = from->preprocessing;
    model->info.clip_frames = from->info.clip_frames;
    model->info.clip_height = from->info.clip_height;
    model->info.clip_width = from->info.clip_width;
    return 0;
}

/* ---- What the trainer writes */

HedonTensor *hedon_model_writable(HedonModel *model, int i)
{
    return model->parameters[i].borrowed ? NULL : &model->parameters[i].values;
}

int hedon_model_set_provenance(HedonContext *ctx, HedonModel *model,
                               const HedonProvenance *provenance)
{
    HedonModelInfo *info = &model->info;
    int code = hedon_model_set_text(ctx, model, &info->name, provenance->name);
    if (!code) code = hedon_model_set_text(ctx, model, &info->trained_on, provenance->trained_on);
    if (!code) code = hedon_model_set_text(ctx, model, &info->caveat, provenance->caveat);
    if (!code && provenance->test_metric)
        code = hedon_model_set_text(ctx, model, &info->test_metric, provenance->test_metric);
    info->human_trained = provenance->human_trained;
    if (code || !provenance->reference_name || provenance->reference_count < 1) return code;
    const size_t count = (size_t)provenance->reference_count;
    double *reference = hedon_arena_alloc(&model->arena, count, sizeof(*reference));
    if (!reference) return hedon_fail_memory(ctx);
    memcpy(reference, provenance->reference, count * sizeof(*reference));
    code = hedon_model_set_text(ctx, model, &info->reference_name, provenance->reference_name);
    info->reference = reference;
    info->reference_count = provenance->reference_count;
    return code;
}

static int32_t scaled(int32_t length, int64_t size, int32_t crop)
{
    return (int32_t)llround((double)length * (double)size / (double)crop);
}

int hedon_model_set_clip(HedonContext *ctx, HedonModel *model, int64_t frames, int64_t size)
{
    const HedonArchitecture *architecture = model->architecture;
    HedonPreprocessing *p = &model->preprocessing;
    if ((frames && frames < architecture->min_frames) || (size && size < architecture->min_size))
        return hedon_fail(ctx, HEDON_EINVAL, "%s takes clips of at least %lld frames of %lldx%lld",
                          architecture->name, (long long)architecture->min_frames,
                          (long long)architecture->min_size, (long long)architecture->min_size);
    if (size) {
        p->resize_width = scaled(p->resize_width, size, p->crop_width);
        p->resize_height = scaled(p->resize_height, size, p->crop_height);
        p->crop_width = p->crop_height = (int32_t)size;
    }
    if (frames) p->clip_frames = frames;
    model->info.clip_frames = p->clip_frames;
    model->info.clip_height = p->crop_height;
    model->info.clip_width = p->crop_width;
    return 0;
}

void hedon_model_set_sampling(HedonModel *model, const char *sampling, double window_s,
                              double stride_s)
{
    HedonPreprocessing *preprocessing = &model->preprocessing;
    snprintf(preprocessing->sampling, sizeof(preprocessing->sampling), "%s", sampling);
    if (window_s > 0) preprocessing->window_s = window_s;
    if (stride_s > 0) preprocessing->stride_s = stride_s;
}

void hedon_model_set_paper_views(HedonModel *model)
{
    HedonPreprocessing *preprocessing = &model->preprocessing;
    hedon_model_set_sampling(model, "segments", 0, 0);
    preprocessing->frame_stride = 4;
    preprocessing->resize = HEDON_RESIZE_SHORT_SIDE;
    preprocessing->resize_height = preprocessing->crop_height;
    preprocessing->resize_width = preprocessing->crop_width;
    preprocessing->interpolation = HEDON_BILINEAR;
    preprocessing->antialias = 0;
    preprocessing->crop = HEDON_CROP_THREE;
}
