#include "train/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "models/json.h"

const char *hedon_run_folder_path(const HedonRunFolder *folder, const char *name, char room[4096])
{
    snprintf(room, 4096, "%s/%s", folder->dir, name);
    return room;
}

int hedon_run_folder_open(HedonContext *ctx, HedonRunFolder *folder, const char *dir, int fresh)
{
    char path[4096];
    *folder = (HedonRunFolder){.log = NULL};
    if (strlen(dir) >= sizeof(folder->dir))
        return hedon_fail(ctx, HEDON_EINVAL, "the folder's name is too long");
    snprintf(folder->dir, sizeof(folder->dir), "%s", dir);
    const int exists = !access(hedon_run_folder_path(folder, "config.json", path), F_OK);
    if (fresh && exists)
        return hedon_fail(
            ctx, HEDON_EINVAL,
            "%s already has a run: go on with it by --resume, or choose another --out", dir);
    if (!fresh && !exists)
        return hedon_fail(ctx, HEDON_ENOENT, "%s has no run to resume: it has no config.json", dir);
    if (fresh && mkdir(dir, 0777) && errno != EEXIST)
        return hedon_fail_errno(ctx, "cannot make %s", dir);
    folder->log = fopen(hedon_run_folder_path(folder, "log.jsonl", path), "abe");
    if (!folder->log) return hedon_fail_errno(ctx, "cannot write %s", path);
    if (!flock(fileno(folder->log), LOCK_EX | LOCK_NB)) return 0;
    hedon_run_folder_close(folder);
    return hedon_fail(ctx, HEDON_EINVAL, "another hedon is training in %s", dir);
}

void hedon_run_folder_close(HedonRunFolder *folder)
{
    if (folder->log) fclose(folder->log);
    folder->log = NULL;
}

int hedon_run_folder_log(HedonContext *ctx, HedonRunFolder *folder, const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text) return hedon_fail_memory(ctx);
    const int failed = fprintf(folder->log, "%s\n", text) < 0 || fflush(folder->log);
    free(text);
    return failed ? hedon_fail_errno(ctx, "cannot write %s/log.jsonl", folder->dir) : 0;
}

int64_t hedon_run_folder_sync(HedonContext *ctx, HedonRunFolder *folder)
{
    struct stat status;
    if (fflush(folder->log) || fsync(fileno(folder->log)) || fstat(fileno(folder->log), &status))
        return hedon_fail_errno(ctx, "cannot write %s/log.jsonl", folder->dir);
    return status.st_size;
}

int hedon_run_folder_truncate(HedonContext *ctx, HedonRunFolder *folder, int64_t bytes)
{
    if (ftruncate(fileno(folder->log), bytes))
        return hedon_fail_errno(ctx, "cannot write %s/log.jsonl", folder->dir);
    return 0;
}

/* Fifteen digits are for people (.1 is .1); where one of the numbers needs more, all have 17. */
static char *dump_exactly(const json_t *object)
{
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_t *back = text ? json_loads(text, 0, NULL) : NULL;
    if (!back || !json_equal(back, object)) {
        free(text);
        text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    }
    json_decref(back);
    return text;
}

int hedon_run_folder_write_json(HedonContext *ctx, const HedonRunFolder *folder, const char *name,
                                const json_t *object)
{
    char path[4096];
    HedonAtomicFile *file;
    char *text = dump_exactly(object);
    if (!text) return hedon_fail_memory(ctx);
    int code = hedon_atomic_open(ctx, &file, hedon_run_folder_path(folder, name, path));
    if (!code) {
        fprintf(hedon_atomic_stream(file), "%s\n", text);
        code = hedon_atomic_commit(ctx, file);
    }
    free(text);
    return code;
}

int hedon_run_folder_read_json(HedonContext *ctx, const char *path, json_t **out)
{
    HedonMappedFile file;
    json_error_t reason;
    *out = NULL;
    int code = hedon_mapped_open(ctx, &file, path);
    if (code) return code;
    *out = json_loadb((const char *)file.data, file.size, 0, &reason);
    if (!*out) code = hedon_fail_json(ctx, &reason, path);
    hedon_mapped_close(&file);
    return code;
}
