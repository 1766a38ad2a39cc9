/* hedon bench pipeline: annotating a folder, its stages alone and together, and how cost grows. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "tools/bench.h"
#include "tools/pipeline_set.h"
#include "tools/pipeline_stages.h"

enum { VIDEOS = 96, SIZES = 4, LONGEST_S = 32, LONG_VIDEOS = 4, REPEATS_MOST = 64 };

typedef struct Arguments {
    const char *model, *videos;
    int64_t count, repeats, streams, workers, batch;
    int no_growth, json;
    HedonDeviceArguments device;
} Arguments;

/* Wall time over four sizes, and the exponent of the power of the size that fits them best. */
typedef struct Growth {
    double size[SIZES], seconds[SIZES], exponent;
} Growth;

typedef struct Report {
    const Arguments *arguments;
    const char *model;
    HedonPipelineSet set;
    HedonPipelineCosts costs[REPEATS_MOST]; /* ascending by efficiency */
    int repeats;
    Growth number, length;
    double load; /* of the machine, at the start */
} Report;

static const HedonPipelineCosts *median(const Report *report)
{
    return &report->costs[(report->repeats - 1) / 2];
}

/* ---- Measuring */

/* The least squares' slope of log seconds over log size. */
static void fit(Growth *growth)
{
    double x = 0, y = 0, xx = 0, xy = 0;
    for (int i = 0; i < SIZES; i++) {
        const double a = log(growth->size[i]), b = log(growth->seconds[i]);
        x += a;
        y += b;
        xx += a * a;
        xy += a * b;
    }
    growth->exponent = (SIZES * xy - x * y) / (SIZES * xx - x * x);
}

static int by_efficiency(const void *a, const void *b)
{
    const double x = ((const HedonPipelineCosts *)a)->efficiency,
                 y = ((const HedonPipelineCosts *)b)->efficiency;
    return x < y ? -1 : x > y;
}

static int measure_stages(HedonContext *ctx, HedonScorer *scorer, Report *report,
                          HedonProgress *bar)
{
    const HedonPipelineSet *set = &report->set;
    int code = 0;
    while (!code && report->repeats < report->arguments->repeats) {
        hedon_progress_update(bar, "stages", report->repeats, report->arguments->repeats);
        code = hedon_pipeline_measure(ctx, scorer, (const char *const *)set->paths, set->count,
                                      &report->costs[report->repeats]);
        report->repeats += !code;
    }
    qsort(report->costs, (size_t)report->repeats, sizeof(*report->costs), by_efficiency);
    return code;
}

static int measure_number(HedonContext *ctx, HedonScorer *scorer, Report *report,
                          HedonProgress *bar)
{
    const HedonPipelineSet *set = &report->set;
    int code = 0;
    for (int i = 0; i < SIZES && !code; i++) {
        HedonPipelineCosts costs;
        const int64_t count = set->count >> (SIZES - 1 - i);
        hedon_progress_update(bar, "numbers of videos", i, SIZES);
        code = hedon_pipeline_run(ctx, scorer, (const char *const *)set->paths, count, &costs);
        report->number.size[i] = (double)count;
        report->number.seconds[i] = costs.together.wall_s;
    }
    fit(&report->number);
    return code;
}

static int measure_length(HedonContext *ctx, HedonScorer *scorer, Growth *growth,
                          HedonProgress *bar)
{
    int code = 0;
    for (int i = 0; i < SIZES && !code; i++) {
        HedonPipelineCosts costs;
        HedonPipelineSet set;
        const int seconds = LONGEST_S >> (SIZES - 1 - i);
        code = hedon_pipeline_set_render(ctx, &set, LONG_VIDEOS, seconds);
        if (code) break;
        hedon_progress_update(bar, "lengths of videos", i, SIZES);
        code = hedon_pipeline_run(ctx, scorer, (const char *const *)set.paths, set.count, &costs);
        growth->size[i] = seconds;
        growth->seconds[i] = costs.together.wall_s;
        hedon_pipeline_set_free(&set);
    }
    fit(growth);
    return code;
}

static int measure(HedonContext *ctx, const HedonModel *model, Report *report)
{
    const Arguments *arguments = report->arguments;
    HedonScorer *scorer;
    HedonScorerOptions options;
    hedon_scorer_options_default(&options);
    hedon_device_arguments(&arguments->device, &options.device);
    options.videos = report->set.count > 1 ? report->set.count : 0;
    options.timeline = 0;
    options.streams = (int)arguments->streams;
    options.decode_workers = (int)arguments->workers;
    options.batch = arguments->batch;
    int code = hedon_scorer_open(ctx, &scorer, model, &options);
    if (code) return code;
    HedonProgress bar;
    hedon_progress_start(&bar);
    code = measure_stages(ctx, scorer, report, &bar);
    const int growth = !arguments->no_growth && report->set.count >= 1 << SIZES;
    if (!code && growth) code = measure_number(ctx, scorer, report, &bar);
    if (!code && growth) code = measure_length(ctx, scorer, &report->length, &bar);
    hedon_progress_clear(&bar);
    hedon_scorer_close(scorer);
    return code;
}

/* ---- Reports */

static void print_cost(const char *name, const HedonCost *cost, const char *what)
{
    printf("  %-28s %10.3f %10.3f   %s\n", name, cost->cpu_s, cost->wall_s, what);
}

static void print_lane(const char *stage, const HedonStageStats *stats)
{
    char name[48];
    snprintf(name, sizeof(name), "%s (%d lane%s)", stage, stats->lanes,
             stats->lanes == 1 ? "" : "s");
    printf("  %-28s %10.3f %10.3f %10.3f %10.3f\n", name, stats->busy_s, stats->cpu_s,
           stats->starved_s, stats->blocked_s);
}

static void print_lanes(const HedonPipelineCosts *costs)
{
    printf("\n%-30s %10s %10s %10s %10s\n", "  of the run together, lanes' s", "busy", "processor",
           "starved", "blocked");
    for (int i = 0; i < HEDON_STAGES; i++)
        print_lane(hedon_stage_name((HedonStage)i), &costs->stats.stage[i]);
    print_lane("write", &costs->writer);
}

static void print_growth(const char *what, const char *unit, const Growth *growth)
{
    printf("  %-28s", what);
    for (int i = 0; i < SIZES; i++)
        printf(" %.0f%s %.2f s%s", growth->size[i], unit, growth->seconds[i],
               i + 1 < SIZES ? "," : "");
    printf("; exponent %.2f\n", growth->exponent);
}

static void print_text(const Report *report)
{
    const HedonPipelineCosts *costs = median(report);
    const HedonScorerStats *stats = &costs->stats;
    char what[96];
    printf("%s, %lld videos (%lld failed), %lld frames, %lld views; %d cores, load %.2f at the "
           "start\n\n%-30s %10s %10s\n",
           report->model, (long long)stats->videos, (long long)stats->failed,
           (long long)costs->frames, (long long)costs->views, stats->cores, report->load,
           "  seconds", "processor", "wall");
    snprintf(what, sizeof(what), "%d workers", stats->workers);
    print_cost("open and decode alone", &costs->decode, what);
    print_cost("pre-processing alone", &costs->preprocess, "one thread");
    snprintf(what, sizeof(what), "%d stream%s of %d thread%s", stats->streams,
             stats->streams == 1 ? "" : "s", stats->stream_threads,
             stats->stream_threads == 1 ? "" : "s");
    print_cost("inference alone", &costs->inference, what);
    snprintf(what, sizeof(what), "%lld results into SQLite, one thread", (long long)costs->written);
    print_cost("writing alone", &costs->writing, what);
    snprintf(what, sizeof(what), "%.2f videos/s, %.2f views/s",
             (double)stats->videos / costs->together.wall_s,
             (double)costs->views / costs->together.wall_s);
    print_cost("together", &costs->together, what);
    print_lanes(costs);
    printf("\n  efficiency                   %10.3f   processor seconds alone / cores / wall "
           "seconds together",
           costs->efficiency);
    if (report->repeats > 1)
        printf(" (median of %d: %.3f to %.3f)", report->repeats, report->costs[0].efficiency,
               report->costs[report->repeats - 1].efficiency);
    printf("\n  batches filled               %9.1f%%\n", 100 * stats->batch_fill);
    printf("  memory                       %7.0f MB   and %.0f MB at most for each decoder\n",
           (double)costs->own_memory_bytes / 1e6, (double)costs->worker_memory_bytes / 1e6);
    if (report->number.exponent > 0) print_growth("more videos", "", &report->number);
    if (report->length.exponent > 0) print_growth("longer videos", " s", &report->length);
}

static void write_cost(HedonJson *json, const char *name, const HedonCost *cost)
{
    hedon_json_object(json, name);
    hedon_json_number(json, "cpu_s", cost->cpu_s);
    hedon_json_number(json, "wall_s", cost->wall_s);
    hedon_json_end_object(json);
}

static void write_lane(HedonJson *json, const char *stage, const HedonStageStats *stats)
{
    hedon_json_object(json, NULL);
    hedon_json_string(json, "stage", stage);
    hedon_json_integer(json, "lanes", stats->lanes);
    hedon_json_number(json, "busy_s", stats->busy_s);
    hedon_json_number(json, "cpu_s", stats->cpu_s);
    hedon_json_number(json, "starved_s", stats->starved_s);
    hedon_json_number(json, "blocked_s", stats->blocked_s);
    hedon_json_end_object(json);
}

static void write_lanes(HedonJson *json, const HedonPipelineCosts *costs)
{
    hedon_json_array(json, "stages");
    for (int i = 0; i < HEDON_STAGES; i++)
        write_lane(json, hedon_stage_name((HedonStage)i), &costs->stats.stage[i]);
    write_lane(json, "write", &costs->writer);
    hedon_json_end_array(json);
}

static void write_growth(HedonJson *json, const char *name, const Growth *growth)
{
    hedon_json_object(json, name);
    hedon_json_array(json, "size");
    for (int i = 0; i < SIZES; i++) hedon_json_number(json, NULL, growth->size[i]);
    hedon_json_end_array(json);
    hedon_json_array(json, "wall_s");
    for (int i = 0; i < SIZES; i++) hedon_json_number(json, NULL, growth->seconds[i]);
    hedon_json_end_array(json);
    hedon_json_number(json, "exponent", growth->exponent);
    hedon_json_end_object(json);
}

static void print_json(const Report *report)
{
    const HedonPipelineCosts *costs = median(report);
    const HedonScorerStats *stats = &costs->stats;
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.bench/1");
    hedon_json_string(&json, "bench", "pipeline");
    hedon_json_string(&json, "model", report->model);
    hedon_json_integer(&json, "videos", stats->videos);
    hedon_json_integer(&json, "failed", stats->failed);
    hedon_json_integer(&json, "frames", costs->frames);
    hedon_json_integer(&json, "views", costs->views);
    hedon_json_integer(&json, "written", costs->written);
    hedon_json_integer(&json, "cores", stats->cores);
    hedon_json_integer(&json, "workers", stats->workers);
    hedon_json_integer(&json, "streams", stats->streams);
    hedon_json_integer(&json, "stream_threads", stats->stream_threads);
    hedon_json_number(&json, "load", report->load);
    write_cost(&json, "decode", &costs->decode);
    write_cost(&json, "preprocess", &costs->preprocess);
    write_cost(&json, "inference", &costs->inference);
    write_cost(&json, "writing", &costs->writing);
    write_cost(&json, "together", &costs->together);
    write_lanes(&json, costs);
    hedon_json_number(&json, "efficiency", costs->efficiency);
    hedon_json_array(&json, "efficiencies");
    for (int i = 0; i < report->repeats; i++)
        hedon_json_number(&json, NULL, report->costs[i].efficiency);
    hedon_json_end_array(&json);
    hedon_json_number(&json, "batch_fill", stats->batch_fill);
    hedon_json_integer(&json, "memory_bytes", costs->own_memory_bytes);
    hedon_json_integer(&json, "decoder_memory_bytes", costs->worker_memory_bytes);
    if (report->number.exponent > 0) write_growth(&json, "by_number", &report->number);
    if (report->length.exponent > 0) write_growth(&json, "by_length", &report->length);
    hedon_json_end_object(&json);
    putchar('\n');
}

/* ---- The command */

/* Decoders and their threads are to stay on as many processors as --threads says. */
static void bind_to(int64_t count)
{
    cpu_set_t allowed, chosen;
    if (sched_getaffinity(0, sizeof(allowed), &allowed)) return;
    CPU_ZERO(&chosen);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&chosen) < count; cpu++)
        if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &chosen);
    sched_setaffinity(0, sizeof(chosen), &chosen);
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.count = VIDEOS, .repeats = 1};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count) return hedon_wrong_usage(command, "give the folder as --videos %s", argv[0]);
    if (arguments.repeats > REPEATS_MOST)
        return hedon_wrong_usage(command, "--repeats: %d at most", REPEATS_MOST);
    Report *report = hedon_calloc(1, sizeof(*report));
    HedonModel *model = NULL;
    int code = report ? 0 : hedon_fail_memory(ctx);
    if (!code) code = hedon_open_model_argument(ctx, &model, arguments.model);
    if (code) {
        hedon_free(report);
        return hedon_report(arguments.model, code, hedon_last_error(ctx));
    }
    report->arguments = &arguments;
    report->model = hedon_model_info(model)->name;
    if (getloadavg(&report->load, 1) < 1) report->load = NAN;
    if (arguments.device.threads) bind_to(arguments.device.threads);
    code = arguments.videos
               ? hedon_pipeline_set_list(ctx, &report->set, arguments.videos)
               : hedon_pipeline_set_render(ctx, &report->set, arguments.count, 0);
    if (!code) code = measure(ctx, model, report);
    if (!code) (arguments.json ? print_json : print_text)(report);
    hedon_pipeline_set_free(&report->set);
    hedon_free(report);
    hedon_model_close(model);
    return code ? hedon_report(arguments.videos, code, hedon_last_error(ctx)) : EXIT_GOOD;
}

static const HedonOption options[] = {
    {"model", OPTION_TEXT, offsetof(Arguments, model), "MODEL",
     "a model file, an embedded model, or random:ARCH (default: the embedded default)"},
    {"videos", OPTION_TEXT, offsetof(Arguments, videos), "DIR",
     "the files of this folder (default: synthetic videos, rendered and removed)"},
    {"count", OPTION_INTEGER, offsetof(Arguments, count), "N", "so many of them (default 96)"},
    {"streams", OPTION_INTEGER, offsetof(Arguments, streams), "N",
     "batches computed at once (default: chosen)"},
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N",
     "decoder processes (default: chosen)"},
    {"batch", OPTION_INTEGER, offsetof(Arguments, batch), "N", "views a batch (default: chosen)"},
    {"repeats", OPTION_INTEGER, offsetof(Arguments, repeats), "N",
     "measure all stages so often; the median's figures are shown (default 1)"},
    {"no-growth", OPTION_FLAG, offsetof(Arguments, no_growth), NULL,
     "leave out how cost grows with the number and the length of videos"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_bench_pipeline = {
    .name = "bench pipeline",
    .summary = "annotating a folder: its stages alone, together, and how cost grows",
    .parameters = "[OPTION...]",
    .description =
        "Measures opening and decoding, pre-processing, inference and writing into a store alone, and\n"
        "annotating all of the videos. Efficiency is the stages' processor seconds alone, summed and\n"
        "divided by the cores, over the wall time together: 1 would be cores that never wait. Run\n"
        "nothing else meanwhile. Growth: wall seconds for an eighth, a quarter, half and all of the\n"
        "videos, and for rendered ones of 4 to 32 seconds, with the exponent of the power that fits\n"
        "them best.\n",
    .examples = "  hedon bench pipeline\n"
                "  hedon bench pipeline --model random:r2plus1d_18 --count 40 --repeats 3\n"
                "  hedon bench pipeline --videos clips --no-growth --json\n",
    .options = options,
    .run = run,
};
