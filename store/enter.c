/* Entering files. Nearly all of them are known when a folder is annotated again: they are looked up
 * in a reading transaction, and only the others are written. */
#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"
#include "store/path.h"

typedef struct EnteredFile {
    const char *path, *root; /* as text */
    char *made_path, *made_root;
    int known;
    int64_t added, changed;
    int64_t size, mtime_ns;
} EnteredFile;

typedef struct Entering {
    int64_t run;
    EnteredFile *files;
    int count;
} Entering;

#define KNOWN_COLUMNS                                                                              \
    "v.size, v.mtime_ns, a.id, CASE WHEN a.state IN ('done', 'failed') THEN 1 ELSE 0 END, "        \
    "a.size, a.mtime_ns"

/* Columns: the video's size and time; the annotation's row, and whether it has an outcome; the size
 * and time that the outcome is of. */
static int compare(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    EnteredFile *file = opaque;
    const int same_video =
        hedon_integer_of(&row[0]) == file->size && hedon_integer_of(&row[1]) == file->mtime_ns;
    const int waits = !hedon_integer_of(&row[3]);
    const int same_outcome = !row[4].null && hedon_integer_of(&row[4]) == file->size &&
                             hedon_integer_of(&row[5]) == file->mtime_ns;
    file->known = same_video && !row[2].null && (waits || same_outcome);
    return 0;
}

/* The same after the file's number, from 1. */
static int compare_numbered(void *opaque, const HedonValue *row, int count)
{
    const Entering *entering = opaque;
    const int64_t number = hedon_integer_of(&row[0]);
    if (number < 1 || number > entering->count) return 0;
    return compare(&entering->files[number - 1], row + 1, count - 1);
}

static int look_up_each(HedonContext *ctx, HedonStore *store, const Entering *entering)
{
    int code = 0;
    for (int i = 0; !code && i < entering->count; i++) {
        EnteredFile *file = &entering->files[i];
        const HedonValue values[] = {hedon_value_integer(entering->run),
                                     hedon_value_text(file->path)};
        code = hedon_store_sql(
            ctx, store,
            &(HedonSql){.text = "SELECT " KNOWN_COLUMNS " FROM videos v "
                                "LEFT JOIN annotations a ON a.run_id = $1 AND a.video_id = v.id "
                                "WHERE v.path = $2",
                        .values = values,
                        .count = 2,
                        .row = compare,
                        .opaque = file});
    }
    return code;
}

static int look_up_together(HedonContext *ctx, HedonStore *store, Entering *entering)
{
    const char **paths = hedon_malloc((size_t)entering->count, sizeof(*paths));
    if (!paths) return hedon_fail_memory(ctx);
    for (int i = 0; i < entering->count; i++) paths[i] = entering->files[i].path;
    const HedonValue values[] = {
        hedon_value_integer(entering->run),
        {.kind = HEDON_VALUE_TEXTS, .texts = paths, .size = (size_t)entering->count}};
    const int code = hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "SELECT f.n, " KNOWN_COLUMNS
                            " FROM unnest($2) WITH ORDINALITY AS f(path, n) "
                            "JOIN videos v ON v.path = f.path "
                            "LEFT JOIN annotations a ON a.run_id = $1 AND a.video_id = v.id",
                    .values = values,
                    .count = 2,
                    .row = compare_numbered,
                    .opaque = entering});
    hedon_free(paths);
    return code;
}

static int look_up(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Entering *entering = opaque;
    for (int i = 0; i < entering->count; i++) entering->files[i].known = 0;
    const int code = store->database->kind->takes_arrays ? look_up_together(ctx, store, entering)
                                                         : look_up_each(ctx, store, entering);
    return code ? code : hedon_store_flush(ctx, store);
}

static int write_file(HedonContext *ctx, HedonStore *store, int64_t run, EnteredFile *file)
{
    const HedonValue seen[] = {hedon_value_text(file->path), hedon_value_text(file->root),
                               hedon_value_integer(file->size),
                               hedon_value_integer(file->mtime_ns)};
    int code = hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO videos(path, root, size, mtime_ns) VALUES($1, $2, $3, $4) "
                            "ON CONFLICT(path) DO UPDATE SET size = excluded.size, mtime_ns = "
                            "excluded.mtime_ns",
                    .values = seen,
                    .count = 4});
    if (code) return code;
    const HedonValue wanted[] = {hedon_value_integer(run), seen[0], seen[2], seen[3]};
    code = hedon_store_sql(ctx, store,
                           &(HedonSql){.text = "INSERT INTO annotations(run_id, video_id) "
                                               "SELECT $1, id FROM videos WHERE path = $2 "
                                               "ON CONFLICT(run_id, video_id) DO NOTHING",
                                       .values = wanted,
                                       .count = 2,
                                       .changed = &file->added});
    if (code) return code;
    return hedon_store_sql(
        ctx, store,
        &(HedonSql){.text =
                        "UPDATE annotations SET state = 'todo' WHERE run_id = $1 "
                        "AND video_id = (SELECT id FROM videos WHERE path = $2) "
                        "AND state IN ('done', 'failed') "
                        "AND (size IS NULL OR size <> $3 OR mtime_ns IS NULL OR mtime_ns <> $4)",
                    .values = wanted,
                    .count = 4,
                    .changed = &file->changed});
}

static int write_unknown(HedonContext *ctx, HedonStore *store, void *opaque)
{
    const Entering *entering = opaque;
    for (int i = 0; i < entering->count; i++) {
        EnteredFile *file = &entering->files[i];
        file->added = file->changed = 0;
        const int code = file->known ? 0 : write_file(ctx, store, entering->run, file);
        if (code) return code;
    }
    return hedon_store_flush(ctx, store);
}

static int make_texts(HedonContext *ctx, EnteredFile *file, const HedonStoreFile *given)
{
    file->path = hedon_path_text(given->path, &file->made_path);
    file->root = hedon_path_text(given->root, &file->made_root);
    file->size = given->size;
    file->mtime_ns = given->mtime_ns;
    return file->path && file->root ? 0 : hedon_fail_memory(ctx);
}

static void add_up(const Entering *entering, HedonStoreEntered *entered)
{
    for (int i = 0; i < entering->count; i++) {
        const EnteredFile *file = &entering->files[i];
        entered->added += file->added;
        entered->changed += file->changed;
        entered->known += !file->added && !file->changed;
    }
}

int hedon_store_enter(HedonContext *ctx, HedonStore *store, int64_t run,
                      const HedonStoreFile *files, int count, HedonStoreEntered *entered)
{
    Entering entering = {
        .run = run, .count = count, .files = hedon_calloc((size_t)count, sizeof(*entering.files))};
    if (!entering.files) return hedon_fail_memory(ctx);
    int code = 0, unknown = 0;
    for (int i = 0; !code && i < count; i++) code = make_texts(ctx, &entering.files[i], &files[i]);
    if (!code) code = hedon_store_transact(ctx, store, HEDON_READING, look_up, &entering);
    for (int i = 0; i < count; i++) unknown += !entering.files[i].known;
    if (!code && unknown)
        code = hedon_store_transact(ctx, store, HEDON_WRITING, write_unknown, &entering);
    if (!code) add_up(&entering, entered);
    for (int i = 0; i < count; i++) {
        hedon_free(entering.files[i].made_path);
        hedon_free(entering.files[i].made_root);
    }
    hedon_free(entering.files);
    return code;
}
