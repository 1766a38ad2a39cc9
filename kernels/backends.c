/* The registry of backends. A new one is a folder and a line here. The cuda backend is a shared
 * object, opened when somebody asks for it, for "auto", or for the whole list: cheap questions
 * first, so that a machine without a GPU loads nothing. */
#include "kernels/backend.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "kernels/plugin.h"

/* ---- The cuda backend's place while it cannot be opened ---------------------------------------
 */

static char cuda_reason[512];

static int absent_probe(HedonContext *ctx, const char *device, HedonBackendInfo *info)
{
    (void)device;
    *info = (HedonBackendInfo){0};
    return hedon_fail(ctx, HEDON_EDEVICE, "%s", cuda_reason);
}

static const HedonBackend cuda_absent = {.name = "cuda", .probe = absent_probe};

static const HedonBackend *backends[] = {&cuda_absent, &hedon_backend_cpu, &hedon_backend_ref,
                                         NULL};

static void open_cuda(void)
{
    HedonContext *ctx = hedon_context_new();
    const HedonBackend *plugin;
    int code = hedon_plugin_cuda_driver(ctx);
    if (!code) code = hedon_plugin_find(ctx, "cuda", &plugin);
    if (!code)
        backends[0] = plugin;
    else
        snprintf(cuda_reason, sizeof(cuda_reason), "%s",
                 ctx ? hedon_last_error(ctx) : "out of memory");
    hedon_context_free(ctx);
}

static void open_plugins(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_cuda);
}

/* ---- The registry --------------------------------------------------------------------------- */

void hedon_device_options_default(HedonDeviceOptions *options)
{
    *options = (HedonDeviceOptions){.device = "auto", .precision = HEDON_F32, .threads = 0};
}

const HedonBackend *const *hedon_backends(void)
{
    open_plugins();
    return backends;
}

static int unknown(HedonContext *ctx, const char *name)
{
    char names[256] = "auto";
    for (int i = 0; backends[i]; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, ", %s", backends[i]->name);
    }
    return hedon_fail(ctx, HEDON_EINVAL, "no device is called %s; there are %s", name, names);
}

/* "cuda:1" is cuda, too. */
static int is_called(const char *backend, const char *name)
{
    const size_t length = strcspn(name, ":");
    return strlen(backend) == length && !strncmp(backend, name, length);
}

int hedon_backend_find(HedonContext *ctx, const char *name, const HedonBackend **out)
{
    *out = NULL;
    const int any = !name || strcmp(name, "auto") == 0;
    if (any || is_called(cuda_absent.name, name)) open_plugins();
    for (int i = 0; backends[i]; i++) {
        if (!any && !is_called(backends[i]->name, name)) continue;
        HedonBackendInfo info;
        int number;
        int err = backends[i]->probe(ctx, any ? NULL : name, &info);
        if (!err && !any) err = hedon_device_number(ctx, name, &number);
        if (!err && !any && number >= 0 && !info.count)
            err = hedon_fail(ctx, HEDON_EINVAL, "device %s: %s is one device, without a number",
                             name, backends[i]->name);
        if (!err) *out = backends[i];
        if (!err || !any) return err;
    }
    return any ? hedon_fail(ctx, HEDON_EDEVICE, "no device answers") : unknown(ctx, name);
}
