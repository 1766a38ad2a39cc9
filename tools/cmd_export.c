/* hedon export: a store's annotations as JSON lines, CSV or WebVTT tracks. */
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "report/export.h"
#include "tools/store_argument.h"

typedef struct Arguments {
    const char *format, *out;
    int beside, clips;
    HedonStoreArguments store;
} Arguments;

static int check(const HedonCommand *command, const Arguments *arguments, int count)
{
    if (count != 1) return hedon_wrong_usage(command, "which store? give one file or database");
    if (!arguments->format)
        return hedon_wrong_usage(command, "--format is missing: jsonl, csv or vtt");
    const int tracks = !strcmp(arguments->format, "vtt");
    if (arguments->beside && !tracks)
        return hedon_wrong_usage(command, "--beside is for --format vtt");
    if (arguments->clips && strcmp(arguments->format, "csv"))
        return hedon_wrong_usage(command, "--clips is for --format csv; the others have clips");
    if (tracks && !arguments->out == !arguments->beside)
        return hedon_wrong_usage(command, "a track a video: give --out DIR, or --beside");
    if (tracks && arguments->out && !strcmp(arguments->out, "-"))
        return hedon_wrong_usage(command, "a track a video: --out wants a folder");
    return HEDON_PARSED;
}

/* *place: what to blame a failure on. */
static int write_sheet(HedonContext *ctx, const Arguments *arguments, const HedonExport *export,
                       HedonExported *exported, const char **place)
{
    HedonAtomicFile *file;
    const char *out = arguments->out ? arguments->out : "-";
    int code = hedon_atomic_open(ctx, &file, out);
    if (code) return code;
    FILE *stream = hedon_atomic_stream(file);
    code = !strcmp(arguments->format, "csv") ? hedon_export_csv(ctx, export, stream, exported)
                                             : hedon_export_jsonl(ctx, export, stream, exported);
    if (!code && fflush(stream)) code = hedon_fail_errno(ctx, "cannot write");
    if (!code) return hedon_atomic_commit(ctx, file);
    if (ferror(stream)) *place = strcmp(out, "-") ? out : "standard output";
    hedon_atomic_abort(file);
    return code;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    HedonStore *store;
    HedonReportRun chosen;
    HedonExported exported = {0};
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status == HEDON_PARSED) status = check(command, &arguments, count);
    if (status == HEDON_PARSED)
        status =
            hedon_open_store_argument(command, ctx, argv[0], &arguments.store, &store, &chosen);
    if (status != HEDON_PARSED) return status;

    const HedonExport export = {.store = store,
                                .run = &chosen,
                                .where = arguments.store.where,
                                .per_clip = arguments.clips};
    const char *place = argv[0];
    const int tracks = !strcmp(arguments.format, "vtt");
    const int code = tracks ? hedon_export_vtt(ctx, &export, arguments.out, &exported)
                            : write_sheet(ctx, &arguments, &export, &exported, &place);
    status = code ? hedon_query_failed(command, ctx, place, code) : EXIT_GOOD;
    if (!code && tracks) hedon_say("%lld tracks written", (long long)exported.videos);
    hedon_report_run_clear(&chosen);
    hedon_store_close(store);
    return status;
}

static const HedonOption options[] = {
    {"format", OPTION_CHOICE, offsetof(Arguments, format), "jsonl|csv|vtt", "what to write"},
    {"out", OPTION_TEXT, offsetof(Arguments, out), "FILE|DIR",
     "file (default: standard output); of vtt: folder", 'o'},
    {"beside", OPTION_FLAG, offsetof(Arguments, beside), NULL,
     "vtt: beside each video, as VIDEO.hedon.vtt"},
    {"clips", OPTION_FLAG, offsetof(Arguments, clips), NULL, "csv: one row a clip"},
    HEDON_RUN_OPTIONS(Arguments),
    HEDON_WHERE_OPTION(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_export = {
    .name = "export",
    .summary = "annotations as JSON lines, CSV or WebVTT tracks",
    .parameters = "STORE --format jsonl|csv|vtt [OPTION...]",
    .description =
        "STORE is what 'hedon annotate' wrote: a file or postgresql://... JSON lines have\n"
        "the keys of 'hedon score --json' without runtime, CSV its columns, both by path\n"
        "with failed videos among them. Tracks show the strongest emotions and the utility\n"
        "while a player plays the video.\n",
    .examples = "  hedon export results.db --format jsonl > results.jsonl\n"
                "  hedon export results.db --format csv --where 'Joy > .3' -o joy.csv\n"
                "  hedon export results.db --format vtt --beside\n"
                "  hedon export postgresql://host/annotations --format vtt --out tracks\n",
    .options = options,
    .run = run,
};
