/* /api: the store as JSON. Documented in docs/report.md. */
#include <string.h>

#include "report/serve/private.h"
#include "score/json.h"

enum { DEFAULT_LIMIT = 100, MOST_LIMIT = 1000 };

/* ---- Runs */

static void write_run(HedonJson *json, HedonServer *server, const HedonReportRun *run)
{
    char caveat[1024];
    hedon_report_caveat(caveat, sizeof(caveat), run, "pleasantness of watching and mean ratings");
    hedon_json_object(json, NULL);
    hedon_json_integer(json, "run", run->id);
    hedon_json_string(json, "model", run->info.name);
    hedon_json_string(json, "sha256", run->info.sha256);
    hedon_json_string(json, "trained_on", run->info.trained_on);
    hedon_json_raw(json, "settings", run->settings);
    hedon_json_integer(json, "todo", run->todo);
    hedon_json_integer(json, "leased", run->leased);
    hedon_json_integer(json, "done", run->done);
    hedon_json_integer(json, "failed", run->failed);
    hedon_json_number(json, "per_second", hedon_server_rate(server, run));
    hedon_json_string(json, "warning", run->warning);
    hedon_json_string(json, "caveat", caveat);
    hedon_json_end_object(json);
}

/* Every run, through its number: what a run is, hedon_report_run_find knows. */
static int each_run(HedonReader *reader, HedonServer *server,
                    void (*each)(void *opaque, HedonServer *server, const HedonReportRun *run),
                    void *opaque)
{
    HedonStoreRun *runs;
    int count;
    int code = hedon_store_runs(reader->ctx, reader->store, &runs, &count);
    if (code) return code;
    for (int i = 0; i < count && !code; i++) {
        HedonReportRun run;
        code = hedon_report_run_of(reader->ctx, &run, &runs[i]);
        if (code) break;
        each(opaque, server, &run);
        hedon_report_run_clear(&run);
    }
    hedon_store_runs_free(runs, count);
    return code;
}

static void put_run(void *opaque, HedonServer *server, const HedonReportRun *run)
{
    write_run(opaque, server, run);
}

/* What both listings of runs share: borrow a reader, write a document, give it back. */
static void answer_runs(const HedonAsked *asked, HedonAnswer *answer, const char *type,
                        int (*write)(HedonReader *reader, HedonServer *server, FILE *stream))
{
    HedonReader *reader = hedon_readers_take(asked->server->readers);
    if (!reader) {
        hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
        return;
    }
    FILE *stream = hedon_answer_begin(answer);
    const int code = stream ? write(reader, asked->server, stream) : 0;
    if (stream) hedon_answer_written(answer, stream, type);
    if (code) hedon_answer_failure(answer, reader->ctx, code);
    hedon_readers_give(asked->server->readers, reader, code == HEDON_EIO);
}

static int write_runs(HedonReader *reader, HedonServer *server, FILE *stream)
{
    HedonJson json = {.out = stream};
    hedon_json_object(&json, NULL);
    hedon_json_array(&json, "runs");
    const int code = each_run(reader, server, put_run, &json);
    hedon_json_end_array(&json);
    hedon_json_end_object(&json);
    fputc('\n', stream);
    return code;
}

void hedon_api_runs(const HedonAsked *asked, HedonAnswer *answer)
{
    answer_runs(asked, answer, "application/json", write_runs);
}

/* ---- Videos */

typedef struct Listing {
    HedonJson json;
    const HedonReportRun *run;
    int64_t rows;
} Listing;

static int put_video(void *opaque, const HedonStoreRow *row)
{
    Listing *listing = opaque;
    HedonJson *json = &listing->json;
    hedon_json_object(json, NULL);
    hedon_json_integer(json, "id", row->id);
    hedon_score_write_json(json, &listing->run->info, &row->score);
    hedon_json_integer(json, "size", row->size);
    hedon_json_string(json, "hash", row->hash);
    hedon_json_number(json, "annotated_s", row->annotated_s);
    hedon_json_end_object(json);
    listing->rows++;
    return 0;
}

static int wrong(HedonAnswer *answer, const char *sentence)
{
    hedon_answer_error(answer, MHD_HTTP_BAD_REQUEST, sentence);
    return 0;
}

/* 1, or 0 with an answer. */
static int read_query(const HedonAsked *asked, HedonAnswer *answer, HedonStoreQuery *query)
{
    const char *sort = hedon_asked_argument(asked, "sort");
    const char *order = hedon_asked_argument(asked, "order");
    const char *errors = hedon_asked_argument(asked, "errors");
    const char *offset = hedon_asked_argument(asked, "offset");
    const char *limit = hedon_asked_argument(asked, "limit");
    int measure;
    query->where = hedon_asked_argument(asked, "filter");
    if (query->where && !*query->where) query->where = NULL;
    query->limit = DEFAULT_LIMIT;
    if (sort && strcmp(sort, "path")) {
        if (hedon_report_measure(NULL, &measure, sort))
            return wrong(answer, "sort: path, utility, or an emotion's name");
        query->order =
            measure == HEDON_REPORT_UTILITY ? HEDON_STORE_BY_UTILITY : HEDON_STORE_BY_EMOTION;
        query->emotion = measure == HEDON_REPORT_UTILITY ? 0 : measure;
        query->descending = 1;
    }
    if (order) {
        query->descending = !strcmp(order, "desc");
        if (!query->descending && strcmp(order, "asc")) return wrong(answer, "order: asc or desc");
    }
    if (errors) {
        if (strlen(errors) != 1 || !strchr("012", *errors))
            return wrong(answer, "errors: 0 (results), 1 (failed videos) or 2 (both)");
        query->errors = *errors - '0';
    }
    if (offset && !hedon_whole_number(offset, &query->offset))
        return wrong(answer, "offset: a whole number");
    if (limit && (!hedon_whole_number(limit, &query->limit) || query->limit < 1 ||
                  query->limit > MOST_LIMIT))
        return wrong(answer, "limit: a whole number from 1 to 1000");
    return 1;
}

static int write_videos(HedonReader *reader, const HedonReportRun *run,
                        const HedonStoreQuery *query, FILE *stream)
{
    char caveat[1024];
    int64_t total;
    Listing listing = {.json = {.out = stream}, .run = run};
    HedonJson *json = &listing.json;
    int code = hedon_store_count(reader->ctx, reader->store, query, &total);
    if (code) return code;
    hedon_report_caveat(caveat, sizeof(caveat), run, "pleasantness of watching and mean ratings");
    hedon_json_object(json, NULL);
    hedon_json_integer(json, "run", run->id);
    hedon_json_string(json, "warning", run->warning);
    hedon_json_string(json, "caveat", caveat);
    hedon_json_integer(json, "total", total);
    hedon_json_integer(json, "offset", query->offset);
    hedon_json_array(json, "videos");
    code = hedon_store_each(reader->ctx, reader->store, query, put_video, &listing);
    hedon_json_end_array(json);
    hedon_json_end_object(json);
    fputc('\n', stream);
    return code;
}

/* The run that ?run= names, or the newest. */
static int find_run(const HedonAsked *asked, HedonReader *reader, HedonReportRun *run)
{
    const char *name = hedon_asked_argument(asked, "run");
    return hedon_report_run_find(reader->ctx, run, reader->store,
                                 name ? name : asked->server->options.run);
}

static void answer_videos(const HedonAsked *asked, HedonAnswer *answer, HedonStoreQuery *query,
                          int single)
{
    HedonReader *reader = hedon_readers_take(asked->server->readers);
    HedonReportRun run;
    if (!reader) {
        hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
        return;
    }
    int code = find_run(asked, reader, &run);
    FILE *stream = code ? NULL : hedon_answer_begin(answer);
    query->run = run.id;
    if (stream && single) {
        Listing listing = {.json = {.out = stream}, .run = &run};
        code = hedon_store_each(reader->ctx, reader->store, query, put_video, &listing);
        fputc('\n', stream);
        if (!code && !listing.rows) code = HEDON_ENOENT;
    } else if (stream) {
        code = write_videos(reader, &run, query, stream);
    }
    if (stream) hedon_answer_written(answer, stream, "application/json");
    if (code) hedon_answer_failure(answer, reader->ctx, code);
    hedon_report_run_clear(&run);
    hedon_readers_give(asked->server->readers, reader, code == HEDON_EIO);
}

void hedon_api_videos(const HedonAsked *asked, HedonAnswer *answer)
{
    HedonStoreQuery query = {0};
    if (read_query(asked, answer, &query)) answer_videos(asked, answer, &query, 0);
}

void hedon_api_video(const HedonAsked *asked, HedonAnswer *answer, const char *id)
{
    HedonStoreQuery query = {.errors = 2, .clips = 1};
    if (hedon_whole_number(id, &query.id) && query.id)
        answer_videos(asked, answer, &query, 1);
    else
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there is no such video");
}

/* ---- Prometheus' text format, version 0.0.4 */

static void put_label(FILE *out, const char *text)
{
    char clean[256];
    hedon_utf8_clean(clean, sizeof(clean), text);
    for (const char *p = clean; *p; p++) {
        if (*p == '"' || *p == '\\') fputc('\\', out);
        fputc(*p, out);
    }
}

static void put_states(void *opaque, HedonServer *server, const HedonReportRun *run)
{
    const struct {
        const char *name;
        int64_t count;
    } states[] = {
        {"todo", run->todo}, {"leased", run->leased}, {"done", run->done}, {"failed", run->failed}};
    (void)server;
    for (int i = 0; i < 4; i++) {
        fprintf(opaque, "hedon_videos{run=\"%lld\",model=\"", (long long)run->id);
        put_label(opaque, run->info.name);
        fprintf(opaque, "\",state=\"%s\"} %lld\n", states[i].name, (long long)states[i].count);
    }
}

static void put_rate(void *opaque, HedonServer *server, const HedonReportRun *run)
{
    char number[32];
    hedon_format_number(number, hedon_server_rate(server, run));
    fprintf(opaque, "hedon_videos_per_second{run=\"%lld\"} %s\n", (long long)run->id, number);
}

static int write_metrics(HedonReader *reader, HedonServer *server, FILE *stream)
{
    fputs("# HELP hedon_videos Videos of a run by state.\n# TYPE hedon_videos gauge\n", stream);
    int code = each_run(reader, server, put_states, stream);
    if (code) return code;
    fputs("# HELP hedon_videos_per_second Videos finished a second, over the last while.\n"
          "# TYPE hedon_videos_per_second gauge\n",
          stream);
    code = each_run(reader, server, put_rate, stream);
    fprintf(stream,
            "# HELP hedon_http_requests_total Requests answered.\n"
            "# TYPE hedon_http_requests_total counter\nhedon_http_requests_total %lld\n"
            "# HELP hedon_http_refused_total Requests refused for their host, origin or token.\n"
            "# TYPE hedon_http_refused_total counter\nhedon_http_refused_total %lld\n"
            "# HELP hedon_thumbnails_total Strips of thumbnails decoded.\n"
            "# TYPE hedon_thumbnails_total counter\nhedon_thumbnails_total %lld\n",
            (long long)atomic_load(&server->requests), (long long)atomic_load(&server->refused),
            (long long)hedon_strip_pool_made(server->strips));
    return code;
}

void hedon_metrics(const HedonAsked *asked, HedonAnswer *answer)
{
    answer_runs(asked, answer, "text/plain; version=0.0.4; charset=utf-8", write_metrics);
}
