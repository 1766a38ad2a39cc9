#include "kernels/host.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- Buffers -------------------------------------------------------------------------------- */

int hedon_host_buffer_new(HedonContext *ctx, HedonDevice *device, size_t bytes, HedonBuffer **out)
{
    *out = NULL;
    HedonBuffer *buffer = hedon_calloc(1, sizeof(*buffer));
    void *data = hedon_malloc_aligned(bytes, 1);
    if (!buffer || !data) {
        hedon_free(buffer);
        hedon_free(data);
        return hedon_fail(ctx, HEDON_ENOMEM, "out of memory for a buffer of %zu bytes", bytes);
    }
    memset(data, 0, bytes);
    *buffer = (HedonBuffer){device, bytes, data};
    *out = buffer;
    return 0;
}

void hedon_host_buffer_free(HedonBuffer *buffer)
{
    if (!buffer) return;
    hedon_free(buffer->data);
    hedon_free(buffer);
}

static int check_range(HedonContext *ctx, const HedonBuffer *buffer, size_t offset, size_t bytes)
{
    if (offset <= buffer->bytes && bytes <= buffer->bytes - offset) return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "%zu bytes at %zu are outside a buffer of %zu", bytes,
                      offset, buffer->bytes);
}

int hedon_host_upload(HedonContext *ctx, HedonBuffer *to, size_t offset, const void *from,
                      size_t bytes, HedonStream *stream)
{
    (void)stream;
    const int err = check_range(ctx, to, offset, bytes);
    if (!err && bytes) memcpy((char *)to->data + offset, from, bytes);
    return err;
}

int hedon_host_download(HedonContext *ctx, void *to, HedonBuffer *from, size_t offset, size_t bytes,
                        HedonStream *stream)
{
    (void)stream;
    const int err = check_range(ctx, from, offset, bytes);
    if (!err && bytes) memcpy(to, (const char *)from->data + offset, bytes);
    return err;
}

/* ---- Executions ----------------------------------------------------------------------------- */

static int check_buffer(HedonContext *ctx, const HedonPlan *plan, const HedonBuffer *buffer,
                        HedonValueId id, const char *role, const char *name)
{
    const size_t number = plan->device->precision == HEDON_F64 ? sizeof(double) : sizeof(float);
    const size_t wanted = (size_t)hedon_shape_count(&plan->graph->values[id].shape) * number;
    if (buffer && buffer->device == plan->device && buffer->bytes >= wanted) return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "%s %s needs a buffer of %zu bytes on the plan's device",
                      role, name, wanted);
}

int hedon_host_check_execution(HedonContext *ctx, const HedonPlan *plan,
                               const HedonExecution *execution)
{
    const HedonGraph *graph = plan->graph;
    int err = 0;
    for (int i = 0; i < graph->value_count && !err; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind == HEDON_VALUE_INPUT)
            err =
                check_buffer(ctx, plan, execution->inputs[value->ordinal], i, "input", value->name);
    }
    for (int i = 0; i < graph->output_count && !err; i++)
        err = check_buffer(ctx, plan, execution->outputs[i], graph->outputs[i].value, "output",
                           graph->outputs[i].name);
    return err;
}

/* ---- Ranks ---------------------------------------------------------------------------------- */

int hedon_host_ranks(HedonContext *ctx, const HedonGraph *graph, const HedonCompileOptions *options,
                     HedonHostRanks *out)
{
    *out = (HedonHostRanks){.ranks = graph->ranks > 1 ? graph->ranks : 1};
    if (options) {
        out->sum = options->rank_sum;
        out->opaque = options->opaque;
    }
    if (out->ranks == 1 || out->sum) return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "a graph of %d ranks needs something that sums over them",
                      out->ranks);
}

void hedon_host_rank_sum(const HedonHostRanks *ranks, double *values, int64_t count)
{
    if (!ranks || ranks->ranks == 1 || *ranks->error) return;
    *ranks->error = ranks->sum(ranks->opaque, values, count, NULL);
}
