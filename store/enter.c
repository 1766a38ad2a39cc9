/* Entering files. Nearly all of them are known when a folder is annotated again: they are looked up
 * in a reading transaction, and only the others are written. Where a statement is a journey
 * (PostgreSQL), all files travel together as arrays. */
#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"
#include "store/path.h"

typedef struct EnteredFile {
    const char *path, *root; /* as text */
    char *made_path, *made_root;
    int known;
    int64_t size, mtime_ns;
} EnteredFile;

/* The files that are looked up or written, side by side. */
typedef struct FileColumns {
    const char **paths, **roots;
    int64_t *sizes, *mtimes;
    int count;
} FileColumns;

typedef struct Entering {
    int64_t run;
    EnteredFile *files;
    int count;
    FileColumns columns; /* room for all */
    int64_t added, changed;
} Entering;

/* ---- Which are known */

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
        code = hedon_store_ask(
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

static HedonValue texts(const char *const *values, int count)
{
    return (HedonValue){.kind = HEDON_VALUE_TEXTS, .texts = values, .size = (size_t)count};
}

static HedonValue integers(const int64_t *values, int count)
{
    return (HedonValue){.kind = HEDON_VALUE_INTEGERS, .integers = values, .size = (size_t)count};
}

static void fill_columns(Entering *entering)
{
    FileColumns *columns = &entering->columns;
    columns->count = 0;
    for (int i = 0; i < entering->count; i++) {
        const EnteredFile *file = &entering->files[i];
        if (file->known) continue;
        columns->paths[columns->count] = file->path;
        columns->roots[columns->count] = file->root;
        columns->sizes[columns->count] = file->size;
        columns->mtimes[columns->count++] = file->mtime_ns;
    }
}

static int look_up_together(HedonContext *ctx, HedonStore *store, Entering *entering)
{
    fill_columns(entering);
    const HedonValue values[] = {hedon_value_integer(entering->run),
                                 texts(entering->columns.paths, entering->count)};
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "SELECT f.n, " KNOWN_COLUMNS
                            " FROM unnest($2) WITH ORDINALITY AS f(path, n) "
                            "JOIN videos v ON v.path = f.path "
                            "LEFT JOIN annotations a ON a.run_id = $1 AND a.video_id = v.id",
                    .values = values,
                    .count = 2,
                    .row = compare_numbered,
                    .opaque = entering});
}

static int look_up(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Entering *entering = opaque;
    for (int i = 0; i < entering->count; i++) entering->files[i].known = 0;
    return store->database->kind->takes_arrays ? look_up_together(ctx, store, entering)
                                               : look_up_each(ctx, store, entering);
}

/* ---- The others */

static int write_file(HedonContext *ctx, HedonStore *store, Entering *entering,
                      const EnteredFile *file)
{
    int64_t added = 0, changed = 0;
    const HedonValue seen[] = {hedon_value_text(file->path), hedon_value_text(file->root),
                               hedon_value_integer(file->size),
                               hedon_value_integer(file->mtime_ns)};
    int code = hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO videos(path, root, size, mtime_ns) VALUES($1, $2, $3, $4) "
                            "ON CONFLICT(path) DO UPDATE SET size = excluded.size, mtime_ns = "
                            "excluded.mtime_ns",
                    .values = seen,
                    .count = 4});
    if (code) return code;
    const HedonValue wanted[] = {hedon_value_integer(entering->run), seen[0], seen[2], seen[3]};
    code = hedon_store_ask(ctx, store,
                           &(HedonSql){.text = "INSERT INTO annotations(run_id, video_id) "
                                               "SELECT $1, id FROM videos WHERE path = $2 "
                                               "ON CONFLICT(run_id, video_id) DO NOTHING",
                                       .values = wanted,
                                       .count = 2,
                                       .changed = &added});
    if (code) return code;
    code = hedon_store_ask(
        ctx, store,
        &(HedonSql){.text =
                        "UPDATE annotations SET state = 'todo' WHERE run_id = $1 "
                        "AND video_id = (SELECT id FROM videos WHERE path = $2) "
                        "AND state IN ('done', 'failed') "
                        "AND (size IS NULL OR size <> $3 OR mtime_ns IS NULL OR mtime_ns <> $4)",
                    .values = wanted,
                    .count = 4,
                    .changed = &changed});
    entering->added += added;
    entering->changed += changed;
    return code;
}

static int write_each(HedonContext *ctx, HedonStore *store, Entering *entering)
{
    int code = 0;
    for (int i = 0; !code && i < entering->count; i++)
        if (!entering->files[i].known) code = write_file(ctx, store, entering, &entering->files[i]);
    return code;
}

/* The same three statements over all files; one that comes twice counts as it came first. */
static int write_together(HedonContext *ctx, HedonStore *store, Entering *entering)
{
    fill_columns(entering);
    const FileColumns *c = &entering->columns;
    const HedonValue seen[] = {texts(c->paths, c->count), texts(c->roots, c->count),
                               integers(c->sizes, c->count), integers(c->mtimes, c->count)};
    int code = hedon_store_sql(
        ctx, store,
        &(HedonSql){
            .text =
                "INSERT INTO videos(path, root, size, mtime_ns) "
                "SELECT path, root, size, mtime_ns FROM (SELECT DISTINCT ON (path) * "
                "FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS f(path, root, size, mtime_ns, n) "
                "ORDER BY path, n) once ORDER BY n "
                "ON CONFLICT(path) DO UPDATE SET size = excluded.size, mtime_ns = "
                "excluded.mtime_ns",
            .values = seen,
            .count = 4});
    if (code) return code;
    const HedonValue wanted[] = {hedon_value_integer(entering->run), seen[0], seen[2], seen[3]};
    code = hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO annotations(run_id, video_id) "
                            "SELECT $1, v.id FROM unnest($2) WITH ORDINALITY AS f(path, n) "
                            "JOIN videos v ON v.path = f.path ORDER BY f.n "
                            "ON CONFLICT(run_id, video_id) DO NOTHING",
                    .values = wanted,
                    .count = 2,
                    .changed = &entering->added});
    if (code) return code;
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){
            .text = "UPDATE annotations a SET state = 'todo' "
                    "FROM unnest($2, $3, $4) AS f(path, size, mtime_ns) "
                    "JOIN videos v ON v.path = f.path "
                    "WHERE a.run_id = $1 AND a.video_id = v.id AND a.state IN ('done', 'failed') "
                    "AND (a.size IS NULL OR a.size <> f.size OR a.mtime_ns IS NULL "
                    "OR a.mtime_ns <> f.mtime_ns)",
            .values = wanted,
            .count = 4,
            .changed = &entering->changed});
}

static int write_unknown(HedonContext *ctx, HedonStore *store, void *opaque)
{
    Entering *entering = opaque;
    entering->added = entering->changed = 0;
    return store->database->kind->takes_arrays ? write_together(ctx, store, entering)
                                               : write_each(ctx, store, entering);
}

/* ---- A batch */

static int make_room(HedonContext *ctx, Entering *entering)
{
    const size_t count = (size_t)entering->count;
    FileColumns *c = &entering->columns;
    entering->files = hedon_calloc(count, sizeof(*entering->files));
    c->paths = hedon_malloc(count, sizeof(*c->paths));
    c->roots = hedon_malloc(count, sizeof(*c->roots));
    c->sizes = hedon_malloc(count, sizeof(*c->sizes));
    c->mtimes = hedon_malloc(count, sizeof(*c->mtimes));
    return entering->files && c->paths && c->roots && c->sizes && c->mtimes
               ? 0
               : hedon_fail_memory(ctx);
}

static void free_room(Entering *entering)
{
    for (int i = 0; entering->files && i < entering->count; i++) {
        hedon_free(entering->files[i].made_path);
        hedon_free(entering->files[i].made_root);
    }
    hedon_free(entering->files);
    hedon_free(entering->columns.paths);
    hedon_free(entering->columns.roots);
    hedon_free(entering->columns.sizes);
    hedon_free(entering->columns.mtimes);
}

static int make_texts(HedonContext *ctx, EnteredFile *file, const HedonStoreFile *given)
{
    file->path = hedon_path_text(given->path, &file->made_path);
    file->root = hedon_path_text(given->root, &file->made_root);
    file->size = given->size;
    file->mtime_ns = given->mtime_ns;
    return file->path && file->root ? 0 : hedon_fail_memory(ctx);
}

static int enter_batch(HedonContext *ctx, HedonStore *store, Entering *entering,
                       const HedonStoreFile *files)
{
    int code = make_room(ctx, entering), unknown = 0;
    for (int i = 0; !code && i < entering->count; i++)
        code = make_texts(ctx, &entering->files[i], &files[i]);
    if (!code) code = hedon_store_transact(ctx, store, HEDON_READING, look_up, entering);
    for (int i = 0; !code && i < entering->count; i++) unknown += !entering->files[i].known;
    if (!code && unknown)
        code = hedon_store_transact(ctx, store, HEDON_WRITING, write_unknown, entering);
    return code;
}

int hedon_store_enter(HedonContext *ctx, HedonStore *store, int64_t run,
                      const HedonStoreFile *files, int count, HedonStoreEntered *entered)
{
    if (count <= 0) return 0;
    Entering entering = {.run = run, .count = count};
    const int code = enter_batch(ctx, store, &entering, files);
    if (!code) {
        entered->added += entering.added;
        entered->changed += entering.changed;
        entered->known += count - entering.added - entering.changed;
    }
    free_room(&entering);
    return code;
}
