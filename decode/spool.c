/* Opening inputs. A pipe can't be sought in, and an index needs two passes, so it is copied to a
 * temporary file first, which has no name and so cannot be left behind. */
#include "decode/spool.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_unlinked(HedonContext *ctx)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder) folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    /* Not every file system knows O_TMPFILE. */
    static const char pattern[] = "/hedon-XXXXXX";
    const size_t length = strlen(folder);
    char *name = hedon_malloc(length + sizeof pattern, 1);
    if (!name) return hedon_fail_memory(ctx);
    memcpy(name, folder, length);
    memcpy(name + length, pattern, sizeof pattern);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0) unlink(name);
    hedon_free(name);
    return fd >= 0 ? fd
                   : hedon_fail_errno(ctx, "no temporary file in %s for a piped video", folder);
}

static int write_all(int fd, const char *from, size_t count)
{
    while (count) {
        const ssize_t n = write(fd, from, count);
        if (n < 0 && errno != EINTR) return -1;
        if (n > 0) {
            from += n;
            count -= (size_t)n;
        }
    }
    return 0;
}

/* Copies everything that `from` still has; returns the spool's descriptor or an error. */
static int spool(HedonContext *ctx, int from, int64_t *size)
{
    enum { CHUNK = 1 << 16 };
    char *chunk = hedon_malloc(CHUNK, 1);
    if (!chunk) return hedon_fail_memory(ctx);
    int code = 0;
    const int fd = open_unlinked(ctx);
    if (fd < 0) {
        hedon_free(chunk);
        return fd;
    }
    *size = 0;
    for (;;) {
        if ((code = hedon_check_cancelled(ctx)) < 0) break;
        const ssize_t n = read(from, chunk, CHUNK);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            code = hedon_fail_errno(ctx, "reading the piped video failed");
            break;
        }
        if (write_all(fd, chunk, (size_t)n) < 0) {
            code = hedon_fail_errno(ctx, "writing the temporary copy of a piped video failed "
                                         "(set TMPDIR to a folder with more room)");
            break;
        }
        *size += n;
    }
    hedon_free(chunk);
    if (code < 0) {
        close(fd);
        return code;
    }
    return fd;
}

/* The descriptor that "-" or "fd:N" names, or -1. */
static int named_descriptor(const char *path)
{
    if (!strcmp(path, "-")) return 0;
    if (strncmp(path, "fd:", 3) || !path[3]) return -1;
    char *end;
    const long fd = strtol(path + 3, &end, 10);
    return *end || fd < 0 || fd > 1 << 20 ? -1 : (int)fd;
}

int hedon_bytes_open(HedonContext *ctx, HedonBytes *out, const char *path)
{
    *out = (HedonBytes){.fd = named_descriptor(path)};
    if (out->fd < 0) {
        /* Not blocking, lest a named pipe without a writer hang us: it reads as empty. */
        out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (out->fd < 0) return hedon_fail_errno(ctx, "cannot open");
        out->owned = 1;
    }
    struct stat status;
    if (out->owned) fcntl(out->fd, F_SETFL, O_RDONLY);
    if (fstat(out->fd, &status) < 0) return hedon_fail_errno(ctx, "cannot open");
    if (S_ISDIR(status.st_mode))
        return hedon_fail(ctx, HEDON_EISDIR, "is a directory: a video file is wanted here");
    if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
        const int fd = spool(ctx, out->fd, &out->size);
        hedon_bytes_close(out);
        if (fd < 0) return fd;
        out->fd = fd;
        out->owned = 1;
    } else if (S_ISREG(status.st_mode)) {
        out->size = status.st_size;
    } else {
        return hedon_fail(ctx, HEDON_EDATA, "is neither a file nor a pipe");
    }
    if (!out->size) return hedon_fail(ctx, HEDON_EDATA, "is empty");
    return 0;
}

int64_t hedon_bytes_read(const HedonBytes *bytes, void *into, int64_t count, int64_t offset)
{
    int64_t done = 0;
    while (done < count) {
        const ssize_t n =
            pread(bytes->fd, (char *)into + done, (size_t)(count - done), offset + done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        done += n;
    }
    return done;
}

void hedon_bytes_close(HedonBytes *bytes)
{
    const int64_t size = bytes->size;
    if (bytes->owned) close(bytes->fd);
    *bytes = (HedonBytes){.fd = -1, .size = size};
}
