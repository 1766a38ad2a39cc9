/* A model over a dataset's videos, through the scorer: its views, collected and averaged. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "eval/outputs.h"

typedef struct Collecting {
    HedonContext *ctx;
    const HedonDataset *dataset;
    const HedonModelRun *run;
    HedonOutputs *outputs;
    int32_t *item;  /* of each video asked for, in the order of asking */
    uint8_t *begun; /* of each item: views of it are there */
    int64_t count, next;
} Collecting;

static int next_video(void *opaque, const char **path)
{
    Collecting *collecting = opaque;
    if (collecting->next == collecting->count) return 1;
    *path = hedon_dataset_item(collecting->dataset, collecting->item[collecting->next++])->path;
    return 0;
}

/* A damaged video starts again: what was said of it is void. */
static void forget(HedonOutputs *outputs, int64_t item)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < outputs->view_count; i++)
        if (outputs->views[i].item != item) outputs->views[kept++] = outputs->views[i];
    outputs->view_count = kept;
}

static int take_view(void *opaque, int64_t number, int64_t clip, int64_t view,
                     const float *emotions, const float *utility)
{
    Collecting *collecting = opaque;
    HedonOutputs *outputs = collecting->outputs;
    const int32_t item = collecting->item[number];
    if (!clip && !view && collecting->begun[item]) forget(outputs, item);
    collecting->begun[item] = 1;
    if (outputs->view_count == outputs->view_room) {
        const int64_t room = outputs->view_room ? 2 * outputs->view_room : 256;
        HedonOutputView *views = hedon_realloc(outputs->views, (size_t)room, sizeof(*views));
        if (!views) return hedon_fail_memory(collecting->ctx);
        outputs->views = views;
        outputs->view_room = room;
    }
    HedonOutputView *taken = &outputs->views[outputs->view_count++];
    *taken = (HedonOutputView){.item = item, .clip = clip, .view = view};
    memcpy(taken->value, outputs->width == 1 ? utility : emotions,
           (size_t)outputs->width * sizeof(float));
    return 0;
}

static int finished(void *opaque, const HedonScore *score)
{
    Collecting *collecting = opaque;
    if (!score->code) {
        collecting->outputs->present[collecting->item[score->number]] = 1;
        collecting->outputs->count++;
        return 0;
    }
    collecting->outputs->failed++;
    if (collecting->run->failed)
        collecting->run->failed(collecting->run->opaque, score->video, score->code, score->error);
    return 0;
}

static void show_progress(void *opaque, int64_t videos, const char *video, int64_t clips,
                          int64_t clip_count)
{
    Collecting *collecting = opaque;
    (void)clips;
    (void)clip_count;
    if (collecting->run->progress)
        collecting->run->progress(collecting->run->opaque, video, videos, collecting->count);
}

static int compare_views(const void *a, const void *b)
{
    const HedonOutputView *x = a, *y = b;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    if (x->clip != y->clip) return x->clip < y->clip ? -1 : 1;
    return x->view < y->view ? -1 : x->view > y->view;
}

/* Views of videos that failed later on are dropped, the others' means are taken. */
static void average(HedonOutputs *outputs)
{
    int64_t kept = 0, views = 0;
    if (outputs->view_count)
        qsort(outputs->views, (size_t)outputs->view_count, sizeof(*outputs->views), compare_views);
    for (int64_t i = 0; i < outputs->view_count; i++)
        if (outputs->present[outputs->views[i].item]) outputs->views[kept++] = outputs->views[i];
    outputs->view_count = kept;
    for (int64_t i = 0; i < kept; i++) {
        const HedonOutputView *view = &outputs->views[i];
        double *value = outputs->value + view->item * outputs->width;
        for (int k = 0; k < outputs->width; k++) value[k] += view->value[k];
        views++;
        if (i + 1 < kept && view[1].item == view->item) continue;
        for (int k = 0; k < outputs->width; k++) value[k] /= (double)views;
        views = 0;
    }
}

static int check_head(HedonContext *ctx, const HedonModel *model, const char *name, int width)
{
    const HedonModelInfo *info = hedon_model_info(model);
    if ((width == 1 ? info->utility_head : info->emotions_head) >= 0) return 0;
    return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                      "model %s has no %s head, so it cannot be evaluated "
                      "on %s",
                      name, width == 1 ? "utility" : "emotions", width == 1 ? "V2V" : "VCE");
}

int hedon_outputs_from_model(HedonContext *ctx, HedonOutputs **out, const HedonModel *model,
                             const char *name, const HedonDataset *dataset, int width,
                             const uint8_t *wanted, const HedonModelRun *run)
{
    *out = NULL;
    int code = check_head(ctx, model, name, width);
    if (code) return code;
    const int64_t items = hedon_dataset_size(dataset);
    Collecting collecting = {.ctx = ctx, .dataset = dataset, .run = run};
    HedonScorer *scorer = NULL;
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    if (run->device) options.device = *run->device;
    options.timeline = 0;
    collecting.outputs = hedon_outputs_new(ctx, name, width, items);
    collecting.item = hedon_malloc((size_t)items, sizeof(*collecting.item));
    collecting.begun = hedon_calloc((size_t)items, 1);
    if (!collecting.outputs || !collecting.item || !collecting.begun) {
        code = hedon_fail_memory(ctx);
        goto done;
    }
    collecting.outputs->scale = HEDON_SCALE_LOGITS;
    if (!hedon_model_info(model)->human_trained)
        collecting.outputs->warning = "this model never saw human ratings";
    for (int64_t i = 0; i < items; i++)
        if (wanted[i]) collecting.item[collecting.count++] = (int32_t)i;
    const HedonScoreCallbacks callbacks = {.opaque = &collecting,
                                           .expected = collecting.count,
                                           .unordered = 1,
                                           .next = next_video,
                                           .finished = finished,
                                           .view = take_view,
                                           .progress = show_progress};
    code = hedon_scorer_open(ctx, &scorer, model, &options);
    if (!code) code = hedon_scorer_run(ctx, scorer, &callbacks);
    if (!code) average(collecting.outputs);
done:
    hedon_scorer_close(scorer);
    hedon_free(collecting.item);
    hedon_free(collecting.begun);
    if (code)
        hedon_outputs_free(collecting.outputs);
    else
        *out = collecting.outputs;
    return code;
}
