/* hedon bench infer: one model's speed, beside what this machine's arithmetic units could do. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "tools/bench.h"

typedef struct Arguments {
    const char *model;
    int64_t batch, frames, size, repeats;
    int ops, json;
    HedonDeviceArguments device;
} Arguments;

typedef struct Running {
    HedonContext *ctx;
    HedonPredictor *predictor;
    HedonTensor clips, outputs[8];
} Running;

typedef struct Report {
    const HedonModelInfo *info;
    const Arguments *arguments;
    const HedonPredictor *predictor;
    const HedonTensor *clips;
    HedonTimings timings;
    int threads;
    double peak_flops;
} Report;

static int once(void *opaque)
{
    Running *running = opaque;
    return hedon_predictor_run(running->ctx, running->predictor, &running->clips, running->outputs);
}

static int alloc_tensors(HedonContext *ctx, Running *running, const HedonModelInfo *info,
                         const HedonPredictorOptions *options)
{
    const HedonShape shape = {
        .rank = 5, .dim = {options->batch, 3, options->frames, options->height, options->width}};
    if (info->head_count > 8) return hedon_fail(ctx, HEDON_EUNSUPPORTED, "more than 8 heads");
    if (hedon_tensor_alloc(&running->clips, HEDON_F32, &shape)) return hedon_fail_memory(ctx);
    float *values = running->clips.data;
    const HedonRandomKey key = hedon_random_key_name(1, "bench clips");
    for (int64_t i = 0; i < hedon_shape_count(&shape); i++)
        values[i] = (float)(4 * hedon_random_uniform(key, (uint64_t)i) - 2);
    for (int i = 0; i < info->head_count; i++) {
        const HedonShape head = {.rank = 2, .dim = {options->batch, info->heads[i].size}};
        if (hedon_tensor_alloc(&running->outputs[i], HEDON_F32, &head))
            return hedon_fail_memory(ctx);
    }
    return 0;
}

/* ---- Reports */

static double rate_of(const HedonOpProfile *op)
{
    return op->seconds > 0 ? op->flops * (double)op->runs / op->seconds : 0;
}

static void print_ops(const HedonPredictor *predictor, double peak_flops)
{
    const HedonOpProfile *ops;
    int count;
    if (hedon_predictor_profile(predictor, &ops, &count)) return;
    double total_s = 0;
    for (int i = 0; i < count; i++) total_s += ops[i].seconds;
    printf("\n%-28s %-12s %-24s %8s %6s %8s %6s\n", "node", "operation", "kernel", "ms", "share",
           "GFLOP/s", "peak");
    for (int i = 0; i < count; i++) {
        const HedonOpProfile *op = &ops[i];
        const double runs = op->runs > 0 ? (double)op->runs : 1;
        printf("%-28.28s %-12.12s %-24.24s %8.3f %5.1f%% %8.1f %5.0f%%\n", op->name, op->operation,
               op->kernel ? op->kernel : "", 1e3 * op->seconds / runs,
               total_s > 0 ? 100 * op->seconds / total_s : 0, rate_of(op) / 1e9,
               100 * rate_of(op) / peak_flops);
    }
}

static void print_text(const Report *report)
{
    const HedonTimings *t = &report->timings;
    const int64_t *dim = report->clips->shape.dim;
    const double clips = (double)dim[0], flops = hedon_predictor_flops(report->predictor);
    printf("%s, batch %lld of 3x%lldx%lldx%lld, %s, %d thread%s\n\n", report->info->name,
           (long long)dim[0], (long long)dim[2], (long long)dim[3], (long long)dim[4],
           hedon_predictor_backend(report->predictor), report->threads,
           report->threads == 1 ? "" : "s");
    printf("  batch          min %.2f ms, median %.2f ms, p90 %.2f ms (%d runs)\n", 1e3 * t->min_s,
           1e3 * t->median_s, 1e3 * t->p90_s, t->count);
    printf("  rate           %.2f clips/s at best, %.2f at the median\n", clips / t->min_s,
           clips / t->median_s);
    printf("  arithmetic     %.2f GFLOP a clip, %.1f GFLOP/s at best\n", flops / clips / 1e9,
           flops / t->min_s / 1e9);
    printf("  this machine   %.1f GFLOP/s in registers (%s), so %.0f%% of its peak; direct "
           "arithmetic is counted,\n"
           "                 of which Winograd needs less\n",
           report->peak_flops / 1e9, hedon_bench_peak_isa(),
           100 * flops / t->min_s / report->peak_flops);
    printf("  memory         %.0f MB at most, of which the plan %.0f MB\n",
           (double)hedon_bench_peak_memory() / 1e6,
           (double)hedon_predictor_bytes(report->predictor) / 1e6);
    if (report->arguments->ops) print_ops(report->predictor, report->peak_flops);
}

static void ops_as_json(HedonJson *json, const HedonPredictor *predictor)
{
    const HedonOpProfile *ops;
    int count;
    hedon_json_array(json, "ops");
    if (!hedon_predictor_profile(predictor, &ops, &count))
        for (int i = 0; i < count; i++) {
            hedon_json_object(json, NULL);
            hedon_json_string(json, "name", ops[i].name);
            hedon_json_string(json, "operation", ops[i].operation);
            hedon_json_string(json, "kernel", ops[i].kernel);
            hedon_json_number(json, "mean_s",
                              ops[i].runs > 0 ? ops[i].seconds / (double)ops[i].runs : 0);
            hedon_json_number(json, "gflops", ops[i].flops / 1e9);
            hedon_json_number(json, "gflops_per_s", rate_of(&ops[i]) / 1e9);
            hedon_json_end_object(json);
        }
    hedon_json_end_array(json);
}

static void print_json(const Report *report)
{
    const int64_t *dim = report->clips->shape.dim;
    const double clips = (double)dim[0], flops = hedon_predictor_flops(report->predictor);
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.bench/1");
    hedon_json_string(&json, "bench", "infer");
    hedon_json_string(&json, "model", report->info->name);
    hedon_json_string(&json, "backend", hedon_predictor_backend(report->predictor));
    hedon_json_integer(&json, "threads", report->threads);
    hedon_json_number(&json, "peak_gflops_per_s", report->peak_flops / 1e9);
    hedon_json_string(&json, "peak_isa", hedon_bench_peak_isa());
    hedon_json_integer(&json, "peak_memory_bytes", hedon_bench_peak_memory());
    hedon_json_integer(&json, "plan_bytes", hedon_predictor_bytes(report->predictor));
    hedon_json_array(&json, "cases");
    hedon_json_object(&json, NULL);
    hedon_json_integer(&json, "batch", dim[0]);
    hedon_json_integer(&json, "frames", dim[2]);
    hedon_json_integer(&json, "height", dim[3]);
    hedon_json_integer(&json, "width", dim[4]);
    hedon_timings_json(&json, &report->timings);
    hedon_json_number(&json, "clips_per_s", clips / report->timings.min_s);
    hedon_json_number(&json, "gflops_per_clip", flops / clips / 1e9);
    hedon_json_number(&json, "gflops_per_s", flops / report->timings.min_s / 1e9);
    hedon_json_number(&json, "share_of_peak", flops / report->timings.min_s / report->peak_flops);
    if (report->arguments->ops) ops_as_json(&json, report->predictor);
    hedon_json_end_object(&json);
    hedon_json_end_array(&json);
    hedon_json_end_object(&json);
    putchar('\n');
}

/* ---- Running */

static int measure(HedonContext *ctx, const HedonModel *model, const Arguments *arguments)
{
    const HedonModelInfo *info = hedon_model_info(model);
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    hedon_device_arguments(&arguments->device, &options.device);
    options.batch = arguments->batch;
    options.frames = arguments->frames ? arguments->frames : info->clip_frames;
    options.height = arguments->size ? arguments->size : info->clip_height;
    options.width = arguments->size ? arguments->size : info->clip_width;
    options.profile = arguments->ops;
    const int threads = options.device.threads > 0 ? options.device.threads : hedon_cpu_count();

    Running running = {.ctx = ctx};
    Report report = {
        .info = info, .arguments = arguments, .clips = &running.clips, .threads = threads};
    int code = hedon_predictor_open(ctx, &running.predictor, model, &options);
    if (!code) code = alloc_tensors(ctx, &running, info, &options);
    /* the peak before and after: a neighbour on the machine disturbs one of them, seldom both */
    if (!code) report.peak_flops = hedon_bench_peak_flops(threads);
    if (!code) code = hedon_timings_make(ctx, &report.timings, arguments->repeats, once, &running);
    if (!code) {
        const double after = hedon_bench_peak_flops(threads);
        if (after > report.peak_flops) report.peak_flops = after;
        report.predictor = running.predictor;
        if (arguments->json)
            print_json(&report);
        else
            print_text(&report);
    }
    hedon_timings_free(&report.timings);
    for (int i = 0; i < 8; i++) hedon_tensor_free(&running.outputs[i]);
    hedon_tensor_free(&running.clips);
    hedon_predictor_close(running.predictor);
    return code;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.model = "random:r2plus1d_18", .batch = 1};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count)
        return hedon_wrong_usage(command, "'%s' is not an option; the model goes after --model",
                                 argv[0]);
    HedonModel *model;
    int code = hedon_open_model_argument(ctx, &model, arguments.model);
    if (!code) code = measure(ctx, model, &arguments);
    hedon_model_close(model);
    return code ? hedon_report(arguments.model, code, hedon_last_error(ctx)) : EXIT_GOOD;
}

static const HedonOption options[] = {
    {"model", OPTION_TEXT, offsetof(Arguments, model), "MODEL",
     "a file, an embedded model, or random:ARCHITECTURE\n"
     "                                  (default random:r2plus1d_18)"},
    {"batch", OPTION_INTEGER, offsetof(Arguments, batch), "N", "clips at once (default 1)"},
    {"frames", OPTION_INTEGER, offsetof(Arguments, frames), "T",
     "of a clip (default: the model's)"},
    {"size", OPTION_INTEGER, offsetof(Arguments, size), "S",
     "height and width of a clip (default: the model's)"},
    {"ops", OPTION_FLAG, offsetof(Arguments, ops), NULL, "time every operation too"},
    {"repeats", OPTION_INTEGER, offsetof(Arguments, repeats), "N",
     "measurements (default: 10, and a second's worth)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_bench_infer = {
    .name = "bench infer",
    .summary = "a model's speed, beside this machine's own peak",
    .parameters = "[OPTION...]",
    .description =
        "Times the model alone on random clips: no decoding, no pre-processing. The peak is\n"
        "measured in the same run: multiply-adds in registers on all threads.\n",
    .examples = "  hedon bench infer\n"
                "  hedon bench infer --model random:r2plus1d_18 --batch 4 --threads 2 --ops\n",
    .options = options,
    .run = run,
};
