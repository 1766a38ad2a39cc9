/* What the site's pages ask for: their data, made from the store as it is now, and thumbnails. */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "report/serve/private.h"
#include "report/site.h"
#include "report/site_data.h"

typedef struct Writing {
    FILE *stream;
    const HedonSite *site;
    int64_t rows;
    int clips; /* records instead of rows */
} Writing;

static int put_row(void *opaque, const HedonStoreRow *row)
{
    Writing *writing = opaque;
    HedonSiteVideo video;
    hedon_site_video(&video, writing->site, row, row->id);
    if (writing->clips)
        hedon_site_clips_put(writing->stream, writing->site, &video, !writing->rows);
    else
        hedon_site_rows_put(writing->stream, &video, !writing->rows);
    writing->rows++;
    return 0;
}

static HedonStoreQuery rows_of(const HedonReportRun *run)
{
    return (HedonStoreQuery){.run = run->id, .order = HEDON_STORE_BY_PATH, .errors = 2, .clips = 1};
}

/* The first result says which heads the model has. */
static int look_at_heads(void *opaque, const HedonStoreRow *row)
{
    HedonSite *site = opaque;
    site->has_emotions = row->score.has_emotions;
    site->has_utility = row->score.has_utility;
    return 0;
}

static int write_site(HedonReader *reader, HedonSite *site, FILE *stream)
{
    int64_t count;
    const HedonStoreQuery all = rows_of(site->run);
    const HedonStoreQuery one = {.run = site->run->id, .order = HEDON_STORE_BY_PATH, .limit = 1};
    int code = hedon_store_count(reader->ctx, reader->store, &all, &count);
    if (!code) code = hedon_store_each(reader->ctx, reader->store, &one, look_at_heads, site);
    if (code) return code;
    site->rows = count < HEDON_SITE_ROWS ? count : HEDON_SITE_ROWS;
    site->left_out = count - site->rows;
    hedon_site_write_site(stream, site);
    return 0;
}

static int write_rows(HedonReader *reader, const HedonSite *site, int64_t shard, FILE *stream)
{
    HedonStoreQuery query = rows_of(site->run);
    query.offset = shard * HEDON_SITE_SHARD_ROWS;
    query.limit = HEDON_SITE_SHARD_ROWS;
    Writing writing = {.stream = stream, .site = site};
    hedon_site_rows_begin(stream, shard);
    const int code = hedon_store_each(reader->ctx, reader->store, &query, put_row, &writing);
    hedon_site_rows_end(stream);
    return code;
}

static int write_record(HedonReader *reader, const HedonSite *site, int64_t id, FILE *stream)
{
    HedonStoreQuery query = rows_of(site->run);
    query.id = id;
    Writing writing = {.stream = stream, .site = site, .clips = 1};
    hedon_site_clips_begin(stream, id);
    const int code = hedon_store_each(reader->ctx, reader->store, &query, put_row, &writing);
    hedon_site_clips_end(stream);
    return code ? code : writing.rows ? 0 : HEDON_ENOENT;
}

/* "rows-12.js": the number after prefix and before ".js". */
static int shard_of(const char *name, const char *prefix, int64_t *number)
{
    char digits[24];
    const size_t length = strlen(name), skip = strlen(prefix);
    if (strncmp(name, prefix, skip) || length < skip + 4 || length - skip - 3 >= sizeof(digits) ||
        strcmp(name + length - 3, ".js"))
        return 0;
    memcpy(digits, name + skip, length - skip - 3);
    digits[length - skip - 3] = 0;
    return hedon_whole_number(digits, number);
}

static int write_data(HedonReader *reader, HedonServer *server, HedonSite *site, const char *name,
                      FILE *stream)
{
    int64_t number;
    if (!strcmp(name, "site.js")) return write_site(reader, site, stream);
    if (!strcmp(name, "progress.js")) {
        hedon_site_write_progress(stream, site->run, hedon_server_rate(server, site->run));
        return 0;
    }
    if (shard_of(name, "rows-", &number) && number < HEDON_SITE_ROWS / HEDON_SITE_SHARD_ROWS)
        return write_rows(reader, site, number, stream);
    if (shard_of(name, "clips-", &number) && number)
        return write_record(reader, site, number, stream);
    return HEDON_ENOENT;
}

/* The run of /r/N/. */
static int take_run(const HedonAsked *asked, HedonReader *reader, HedonReportRun *run)
{
    char name[32];
    snprintf(name, sizeof(name), "%lld", (long long)asked->run);
    return hedon_report_run_find(reader->ctx, run, reader->store, name) ? HEDON_ENOENT : 0;
}

static HedonReader *take_reader(const HedonAsked *asked, HedonAnswer *answer)
{
    HedonReader *reader = hedon_readers_take(asked->server->readers);
    if (!reader)
        hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
    return reader;
}

static HedonSite site_of(const HedonServer *server, const HedonReportRun *run)
{
    return (HedonSite){.run = run,
                       .title = server->options.title,
                       .live = 1,
                       .thumbnails = server->options.thumbnails};
}

void hedon_data(const HedonAsked *asked, HedonAnswer *answer, const char *name)
{
    HedonReader *reader = take_reader(asked, answer);
    HedonReportRun run;
    if (!reader) return;
    int code = take_run(asked, reader, &run);
    FILE *stream = code ? NULL : hedon_answer_begin(answer);
    if (stream) {
        HedonSite site = site_of(asked->server, &run);
        code = write_data(reader, asked->server, &site, name, stream);
        hedon_answer_written(answer, stream, "text/javascript; charset=utf-8");
    }
    if (code) hedon_answer_failure(answer, reader->ctx, code);
    hedon_report_run_clear(&run);
    hedon_readers_give(asked->server->readers, reader, code == HEDON_EIO);
}

/* ---- Thumbnails */

typedef struct Strip {
    const HedonSite *site;
    const char *name;
    HedonStripJob *job;
    int found;
} Strip;

static int plan_strip(void *opaque, const HedonStoreRow *row)
{
    Strip *strip = opaque;
    HedonSiteVideo video;
    hedon_site_video(&video, strip->site, row, row->id);
    if (!*video.thumb || strcmp(video.thumb, strip->name)) return 0;
    const int fd = hedon_open_shown(row->root, row->path, strip->job->path);
    if (fd < 0) return 0;
    close(fd);
    memcpy(strip->job->name, video.thumb, sizeof(strip->job->name));
    strip->job->count = video.peak_count;
    for (int i = 0; i < video.peak_count; i++) strip->job->times[i] = video.peaks[i].time_s;
    strip->found = 1;
    return 0;
}

int hedon_thumbs(const HedonAsked *asked, HedonAnswer *answer, const char *name, HedonStripJob *job)
{
    char stem[64];
    HedonReportRun run;
    HedonStoreQuery query = {.order = HEDON_STORE_BY_PATH, .clips = 1};
    const size_t length = strlen(name);
    char id[24] = "";
    if (length > 4 && length - 4 < sizeof(stem) && !strcmp(name + length - 4, ".png")) {
        snprintf(stem, sizeof(stem), "%.*s", (int)(length - 4), name);
        snprintf(id, sizeof(id), "%.*s", (int)strcspn(stem, "-"), stem);
    }
    if (!hedon_whole_number(id, &query.id) || !query.id) {
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there are no such thumbnails");
        return 0;
    }
    HedonReader *reader = take_reader(asked, answer);
    if (!reader) return 0;
    int code = take_run(asked, reader, &run);
    const HedonSite site = site_of(asked->server, &run);
    Strip strip = {.site = &site, .name = stem, .job = job};
    query.run = run.id;
    if (!code) code = hedon_store_each(reader->ctx, reader->store, &query, plan_strip, &strip);
    if (!code && !strip.found) code = HEDON_ENOENT;
    if (code) hedon_answer_failure(answer, reader->ctx, code);
    hedon_report_run_clear(&run);
    hedon_readers_give(asked->server->readers, reader, code == HEDON_EIO);
    return !code;
}
