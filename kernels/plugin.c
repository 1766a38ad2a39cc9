#include "kernels/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

#ifndef HEDON_PLUGIN_DIR
#define HEDON_PLUGIN_DIR "/usr/local/lib/hedon"
#endif

static const HedonHost *host(void)
{
    static HedonHost functions = {.malloc = hedon_malloc,
                                  .calloc = hedon_calloc,
                                  .realloc = hedon_realloc,
                                  .malloc_aligned = hedon_malloc_aligned,
                                  .free = hedon_free,
                                  .fail = hedon_fail_list,
                                  .last_error = hedon_last_error,
                                  .cpu = &hedon_backend_cpu};
    functions.layout = hedon_plugin_layout();
    return &functions;
}

int hedon_plugin_open(HedonContext *ctx, const char *path, const HedonBackend **out)
{
    *out = NULL;
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) return hedon_fail(ctx, HEDON_EDEVICE, "%s", dlerror());
    HedonBackendPlugin1 entry;
    *(void **)&entry = dlsym(object, HEDON_PLUGIN_ENTRY);
    *out = entry ? entry(host()) : NULL;
    if (*out) return 0;
    dlclose(object);
    return hedon_fail(ctx, HEDON_EDEVICE, "%s belongs to another build of hedon", path);
}

/* ---- Where ---------------------------------------------------------------------------------- */

static int is_there(char *path, size_t size, const char *directory, size_t length, const char *name)
{
    const int written = snprintf(path, size, "%.*s/hedon-%s.so", (int)length, directory, name);
    return written > 0 && (size_t)written < size && !access(path, R_OK);
}

static int beside_the_program(char *path, size_t size, const char *name)
{
    char self[PATH_MAX], directory[PATH_MAX + 16];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0) return 0;
    self[length] = 0;
    char *slash = strrchr(self, '/');
    if (slash) *slash = 0;
    if (is_there(path, size, self, strlen(self), name)) return 1;
    snprintf(directory, sizeof(directory), "%s/../lib/hedon", self);
    return is_there(path, size, directory, strlen(directory), name);
}

static int in_plugin_path(char *path, size_t size, const char *name)
{
    const char *at = getenv("HEDON_PLUGIN_PATH");
    while (at && *at) {
        const size_t length = strcspn(at, ":");
        if (length && is_there(path, size, at, length, name)) return 1;
        at += length + (at[length] == ':');
    }
    return 0;
}

int hedon_plugin_find(HedonContext *ctx, const char *name, const HedonBackend **out)
{
    char path[PATH_MAX + 64];
    *out = NULL;
    if (!in_plugin_path(path, sizeof(path), name) && !beside_the_program(path, sizeof(path), name) &&
        !is_there(path, sizeof(path), HEDON_PLUGIN_DIR, strlen(HEDON_PLUGIN_DIR), name))
        return hedon_fail(ctx, HEDON_EDEVICE,
                          "this build has no %s backend: hedon-%s.so is neither in HEDON_PLUGIN_PATH "
                          "nor beside the program nor in %s",
                          name, name, HEDON_PLUGIN_DIR);
    return hedon_plugin_open(ctx, path, out);
}

/* ---- CUDA's driver -------------------------------------------------------------------------- */

/* Results of cuInit that people meet; the names are cuda.h's. */
static const char *driver_reason(int code)
{
    switch (code) {
    case 100:
        return "it finds no device (CUDA_ERROR_NO_DEVICE)";
    case 101:
        return "the device is invalid (CUDA_ERROR_INVALID_DEVICE)";
    case 802:
        return "the system is not ready (CUDA_ERROR_SYSTEM_NOT_READY)";
    case 803:
        return "the driver does not fit the kernel module (CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)";
    default:
        return NULL;
    }
}

int hedon_plugin_cuda_driver(HedonContext *ctx)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver)
        return hedon_fail(ctx, HEDON_EDEVICE, "no CUDA driver on this machine: %s", dlerror());
    int (*start)(unsigned), (*count)(int *);
    *(void **)&start = dlsym(driver, "cuInit");
    *(void **)&count = dlsym(driver, "cuDeviceGetCount");
    if (!start || !count)
        return hedon_fail(ctx, HEDON_EDEVICE, "libcuda.so.1 is not NVIDIA's CUDA driver");
    int devices = 0, code = start(0);
    if (!code) code = count(&devices);
    if (!code && devices < 1) code = 100;
    if (!code) return 0;
    const char *reason = driver_reason(code);
    if (reason) return hedon_fail(ctx, HEDON_EDEVICE, "the CUDA driver does not start: %s", reason);
    return hedon_fail(ctx, HEDON_EDEVICE, "the CUDA driver does not start: error %d", code);
}
