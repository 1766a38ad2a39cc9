#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#define SLICE_MS    50
#define PIECE_BYTES ((size_t)1 << 16)
#define MOST_BYTES  ((int64_t)64 << 30) /* an endless pipe must not fill the disk */

/* 0 when there is something to read or the writers are gone. */
static int wait_for_data(HedonContext *ctx, int pipe, double silence_s,
                         const atomic_int *interrupted)
{
    const double end = hedon_clock_s() + silence_s;
    for (;;) {
        if (interrupted && atomic_load(interrupted))
            return hedon_fail(ctx, HEDON_ECANCELLED, "interrupted");
        const int code = hedon_check_cancelled(ctx);
        if (code) return code;
        struct pollfd wait = {.fd = pipe, .events = POLLIN};
        if (poll(&wait, 1, SLICE_MS) > 0) return 0;
        if (hedon_clock_s() > end)
            return hedon_fail(ctx, HEDON_ELIMIT, "nothing came through the pipe for %.0f s",
                              silence_s);
    }
}

static int write_all(int file, const char *data, size_t size)
{
    while (size) {
        const ssize_t written = write(file, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

static int copy_pipe(HedonContext *ctx, int file, int pipe, double silence_s,
                     const atomic_int *interrupted)
{
    char *piece = hedon_malloc(PIECE_BYTES, 1);
    int64_t total = 0;
    int code = piece ? 0 : hedon_fail_memory(ctx);
    while (!code && !(code = wait_for_data(ctx, pipe, silence_s, interrupted))) {
        const ssize_t size = read(pipe, piece, PIECE_BYTES);
        if (size == 0) break;
        if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (size < 0)
            code = hedon_fail_errno(ctx, "cannot read");
        else if ((total += size) > MOST_BYTES)
            code = hedon_fail(ctx, HEDON_ELIMIT, "more than %lld GiB came through the pipe",
                              (long long)(MOST_BYTES >> 30));
        else if (write_all(file, piece, (size_t)size))
            code = hedon_fail_errno(ctx, "cannot keep a copy of the pipe (TMPDIR can name another "
                                         "place)");
    }
    hedon_free(piece);
    return code;
}

int hedon_spool(HedonContext *ctx, int *fd, int pipe, double silence_s,
                const atomic_int *interrupted)
{
    *fd = -1;
    const char *folder = secure_getenv("TMPDIR");
    if (!folder || !*folder) folder = "/var/tmp";
    char name[4096];
    if ((size_t)snprintf(name, sizeof(name), "%s/hedon-pipe-XXXXXX", folder) >= sizeof(name))
        return hedon_fail(ctx, HEDON_EINVAL, "TMPDIR is too long");
    const int file = mkostemp(name, O_CLOEXEC);
    if (file < 0) return hedon_fail_errno(ctx, "cannot make a temporary file in %s", folder);
    unlink(name);
    const int code = copy_pipe(ctx, file, pipe, silence_s, interrupted);
    if (code)
        close(file);
    else
        *fd = file;
    return code;
}
