/* hedon annotate: every video of a folder tree into one store, resumable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "tools/annotate_show.h"
#include "tools/command.h"

typedef struct Arguments {
    const char *model, *store, *files, *shard, *decoder;
    int hidden, nul, retry_failed, estimate, json, quiet;
    double progress_s;
    HedonScoringArguments scoring;
    int64_t workers;
    HedonTexts include, exclude;
    HedonDeviceArguments device;
} Arguments;

/* "3/8" */
static int parse_shard(const HedonCommand *command, const char *text, HedonFilter *filter)
{
    if (!text) return HEDON_PARSED;
    char rest;
    if (sscanf(text, "%9d/%9d%c", &filter->shard, &filter->shard_count, &rest) == 2 &&
        filter->shard >= 1 && filter->shard <= filter->shard_count)
        return HEDON_PARSED;
    return hedon_wrong_usage(command, "--shard %s: give I/N, from 1/N to N/N", text);
}

static int check(const HedonCommand *command, const Arguments *arguments, char **places, int count)
{
    if (!count && !arguments->files)
        return hedon_wrong_usage(command,
                                 "which folder? give one or more, or - for a list of files");
    const int scoring = hedon_scoring_check(command, &arguments->scoring);
    if (scoring != HEDON_PARSED) return scoring;
    int lists = arguments->files && !strcmp(arguments->files, "-");
    for (int i = 0; i < count; i++) lists += !strcmp(places[i], "-");
    if (lists > 1) return hedon_wrong_usage(command, "standard input (-) can be read only once");
    return HEDON_PARSED;
}

/* A name mistyped should leave no store behind. */
static int check_places(const Arguments *arguments, char **places, int count)
{
    int there = arguments->files != NULL;
    for (int i = 0; i < count; i++) there += !strcmp(places[i], "-") || !access(places[i], F_OK);
    for (int i = 0; i < count && !there; i++) hedon_say("%s: no such file or folder", places[i]);
    return there ? HEDON_PARSED : EXIT_SOME_FAILED;
}

static void fill_options(const Arguments *arguments, char **places, int count,
                         HedonAnnotateOptions *options)
{
    if (arguments->store) options->store = arguments->store;
    options->retry_failed = arguments->retry_failed;
    HedonSourceOptions *source = &options->source;
    source->places = (const char *const *)places;
    source->place_count = count;
    source->list = arguments->files;
    source->nul = arguments->nul;
    source->filter.include = arguments->include.items;
    source->filter.include_count = arguments->include.count;
    source->filter.exclude = arguments->exclude.items;
    source->filter.exclude_count = arguments->exclude.count;
    source->filter.hidden = arguments->hidden;
    HedonScorerOptions *scorer = &options->scorer;
    hedon_device_arguments(&arguments->device, &scorer->device);
    hedon_scoring_arguments(&arguments->scoring, scorer);
    scorer->decode_workers = (int)arguments->workers;
    scorer->decoder = hedon_decoder_argument(arguments->decoder);
}

static int finish(const HedonCommand *command, HedonContext *ctx, HedonAnnotateShow *show, int code,
                  const HedonAnnotateState *state)
{
    if (code == HEDON_EINVAL) return hedon_wrong_usage(command, "%s", hedon_last_error(ctx));
    return hedon_annotate_show_end(show, code, hedon_last_error(ctx), state);
}

static int annotate(const HedonCommand *command, HedonContext *ctx, const Arguments *arguments,
                    const HedonAnnotateOptions *options)
{
    HedonModel *model;
    int code = hedon_open_model_argument(ctx, &model, arguments->model);
    if (code)
        return hedon_report(arguments->model ? arguments->model : "default model", code,
                            hedon_last_error(ctx));
    HedonAnnotateShow show = {.json = arguments->json,
                              .quiet = arguments->quiet,
                              .every_s = arguments->progress_s > 0 ? arguments->progress_s : 10};
    hedon_annotate_show_start(&show, options->store);
    const HedonAnnotateCallbacks callbacks = hedon_annotate_show_callbacks(&show);
    int status;
    if (arguments->estimate) {
        HedonAnnotateEstimate estimate;
        code = hedon_annotate_estimate(ctx, model, options, &callbacks, &estimate);
        status = hedon_annotate_show_estimate(&show, code, hedon_last_error(ctx), &estimate);
    } else {
        HedonAnnotateState state;
        code = hedon_annotate(ctx, model, options, &callbacks, &state);
        status = finish(command, ctx, &show, code, &state);
    }
    hedon_model_close(model);
    return status;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    HedonAnnotateOptions annotation;
    hedon_annotate_options_default(&annotation);
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status == HEDON_PARSED) status = check(command, &arguments, argv, count);
    if (status == HEDON_PARSED)
        status = parse_shard(command, arguments.shard, &annotation.source.filter);
    if (status == HEDON_PARSED) status = check_places(&arguments, argv, count);
    if (status != HEDON_PARSED) return status;
    fill_options(&arguments, argv, count, &annotation);
    return annotate(command, ctx, &arguments, &annotation);
}

static const HedonOption options[] = {
    {"model", OPTION_TEXT, offsetof(Arguments, model), "MODEL",
     "a model file, or an embedded model (see hedon info)"},
    {"store", OPTION_TEXT, offsetof(Arguments, store), "STORE",
     "a file, or postgresql://... (default results.db)"},
    {"include", OPTION_TEXTS, offsetof(Arguments, include), "GLOB",
     "only such files; may be given several times"},
    {"exclude", OPTION_TEXTS, offsetof(Arguments, exclude), "GLOB",
     "no such files or folders; several times likewise"},
    {"hidden", OPTION_FLAG, offsetof(Arguments, hidden), NULL, "also what begins with a dot"},
    {"files", OPTION_TEXT, offsetof(Arguments, files), "FILE",
     "a list of files, one a line (- is standard input)"},
    {"null", OPTION_FLAG, offsetof(Arguments, nul), NULL,
     "lists are separated by NUL, as find -print0 writes them", '0'},
    {"shard", OPTION_TEXT, offsetof(Arguments, shard), "I/N",
     "only the I-th of N shares of the files"},
    {"estimate", OPTION_FLAG, offsetof(Arguments, estimate), NULL,
     "only say how many videos, how long, how much disk"},
    {"retry-failed", OPTION_FLAG, offsetof(Arguments, retry_failed), NULL,
     "do again what failed before"},
    HEDON_SCORING_OPTIONS(Arguments),
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N",
     "decoder processes (default: chosen by measurement)"},
    HEDON_DECODER_OPTION(Arguments),
    {"progress", OPTION_SECONDS, offsetof(Arguments, progress_s), "SECONDS",
     "between lines of progress (default 10)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL,
     "events on standard output, one JSON object a line"},
    {"quiet", OPTION_FLAG, offsetof(Arguments, quiet), NULL,
     "no progress, no line a failed video, no summary", 'q'},
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_annotate = {
    .name = "annotate",
    .summary = "score every video of a folder tree into one store, resumable",
    .parameters = "[OPTION...] DIR...",
    .description =
        "DIR is gone through with all folders in it; a file may be named too, and - stands for a\n"
        "list of files on standard input. Files with a video's suffix are taken as they are, "
        "others\n"
        "by their first bytes. A video is scored once for each model and timeline, and again when\n"
        "its content has changed. Whatever stopped the command (Ctrl-C, a crash, a power cut), "
        "the\n"
        "same command goes on from there. Any number of processes and machines may run it on the\n"
        "same store.\n"
        "GLOB: with a slash it is held against the path below DIR ('*' matches slashes too), "
        "without\n"
        "against the name.\n"
        "Exit status: 0 all well, 1 some videos failed (they are in the store with the reason), 2\n"
        "wrong usage, 130 interrupted.\n",
    .examples = "  hedon annotate ~/Videos\n"
                "  hedon annotate --store holiday.db --exclude '*/raw/*' --window 4 holiday\n"
                "  find /data -name '*.mp4' -print0 | hedon annotate -0 -\n"
                "  hedon annotate --store postgresql://db/hedon /data   # on each machine\n"
                "  hedon annotate --store part-3.db --shard 3/8 /data\n",
    .options = options,
    .run = run,
};
