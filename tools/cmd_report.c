/* hedon report: annotations as a folder of pages that a browser opens from disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "report/site.h"
#include "report/site_data.h"
#include "tools/store_argument.h"

typedef struct Arguments {
    const char *out, *title, *thumbnails;
    int json;
    int64_t limit, workers;
    HedonStoreArguments store;
} Arguments;

static void show_progress(void *opaque, int64_t done, int64_t count)
{
    hedon_progress_update(opaque, "thumbnails", done, count);
}

static int check(const HedonCommand *command, const Arguments *arguments, int count,
                 HedonSiteOptions *options)
{
    char *end;
    if (count != 1) return hedon_wrong_usage(command, "which store? give one file or database");
    if (!arguments->out) return hedon_wrong_usage(command, "--out DIR is missing");
    if (!strcmp(arguments->out, "-"))
        return hedon_wrong_usage(command, "--out wants a folder: the report is many files");
    if (!arguments->thumbnails) return HEDON_PARSED;
    const long most = strtol(arguments->thumbnails, &end, 10);
    if (end == arguments->thumbnails || *end || most < 0 || most > 8)
        return hedon_wrong_usage(command, "--thumbnails %s: give a number from 0 to 8",
                                 arguments->thumbnails);
    options->thumbnails = (int)most;
    return HEDON_PARSED;
}

static void tell(const Arguments *arguments, const HedonSiteWritten *written)
{
    if (arguments->json) {
        printf("{\"videos\":%lld,\"errors\":%lld,\"left_out\":%lld,\"thumbnails\":%lld,"
               "\"kept\":%lld,\"missing\":%lld}\n",
               (long long)written->videos, (long long)written->errors, (long long)written->left_out,
               (long long)written->thumbnails, (long long)written->kept,
               (long long)written->missing);
        return;
    }
    printf("%lld videos, %lld of them failed; thumbnails of %lld", (long long)written->videos,
           (long long)written->errors, (long long)(written->thumbnails + written->kept));
    if (written->missing)
        printf(" (%lld could not be opened any more)", (long long)written->missing);
    printf("\n");
    if (written->left_out)
        printf("%lld more are in the store: --limit N shows more, --where others\n",
               (long long)written->left_out);
    printf("Open %s/index.html\n", arguments->out);
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.limit = HEDON_SITE_ROWS};
    HedonSiteOptions options;
    HedonSiteWritten written;
    HedonStore *store;
    HedonReportRun chosen;
    HedonProgress bar;
    char title[256];
    int count = 0;
    hedon_site_options_default(&options);
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status == HEDON_PARSED) status = check(command, &arguments, count, &options);
    if (status == HEDON_PARSED)
        status =
            hedon_open_store_argument(command, ctx, argv[0], &arguments.store, &store, &chosen);
    if (status != HEDON_PARSED) return status;

    hedon_site_title(title, sizeof(title), argv[0]);
    options.title = arguments.title ? arguments.title : title;
    options.where = arguments.store.where;
    options.limit = arguments.limit;
    options.workers = (int)arguments.workers;
    options.progress = show_progress;
    options.opaque = &bar;
    hedon_progress_start(&bar);
    const int code = hedon_site_write(ctx, store, &chosen, arguments.out, &options, &written);
    hedon_progress_clear(&bar);
    status = code ? hedon_query_failed(command, ctx, argv[0], code) : EXIT_GOOD;
    if (!code) tell(&arguments, &written);
    hedon_report_run_clear(&chosen);
    hedon_store_close(store);
    return status;
}

static const HedonOption options[] = {
    {"out", OPTION_TEXT, offsetof(Arguments, out), "DIR",
     "the folder to write: new, or of an earlier report", 'o'},
    {"title", OPTION_TEXT, offsetof(Arguments, title), "TEXT",
     "of the pages (default: the store's name)"},
    {"thumbnails", OPTION_TEXT, offsetof(Arguments, thumbnails), "N",
     "a video, where its timeline peaks, at most 8 (default 3; 0: none)"},
    {"limit", OPTION_INTEGER, offsetof(Arguments, limit), "N",
     "videos at most, the first by path (default 100000)"},
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N",
     "decoder processes for thumbnails (default: one a core)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object with the counts"},
    HEDON_RUN_OPTIONS(Arguments),
    HEDON_WHERE_OPTION(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_report = {
    .name = "report",
    .summary = "annotations as pages for a browser: table, plots, timelines",
    .parameters = "STORE --out DIR [OPTION...]",
    .description =
        "Opens from disk: no server, no network. The videos stay where they are; pages play\n"
        "them from there. Thumbnails are decoded now; those of an earlier report in DIR are\n"
        "kept.\n",
    .examples = "  hedon report results.db --out report && xdg-open report/index.html\n"
                "  hedon report results.db --out joy --where 'Joy > .3' --thumbnails 0\n",
    .options = options,
    .run = run,
};
