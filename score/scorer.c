/* Opening a scorer: the device, the compiled model, the memory of its batches. */
#include "score/scorer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

void hedon_scorer_options_default(HedonScorerOptions *options)
{
    *options = (HedonScorerOptions){.timeline = 1, .thumbnail_height = 90};
    hedon_device_options_default(&options->device);
}

static int check_options(HedonContext *ctx, const HedonScorerOptions *options)
{
    if (!(options->window_s >= 0 && options->window_s < 1e9))
        return hedon_fail(ctx, HEDON_EINVAL, "the window must be a positive number of seconds");
    if (!(options->stride_s >= 0 && options->stride_s < 1e9))
        return hedon_fail(ctx, HEDON_EINVAL, "the stride must be a positive number of seconds");
    if (options->batch < 0 || options->batch > 1024)
        return hedon_fail(ctx, HEDON_EINVAL, "the batch must be 1 to 1024 views");
    if (options->decode_workers < 0 || options->decode_workers > 256)
        return hedon_fail(ctx, HEDON_EINVAL, "decode workers must be 1 to 256");
    if (options->thumbnails > 0 &&
        (options->thumbnail_height < 8 || options->thumbnail_height > 1080))
        return hedon_fail(ctx, HEDON_EINVAL, "the height of thumbnails must be 8 to 1080 pixels");
    return 0;
}

static int check_model(HedonContext *ctx, const HedonScorer *scorer)
{
    const HedonModelInfo *info = scorer->info;
    const HedonPreprocessing *preprocessing = scorer->preprocessing;
    if (info->emotions_head < 0 && info->utility_head < 0)
        return hedon_fail(
            ctx, HEDON_EUNSUPPORTED,
            "model %s has neither an emotions nor a utility head, so it cannot score; "
            "'hedon infer' runs it",
            info->name);
    if (hedon_sampling_from_name(preprocessing->sampling) < 0)
        return hedon_fail(ctx, HEDON_EDATA, "model %s wants an unknown sampling, '%s'", info->name,
                          preprocessing->sampling);
    if (preprocessing->clip_frames != info->clip_frames ||
        preprocessing->crop_width != info->clip_width ||
        preprocessing->crop_height != info->clip_height)
        return hedon_fail(ctx, HEDON_EDATA,
                          "model %s: its pre-processing does not give the clips it takes",
                          info->name);
    return 0;
}

/* Decides how the cores are shared, before anything is compiled. */
static int count_flops(HedonContext *ctx, HedonScorer *scorer)
{
    const HedonModelInfo *info = scorer->info;
    HedonGraph *graph;
    const int code = hedon_model_build(ctx, scorer->model, 1, info->clip_frames, info->clip_height,
                                       info->clip_width, &graph);
    if (code) return code;
    for (int i = 0; i < graph->node_count; i++)
        scorer->clip_flops += (double)scorer->views * hedon_node_flops(graph, &graph->nodes[i]);
    hedon_graph_free(graph);
    return 0;
}

static int open_predictor(HedonContext *ctx, HedonScorer *scorer)
{
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device = scorer->options.device;
    options.device.threads = scorer->share.compute_threads;
    options.batch = scorer->options.batch;
    return hedon_predictor_open(ctx, &scorer->predictor, scorer->model, &options);
}

static int alloc_batch(HedonContext *ctx, HedonScorer *scorer)
{
    const HedonModelInfo *info = scorer->info;
    const int64_t batch = scorer->options.batch;
    const HedonShape shape = {
        .rank = 5, .dim = {batch, 3, info->clip_frames, info->clip_height, info->clip_width}};
    scorer->outputs = hedon_calloc((size_t)info->head_count, sizeof(*scorer->outputs));
    if (!scorer->outputs || hedon_tensor_alloc(&scorer->batch, HEDON_F32, &shape))
        return hedon_fail_memory(ctx);
    scorer->view_floats = hedon_shape_count(&shape) / batch;
    for (int i = 0; i < info->head_count; i++) {
        const HedonShape head = {.rank = 2, .dim = {batch, info->heads[i].size}};
        scorer->outputs[i] = (HedonTensor){.dtype = HEDON_F32, .shape = head};
        if (i != info->emotions_head && i != info->utility_head) continue;
        if (hedon_tensor_alloc(&scorer->outputs[i], HEDON_F32, &head))
            return hedon_fail_memory(ctx);
    }
    return 0;
}

static void write_sentences(HedonScorer *scorer)
{
    const char *caveat = scorer->info->caveat;
    const size_t length = strlen(caveat);
    if (!scorer->info->human_trained)
        snprintf(scorer->warning, sizeof(scorer->warning),
                 "not an estimate of viewers' feelings: this model never saw human ratings");
    snprintf(scorer->notes, sizeof(scorer->notes), "%.800s%s%s%s", caveat,
             length && caveat[length - 1] != '.' ? "." : "", length ? "\n" : "",
             "Intensities are mean ratings of whole clips; nobody rated moments.\n"
             "hedon hears no sound.");
    if (length && caveat[0] >= 'a' && caveat[0] <= 'z') scorer->notes[0] -= 'a' - 'A';
}

int hedon_scorer_open(HedonContext *ctx, HedonScorer **out, const HedonModel *model,
                      const HedonScorerOptions *options)
{
    *out = NULL;
    int code = check_options(ctx, options);
    if (code) return code;
    HedonScorer *scorer = hedon_calloc(1, sizeof(*scorer));
    if (!scorer) return hedon_fail_memory(ctx);
    scorer->options = *options;
    scorer->model = model;
    scorer->info = hedon_model_info(model);
    scorer->preprocessing = hedon_model_preprocessing(model);
    scorer->views = hedon_preprocessing_views(scorer->preprocessing);
    scorer->cores = options->device.threads > 0 ? options->device.threads : hedon_cpu_count();
    write_sentences(scorer);

    code = check_model(ctx, scorer);
    if (!code) code = hedon_backend_find(ctx, options->device.device, &scorer->backend);
    if (!code) code = scorer->backend->probe(ctx, &scorer->backend_info);
    if (!code) code = count_flops(ctx, scorer);
    if (code) goto fail;
    const int host = !strcmp(scorer->backend->name, "cpu") || !strcmp(scorer->backend->name, "ref");
    if (!scorer->options.batch) scorer->options.batch = host ? 1 : 8;
    scorer->share =
        hedon_share_cores(scorer->cores, scorer->clip_flops, 0, options->decode_workers);
    code = open_predictor(ctx, scorer);
    if (!code) code = alloc_batch(ctx, scorer);
    if (code) goto fail;
    *out = scorer;
    return 0;

fail:
    hedon_scorer_close(scorer);
    return code;
}

void hedon_scorer_close(HedonScorer *scorer)
{
    if (!scorer) return;
    for (int i = 0; scorer->outputs && i < scorer->info->head_count; i++)
        hedon_tensor_free(&scorer->outputs[i]);
    hedon_free(scorer->outputs);
    hedon_tensor_free(&scorer->batch);
    hedon_predictor_close(scorer->predictor);
    hedon_free(scorer);
}

const char *hedon_scorer_warning(const HedonScorer *scorer)
{
    return scorer->warning[0] ? scorer->warning : NULL;
}

const char *hedon_scorer_notes(const HedonScorer *scorer)
{
    return scorer->notes;
}
