/* The registry of backends. A new one is a folder and a line here. */
#include "kernels/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const HedonBackend *const backends[] = {&hedon_backend_cpu, &hedon_backend_ref, NULL};

void hedon_device_options_default(HedonDeviceOptions *options)
{
    *options = (HedonDeviceOptions){.device = "auto", .precision = HEDON_F32, .threads = 0};
}

const HedonBackend *const *hedon_backends(void)
{
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

int hedon_backend_find(HedonContext *ctx, const char *name, const HedonBackend **out)
{
    *out = NULL;
    const int any = !name || strcmp(name, "auto") == 0;
    for (int i = 0; backends[i]; i++) {
        if (!any && strcmp(name, backends[i]->name)) continue;
        HedonBackendInfo info;
        const int err = backends[i]->probe(ctx, &info);
        if (!err) *out = backends[i];
        if (!err || !any) return err;
    }
    return any ? hedon_fail(ctx, HEDON_EDEVICE, "no device answers") : unknown(ctx, name);
}
