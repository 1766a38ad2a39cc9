/* Backends that are shared objects: what the program hands to one, and how one is opened.
 *
 * hedon-NAME.so exports one function, hedon_backend_plugin_1, whose number is that of this
 * contract. It comes from the same build as the program: both see each other's structs, and the
 * layouts are compared before anything is called. The plugin links what it needs of base/ and
 * kernels/ into itself, hidden; only what has state of its own or belongs to both sides goes
 * through HedonHost.
 */
#ifndef HEDON_KERNELS_PLUGIN_H
#define HEDON_KERNELS_PLUGIN_H

#include <stdarg.h>

#include "kernels/backend.h"

typedef struct HedonHost {
    uint64_t layout;                            /* hedon_plugin_layout() of the program */
    void *(*malloc)(size_t count, size_t size); /* base/memory.h's, so that tests can fail them */
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *old, size_t count, size_t size);
    void *(*malloc_aligned)(size_t count, size_t size);
    void (*free)(void *pointer);
    int (*fail)(HedonContext *ctx, int code, const char *fmt, va_list arguments);
    const char *(*last_error)(const HedonContext *ctx);
    const HedonBackend *cpu; /* pre-processing in host memory is its */
} HedonHost;

/** The plugin's vtable, or NULL when the program's layout is not its own. Called once; `host` lives
 *  as long as the program. */
typedef const HedonBackend *(*HedonBackendPlugin1)(const HedonHost *host);
#define HEDON_PLUGIN_ENTRY "hedon_backend_plugin_1"

/** A number that differs between builds whose structs differ. */
static inline uint64_t hedon_plugin_layout(void)
{
    const uint64_t sizes[] = {sizeof(HedonHost),
                              sizeof(HedonBackend),
                              sizeof(HedonGraph),
                              sizeof(HedonNode),
                              sizeof(HedonValue),
                              sizeof(HedonAttributes),
                              sizeof(HedonExecution),
                              sizeof(HedonFrame),
                              sizeof(HedonDeviceOptions),
                              sizeof(HedonBackendInfo),
                              sizeof(HedonDeviceGroup),
                              sizeof(HedonOptimiserStep),
                              sizeof(HedonCompileOptions),
                              sizeof(HedonPlanInfo),
                              HEDON_OPS,
                              HEDON_STATE_PARTS};
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        hash = (hash ^ sizes[i]) * 1099511628211u;
    return hash;
}

/** Open the shared object at `path`, for as long as the program runs. HEDON_EDEVICE with the
 * reason. */
int hedon_plugin_open(HedonContext *ctx, const char *path, const HedonBackend **out);

/**
 * The backend of hedon-NAME.so: looked for in the directories of HEDON_PLUGIN_PATH (colons between: who
 * sets it means it), beside the program, in ../lib/hedon from it, and in the library directory of the
 * build. HEDON_EDEVICE when it is nowhere.
 */
int hedon_plugin_find(HedonContext *ctx, const char *name, const HedonBackend **out);

/** Whether an NVIDIA driver with a device answers, without loading any other library; HEDON_EDEVICE
 *  with the reason. */
int hedon_plugin_cuda_driver(HedonContext *ctx);

#endif
