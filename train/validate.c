#include "train/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/model.h"
#include "train/clip_feed.h"
#include "train/reference.h"

enum { BATCH = 8 };

/* Each held-out video once, whichever dataset it is from. Every ranks-th is this rank's. */
typedef struct Videos {
    const HedonDatasetItem **item;
    int64_t count;
    int rank, ranks;
    int32_t *of_v2v; /* by item of v2v: its number here, -1 */
    float *emotions; /* (count, 27) */
    float *utility;  /* (count) */
    float *seen;     /* (count): 1 or 0 */
} Videos;

int hedon_in_top3(const float *logits, int label)
{
    int above = 0;
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        above += logits[i] > logits[label] || (logits[i] == logits[label] && i < label);
    return above < 3;
}

static int list_videos(HedonContext *ctx, Videos *videos, const HedonTrainData *data)
{
    const HedonTrainPart *part = &data->held;
    const int64_t v2v_items = data->v2v ? hedon_dataset_size(data->v2v) : 0;
    const size_t most = (size_t)(part->clip_count + HEDON_MAX_COMPARED * part->pair_count) + 1;
    videos->item = hedon_calloc(most, sizeof(*videos->item));
    videos->of_v2v = hedon_calloc((size_t)v2v_items + 1, sizeof(*videos->of_v2v));
    videos->emotions = hedon_calloc(most, HEDON_EMOTIONS * sizeof(float));
    videos->utility = hedon_calloc(most, sizeof(float));
    videos->seen = hedon_calloc(most, sizeof(float));
    if (!videos->item || !videos->of_v2v || !videos->emotions || !videos->utility || !videos->seen)
        return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < part->clip_count; i++)
        videos->item[videos->count++] = hedon_dataset_item(data->vce, part->clips[i]);
    for (int64_t i = 0; i < v2v_items; i++) videos->of_v2v[i] = -1;
    for (int64_t i = 0; i < part->pair_count; i++) {
        const HedonComparison *one = hedon_dataset_comparison(data->v2v, part->pairs[i]);
        for (int k = 0; k < one->count; k++) {
            const int32_t item = one->item[k];
            if (videos->of_v2v[item] >= 0) continue;
            videos->of_v2v[item] = (int32_t)videos->count;
            videos->item[videos->count++] = hedon_dataset_item(data->v2v, item);
        }
    }
    return 0;
}

static void free_videos(Videos *videos)
{
    hedon_free(videos->item);
    hedon_free(videos->of_v2v);
    hedon_free(videos->emotions);
    hedon_free(videos->utility);
    hedon_free(videos->seen);
}

/* The video of this rank's place. */
static int64_t video_at(const Videos *videos, int64_t place)
{
    return place * videos->ranks + videos->rank;
}

/* Places of this rank. */
static int64_t places_of(const Videos *videos)
{
    return (videos->count - videos->rank + videos->ranks - 1) / videos->ranks;
}

static void place_of(void *opaque, int64_t place, HedonClipPlace *out)
{
    const Videos *videos = opaque;
    *out = (HedonClipPlace){.path = videos->item[video_at(videos, place)]->path};
}

/* One batch of clips through the model. */
static int predict(HedonContext *ctx, HedonPredictor *predictor, const HedonModelInfo *info,
                   Videos *videos, HedonTensor *batch, const int64_t *number, int64_t count)
{
    float emotions[BATCH * HEDON_EMOTIONS], utility[BATCH];
    HedonTensor outputs[8] = {0};
    batch->shape.dim[0] = count;
    for (int i = 0; i < info->head_count; i++)
        outputs[i] = (HedonTensor){.dtype = HEDON_F32,
                                   .shape = {.rank = 2, .dim = {count, info->heads[i].size}}};
    if (info->emotions_head >= 0) outputs[info->emotions_head].data = emotions;
    if (info->utility_head >= 0) outputs[info->utility_head].data = utility;
    const int code = hedon_predictor_run(ctx, predictor, batch, outputs);
    for (int64_t i = 0; i < count && !code; i++) {
        if (info->emotions_head >= 0)
            memcpy(videos->emotions + number[i] * HEDON_EMOTIONS, emotions + i * HEDON_EMOTIONS,
                   HEDON_EMOTIONS * sizeof(float));
        if (info->utility_head >= 0) videos->utility[number[i]] = utility[i];
        videos->seen[number[i]] = 1;
    }
    return code;
}

static int predict_all(HedonContext *ctx, HedonClipFeed *feed, HedonPredictor *predictor,
                       const HedonModelInfo *info, Videos *videos, HedonValidation *out,
                       int (*stop)(void *opaque), void *opaque)
{
    const HedonShape shape = {
        .rank = 5, .dim = {BATCH, 3, info->clip_frames, info->clip_height, info->clip_width}};
    HedonTensor batch;
    if (hedon_tensor_alloc(&batch, HEDON_F32, &shape)) return hedon_fail_memory(ctx);
    const int64_t size = hedon_shape_count(&shape) / BATCH, places = places_of(videos);
    int code = 0;
    for (int64_t done = 0; done < places && !code; done += BATCH) {
        const int64_t left = places - done, count = left < BATCH ? left : BATCH;
        HedonFedClip clips[BATCH];
        int64_t number[BATCH], whole = 0;
        double waited_s = 0;
        code = stop && stop(opaque) ? hedon_fail(ctx, HEDON_ECANCELLED, "interrupted")
                                    : hedon_clip_feed_take(ctx, feed, clips, count, &waited_s);
        for (int64_t i = 0; i < count && !code; i++) {
            out->broken += clips[i].code != 0;
            if (clips[i].code) continue;
            memcpy((float *)batch.data + whole * size, clips[i].pixels,
                   (size_t)size * sizeof(float));
            number[whole++] = video_at(videos, clips[i].place);
        }
        if (!code && whole) code = predict(ctx, predictor, info, videos, &batch, number, whole);
    }
    batch.shape.dim[0] = BATCH;
    hedon_tensor_free(&batch);
    return code;
}

/* What each rank has found, on all: where one has numbers the others have zeros. */
static int join(HedonContext *ctx, HedonProcessGroup *group, Videos *videos, HedonValidation *out)
{
    const int64_t n = videos->count;
    double broken = (double)out->broken;
    int code = group->sum_start(ctx, group, videos->emotions, n * HEDON_EMOTIONS, HEDON_F32);
    if (!code) code = group->sum_start(ctx, group, videos->utility, n, HEDON_F32);
    if (!code) code = group->sum_start(ctx, group, videos->seen, n, HEDON_F32);
    if (!code) code = group->sum_finish(ctx, group);
    if (!code) code = group->sum(ctx, group, &broken, 1);
    out->broken = (int64_t)broken;
    return code;
}

/* log(1 + exp(x)) without overflow */
static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static void measure_clips(HedonValidation *out, const Videos *videos, const HedonTrainData *data)
{
    double loss = 0;
    int64_t right = 0;
    for (int64_t i = 0; i < data->held.clip_count; i++) {
        if (videos->seen[i] == 0) continue;
        const HedonDatasetItem *item = videos->item[i];
        const float *logits = videos->emotions + i * HEDON_EMOTIONS;
        out->clips++;
        right += hedon_in_top3(logits, item->label);
        for (int k = 0; k < HEDON_EMOTIONS; k++)
            loss += softplus((double)logits[k]) - (double)logits[k] * (double)item->intensities[k];
    }
    if (!out->clips) return;
    out->top3 = (double)right / (double)out->clips;
    out->emotions_loss = loss / (double)(out->clips * HEDON_EMOTIONS);
}

/* Pairs, and of lists their neighbours. */
static void measure_pairs(HedonValidation *out, const Videos *videos, const HedonTrainData *data)
{
    double loss = 0;
    int64_t right = 0;
    for (int64_t i = 0; i < data->held.pair_count; i++) {
        const HedonComparison *one = hedon_dataset_comparison(data->v2v, data->held.pairs[i]);
        for (int k = 1; k < one->count; k++) {
            const int32_t less = videos->of_v2v[one->item[k - 1]],
                          more = videos->of_v2v[one->item[k]];
            if (videos->seen[less] == 0 || videos->seen[more] == 0) continue;
            out->pairs++;
            right += videos->utility[more] > videos->utility[less];
            loss += softplus((double)videos->utility[less] - (double)videos->utility[more]);
        }
    }
    if (!out->pairs) return;
    out->pairs_right = (double)right / (double)out->pairs;
    out->utility_loss = loss / (double)out->pairs;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Evenly spaced frames are what scoring looks at too, so those utilities are at hand. */
static int keep_utilities(HedonContext *ctx, HedonValidation *out, const Videos *videos)
{
    out->utilities = hedon_calloc((size_t)videos->count + 1, sizeof(double));
    if (!out->utilities) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < videos->count; i++)
        if (videos->seen[i] > 0) out->utilities[out->utility_count++] = (double)videos->utility[i];
    qsort(out->utilities, (size_t)out->utility_count, sizeof(double), ascending);
    return 0;
}

static int open_feed(HedonContext *ctx, HedonClipFeed **feed, const HedonModel *model,
                     const HedonTrainConfig *config, Videos *videos, int workers)
{
    const HedonClipFeedOptions options = {
        .preprocessing = *hedon_model_preprocessing(model),
        .sampling = config->recipe.sampling,
        .clip_rate = config->recipe.clip_rate,
        .centred = 1,
        .augment = "none",
        .workers = workers,
        .device = config->device.device,
        .decoder = config->decoder,
        .window = 2 * BATCH,
        .end = places_of(videos),
        .place = place_of,
        .opaque = videos,
    };
    return hedon_clip_feed_open(ctx, feed, &options);
}

int hedon_validate(HedonContext *ctx, HedonValidation *out, const HedonModel *model,
                   const HedonTrainData *data, const HedonTrainConfig *config, int workers,
                   HedonProcessGroup *group, int (*stop)(void *opaque), void *opaque)
{
    const HedonModelInfo *info = hedon_model_info(model);
    Videos videos = {.rank = group->rank, .ranks = group->ranks};
    HedonPredictor *predictor = NULL;
    HedonClipFeed *feed = NULL;
    HedonPredictorOptions options;
    *out = (HedonValidation){
        .top3 = NAN, .pairs_right = NAN, .emotions_loss = NAN, .utility_loss = NAN, .metric = NAN};
    hedon_predictor_options_default(&options);
    options.device = config->device;
    options.batch = BATCH;
    int code = list_videos(ctx, &videos, data);
    if (!code && places_of(&videos) > 0) {
        /* the model first: it can't do with less of a GPU's memory, decoders can */
        code = hedon_predictor_open(ctx, &predictor, model, &options);
        if (!code) code = open_feed(ctx, &feed, model, config, &videos, workers);
        if (!code) code = predict_all(ctx, feed, predictor, info, &videos, out, stop, opaque);
    }
    hedon_clip_feed_close(feed);
    hedon_predictor_close(predictor);
    code = hedon_process_group_agree(ctx, group, code);
    if (!code && videos.count) code = join(ctx, group, &videos, out);
    if (!code && data->vce && info->emotions_head >= 0) measure_clips(out, &videos, data);
    if (!code && data->v2v && info->utility_head >= 0) measure_pairs(out, &videos, data);
    if (!code && info->utility_head >= 0)
        code = config->recipe.sampling == HEDON_CLIP_EVEN
                   ? keep_utilities(ctx, out, &videos)
                   : hedon_train_reference(ctx, model, videos.item, videos.count, &config->device,
                                           config->decoder, workers, group, stop, opaque,
                                           &out->utilities, &out->utility_count);
    if (!isnan(out->top3)) out->metric = out->top3;
    if (!isnan(out->pairs_right))
        out->metric = isnan(out->top3) ? out->pairs_right : (out->top3 + out->pairs_right) / 2;
    free_videos(&videos);
    if (code) hedon_free(out->utilities);
    if (code) out->utilities = NULL;
    return code;
}
