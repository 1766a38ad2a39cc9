/* hedon info: what this build and machine can do; what a model file is. The one command that looks
 * into every room instead of asking the public interface. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/worker.h"
#include "kernels/backend.h"
#include "kernels/plugin.h"
#include "models/model.h"
#include "score/json_writer.h"
#include "tools/command.h"

typedef struct Arguments {
    int graph, json;
    HedonDeviceArguments device;
} Arguments;

/* ---- This build and machine */

static const struct {
    const char *name, *summary;
} embedded[] = {
    {"synthetic", "trained on synthetic videos, never saw human ratings"},
    {"lowlevel", "published formulas, never saw human ratings"},
};

typedef struct Decoder {
    char path[1024]; /* "" when it cannot be started */
    char reason[512];
    int nvdec;
    char no_nvdec[1024]; /* why not */
} Decoder;

/* Starts it: that is the only honest way to know. On the GPU only where a driver answers, since it
 * loads that. */
static void find_decoder(HedonContext *ctx, Decoder *decoder)
{
    HedonWorkerOptions options;
    HedonWorker *worker = NULL;
    memset(decoder, 0, sizeof(*decoder));
    hedon_worker_options_default(&options);
    options.max_seconds = 10; /* it takes 30 ms, more with a GPU */
    const int driver = !hedon_plugin_cuda_driver(ctx);
    if (driver)
        options.decoder = HEDON_DECODER_AUTO;
    else
        snprintf(decoder->no_nvdec, sizeof(decoder->no_nvdec), "%s", hedon_last_error(ctx));
    int code = hedon_worker_new(ctx, &worker, &options);
    if (!code) code = hedon_worker_wait_ready(ctx, worker);
    if (code) {
        snprintf(decoder->reason, sizeof(decoder->reason), "%s", hedon_last_error(ctx));
        if (driver) snprintf(decoder->no_nvdec, sizeof(decoder->no_nvdec), "%s", decoder->reason);
    } else {
        char link[64];
        snprintf(link, sizeof(link), "/proc/%d/exe", hedon_worker_pid(worker));
        const ssize_t length = readlink(link, decoder->path, sizeof(decoder->path) - 1);
        if (length < 0) snprintf(decoder->path, sizeof(decoder->path), "it answers");
        const char *reason;
        decoder->nvdec = hedon_worker_decoder(worker, &reason) == HEDON_DECODER_NVDEC;
        if (driver) snprintf(decoder->no_nvdec, sizeof(decoder->no_nvdec), "%s", reason);
    }
    hedon_worker_free(worker);
}

static const char *precision_names(uint32_t precisions, char text[32])
{
    static const struct {
        HedonDtype dtype;
        const char *name;
    } names[] = {{HEDON_F32, "fp32"}, {HEDON_BF16, "bf16"}, {HEDON_F16, "fp16"}, {HEDON_F64, "fp64"}};
    text[0] = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (precisions >> names[i].dtype & 1)
            sprintf(text + strlen(text), "%s%s", text[0] ? " " : "", names[i].name);
    return text;
}

static void build_as_text(HedonContext *ctx)
{
    char precisions[32];
    printf("hedon %s\n\nBackends, best first\n", HEDON_VERSION);
    for (const HedonBackend *const *backend = hedon_backends(); *backend; backend++) {
        HedonBackendInfo info = {0};
        if ((*backend)->probe(ctx, NULL, &info)) {
            printf("  %-14s not usable: %s\n", (*backend)->name, hedon_last_error(ctx));
            continue;
        }
        printf("  %-14s %s (%s%s%s)\n", (*backend)->name, info.device,
               precision_names(info.precisions, precisions), info.library[0] ? "; " : "",
               info.library);
    }
    Decoder decoder;
    find_decoder(ctx, &decoder);
    printf("\nDecoder\n  %s\n", decoder.path[0] ? decoder.path : decoder.reason);
    printf("  %-14s %s%s\n", "nvdec",
           decoder.nvdec ? "decodes" : "not usable: ", decoder.nvdec ? "" : decoder.no_nvdec);
    printf("\nEmbedded models\n");
    for (size_t i = 0; i < sizeof(embedded) / sizeof(*embedded); i++)
        printf("  %-14s %s%s\n", embedded[i].name,
               strcmp(embedded[i].name, HEDON_DEFAULT_MODEL) ? "" : "the default; ",
               embedded[i].summary);
    printf("\nArchitectures\n");
    for (const HedonArchitecture *const *a = hedon_architectures(); *a; a++)
        printf("  %-14s %s\n", (*a)->name, (*a)->summary);
}

static void build_as_json(HedonContext *ctx)
{
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.info/1");
    hedon_json_string(&json, "version", HEDON_VERSION);
    hedon_json_array(&json, "backends");
    for (const HedonBackend *const *backend = hedon_backends(); *backend; backend++) {
        HedonBackendInfo info = {0};
        char precisions[32];
        const int code = (*backend)->probe(ctx, NULL, &info);
        hedon_json_object(&json, NULL);
        hedon_json_string(&json, "name", (*backend)->name);
        hedon_json_bool(&json, "usable", !code);
        hedon_json_string(&json, "device", code ? NULL : info.device);
        hedon_json_string(&json, "library", code || !info.library[0] ? NULL : info.library);
        hedon_json_string(&json, "precisions", precision_names(info.precisions, precisions));
        hedon_json_string(&json, "reason", code ? hedon_last_error(ctx) : NULL);
        hedon_json_end_object(&json);
    }
    hedon_json_end_array(&json);
    Decoder decoder;
    find_decoder(ctx, &decoder);
    hedon_json_object(&json, "decoder");
    hedon_json_string(&json, "path", decoder.path[0] ? decoder.path : NULL);
    hedon_json_string(&json, "reason", decoder.reason[0] ? decoder.reason : NULL);
    hedon_json_bool(&json, "nvdec", decoder.nvdec);
    hedon_json_string(&json, "nvdec_reason", decoder.nvdec ? NULL : decoder.no_nvdec);
    hedon_json_end_object(&json);
    hedon_json_array(&json, "models");
    for (size_t i = 0; i < sizeof(embedded) / sizeof(*embedded); i++)
        hedon_json_string(&json, NULL, embedded[i].name);
    hedon_json_end_array(&json);
    hedon_json_array(&json, "architectures");
    for (const HedonArchitecture *const *a = hedon_architectures(); *a; a++) {
        hedon_json_object(&json, NULL);
        hedon_json_string(&json, "name", (*a)->name);
        hedon_json_string(&json, "summary", (*a)->summary);
        hedon_json_end_object(&json);
    }
    hedon_json_end_array(&json);
    hedon_json_end_object(&json);
    putchar('\n');
}

/* ---- A model */

static void print_preprocessing(const HedonPreprocessing *p)
{
    printf("  sampling       %s, %lld frames a clip", p->sampling, (long long)p->clip_frames);
    if (!strcmp(p->sampling, "windows"))
        printf(", %g s every %g s", p->window_s, p->stride_s);
    else if (strcmp(p->sampling, "even"))
        printf(", every %lld", (long long)p->frame_stride);
    if (p->resize == HEDON_RESIZE_EXACT)
        printf("\n  resize         to %dx%d", p->resize_width, p->resize_height);
    else
        printf("\n  resize         short side to %d", p->resize_height);
    printf(", %s%s\n  crop           %s %dx%d\n",
           p->interpolation == HEDON_BICUBIC ? "bicubic" : "bilinear",
           p->antialias ? ", antialiased" : "", p->crop == HEDON_CROP_THREE ? "three of" : "centre",
           p->crop_width, p->crop_height);
    printf("  normalise      mean %g %g %g, std %g %g %g\n", (double)p->mean[0], (double)p->mean[1],
           (double)p->mean[2], (double)p->std[0], (double)p->std[1], (double)p->std[2]);
}

static void model_as_text(const HedonModel *model)
{
    const HedonModelInfo *info = hedon_model_info(model);
    printf("%s\n", info->name);
    printf("  architecture   %s: %s\n", info->architecture,
           hedon_model_architecture(model)->summary);
    printf("  parameters     %lld\n", (long long)info->parameters);
    printf("  sha256         %s\n", info->sha256);
    printf("  trained on     %s\n", info->trained_on);
    printf("  human ratings  %s\n",
           info->human_trained ? "yes" : "never saw any: not an estimate of viewers' feelings");
    if (info->caveat[0]) printf("  caveat         %s\n", info->caveat);
    if (info->test_metric) printf("  test metric    %s\n", info->test_metric);
    printf("  heads         ");
    for (int i = 0; i < info->head_count; i++)
        printf(" %s (%lld)%s", info->heads[i].name, (long long)info->heads[i].size,
               i + 1 < info->head_count ? "," : "");
    printf("\n  clip           3 x %lld x %lld x %lld (channels, frames, height, width)\n",
           (long long)info->clip_frames, (long long)info->clip_height, (long long)info->clip_width);
    if (info->reference_count) printf("  reference      %s\n", info->reference_name);
    print_preprocessing(hedon_model_preprocessing(model));
}

static void preprocessing_as_json(HedonJson *json, const HedonPreprocessing *p)
{
    hedon_json_object(json, "preprocessing");
    hedon_json_string(json, "sampling", p->sampling);
    hedon_json_integer(json, "clip_frames", p->clip_frames);
    hedon_json_integer(json, "frame_stride", p->frame_stride);
    hedon_json_number(json, "window_s", p->window_s);
    hedon_json_number(json, "stride_s", p->stride_s);
    hedon_json_string(json, "resize", p->resize == HEDON_RESIZE_EXACT ? "exact" : "short_side");
    hedon_json_integer(json, "resize_width", p->resize_width);
    hedon_json_integer(json, "resize_height", p->resize_height);
    hedon_json_string(json, "interpolation",
                      p->interpolation == HEDON_BICUBIC ? "bicubic" : "bilinear");
    hedon_json_bool(json, "antialias", p->antialias);
    hedon_json_string(json, "crop", p->crop == HEDON_CROP_THREE ? "three" : "centre");
    hedon_json_integer(json, "crop_width", p->crop_width);
    hedon_json_integer(json, "crop_height", p->crop_height);
    hedon_json_array(json, "mean");
    for (int i = 0; i < 3; i++) hedon_json_number(json, NULL, (double)p->mean[i]);
    hedon_json_end_array(json);
    hedon_json_array(json, "std");
    for (int i = 0; i < 3; i++) hedon_json_number(json, NULL, (double)p->std[i]);
    hedon_json_end_array(json);
    hedon_json_end_object(json);
}

static void model_as_json(const HedonModel *model)
{
    const HedonModelInfo *info = hedon_model_info(model);
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.model/1");
    hedon_json_string(&json, "name", info->name);
    hedon_json_string(&json, "architecture", info->architecture);
    hedon_json_integer(&json, "parameters", info->parameters);
    hedon_json_string(&json, "sha256", info->sha256);
    hedon_json_string(&json, "trained_on", info->trained_on);
    hedon_json_bool(&json, "human_trained", info->human_trained);
    hedon_json_string(&json, "caveat", info->caveat);
    hedon_json_object(&json, "heads");
    for (int i = 0; i < info->head_count; i++)
        hedon_json_integer(&json, info->heads[i].name, info->heads[i].size);
    hedon_json_end_object(&json);
    hedon_json_array(&json, "clip");
    hedon_json_integer(&json, NULL, 3);
    hedon_json_integer(&json, NULL, info->clip_frames);
    hedon_json_integer(&json, NULL, info->clip_height);
    hedon_json_integer(&json, NULL, info->clip_width);
    hedon_json_end_array(&json);
    hedon_json_string(&json, "reference", info->reference_name);
    hedon_json_integer(&json, "reference_videos", info->reference_count);
    preprocessing_as_json(&json, hedon_model_preprocessing(model));
    hedon_json_end_object(&json);
    putchar('\n');
}

/* As built, then after the device's passes. */
static int print_graph(HedonContext *ctx, const HedonModel *model, const char *name,
                       const HedonDeviceArguments *device)
{
    HedonDeviceOptions options;
    hedon_device_arguments(device, &options);
    for (int compiled = 0; compiled < 2; compiled++) {
        char *text;
        const int code = hedon_model_graph_text(ctx, model, compiled ? &options : NULL, &text);
        if (code) return hedon_report(name, code, hedon_last_error(ctx));
        printf("\n%s\n%s", compiled ? "Graph after the device's passes" : "Graph as built", text);
        free(text);
    }
    return EXIT_GOOD;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count > 1) return hedon_wrong_usage(command, "give one model, or none");
    if (arguments.graph && (!count || arguments.json))
        return hedon_wrong_usage(command, "--graph needs a MODEL and excludes --json");
    if (!count) {
        if (arguments.json)
            build_as_json(ctx);
        else
            build_as_text(ctx);
        return EXIT_GOOD;
    }
    HedonModel *model;
    const int code = hedon_open_model_argument(ctx, &model, argv[0]);
    if (code) return hedon_report(argv[0], code, hedon_last_error(ctx));
    if (arguments.json)
        model_as_json(model);
    else
        model_as_text(model);
    status = arguments.graph ? print_graph(ctx, model, argv[0], &arguments.device) : EXIT_GOOD;
    hedon_model_close(model);
    return status;
}

static const HedonOption options[] = {
    {"graph", OPTION_FLAG, offsetof(Arguments, graph), NULL,
     "print the model's graph, before and after the device's passes"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_info = {
    .name = "info",
    .summary = "what this build and machine can do; what a model is",
    .parameters = "[MODEL]",
    .examples = "  hedon info\n  hedon info synthetic\n  hedon info model.hedon --graph\n",
    .options = options,
    .run = run,
};
