/* Opening inputs. A pipe can't be sought in, and an index needs two passes, so it is copied first. */
#include "decode/bytes.h"

#include "base/error.h"
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
        /* Not blocking, lest a named pipe without a writer hang us. */
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
        int copy;
        const int code =
            hedon_spool(ctx, &copy, out->fd, out->owned ? HEDON_NAMED_PIPE_SILENCE_S : HUGE_VAL, NULL);
        hedon_bytes_close(out);
        if (code) return code;
        *out = (HedonBytes){.fd = copy, .owned = 1};
        if (fstat(copy, &status) < 0) return hedon_fail_errno(ctx, "cannot open");
        out->size = status.st_size;
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
