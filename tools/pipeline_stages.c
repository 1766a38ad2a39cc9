#include "tools/pipeline_stages.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "score/device_painter.h"
#include "score/feed.h"
#include "tools/bench.h"
#include "tools/pipeline_store.h"

typedef struct List {
    const char *const *paths;
    int64_t count, next;
} List;

/* ---- Decoding: the loader as a run has it, but what comes is looked at and dropped */

enum { GEOMETRIES = 64 };

/* Frames of one geometry: the first, copied, and how many there were. */
typedef struct Kept {
    HedonFrame frame; /* plane[0] is to be freed */
    int64_t count;
} Kept;

typedef struct Decoding {
    const HedonScorer *scorer;
    List list;
    int64_t *last; /* by job: the frame placed last */
    pthread_mutex_t lock;
    Kept kept[GEOMETRIES];
    int kept_count;
    int64_t frames, clips;
} Decoding;

static int next_job(void *opaque, HedonLoaderJob *job)
{
    List *list = &((Decoding *)opaque)->list;
    if (list->next == list->count) return 1;
    *job = (HedonLoaderJob){.id = list->next, .path = list->paths[list->next]};
    list->next++;
    return 0;
}

static int plan(HedonContext *ctx, void *opaque, int64_t job, const HedonVideoInfo *info,
                const double *times, HedonClips *clips)
{
    HedonClipRoles roles = {0};
    (void)job;
    const int code =
        hedon_feed_choose(ctx, ((Decoding *)opaque)->scorer, info, times, clips, &roles);
    hedon_free((void *)(uintptr_t)roles.row);
    return code;
}

static int keep(HedonContext *ctx, Decoding *decoding, const HedonFrame *frame)
{
    Kept *kept = &decoding->kept[decoding->kept_count];
    size_t bytes[3] = {0}, total = 0;
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(frame->layout, p, frame->width, frame->height, &width, &height);
        bytes[p] = (size_t)(height - 1) * (size_t)frame->stride[p] +
                   (size_t)width * (frame->bits > 8 ? 2 : 1);
        total += (bytes[p] + 63) / 64 * 64;
    }
    uint8_t *copy = hedon_malloc_aligned(total, 1);
    if (!copy) return hedon_fail_memory(ctx);
    kept->frame = *frame;
    kept->count = 1;
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        memcpy(copy, frame->plane[p], bytes[p]);
        kept->frame.plane[p] = copy;
        copy += (bytes[p] + 63) / 64 * 64;
    }
    decoding->kept_count++;
    return 0;
}

/* A frame that several clips show is pre-processed once, and so counted once: its places come one
 * after the other. */
static int place(HedonContext *ctx, void *opaque, int64_t job, const HedonFrame *frame,
                 int64_t clip, int64_t t, void *slot)
{
    Decoding *decoding = opaque;
    int code = 0;
    (void)clip;
    (void)t;
    (void)slot;
    if (decoding->last[job] == frame->index) return 0;
    decoding->last[job] = frame->index;
    pthread_mutex_lock(&decoding->lock);
    int i = 0;
    while (i < decoding->kept_count && !hedon_frame_matches(&decoding->kept[i].frame, frame)) i++;
    if (i == GEOMETRIES) i = GEOMETRIES - 1;
    if (i < decoding->kept_count)
        decoding->kept[i].count++;
    else
        code = keep(ctx, decoding, frame);
    decoding->frames++;
    pthread_mutex_unlock(&decoding->lock);
    return code;
}

static int collect(HedonContext *ctx, Decoding *decoding, HedonLoader *loader)
{
    int code;
    HedonLoaded *event;
    while (!(code = hedon_loader_next(ctx, loader, &event))) {
        decoding->clips += event->kind == HEDON_LOADED_CLIP && !event->repeats;
        hedon_loader_release(loader, event);
    }
    return code == 1 ? 0 : code;
}

static int decode(HedonContext *ctx, Decoding *decoding, HedonCost *cost)
{
    const double start_s = hedon_clock_s(), process_s = hedon_process_cpu_s();
    HedonLoader *loader;
    HedonLoaderOptions options;
    HedonLoaderStats stats;
    hedon_scorer_loader_options(decoding->scorer, &options);
    const HedonLoaderCallbacks callbacks = {
        .opaque = decoding, .next_job = next_job, .plan = plan, .place = place};
    int code = hedon_loader_start(ctx, &loader, &options, &callbacks);
    if (code) return code;
    code = collect(ctx, decoding, loader);
    hedon_loader_stats(loader, &stats);
    cost->wall_s = hedon_clock_s() - start_s;
    const double workers_s =
        stats.open_cpu_s + stats.decode_cpu_s + stats.place_cpu_s - stats.thread_cpu_s;
    cost->cpu_s = hedon_process_cpu_s() - process_s + workers_s;
    hedon_loader_stop(loader);
    return code;
}

/* ---- Pre-processing */

static int preprocess_kept(HedonContext *ctx, const HedonScorer *scorer, const Kept *kept,
                           float *clip)
{
    const int64_t frames = scorer->info->clip_frames, area = scorer->view_floats / 3 / frames;
    HedonPreprocessor *views[HEDON_MAX_VIEWS] = {0};
    int code = 0;
    for (int view = 0; view < scorer->views && !code; view++) {
        HedonTransform transform;
        code = hedon_preprocessing_transform(ctx, scorer->preprocessing, kept->frame.width,
                                             kept->frame.height, view, &transform);
        if (!code)
            code = scorer->backend->preprocessor_new(ctx, &transform, &kept->frame, &views[view]);
    }
    for (int64_t i = 0; i < kept->count && !code; i++)
        for (int view = 0; view < scorer->views; view++)
            scorer->backend->preprocess(views[view], &kept->frame, clip + i % frames * area,
                                        frames * area);
    for (int view = 0; view < scorer->views; view++)
        if (views[view]) scorer->backend->preprocessor_free(views[view]);
    return code;
}

static int preprocess_on_host(HedonContext *ctx, const Decoding *decoding)
{
    const HedonScorer *scorer = decoding->scorer;
    float *clip = hedon_malloc_aligned((size_t)scorer->view_floats, sizeof(float));
    int code = clip ? 0 : hedon_fail_memory(ctx);
    for (int i = 0; i < decoding->kept_count && !code; i++)
        code = preprocess_kept(ctx, scorer, &decoding->kept[i], clip);
    hedon_free(clip);
    return code;
}

/* The device's memory for clips that are computed or painted again and again. */
static int device_clips(HedonContext *ctx, const HedonScorer *scorer, int64_t views,
                        HedonBuffer **out)
{
    return scorer->backend->buffer_new(ctx, hedon_predictor_device(scorer->predictors[0]),
                                       (size_t)(views * scorer->view_floats) * sizeof(float), out);
}

static int preprocess_on_device(HedonContext *ctx, const Decoding *decoding)
{
    const HedonScorer *scorer = decoding->scorer;
    HedonDevicePainter *painter = NULL;
    HedonDeviceClip clip = {0};
    int code = device_clips(ctx, scorer, scorer->views, &clip.buffer);
    if (!code) code = hedon_device_painter_new(ctx, &painter, scorer);
    for (int i = 0; i < decoding->kept_count && !code; i++) {
        const Kept *kept = &decoding->kept[i];
        code = hedon_device_painter_prepare(ctx, painter, &kept->frame);
        for (int64_t f = 0; f < kept->count && !code; f++) {
            code = hedon_device_painter_send(ctx, painter, &kept->frame);
            if (!code)
                code =
                    hedon_device_painter_place(ctx, painter, f % scorer->info->clip_frames, &clip);
        }
    }
    if (!code) code = hedon_device_painter_wait(ctx, painter);
    hedon_device_painter_free(painter);
    if (clip.ready) scorer->backend->event_free(clip.ready);
    if (clip.buffer) scorer->backend->buffer_free(clip.buffer);
    return code;
}

static int preprocess(HedonContext *ctx, const Decoding *decoding, HedonCost *cost)
{
    const double start_s = hedon_clock_s(), cpu_s = hedon_thread_cpu_s();
    const int code = decoding->scorer->on_device ? preprocess_on_device(ctx, decoding)
                                                 : preprocess_on_host(ctx, decoding);
    cost->wall_s = hedon_clock_s() - start_s;
    cost->cpu_s = hedon_thread_cpu_s() - cpu_s;
    return code;
}

/* ---- Inference */

typedef struct Inferring {
    HedonScorer *scorer;
    HedonTensor clips;       /* one batch, which is computed again and again */
    HedonDeviceClip *places; /* its clips on the device, where a run has them there; else NULL */
    pthread_mutex_t lock;
    int64_t left; /* batches */
    int code;
    char message[256];
} Inferring;

typedef struct Lane {
    Inferring *inferring;
    HedonPredictor *predictor;
    pthread_t thread;
} Lane;

static int take_batch(Inferring *inferring)
{
    pthread_mutex_lock(&inferring->lock);
    const int taken = inferring->left > 0 && !inferring->code;
    inferring->left -= taken;
    pthread_mutex_unlock(&inferring->lock);
    return taken;
}

static int infer_batches(HedonContext *ctx, Lane *lane)
{
    const HedonScorer *scorer = lane->inferring->scorer;
    const HedonModelInfo *info = scorer->info;
    HedonTensor *outputs = hedon_calloc((size_t)info->head_count, sizeof(*outputs));
    if (!outputs) return hedon_fail_memory(ctx);
    int code = 0;
    for (int i = 0; i < info->head_count && !code; i++) {
        const HedonShape head = {.rank = 2, .dim = {scorer->options.batch, info->heads[i].size}};
        code = hedon_tensor_alloc(&outputs[i], HEDON_F32, &head);
    }
    while (!code && take_batch(lane->inferring))
        code = lane->inferring->places
                   ? hedon_predictor_run_device(ctx, lane->predictor, lane->inferring->places,
                                                scorer->options.batch, outputs)
                   : hedon_predictor_run(ctx, lane->predictor, &lane->inferring->clips, outputs);
    for (int i = 0; i < info->head_count; i++) hedon_tensor_free(&outputs[i]);
    hedon_free(outputs);
    return code;
}

static void *infer_lane(void *opaque)
{
    Lane *lane = opaque;
    Inferring *inferring = lane->inferring;
    HedonContext *ctx = hedon_context_new();
    const int code = ctx ? infer_batches(ctx, lane) : HEDON_ENOMEM;
    if (code) {
        pthread_mutex_lock(&inferring->lock);
        inferring->code = code;
        snprintf(inferring->message, sizeof(inferring->message), "%s", hedon_last_error(ctx));
        pthread_mutex_unlock(&inferring->lock);
    }
    hedon_context_free(ctx);
    return NULL;
}

static int make_clips(HedonContext *ctx, const HedonScorer *scorer, HedonTensor *clips)
{
    const HedonModelInfo *info = scorer->info;
    const HedonShape shape = {
        .rank = 5,
        .dim = {scorer->options.batch, 3, info->clip_frames, info->clip_height, info->clip_width}};
    if (hedon_tensor_alloc(clips, HEDON_F32, &shape)) return hedon_fail_memory(ctx);
    const HedonRandomKey key = hedon_random_key_name(1, "bench clips");
    float *values = clips->data;
    for (int64_t i = 0; i < hedon_shape_count(&shape); i++)
        values[i] = (float)(4 * hedon_random_uniform(key, (uint64_t)i) - 2);
    return 0;
}

/* The batch goes up before the clock starts. */
static int send_clips(HedonContext *ctx, Inferring *inferring, HedonBuffer **out)
{
    const HedonScorer *scorer = inferring->scorer;
    const int64_t count = scorer->options.batch;
    const size_t bytes = (size_t)scorer->view_floats * sizeof(float);
    *out = NULL;
    if (!scorer->on_device) return 0;
    inferring->places = hedon_calloc((size_t)count, sizeof(*inferring->places));
    if (!inferring->places) return hedon_fail_memory(ctx);
    const int code = device_clips(ctx, scorer, count, out);
    if (code) return code;
    for (int64_t i = 0; i < count; i++)
        inferring->places[i] = (HedonDeviceClip){.buffer = *out, .offset = (size_t)i * bytes};
    return scorer->backend->upload(ctx, *out, 0, inferring->clips.data, (size_t)count * bytes,
                                   NULL);
}

static int run_lanes(HedonContext *ctx, Inferring *inferring, HedonCost *cost)
{
    HedonScorer *scorer = inferring->scorer;
    Lane *lanes = hedon_calloc((size_t)scorer->share.streams, sizeof(*lanes));
    if (!lanes) return hedon_fail_memory(ctx);
    const double start_s = hedon_clock_s(), process_s = hedon_process_cpu_s();
    int started = 0;
    for (; started < scorer->share.streams; started++) {
        lanes[started] = (Lane){.inferring = inferring, .predictor = scorer->predictors[started]};
        if (pthread_create(&lanes[started].thread, NULL, infer_lane, &lanes[started])) break;
    }
    for (int i = 0; i < started; i++) pthread_join(lanes[i].thread, NULL);
    cost->wall_s = hedon_clock_s() - start_s;
    cost->cpu_s = hedon_process_cpu_s() - process_s;
    hedon_free(lanes);
    if (started < scorer->share.streams)
        return hedon_fail(ctx, HEDON_ENOMEM, "cannot start another thread");
    return inferring->code ? hedon_fail(ctx, inferring->code, "%s", inferring->message) : 0;
}

static int infer(HedonContext *ctx, HedonScorer *scorer, int64_t views, HedonCost *cost)
{
    const int64_t size = scorer->options.batch;
    Inferring inferring = {.scorer = scorer, .left = (views + size - 1) / size};
    HedonBuffer *there = NULL;
    int code = make_clips(ctx, scorer, &inferring.clips);
    if (code) return code;
    pthread_mutex_init(&inferring.lock, NULL);
    code = send_clips(ctx, &inferring, &there);
    if (!code) code = run_lanes(ctx, &inferring, cost);
    pthread_mutex_destroy(&inferring.lock);
    if (there) scorer->backend->buffer_free(there);
    hedon_free(inferring.places);
    hedon_tensor_free(&inferring.clips);
    return code;
}

/* ---- Together */

typedef struct Together {
    List list;
    HedonPipelineStore *store;
} Together;

static int next_path(void *opaque, const char **path)
{
    List *list = &((Together *)opaque)->list;
    if (list->next == list->count) return 1;
    *path = list->paths[list->next++];
    return 0;
}

static int finished(void *opaque, const HedonScore *score)
{
    return hedon_pipeline_store_put(((Together *)opaque)->store, score);
}

/* Forget the peak of resident memory so far, where the system can. */
static void reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

/* What was written stays in *store, to be closed. */
static int run_together(HedonContext *ctx, HedonScorer *scorer, const List *list,
                        HedonPipelineCosts *costs, HedonPipelineStore **store)
{
    int code = hedon_pipeline_store_open(ctx, store, scorer, list->paths, list->count);
    if (code) return code;
    Together together = {.list = *list, .store = *store};
    const HedonScoreCallbacks callbacks = {.opaque = &together,
                                           .expected = list->count,
                                           .unordered = 1,
                                           .next = next_path,
                                           .finished = finished};
    reset_peak();
    const double start_s = hedon_clock_s(), process_s = hedon_process_cpu_s();
    code = hedon_scorer_run(ctx, scorer, &callbacks);
    const int stored = hedon_pipeline_store_end(ctx, *store, &costs->writer, &costs->written);
    const double own_s = hedon_process_cpu_s() - process_s;
    costs->together.wall_s = hedon_clock_s() - start_s;
    hedon_scorer_stats(scorer, &costs->stats);
    costs->together.cpu_s = own_s + costs->stats.decoder_cpu_s;
    costs->own_memory_bytes = hedon_bench_peak_memory();
    costs->worker_memory_bytes = costs->stats.decoder_memory_bytes;
    return stored ? stored : code;
}

int hedon_pipeline_run(HedonContext *ctx, HedonScorer *scorer, const char *const *paths,
                       int64_t count, HedonPipelineCosts *costs)
{
    HedonPipelineStore *store = NULL;
    const List list = {.paths = paths, .count = count};
    const int code = run_together(ctx, scorer, &list, costs, &store);
    hedon_pipeline_store_close(store);
    return code;
}

/* ---- Writing */

/* Results are there only when they have been computed: so this comes after the run together. */
static int write_alone(HedonContext *ctx, const HedonScorer *scorer, const List *list,
                       const HedonPipelineStore *results, HedonCost *cost)
{
    HedonPipelineStore *store;
    HedonStageStats lane;
    int64_t written;
    int code = hedon_pipeline_store_open(ctx, &store, scorer, list->paths, list->count);
    if (code) return code;
    const double start_s = hedon_clock_s();
    code = hedon_pipeline_store_put_all(store, results);
    const int stored = hedon_pipeline_store_end(ctx, store, &lane, &written);
    cost->wall_s = hedon_clock_s() - start_s;
    cost->cpu_s = lane.cpu_s;
    hedon_pipeline_store_close(store);
    return stored ? stored : code;
}

/* ---- All */

static int measure_feeding(HedonContext *ctx, Decoding *decoding, HedonPipelineCosts *costs)
{
    const int64_t count = decoding->list.count;
    decoding->last = hedon_malloc((size_t)count, sizeof(*decoding->last));
    if (!decoding->last) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < count; i++) decoding->last[i] = -1;
    pthread_mutex_init(&decoding->lock, NULL);
    int code = decode(ctx, decoding, &costs->decode);
    costs->frames = decoding->frames;
    costs->views = decoding->clips * decoding->scorer->views;
    if (!code) code = preprocess(ctx, decoding, &costs->preprocess);
    for (int i = 0; i < decoding->kept_count; i++)
        hedon_free((void *)(uintptr_t)decoding->kept[i].frame.plane[0]);
    pthread_mutex_destroy(&decoding->lock);
    hedon_free(decoding->last);
    return code;
}

int hedon_pipeline_measure(HedonContext *ctx, HedonScorer *scorer, const char *const *paths,
                           int64_t count, HedonPipelineCosts *costs)
{
    Decoding decoding = {.scorer = scorer, .list = {.paths = paths, .count = count}};
    const List list = decoding.list;
    HedonPipelineStore *store = NULL;
    *costs = (HedonPipelineCosts){0};
    int code = measure_feeding(ctx, &decoding, costs);
    if (!code) code = infer(ctx, scorer, costs->views, &costs->inference);
    if (!code) code = run_together(ctx, scorer, &list, costs, &store);
    if (!code) code = write_alone(ctx, scorer, &list, store, &costs->writing);
    hedon_pipeline_store_close(store);
    const double alone_s = costs->decode.cpu_s + costs->preprocess.cpu_s + costs->inference.cpu_s +
                           costs->writing.cpu_s;
    if (!code) costs->efficiency = alone_s / scorer->cores / costs->together.wall_s;
    return code;
}
