#include "report/site.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/memory.h"
#include "report/place.h"
#include "report/site_data.h"
#include "report/site_files.h"
#include "report/strips.h"

/* A record's document is closed when it is so long: a page reads one whole. */
enum { CLIPS_BYTES = 256 * 1024, PATH_BYTES = 4096 };

void hedon_site_options_default(HedonSiteOptions *options)
{
    *options =
        (HedonSiteOptions){.title = "hedon report", .limit = HEDON_SITE_ROWS, .thumbnails = 3};
    hedon_worker_options_default(&options->worker);
}

/* ---- The folder */

static int name_file(HedonContext *ctx, char path[PATH_BYTES], const char *folder, const char *name)
{
    if (snprintf(path, PATH_BYTES, "%s/%s", folder, name) < PATH_BYTES) return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "%.100s... is too long a name", folder);
}

static int is_empty(const char *folder)
{
    DIR *stream = opendir(folder);
    int entries = 0;
    if (!stream) return 1;
    for (struct dirent *entry; (entry = readdir(stream));)
        entries += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(stream);
    return !entries;
}

static int prepare_folder(HedonContext *ctx, const char *folder)
{
    char path[PATH_BYTES];
    int code = name_file(ctx, path, folder, "data/x");
    if (code) return code;
    path[strlen(path) - 1] = 0;
    if (access(path, F_OK) && !is_empty(folder))
        return hedon_fail(
            ctx, HEDON_EINVAL,
            "%s has other things in it: give a new folder, or one of an earlier report", folder);
    return hedon_make_folders(ctx, path);
}

static int write_pages(HedonContext *ctx, const char *folder)
{
    char path[PATH_BYTES];
    int code = 0;
    for (const HedonSiteFile *page = hedon_site_files(); page->name && !code; page++) {
        HedonAtomicFile *file;
        code = name_file(ctx, path, folder, page->name);
        if (!code) code = hedon_atomic_open(ctx, &file, path);
        if (code) break;
        fwrite(page->data, 1, (size_t)(page->end - page->data), hedon_atomic_stream(file));
        code = hedon_atomic_commit(ctx, file);
    }
    return code;
}

/* ---- Documents, one open of each kind */

typedef struct Document {
    const char *kind; /* "rows", "clips" */
    HedonAtomicFile *file;
    int64_t shard, items;
} Document;

typedef struct Writing {
    HedonContext *ctx;
    const char *folder;
    HedonSite site;
    Document rows, clips;
    HedonStrips *strips;
    HedonSiteWritten *written;
} Writing;

static int document_begin(Writing *writing, Document *document)
{
    char name[64], path[PATH_BYTES];
    if (document->file) return 0;
    snprintf(name, sizeof(name), "data/%s-%lld.js", document->kind, (long long)document->shard);
    int code = name_file(writing->ctx, path, writing->folder, name);
    if (!code) code = hedon_atomic_open(writing->ctx, &document->file, path);
    if (code) {
        document->file = NULL;
        return code;
    }
    document->items = 0;
    FILE *stream = hedon_atomic_stream(document->file);
    if (document == &writing->rows)
        hedon_site_rows_begin(stream, document->shard);
    else
        hedon_site_clips_begin(stream, document->shard);
    return 0;
}

static int document_end(Writing *writing, Document *document)
{
    HedonAtomicFile *file = document->file;
    if (!file) return 0;
    if (document == &writing->rows)
        hedon_site_rows_end(hedon_atomic_stream(file));
    else
        hedon_site_clips_end(hedon_atomic_stream(file));
    document->file = NULL;
    document->shard++;
    return hedon_atomic_commit(writing->ctx, file);
}

/* What an earlier, longer report left. */
static void remove_old(const Writing *writing, const Document *document)
{
    char name[64], path[PATH_BYTES];
    for (int64_t shard = document->shard;; shard++) {
        snprintf(name, sizeof(name), "data/%s-%lld.js", document->kind, (long long)shard);
        if (name_file(NULL, path, writing->folder, name) || unlink(path)) return;
    }
}

static int write_video(void *opaque, const HedonStoreRow *row)
{
    Writing *writing = opaque;
    HedonSiteVideo video;
    hedon_site_video(&video, &writing->site, row, writing->clips.shard);
    int code = document_begin(writing, &writing->rows);
    if (!code) code = document_begin(writing, &writing->clips);
    if (code) return code;
    FILE *clips = hedon_atomic_stream(writing->clips.file);
    hedon_site_rows_put(hedon_atomic_stream(writing->rows.file), &video, !writing->rows.items++);
    hedon_site_clips_put(clips, &writing->site, &video, !writing->clips.items++);
    writing->site.rows++;
    writing->written->videos++;
    writing->written->errors += row->score.code != 0;
    writing->site.has_emotions |= row->score.has_emotions;
    writing->site.has_utility |= row->score.has_utility;
    if (writing->rows.items == HEDON_SITE_SHARD_ROWS) code = document_end(writing, &writing->rows);
    if (!code && ftell(clips) > CLIPS_BYTES) code = document_end(writing, &writing->clips);
    if (!code && writing->strips && video.thumb[0])
        code = hedon_strips_add(writing->ctx, writing->strips, row->path, row->id, video.thumb,
                                video.peaks, video.peak_count);
    return code ? code : hedon_check_cancelled(writing->ctx);
}

static int write_site(Writing *writing)
{
    char path[PATH_BYTES];
    HedonAtomicFile *file;
    int code = name_file(writing->ctx, path, writing->folder, "data/site.js");
    if (!code) code = hedon_atomic_open(writing->ctx, &file, path);
    if (code) return code;
    hedon_site_write_site(hedon_atomic_stream(file), &writing->site);
    return hedon_atomic_commit(writing->ctx, file);
}

static int write_data(Writing *writing, HedonStore *store, const HedonStoreQuery *query)
{
    int code = hedon_store_each(writing->ctx, store, query, write_video, writing);
    if (!code) code = document_end(writing, &writing->rows);
    if (!code) code = document_end(writing, &writing->clips);
    hedon_atomic_abort(writing->rows.file);
    hedon_atomic_abort(writing->clips.file);
    return code;
}

int hedon_site_write(HedonContext *ctx, HedonStore *store, const HedonReportRun *run,
                     const char *folder, const HedonSiteOptions *options, HedonSiteWritten *written)
{
    *written = (HedonSiteWritten){0};
    Writing writing = {
        .ctx = ctx,
        .folder = folder,
        .site = {.run = run, .title = options->title, .thumbnails = options->thumbnails},
        .rows = {.kind = "rows"},
        .clips = {.kind = "clips"},
        .written = written};
    const HedonStoreQuery query = {.run = run->id,
                                   .order = HEDON_STORE_BY_PATH,
                                   .errors = 2,
                                   .clips = 1,
                                   .where = options->where,
                                   .limit = options->limit};
    int64_t count;
    int code = hedon_store_count(ctx, store, &query, &count);
    if (!code) code = prepare_folder(ctx, folder);
    if (!code) code = write_pages(ctx, folder);
    if (code) return code;
    const int64_t shown = options->limit && options->limit < count ? options->limit : count;
    if (options->thumbnails)
        code = hedon_strips_start(ctx, &writing.strips, folder, options, shown);
    if (!code) code = write_data(&writing, store, &query);
    written->left_out = writing.site.left_out = count - shown;
    if (!code) code = write_site(&writing);
    if (writing.strips) {
        const int late = hedon_strips_finish(ctx, writing.strips, written);
        if (!code) code = late;
    }
    if (code) return code;
    remove_old(&writing, &writing.rows);
    remove_old(&writing, &writing.clips);
    return 0;
}
