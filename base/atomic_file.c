#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

struct HedonAtomicFile {
    FILE *stream;
    char *path, *temporary; /* temporary is NULL for what is written directly, path for stdout */
};

static void file_free(HedonAtomicFile *file)
{
    hedon_free(file->path);
    hedon_free(file->temporary);
    hedon_free(file);
}

int hedon_atomic_open(HedonContext *ctx, HedonAtomicFile **out, const char *path)
{
    *out = NULL;
    HedonAtomicFile *file = hedon_calloc(1, sizeof(*file));
    if (!file) return hedon_fail_memory(ctx);
    if (!strcmp(path, "-")) {
        file->stream = stdout;
        *out = file;
        return 0;
    }
    /* A device or a pipe is written to, never replaced; a link's target is replaced, not the link. */
    struct stat status;
    const int exists = !stat(path, &status);
    const int direct = exists && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
    char *resolved = exists && !direct ? realpath(path, NULL) : NULL;
    file->path = hedon_strdup(resolved ? resolved : path);
    free(resolved);
    if (file->path && direct) {
        file->stream = fopen(path, "wbe");
        if (!file->stream) {
            const int code = hedon_fail_errno(ctx, "cannot write %s", path);
            file_free(file);
            return code;
        }
        *out = file;
        return 0;
    }
    const size_t length = file->path ? strlen(file->path) : 0;
    file->temporary = hedon_malloc(length + 12, 1);
    if (!file->path || !file->temporary) {
        file_free(file);
        return hedon_fail_memory(ctx);
    }
    memcpy(file->temporary, file->path, length);
    memcpy(file->temporary + length, ".tmpXXXXXX", 11);
    const int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd < 0) {
        const int code = hedon_fail_errno(ctx, "cannot write %s", path);
        file_free(file);
        return code;
    }
    /* mkostemp makes the file private: it gets what it replaces had, or any new file would get */
    mode_t mode = status.st_mode & 0777;
    if (!exists) {
        const mode_t mask = umask(0);
        umask(mask);
        mode = 0666 & ~mask;
    }
    fchmod(fd, mode);
    file->stream = fdopen(fd, "wb");
    if (!file->stream) {
        close(fd);
        unlink(file->temporary);
        file_free(file);
        return hedon_fail_memory(ctx);
    }
    *out = file;
    return 0;
}

FILE *hedon_atomic_stream(HedonAtomicFile *file)
{
    return file->stream;
}

/* The folder that the path is in; the path is cut to it. */
static int sync_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path ? 1 : 0] = 0;
    const int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    const int failed = fsync(fd);
    close(fd);
    return failed;
}

int hedon_atomic_commit(HedonContext *ctx, HedonAtomicFile *file)
{
    int failed = fflush(file->stream) || ferror(file->stream);
    if (!file->path) {
        file_free(file);
        return failed ? hedon_fail_errno(ctx, "cannot write to standard output") : 0;
    }
    if (!failed && file->temporary) failed = fsync(fileno(file->stream));
    int reason = errno;
    if (fclose(file->stream) && !failed) {
        failed = 1;
        reason = errno;
    }
    if (!failed && file->temporary && rename(file->temporary, file->path)) {
        failed = 1;
        reason = errno;
    }
    int code = 0;
    if (failed) {
        if (file->temporary) unlink(file->temporary);
        errno = reason;
        code = hedon_fail_errno(ctx, "cannot write %s", file->path);
    } else if (file->temporary) {
        /* best effort: some file systems refuse to sync a folder. The name is no more needed */
        sync_parent(file->temporary);
    }
    file_free(file);
    return code;
}

void hedon_atomic_abort(HedonAtomicFile *file)
{
    if (!file) return;
    if (file->path) {
        fclose(file->stream);
        if (file->temporary) unlink(file->temporary);
    }
    file_free(file);
}
