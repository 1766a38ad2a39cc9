/* The shared object's entry, and what the rest of it calls of the program's: allocation and
 * messages go through HedonHost, under the names of base/, so that the files linked in from there
 * and from kernels/ need not know. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/cuda.h"
#include "kernels/plugin.h"

static const HedonHost *host;
static HedonBackend vtable;

__attribute__((visibility("default"))) const HedonBackend *
hedon_backend_plugin_1(const HedonHost *program);

const HedonBackend *hedon_backend_plugin_1(const HedonHost *program)
{
    if (program->layout != hedon_plugin_layout()) return NULL;
    host = program;
    vtable = hedon_backend_cuda;
    vtable.preprocessor_new = host->cpu->preprocessor_new;
    vtable.preprocess = host->cpu->preprocess;
    vtable.preprocessor_free = host->cpu->preprocessor_free;
    return &vtable;
}

const HedonBackend *cuda_vtable(void)
{
    return &vtable;
}

/* ---- base/memory.h -------------------------------------------------------------------------- */

void *hedon_malloc(size_t count, size_t size)
{
    return host->malloc(count, size);
}

void *hedon_calloc(size_t count, size_t size)
{
    return host->calloc(count, size);
}

void *hedon_realloc(void *old, size_t count, size_t size)
{
    return host->realloc(old, count, size);
}

void *hedon_malloc_aligned(size_t count, size_t size)
{
    return host->malloc_aligned(count, size);
}

void hedon_free(void *pointer)
{
    host->free(pointer);
}

/* ---- base/error.h --------------------------------------------------------------------------- */

int hedon_fail(HedonContext *ctx, int code, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    host->fail(ctx, code, fmt, arguments);
    va_end(arguments);
    return code;
}

int hedon_fail_memory(HedonContext *ctx)
{
    return hedon_fail(ctx, HEDON_ENOMEM, "out of memory");
}

const char *hedon_last_error(const HedonContext *ctx)
{
    return host->last_error(ctx);
}
