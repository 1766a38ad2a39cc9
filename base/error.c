#include "base/error.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct HedonContext {
    char message[16384]; /* an importer lists hundreds of tensors */
};

static atomic_int cancelled; /* lock-free, so a signal handler may set it */

HedonContext *hedon_context_new(void)
{
    return hedon_calloc(1, sizeof(HedonContext));
}

void hedon_context_free(HedonContext *ctx)
{
    hedon_free(ctx);
}

const char *hedon_last_error(const HedonContext *ctx)
{
    return ctx ? ctx->message : "";
}

const char *hedon_error_name(int code)
{
    switch (code) {
    case HEDON_OK: return "no error";
    case HEDON_ENOMEM: return "out of memory";
    case HEDON_EINVAL: return "invalid argument";
    case HEDON_ENOENT: return "no such file";
    case HEDON_EISDIR: return "is a directory";
    case HEDON_EIO: return "input or output failed";
    case HEDON_EDATA: return "damaged or unexpected content";
    case HEDON_ENOVIDEO: return "no video stream";
    case HEDON_ELIMIT: return "over a limit";
    case HEDON_EDECODER: return "the decoder failed";
    case HEDON_EUNSUPPORTED: return "not supported";
    case HEDON_EDEVICE: return "device failed";
    case HEDON_ECANCELLED: return "interrupted";
    case HEDON_ERESAMPLE: return "the index changed";
    }
    return "unknown error";
}

static void set_message(HedonContext *ctx, const char *fmt, va_list args)
{
    if (ctx) vsnprintf(ctx->message, sizeof(ctx->message), fmt, args);
}

int hedon_fail(HedonContext *ctx, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_message(ctx, fmt, args);
    va_end(args);
    return code;
}

int hedon_fail_list(HedonContext *ctx, int code, const char *fmt, va_list args)
{
    set_message(ctx, fmt, args);
    return code;
}

int hedon_fail_memory(HedonContext *ctx)
{
    return hedon_fail(ctx, HEDON_ENOMEM, "out of memory");
}

int hedon_fail_errno(HedonContext *ctx, const char *fmt, ...)
{
    const int reason = errno;
    va_list args;
    va_start(args, fmt);
    set_message(ctx, fmt, args);
    va_end(args);
    if (ctx) {
        const size_t used = strlen(ctx->message);
        snprintf(ctx->message + used, sizeof(ctx->message) - used, ": %s", strerror(reason));
    }
    if (reason == ENOENT) return HEDON_ENOENT;
    if (reason == EISDIR) return HEDON_EISDIR;
    if (reason == ENOMEM) return HEDON_ENOMEM;
    return HEDON_EIO;
}

void hedon_cancel(void)
{
    cancelled = 1;
}

void hedon_cancel_reset(void)
{
    cancelled = 0;
}

int hedon_is_cancelled(void)
{
    return cancelled;
}

int hedon_check_cancelled(HedonContext *ctx)
{
    return cancelled ? hedon_fail(ctx, HEDON_ECANCELLED, "interrupted") : 0;
}
