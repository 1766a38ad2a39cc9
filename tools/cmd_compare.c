/* hedon compare: two models on the same videos, or two folders of one run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "report/compare.h"
#include "score/json_writer.h"
#include "tools/store_argument.h"

enum { DEFAULT_REPLICATES = 1000 };

typedef struct Arguments {
    int json;
    int64_t replicates, seed, threads;
    HedonStoreArguments store;
} Arguments;

/* What A or B turned out to be. */
typedef struct Side {
    const char *given;
    HedonReportRun run;
    char *folder; /* malloc'ed; NULL: the whole run */
} Side;

static int resolve(HedonContext *ctx, Side *side, HedonStore *store, const char *given,
                   const char *base_run)
{
    side->given = given;
    const int is_run = hedon_report_run_exists(ctx, store, given);
    if (is_run < 0) return is_run;
    if (is_run) return hedon_report_run_find(ctx, &side->run, store, given);
    side->folder = realpath(given, NULL);
    if (!side->folder && given[0] == '/') side->folder = strdup(given); /* it may be gone by now */
    if (!side->folder)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "%s is neither a run, a model of the store nor a folder", given);
    return hedon_report_run_find(ctx, &side->run, store, base_run);
}

static void name_of(char *name, size_t size, const Side *side)
{
    if (side->folder)
        hedon_utf8_clean(name, size, side->given);
    else
        snprintf(name, size, "run %lld, %s", (long long)side->run.id, side->run.info.name);
}

/* ---- Text */

static void print_interval(double value, const HedonInterval *interval)
{
    if (isnan(value))
        printf("  %25s", "-");
    else
        printf("  %+8.4f [%+.4f %+.4f]", value, interval->low, interval->high);
}

static void print_table(const HedonComparison *comparison)
{
    printf("%-22s %8s %8s  %-27s%s\n", "", "A", "B", "A - B, 95% interval",
           comparison->paired ? "  rank correlation, 95% interval" : "");
    for (int c = 0; c < HEDON_COMPARED; c++) {
        const HedonComparedValue *value = &comparison->value[c];
        if (!value->measured) continue;
        printf("%-22s %8.4f %8.4f", hedon_report_measure_name(c ? c - 1 : HEDON_REPORT_UTILITY),
               value->first, value->second);
        print_interval(value->difference, &value->interval);
        if (comparison->paired) print_interval(value->rank_correlation, &value->rank_interval);
        printf("%s\n", value->interval.low > 0 || value->interval.high < 0 ? "  *" : "");
    }
}

static void print_caveats(const Side *a, const Side *b)
{
    char line[1024];
    if (a->run.warning || b->run.warning)
        printf("%s\n", a->run.warning ? a->run.warning : b->run.warning);
    hedon_report_caveat(line, sizeof(line), &a->run, "pleasantness of watching and mean ratings");
    printf("%s\n", line);
    if (a->run.id == b->run.id) return;
    hedon_report_caveat(line, sizeof(line), &b->run, "pleasantness of watching and mean ratings");
    printf("%s\n", line);
}

static void print_text(const HedonComparison *comparison, const Side *a, const Side *b)
{
    char first[512], second[512];
    name_of(first, sizeof(first), a);
    name_of(second, sizeof(second), b);
    print_caveats(a, b);
    printf("\nA: %s, %lld videos\nB: %s, %lld videos\n", first, (long long)comparison->first_videos,
           second, (long long)comparison->second_videos);
    if (comparison->paired)
        printf("Paired over the %lld videos of both.\n", (long long)comparison->videos);
    printf("\n");
    print_table(comparison);
    printf("\n* the interval leaves 0 out; of 28 such intervals one or two do so by chance.\n");
    if (comparison->paired)
        printf("Utilities have no unit: those of two models differ in scale; see the rank "
               "correlation.\n");
}

/* ---- JSON */

static void write_side(HedonJson *json, const char *key, const Side *side, int64_t videos)
{
    char caveat[1024];
    hedon_report_caveat(caveat, sizeof(caveat), &side->run,
                        "pleasantness of watching and mean ratings");
    hedon_json_object(json, key);
    hedon_json_integer(json, "run", side->run.id);
    hedon_json_string(json, "model", side->run.info.name);
    hedon_json_string(json, "folder", side->folder);
    hedon_json_integer(json, "videos", videos);
    hedon_json_string(json, "warning", side->run.warning);
    hedon_json_string(json, "caveat", caveat);
    hedon_json_end_object(json);
}

static void write_interval(HedonJson *json, const char *key, const HedonInterval *interval)
{
    hedon_json_array(json, key);
    hedon_json_number(json, NULL, interval->low);
    hedon_json_number(json, NULL, interval->high);
    hedon_json_end_array(json);
}

static void print_json(const HedonComparison *comparison, const Side *a, const Side *b,
                       const HedonBootstrap *bootstrap)
{
    HedonJson json = {.out = stdout};
    hedon_json_object(&json, NULL);
    write_side(&json, "a", a, comparison->first_videos);
    write_side(&json, "b", b, comparison->second_videos);
    hedon_json_bool(&json, "paired", comparison->paired);
    if (comparison->paired) hedon_json_integer(&json, "videos", comparison->videos);
    hedon_json_integer(&json, "replicates", bootstrap->replicates);
    hedon_json_integer(&json, "seed", (int64_t)bootstrap->seed);
    hedon_json_object(&json, "measures");
    for (int c = 0; c < HEDON_COMPARED; c++) {
        const HedonComparedValue *value = &comparison->value[c];
        if (!value->measured) continue;
        hedon_json_object(&json, hedon_report_measure_name(c ? c - 1 : HEDON_REPORT_UTILITY));
        hedon_json_number(&json, "a", value->first);
        hedon_json_number(&json, "b", value->second);
        hedon_json_number(&json, "difference", value->difference);
        write_interval(&json, "interval", &value->interval);
        if (comparison->paired) {
            hedon_json_number(&json, "rank_correlation", value->rank_correlation);
            write_interval(&json, "rank_interval", &value->rank_interval);
        }
        hedon_json_end_object(&json);
    }
    hedon_json_end_object(&json);
    hedon_json_end_object(&json);
    printf("\n");
}

static int compare(HedonContext *ctx, const Arguments *arguments, HedonStore *store,
                   const char *base_run, char **names)
{
    Side a = {0}, b = {0};
    HedonComparison comparison;
    const HedonBootstrap bootstrap = {.seed = (uint64_t)arguments->seed,
                                      .replicates = arguments->replicates,
                                      .threads = arguments->threads ? (int)arguments->threads
                                                                    : hedon_cpu_count()};
    int code = resolve(ctx, &a, store, names[0], base_run);
    if (!code) code = resolve(ctx, &b, store, names[1], base_run);
    if (!code && !a.folder != !b.folder)
        code = hedon_fail(ctx, HEDON_EINVAL, "compare two runs, or two folders of one");
    if (!code && !a.folder && a.run.id == b.run.id)
        code = hedon_fail(ctx, HEDON_EINVAL, "%s and %s are the same run", names[0], names[1]);
    if (!code) {
        const HedonCompareSide first = {.run = a.run.id, .folder = a.folder};
        const HedonCompareSide second = {.run = b.run.id, .folder = b.folder};
        code = hedon_compare_sides(ctx, &comparison, store, &first, &second, arguments->store.where,
                                   &bootstrap);
    }
    if (!code && arguments->json) print_json(&comparison, &a, &b, &bootstrap);
    if (!code && !arguments->json) print_text(&comparison, &a, &b);
    hedon_report_run_clear(&a.run);
    hedon_report_run_clear(&b.run);
    free(a.folder);
    free(b.folder);
    return code;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.replicates = DEFAULT_REPLICATES, .seed = 1};
    HedonStore *store;
    HedonReportRun chosen;
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 3)
        return hedon_wrong_usage(command, "give a store and two runs, models or folders");
    status = hedon_open_store_argument(command, ctx, argv[0], &arguments.store, &store, &chosen);
    if (status != HEDON_PARSED) return status;
    char number[32];
    snprintf(number, sizeof(number), "%lld", (long long)chosen.id);
    const int code = compare(ctx, &arguments, store, number, argv + 1);
    status = code ? hedon_query_failed(command, ctx, argv[0], code) : EXIT_GOOD;
    hedon_report_run_clear(&chosen);
    hedon_store_close(store);
    return status;
}

static const HedonOption options[] = {
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    HEDON_RUN_OPTIONS(Arguments),
    HEDON_WHERE_OPTION(Arguments),
    {"replicates", OPTION_INTEGER, offsetof(Arguments, replicates), "N",
     "bootstrap resamples behind the intervals (default 1000)"},
    {"seed", OPTION_INTEGER, offsetof(Arguments, seed), "S", "of the resampling (default 1)"},
    {"threads", OPTION_INTEGER, offsetof(Arguments, threads), "N",
     "cores to use (default: all); changes no digit"},
    {NULL},
};

const HedonCommand hedon_cmd_compare = {
    .name = "compare",
    .summary = "two models, or two folders, with intervals",
    .parameters = "STORE A B [OPTION...]",
    .description =
        "A and B are runs by number or model name: mean differences over the videos that\n"
        "both have, resampled in pairs, and how alike they rank them. Or they are two\n"
        "folders of one run (--run, --model): mean differences of two samples. Intervals\n"
        "hold 95% of the resamples.\n",
    .examples = "  hedon compare results.db lowlevel r2plus1d_18\n"
                "  hedon compare results.db 1 2 --where 'duration > 5' --json\n"
                "  hedon compare results.db videos/before videos/after\n",
    .options = options,
    .run = run,
};
