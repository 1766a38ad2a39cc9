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
    if (options->videos < 0)
        return hedon_fail(ctx, HEDON_EINVAL, "the number of videos must not be negative");
    if (options->streams < 0 || options->streams > 256)
        return hedon_fail(ctx, HEDON_EINVAL, "streams must be 1 to 256");
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

static int open_predictors(HedonContext *ctx, HedonScorer *scorer)
{
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    options.device = scorer->options.device;
    options.device.threads = scorer->share.stream_threads;
    options.batch = scorer->options.batch;
    const int count = scorer->share.streams;
    scorer->predictors = hedon_calloc((size_t)count, sizeof(*scorer->predictors));
    if (!scorer->predictors) return hedon_fail_memory(ctx);
    int code = hedon_predictor_open(ctx, &scorer->predictors[0], scorer->model, &options);
    for (int i = 1; i < count && !code; i++)
        code = hedon_predictor_share(ctx, &scorer->predictors[i], scorer->predictors[0]);
    return code;
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
    if (!code) code = scorer->backend->probe(ctx, options->device.device, &scorer->backend_info);
    if (!code) code = hedon_device_number(ctx, options->device.device, &scorer->gpu);
    if (!code && scorer->gpu < 0) scorer->gpu = 0;
    if (!code) code = count_flops(ctx, scorer);
    if (code) goto fail;
    scorer->on_device = scorer->backend->uploader_new != NULL;
    const int host = !strcmp(scorer->backend->name, "cpu") || !strcmp(scorer->backend->name, "ref");
    if (!scorer->options.batch) scorer->options.batch = host ? 1 : 8;
    scorer->view_floats = 3 * scorer->info->clip_frames * scorer->info->clip_height *
                          scorer->info->clip_width;
    scorer->share = hedon_share_cores(scorer->cores, scorer->clip_flops,
                                      (HedonShareWish){.videos = options->videos,
                                                       .streams = host ? options->streams : 1,
                                                       .workers = options->decode_workers});
    code = open_predictors(ctx, scorer);
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
    for (int i = scorer->predictors ? scorer->share.streams - 1 : -1; i >= 0; i--)
        hedon_predictor_close(scorer->predictors[i]);
    hedon_free(scorer->predictors);
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
