/* cpu: the backend for x86 and other CPUs, float32. The device and the vtable. */
#include "kernels/cpu/cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/preprocess.h"

enum { MAX_THREADS = 1024 };

/* "AMD EPYC", as the system names it. */
static void processor_name(char *name, size_t room)
{
    snprintf(name, room, "CPU");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    char line[256];
    while (fgets(line, sizeof(line), file)) {
        const char *colon = strncmp(line, "model name", 10) == 0 ? strstr(line, ": ") : NULL;
        if (!colon) continue;
        snprintf(name, room, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    fclose(file);
}

static int cpu_probe(HedonContext *ctx, const char *device, HedonBackendInfo *info)
{
    (void)device;
    (void)ctx;
    char name[80];
    processor_name(name, sizeof(name));
    *info = (HedonBackendInfo){.precisions = 1u << HEDON_F32};
    const int cores = hedon_cpu_count();
    snprintf(info->device, sizeof(info->device), "%s, %d core%s, %s", name, cores,
             cores == 1 ? "" : "s", cpu_conv_isa_name());
    snprintf(info->library, sizeof(info->library), "%s", cpu_onednn_version());
    return 0;
}

static int cpu_open(HedonContext *ctx, HedonDevice **out, const HedonDeviceOptions *options)
{
    *out = NULL;
    if (options->precision != HEDON_F32)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the cpu device computes in float32 so far, not %s",
                          hedon_dtype_name(options->precision));
    if (options->threads < 0 || options->threads > MAX_THREADS)
        return hedon_fail(ctx, HEDON_EINVAL, "%d threads: give 1 to %d, or 0 for one per core",
                          options->threads, MAX_THREADS);
    HedonDevice *device = hedon_calloc(1, sizeof(*device));
    if (!device) return hedon_fail_memory(ctx);
    *device = (HedonDevice){&hedon_backend_cpu, HEDON_F32,
                            options->threads ? options->threads : hedon_cpu_count()};
    *out = device;
    return 0;
}

static void cpu_close(HedonDevice *device)
{
    hedon_free(device);
}

const HedonBackend hedon_backend_cpu = {
    .name = "cpu",
    .probe = cpu_probe,
    .open = cpu_open,
    .close = cpu_close,
    .buffer_new = hedon_host_buffer_new,
    .buffer_free = hedon_host_buffer_free,
    .upload = hedon_host_upload,
    .download = hedon_host_download,
    .state_new = hedon_host_state_new,
    .state_read = hedon_host_state_read,
    .state_write = hedon_host_state_write,
    .optimise = hedon_host_optimise,
    .state_free = hedon_host_state_free,
    .compile = cpu_compile,
    .plan_share = cpu_plan_share,
    .execute = cpu_execute,
    .plan_info = cpu_plan_info,
    .plan_text = cpu_plan_text,
    .plan_free = cpu_plan_free,
    .preprocessor_new = cpu_preprocessor_new,
    .preprocess = cpu_preprocess,
    .preprocessor_free = cpu_preprocessor_free,
};
