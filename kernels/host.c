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

/* ---- Parameters ----------------------------------------------------------------------------- */

static void convert(void *to, HedonDtype to_type, const void *from, HedonDtype from_type,
                    int64_t count)
{
    if (to_type == from_type) {
        memcpy(to, from, (size_t)count * hedon_dtype_size(to_type));
    } else if (to_type == HEDON_F64) {
        for (int64_t i = 0; i < count; i++) ((double *)to)[i] = ((const float *)from)[i];
    } else {
        for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)((const double *)from)[i];
    }
}

/* That `tensor` is parameter number `parameter`, in one of the two precisions. */
static int check_parameter(HedonContext *ctx, const HedonGraph *graph, int parameter,
                           const HedonTensor *tensor)
{
    if (parameter < 0 || parameter >= graph->parameter_count)
        return hedon_fail(ctx, HEDON_EINVAL, "the graph has no parameter %d", parameter);
    const HedonValue *value = &graph->values[hedon_graph_parameter_value(graph, parameter)];
    if (tensor->dtype != HEDON_F32 && tensor->dtype != HEDON_F64)
        return hedon_fail(ctx, HEDON_EINVAL, "parameter %s must be float32 or float64, not %s",
                          value->name, hedon_dtype_name(tensor->dtype));
    const HedonShape *a = &tensor->shape, *b = &value->shape;
    if (!tensor->data || a->rank != b->rank ||
        memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0])))
        return hedon_fail(ctx, HEDON_EINVAL,
                          "parameter %s has another shape than the graph's (%" PRId64
                          " elements wanted)",
                          value->name, hedon_shape_count(b));
    return 0;
}

int hedon_host_parameter_new(HedonContext *ctx, const HedonGraph *graph, int parameter,
                             const HedonTensor *value, HedonDtype precision, void **out)
{
    *out = NULL;
    const int err = check_parameter(ctx, graph, parameter, value);
    if (err) return err;
    const int64_t count = hedon_shape_count(&value->shape);
    *out = hedon_malloc_aligned((size_t)count, hedon_dtype_size(precision));
    if (!*out) return hedon_fail_memory(ctx);
    convert(*out, precision, value->data, value->dtype, count);
    return 0;
}

int hedon_host_parameter_read(HedonContext *ctx, const HedonState *state, int parameter,
                              void *const *parameters, HedonTensor *out)
{
    const int err = check_parameter(ctx, state->graph, parameter, out);
    if (!err)
        convert(out->data, out->dtype, parameters[parameter], state->device->precision,
                hedon_shape_count(&out->shape));
    return err;
}

int hedon_host_parameter_write(HedonContext *ctx, const HedonState *state, int parameter,
                               void *const *parameters, const HedonTensor *value)
{
    const int err = check_parameter(ctx, state->graph, parameter, value);
    if (!err)
        convert(parameters[parameter], state->device->precision, value->data, value->dtype,
                hedon_shape_count(&value->shape));
    return err;
}

/* ---- Executions ----------------------------------------------------------------------------- */

static int check_buffer(HedonContext *ctx, const HedonPlan *plan, const HedonBuffer *buffer,
                        HedonValueId id, const char *role, const char *name)
{
    const size_t wanted = (size_t)hedon_shape_count(&plan->graph->values[id].shape) *
                          hedon_dtype_size(plan->device->precision);
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
