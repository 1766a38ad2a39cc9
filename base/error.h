/* Errors: a code is returned, the sentence for the user is left in the context. */
#ifndef HEDON_BASE_ERROR_H
#define HEDON_BASE_ERROR_H

#include <stdarg.h>

#include "hedon.h"

/**
 * Leave a sentence in ctx and return code, so that callers write `return hedon_fail(...)`.
 * The sentence says what was wrong and what to do; the file's name is added by the caller that
 * shows it. ctx may be NULL.
 */
int hedon_fail(HedonContext *ctx, int code, const char *fmt, ...) HEDON_PRINTF(3, 4);

/** The same with the arguments as a list. */
int hedon_fail_list(HedonContext *ctx, int code, const char *fmt, va_list args) HEDON_PRINTF(3, 0);

/** HEDON_ENOMEM with its sentence. */
int hedon_fail_memory(HedonContext *ctx);

/** Like hedon_fail, for a failed system call: appends strerror(errno). ENOENT and EISDIR keep
 *  their own codes, everything else is HEDON_EIO. */
int hedon_fail_errno(HedonContext *ctx, const char *fmt, ...) HEDON_PRINTF(2, 3);

/** 0, or HEDON_ECANCELLED (with its sentence) once hedon_cancel was called. */
int hedon_check_cancelled(HedonContext *ctx);

/** Whether hedon_cancel was called; for threads without a context. */
int hedon_is_cancelled(void);

/** Forget a cancellation: for tests and for long-lived programs. */
void hedon_cancel_reset(void);

#endif
