/* cpu: the backend for x86 and other CPUs, float32. The device, its parameters, the vtable. */
#include "kernels/cpu/cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/preprocess.h"
#include "kernels/host.h"

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

static int cpu_probe(HedonContext *ctx, HedonBackendInfo *info)
{
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

static void cpu_state_free(HedonState *base)
{
    CpuState *state = (CpuState *)base;
    if (!state) return;
    for (int i = 0; state->parameters && i < base->graph->parameter_count; i++)
        hedon_free(state->parameters[i]);
    hedon_free(state->parameters);
    hedon_free(state);
}

static int cpu_state_new(HedonContext *ctx, HedonDevice *device, const HedonGraph *graph,
                         const HedonTensor *parameters, HedonState **out)
{
    *out = NULL;
    CpuState *state = hedon_calloc(1, sizeof(*state));
    if (!state) return hedon_fail_memory(ctx);
    state->base = (HedonState){device, graph};
    int err = 0;
    state->parameters = hedon_calloc((size_t)graph->parameter_count, sizeof(void *));
    if (!state->parameters) err = hedon_fail_memory(ctx);
    for (int i = 0; i < graph->parameter_count && !err; i++)
        err = hedon_host_parameter_new(ctx, graph, i, &parameters[i], HEDON_F32,
                                       &state->parameters[i]);
    if (err)
        cpu_state_free(&state->base);
    else
        *out = &state->base;
    return err;
}

static int cpu_state_read(HedonContext *ctx, HedonState *state, int parameter, HedonTensor *out)
{
    return hedon_host_parameter_read(ctx, state, parameter, ((CpuState *)state)->parameters, out);
}

static int cpu_state_write(HedonContext *ctx, HedonState *state, int parameter,
                           const HedonTensor *value)
{
    return hedon_host_parameter_write(ctx, state, parameter, ((CpuState *)state)->parameters,
                                      value);
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
    .state_new = cpu_state_new,
    .state_read = cpu_state_read,
    .state_write = cpu_state_write,
    .state_free = cpu_state_free,
    .compile = cpu_compile,
    .execute = cpu_execute,
    .plan_info = cpu_plan_info,
    .plan_text = cpu_plan_text,
    .plan_free = cpu_plan_free,
    .preprocessor_new = cpu_preprocessor_new,
    .preprocess = cpu_preprocess,
    .preprocessor_free = cpu_preprocessor_free,
};
