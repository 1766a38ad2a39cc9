/* A video file's name becomes a descriptor that can be read at any place. */
#include "decode/worker_source.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/spool.h"

/* What to read through the descriptor: it as it is, a copy of what comes through it, or nothing. */
static int usable(HedonContext *ctx, int *fd, const char *path, double silence_s,
                  const atomic_int *interrupted)
{
    struct stat status;
    if (fstat(*fd, &status)) return hedon_fail_errno(ctx, "cannot read");
    if (S_ISREG(status.st_mode)) return 0;
    if (S_ISDIR(status.st_mode))
        return hedon_fail(ctx, HEDON_EISDIR,
                          "is a directory, not a video (`hedon annotate DIR` takes folders)");
    if (S_ISCHR(status.st_mode) && isatty(*fd))
        return hedon_fail(ctx, HEDON_EDATA, "is a terminal: pipe a video into it");
    if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode))
        return hedon_fail(ctx, HEDON_EDATA, "is neither a file nor a pipe");
    const int pipe = *fd;
    const int code = hedon_spool(ctx, fd, pipe, strcmp(path, "-") ? silence_s : HUGE_VAL, interrupted);
    close(pipe);
    return code;
}

int hedon_worker_source_open(HedonContext *ctx, int *fd, const char *path, double silence_s,
                             const atomic_int *interrupted)
{
    /* O_NONBLOCK: a named pipe without a writer must not hold us up. */
    *fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                            : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (*fd < 0) return hedon_fail_errno(ctx, "cannot open");
    const int code = usable(ctx, fd, path, silence_s, interrupted);
    if (code && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return code;
}
