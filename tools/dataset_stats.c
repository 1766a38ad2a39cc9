/* hedon dataset stats: what a dataset is like. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "tools/dataset.h"

typedef struct Arguments {
    HedonDatasetArguments dataset;
    const char *plot;
    int json, no_open, duplicates;
    int64_t threshold, workers;
    double budget_s;
} Arguments;

static void show_progress(void *opaque, int64_t done, int64_t total)
{
    hedon_progress_update(opaque, "reading videos", done, total);
}

static int measure(HedonContext *ctx, const Arguments *arguments, const HedonDataset *dataset)
{
    HedonStatsOptions options;
    HedonDatasetStats stats;
    HedonProgress bar;
    hedon_stats_options_default(&options);
    options.open = !arguments->no_open;
    options.duplicates = arguments->duplicates;
    options.workers = (int)arguments->workers;
    if (arguments->threshold) options.threshold = (int)arguments->threshold;
    if (arguments->budget_s > 0) options.worker.max_seconds = arguments->budget_s;
    options.progress = show_progress;
    options.opaque = &bar;
    hedon_progress_start(&bar);
    int code = hedon_dataset_stats(ctx, &stats, dataset, &options);
    hedon_progress_clear(&bar);
    if (!code) hedon_stats_print(stdout, dataset, &stats, arguments->json);
    if (!code && arguments->plot) code = hedon_stats_plot(ctx, dataset, &stats, arguments->plot);
    hedon_stats_free(&stats);
    return code;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    HedonDataset *dataset = NULL;
    HedonSettings settings;
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "give one dataset: its folder, or a table");
    if (arguments.threshold >= HEDON_HASH_BITS)
        return hedon_wrong_usage(command, "--threshold: of %d bits", HEDON_HASH_BITS);
    if (arguments.plot && !strcmp(arguments.plot, "-"))
        return hedon_wrong_usage(command, "--plot needs the name of a PNG file");
    int code = hedon_settings_parse(ctx, arguments.dataset.settings, &settings);
    if (!code)
        code =
            hedon_dataset_open(ctx, &dataset, arguments.dataset.kind, argv[0], &settings.options);
    if (!code) code = measure(ctx, &arguments, dataset);
    status = code ? hedon_dataset_report(argv[0], code, hedon_last_error(ctx)) : EXIT_GOOD;
    hedon_dataset_close(dataset);
    free(settings.copy);
    return status;
}

static const HedonOption options[] = {
    HEDON_DATASET_OPTIONS(Arguments),
    {"duplicates", OPTION_FLAG, offsetof(Arguments, duplicates), NULL,
     "look for videos that look the same (decodes four frames of each)"},
    {"threshold", OPTION_INTEGER, offsetof(Arguments, threshold), "BITS",
     "of 256 that such videos' hashes differ in at most (default 24)"},
    {"no-open", OPTION_FLAG, offsetof(Arguments, no_open), NULL,
     "durations only from metadata, no video is opened"},
    {"plot", OPTION_TEXT, offsetof(Arguments, plot), "FILE.png", "draw it"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL,
     "one JSON object, schema hedon.dataset_stats/1"},
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N",
     "decoder processes (default: one a core)"},
    {"budget", OPTION_SECONDS, offsetof(Arguments, budget_s), "SECONDS",
     "give a video up after so long (default 120)"},
    {NULL},
};

const HedonCommand hedon_dataset_stats_command = {
    .name = "dataset stats",
    .summary = "class balance, durations, connectivity, near-duplicates",
    .parameters = "[OPTION...] DIR",
    .description =
        "The label of a video is the first maximum of its intensities in alphabetical order.\n"
        "Durations come from metadata.json, or from the videos where it does not "
        "say.\n" HEDON_DATASET_SETTINGS_HELP,
    .examples = "  hedon dataset stats vce_dataset\n"
                "  hedon dataset stats --plot balance.png vce_dataset\n"
                "  hedon dataset stats --duplicates --json v2v_dataset\n",
    .options = options,
    .run = run,
};
