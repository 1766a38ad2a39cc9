/* hedon bench decode: frames of a video, opened afresh each time, as far as the model's numbers. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "decode/sampler.h"
#include "decode/worker.h"
#include "kernels/backend.h"
#include "models/model.h"
#include "tools/bench.h"

typedef struct Arguments {
    const char *sample, *model, *decoder;
    int64_t frames, threads, repeats;
    int json;
} Arguments;

typedef enum Sample { SEQUENTIAL, EVEN, CONTIGUOUS, SAMPLES } Sample;

static const char *const sample_names[SAMPLES] = {"sequential", "even", "contiguous"};

enum { REQUEST = 256 }; /* frames asked for at once, as the loader does */

typedef struct Reading {
    HedonContext *ctx;
    HedonWorker *worker;
    const char *path;
    Sample sample;
    int64_t frames;
    const HedonBackend *backend;
    const HedonPreprocessing *preprocessing; /* NULL: planes only */
    HedonPreprocessor *preprocessor;
    float *clip;
    const int64_t *wanted;        /* of the request under way */
    int64_t wanted_count, before; /* frames of requests before it */
} Reading;

static int take(void *opaque, const HedonFrame *frame)
{
    Reading *reading = opaque;
    if (!reading->preprocessing) return 0;
    if (!reading->preprocessor) {
        HedonTransform transform;
        int code = hedon_preprocessing_transform(reading->ctx, reading->preprocessing, frame->width,
                                                 frame->height, 0, &transform);
        if (!code)
            code = reading->backend->preprocessor_new(reading->ctx, &transform, frame,
                                                      &reading->preprocessor);
        if (code) return code;
    }
    int64_t t = 0;
    while (t + 1 < reading->wanted_count && reading->wanted[t] != frame->index) t++;
    t = (reading->before + t) % reading->frames;
    const int64_t area =
        (int64_t)reading->preprocessing->crop_width * reading->preprocessing->crop_height;
    reading->backend->preprocess(reading->preprocessor, frame, reading->clip + t * area,
                                 reading->frames * area);
    return 0;
}

/* The distinct frames to read, ascending; hedon_free them. */
static int choose(const Reading *reading, int64_t **indices, int64_t *count)
{
    const HedonVideoInfo *info = hedon_worker_info(reading->worker);
    *count = 0;
    if (reading->sample == SEQUENTIAL) {
        *indices = hedon_malloc((size_t)info->frames, sizeof(**indices));
        if (!*indices) return hedon_fail_memory(reading->ctx);
        for (*count = 0; *count < info->frames; ++*count) (*indices)[*count] = *count;
        return 0;
    }
    HedonSampler sampler = {.kind = reading->sample == EVEN ? HEDON_SAMPLE_EVEN
                                                            : HEDON_SAMPLE_CONTIGUOUS,
                            .clip_frames = reading->frames,
                            .stride = 1,
                            .offset = -1};
    if (info->frames > 2 * reading->frames)
        sampler.offset = info->frames / 2; /* seeking matters there */
    HedonClips clips;
    const int code =
        hedon_sample(reading->ctx, &clips, &sampler, hedon_worker_times(reading->worker),
                     info->frames, info->duration_s);
    if (code) return code;
    for (int64_t i = 0; i < clips.clip_frames; i++)
        if (!i || clips.frames[i] != clips.frames[i - 1])
            clips.frames[(*count)++] = clips.frames[i];
    *indices = clips.frames;
    clips.frames = NULL;
    hedon_clips_free(&clips);
    return 0;
}

static int read_chosen(Reading *reading)
{
    int64_t *indices = NULL, count;
    int code = choose(reading, &indices, &count);
    for (reading->before = 0; !code && reading->before < count;
         reading->before += reading->wanted_count) {
        reading->wanted = indices + reading->before;
        reading->wanted_count =
            count - reading->before < REQUEST ? count - reading->before : REQUEST;
        code = hedon_worker_frames(reading->ctx, reading->worker, reading->wanted,
                                   (size_t)reading->wanted_count,
                                   reading->before + reading->wanted_count < count, take, reading);
    }
    hedon_free(indices);
    return code;
}

static int once(void *opaque)
{
    Reading *reading = opaque;
    int code = hedon_worker_open(reading->ctx, reading->worker, reading->path);
    if (code) return code;
    do code = read_chosen(reading);
    while (code == HEDON_ERESAMPLE);
    if (reading->preprocessor) reading->backend->preprocessor_free(reading->preprocessor);
    reading->preprocessor = NULL;
    return code;
}

typedef struct Case {
    Sample sample;
    int preprocessed;
    HedonTimings timings;
} Case;

static const char *decoder_name(const Reading *reading)
{
    const char *reason;
    return hedon_worker_decoder(reading->worker, &reason) == HEDON_DECODER_NVDEC ? "nvdec" : "cpu";
}

static void print_text(const Reading *reading, const Case *cases, int count, int64_t threads)
{
    const HedonVideoInfo *info = hedon_worker_info(reading->worker);
    printf("%s: %s, %s, %dx%d, %.1f s, %lld frames; %lld decoding thread%s, %s\n", reading->path,
           info->container, info->codec, info->width, info->height, info->duration_s,
           (long long)info->frames, (long long)threads, threads == 1 ? "" : "s",
           decoder_name(reading));
    printf("%lld frames (sequential: all), opened afresh each time, milliseconds\n\n%-36s %8s %8s "
           "%8s\n",
           (long long)reading->frames, "", "min", "median", "p90");
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%s", sample_names[cases[i].sample],
                 cases[i].preprocessed ? ", ready for the model" : ", planes only");
        printf("%-36s %8.2f %8.2f %8.2f\n", name, 1e3 * cases[i].timings.min_s,
               1e3 * cases[i].timings.median_s, 1e3 * cases[i].timings.p90_s);
    }
}

static void print_json(const Reading *reading, const Case *cases, int count, int64_t threads,
                       const char *model)
{
    const HedonVideoInfo *info = hedon_worker_info(reading->worker);
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.bench/1");
    hedon_json_string(&json, "bench", "decode");
    hedon_json_string(&json, "video", reading->path);
    hedon_json_string(&json, "codec", info->codec);
    hedon_json_integer(&json, "width", info->width);
    hedon_json_integer(&json, "height", info->height);
    hedon_json_number(&json, "duration_s", info->duration_s);
    hedon_json_integer(&json, "frames", info->frames);
    hedon_json_integer(&json, "threads", threads);
    hedon_json_string(&json, "decoder", decoder_name(reading));
    hedon_json_string(&json, "model", model);
    hedon_json_array(&json, "cases");
    for (int i = 0; i < count; i++) {
        hedon_json_object(&json, NULL);
        hedon_json_string(&json, "sample", sample_names[cases[i].sample]);
        hedon_json_integer(&json, "frames",
                           cases[i].sample == SEQUENTIAL ? info->frames : reading->frames);
        hedon_json_bool(&json, "preprocessed", cases[i].preprocessed);
        hedon_timings_json(&json, &cases[i].timings);
        hedon_json_end_object(&json);
    }
    hedon_json_end_array(&json);
    hedon_json_end_object(&json);
    putchar('\n');
}

static int measure(Reading *reading, const HedonModel *model, const Arguments *arguments,
                   int64_t threads)
{
    HedonContext *ctx = reading->ctx;
    const HedonPreprocessing *preprocessing = hedon_model_preprocessing(model);
    const size_t area = (size_t)preprocessing->crop_width * (size_t)preprocessing->crop_height;
    Case cases[2 * SAMPLES];
    int count = 0;
    for (int sample = 0; sample < SAMPLES; sample++)
        for (int preprocessed = 1; preprocessed >= 0; preprocessed--)
            if (!arguments->sample || !strcmp(arguments->sample, sample_names[sample]))
                cases[count++] = (Case){(Sample)sample, preprocessed, {0}};
    reading->clip = hedon_malloc_aligned(3 * area * (size_t)reading->frames, sizeof(float));
    int code = reading->clip ? 0 : hedon_fail_memory(ctx);
    for (int i = 0; i < count && !code; i++) {
        reading->sample = cases[i].sample;
        reading->preprocessing = cases[i].preprocessed ? preprocessing : NULL;
        code = hedon_timings_make(ctx, &cases[i].timings, arguments->repeats, once, reading);
    }
    if (!code && arguments->json)
        print_json(reading, cases, count, threads, hedon_model_info(model)->name);
    else if (!code)
        print_text(reading, cases, count, threads);
    for (int i = 0; i < count; i++) hedon_timings_free(&cases[i].timings);
    hedon_free(reading->clip);
    return code;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.model = "random:r2plus1d_18", .frames = 16};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "give one video");
    HedonWorkerOptions options;
    hedon_worker_options_default(&options);
    options.threads = arguments.threads ? (int)arguments.threads : hedon_cpu_count();
    HedonModel *model;
    int code = hedon_open_model_argument(ctx, &model, arguments.model);
    if (code) return hedon_report(arguments.model, code, hedon_last_error(ctx));
    Reading reading = {.ctx = ctx, .path = argv[0], .frames = arguments.frames};
    code = hedon_backend_find(ctx, "auto", &reading.backend);
    if (!code) {
        options.decoder = hedon_worker_wish(hedon_decoder_argument(arguments.decoder),
                                            !strcmp(reading.backend->name, "cuda"));
        code = hedon_worker_new(ctx, &reading.worker, &options);
    }
    if (!code) code = measure(&reading, model, &arguments, options.threads);
    hedon_worker_free(reading.worker);
    hedon_model_close(model);
    return code ? hedon_report(argv[0], code, hedon_last_error(ctx)) : EXIT_GOOD;
}

static const HedonOption options[] = {
    {"sample", OPTION_CHOICE, offsetof(Arguments, sample), "sequential|even|contiguous",
     "which frames (default: all three)"},
    {"frames", OPTION_INTEGER, offsetof(Arguments, frames), "N", "how many (default 16)"},
    {"threads", OPTION_INTEGER, offsetof(Arguments, threads), "N",
     "decoders at once (default: one a core)"},
    HEDON_DECODER_OPTION(Arguments),
    {"model", OPTION_TEXT, offsetof(Arguments, model), "MODEL",
     "whose pre-processing (default random:r2plus1d_18)"},
    {"repeats", OPTION_INTEGER, offsetof(Arguments, repeats), "N",
     "measurements (default: 10, and a second's worth)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    {NULL},
};

const HedonCommand hedon_bench_decode = {
    .name = "bench decode",
    .summary = "frames of a video, opened afresh each time",
    .parameters = "VIDEO [OPTION...]",
    .description =
        "Times the whole way from the file's name to numbers that a model takes, and once more\n"
        "without pre-processing. sequential: every frame from the first to the last; even:\n"
        "--frames of them spread over the video; contiguous: --frames from the middle on.\n",
    .examples = "  hedon bench decode video.mp4\n"
                "  hedon bench decode video.mp4 --sample even --frames 16 --threads 1 --json\n",
    .options = options,
    .run = run,
};
