/* hedon top: the videos highest or lowest in wellbeing or an emotion. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/place.h"
#include "score/json.h"
#include "tools/store_argument.h"

enum { DEFAULT_COUNT = 10 };

typedef struct Arguments {
    const char *by;
    int lowest, json;
    int64_t count;
    HedonStoreArguments store;
} Arguments;

typedef struct Ranking {
    const Arguments *arguments;
    int measure;
    int64_t rank;
    HedonJson json;
} Ranking;

static void print_row(const Ranking *ranking, const HedonStoreRow *row)
{
    const HedonScore *score = &row->score;
    char name[1024], percentile[16] = "";
    hedon_utf8_clean(name, sizeof(name), hedon_path_under(row->root, row->path));
    if (ranking->measure == HEDON_REPORT_UTILITY && score->has_percentile)
        snprintf(percentile, sizeof(percentile), "  p%3.0f", floor(score->percentile));
    printf("%5lld  %7.3f%s  %s", (long long)ranking->rank,
           hedon_report_value(score, ranking->measure), percentile, name);
    for (int k = 0; k < 3 && score->has_emotions; k++)
        printf("%s%s %.2f", k ? ", " : "  (", hedon_emotion_name(score->top[k]),
               score->emotions[score->top[k]]);
    printf("%s\n", score->has_emotions ? ")" : "");
}

static void print_json(Ranking *ranking, const HedonStoreRow *row)
{
    HedonJson *json = &ranking->json;
    const HedonScore *score = &row->score;
    hedon_json_object(json, NULL);
    hedon_json_integer(json, "rank", ranking->rank);
    hedon_json_string(json, "video", row->path);
    hedon_json_number(json, "value", hedon_report_value(score, ranking->measure));
    if (score->has_percentile)
        hedon_json_number(json, "percentile", score->percentile);
    else
        hedon_json_null(json, "percentile");
    hedon_json_array(json, "top");
    for (int k = 0; k < 3 && score->has_emotions; k++)
        hedon_json_string(json, NULL, hedon_emotion_name(score->top[k]));
    hedon_json_end_array(json);
    hedon_json_number(json, "duration_s", score->duration_s);
    hedon_json_end_object(json);
}

static int show(void *opaque, const HedonStoreRow *row)
{
    Ranking *ranking = opaque;
    if (!hedon_report_has(&row->score, ranking->measure)) return 0;
    ranking->rank++;
    if (ranking->arguments->json)
        print_json(ranking, row);
    else
        print_row(ranking, row);
    return 0;
}

static void begin(Ranking *ranking, const HedonReportRun *run)
{
    char caveat[1024], what[80] = "pleasantness of watching";
    if (ranking->measure != HEDON_REPORT_UTILITY)
        snprintf(what, sizeof(what), "mean rating of %s", hedon_emotion_name(ranking->measure));
    hedon_report_caveat(caveat, sizeof(caveat), run, what);
    if (!ranking->arguments->json) {
        if (run->warning) printf("%s\n", run->warning);
        printf("%s\n\n", caveat);
        return;
    }
    HedonJson *json = &ranking->json;
    hedon_json_object(json, NULL);
    hedon_json_string(json, "by", hedon_report_measure_name(ranking->measure));
    hedon_json_bool(json, "lowest", ranking->arguments->lowest);
    hedon_json_integer(json, "run", run->id);
    hedon_json_string(json, "model", run->info.name);
    hedon_json_string(json, "warning", run->warning);
    hedon_json_string(json, "caveat", caveat);
    hedon_json_array(json, "videos");
}

static int rank_videos(const HedonCommand *command, HedonContext *ctx, const Arguments *arguments,
                       const char *place, HedonStore *store, const HedonReportRun *run, int measure)
{
    Ranking ranking = {.arguments = arguments, .measure = measure, .json = {.out = stdout}};
    const HedonStoreQuery query = {
        .run = run->id,
        .order = measure == HEDON_REPORT_UTILITY ? HEDON_STORE_BY_UTILITY : HEDON_STORE_BY_EMOTION,
        .emotion = measure == HEDON_REPORT_UTILITY ? 0 : measure,
        .descending = !arguments->lowest,
        .where = arguments->store.where,
        .limit = arguments->count};
    /* a wrong condition is told before anything is printed */
    int64_t rows;
    int code = hedon_store_count(ctx, store, &query, &rows);
    if (!code) {
        begin(&ranking, run);
        code = hedon_store_each(ctx, store, &query, show, &ranking);
    }
    if (code) return hedon_query_failed(command, ctx, place, code);
    if (arguments->json) {
        hedon_json_end_array(&ranking.json);
        hedon_json_end_object(&ranking.json);
        printf("\n");
    } else if (!ranking.rank) {
        printf("no video has it\n");
    }
    return EXIT_GOOD;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {.count = DEFAULT_COUNT, .by = "wellbeing"};
    HedonStore *store;
    HedonReportRun chosen;
    int count = 0, measure;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "which store? give one file or database");
    if (hedon_report_measure(ctx, &measure, arguments.by))
        return hedon_wrong_usage(command, "--by: %s", hedon_last_error(ctx));
    status = hedon_open_store_argument(command, ctx, argv[0], &arguments.store, &store, &chosen);
    if (status != HEDON_PARSED) return status;
    status = rank_videos(command, ctx, &arguments, argv[0], store, &chosen, measure);
    hedon_report_run_clear(&chosen);
    hedon_store_close(store);
    return status;
}

static const HedonOption options[] = {
    {"by", OPTION_TEXT, offsetof(Arguments, by), "WHAT",
     "wellbeing (default) or an emotion: Joy, Sadness, ..."},
    {"lowest", OPTION_FLAG, offsetof(Arguments, lowest), NULL, "from the lowest up"},
    {"count", OPTION_INTEGER, offsetof(Arguments, count), "N", "how many (default 10)", 'n'},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "one JSON object"},
    HEDON_RUN_OPTIONS(Arguments),
    HEDON_WHERE_OPTION(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_top = {
    .name = "top",
    .summary = "the annotated videos highest or lowest in wellbeing or an emotion",
    .parameters = "STORE [OPTION...]",
    .description =
        "Wellbeing is the predicted pleasantness of watching: ranking low demotes grief,\n"
        "news and protest too.\n",
    .examples = "  hedon top results.db\n"
                "  hedon top results.db --by Joy -n 50 --where 'duration < 60'\n"
                "  hedon top results.db --by Calmness --lowest --json\n",
    .options = options,
    .run = run,
};
