/* Parameters and what is kept for each of them, in host memory. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/host.h"
#include "kernels/host_optimise.h"
#include "kernels/parameter_tensor.h"

void hedon_host_state_free(HedonState *base)
{
    HedonHostState *state = (HedonHostState *)base;
    if (!state) return;
    for (int part = 0; part < HEDON_STATE_PARTS; part++) {
        for (int i = 0; state->parts[part] && i < base->graph->parameter_count; i++)
            hedon_free(state->parts[part][i]);
        hedon_free(state->parts[part]);
    }
    hedon_free(state->gradients);
    hedon_free(state->sums);
    hedon_free(state);
}

/* Zeros for one parameter in a part. */
static void *element_new(HedonHostState *state, HedonStatePart part, const HedonValue *value)
{
    const size_t count = (size_t)hedon_shape_count(&value->shape);
    const size_t size = hedon_dtype_size(state->base.device->precision);
    void *data = hedon_malloc_aligned(count, size);
    if (data) memset(data, 0, count * size);
    state->parts[part][value->ordinal] = data;
    return data;
}

static int gradients_new(HedonContext *ctx, HedonHostState *state)
{
    const HedonGraph *graph = state->base.graph;
    const size_t count = (size_t)graph->parameter_count;
    const size_t size = hedon_dtype_size(state->base.device->precision);
    if (!graph->gradient_count) return 0;
    state->parts[HEDON_STATE_GRADIENT] = hedon_calloc(count, sizeof(void *));
    state->gradients = hedon_calloc(count, sizeof(*state->gradients));
    state->sums = hedon_calloc((size_t)hedon_host_optimise_blocks(graph), sizeof(*state->sums));
    if (!state->parts[HEDON_STATE_GRADIENT] || !state->gradients || !state->sums)
        return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->gradient_count; i++) {
        const HedonValue *value = &graph->values[graph->gradients[i].parameter];
        void *data = element_new(state, HEDON_STATE_GRADIENT, value);
        if (!data) return hedon_fail_memory(ctx);
        state->gradients[value->ordinal] = (HedonBuffer){
            state->base.device, (size_t)hedon_shape_count(&value->shape) * size, data};
    }
    return 0;
}

static int parameters_new(HedonContext *ctx, HedonHostState *state, const HedonTensor *parameters)
{
    const HedonGraph *graph = state->base.graph;
    state->parts[HEDON_STATE_PARAMETER] =
        hedon_calloc((size_t)graph->parameter_count, sizeof(void *));
    if (!state->parts[HEDON_STATE_PARAMETER]) return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->value_count; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind != HEDON_VALUE_PARAMETER) continue;
        const HedonTensor *given = &parameters[value->ordinal];
        const int err = hedon_parameter_tensor_check(ctx, graph, value->ordinal, given);
        if (err) return err;
        void *data = element_new(state, HEDON_STATE_PARAMETER, value);
        if (!data) return hedon_fail_memory(ctx);
        hedon_convert_reals(data, state->base.device->precision, given->data, given->dtype,
                hedon_shape_count(&value->shape));
    }
    return 0;
}

int hedon_host_state_new(HedonContext *ctx, HedonDevice *device, const HedonGraph *graph,
                         const HedonTensor *parameters, HedonState **out)
{
    *out = NULL;
    HedonHostState *state = hedon_calloc(1, sizeof(*state));
    if (!state) return hedon_fail_memory(ctx);
    state->base = (HedonState){device, graph};
    int err = parameters_new(ctx, state, parameters);
    if (!err) err = gradients_new(ctx, state);
    if (err)
        hedon_host_state_free(&state->base);
    else
        *out = &state->base;
    return err;
}

/* All of it or nothing, so that a part that is there is complete. */
int hedon_host_state_keep(HedonContext *ctx, HedonHostState *state, HedonStatePart part)
{
    const HedonGraph *graph = state->base.graph;
    const size_t size = hedon_dtype_size(state->base.device->precision);
    if (state->parts[part]) return 0;
    int failed =
        !(state->parts[part] = hedon_calloc((size_t)graph->parameter_count, sizeof(void *)));
    for (int i = 0; i < graph->value_count && !failed; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind != HEDON_VALUE_PARAMETER) continue;
        void *data = element_new(state, part, value);
        failed = !data;
        if (data && part == HEDON_STATE_AVERAGE)
            memcpy(data, state->parts[HEDON_STATE_PARAMETER][value->ordinal],
                   (size_t)hedon_shape_count(&value->shape) * size);
    }
    if (!failed) return 0;
    for (int i = 0; state->parts[part] && i < graph->parameter_count; i++)
        hedon_free(state->parts[part][i]);
    hedon_free(state->parts[part]);
    state->parts[part] = NULL;
    return hedon_fail_memory(ctx);
}

/* Where a part of a parameter lies, after the checks. */
static int find(HedonContext *ctx, HedonHostState *state, HedonStatePart part, int parameter,
                const HedonTensor *tensor, void **out)
{
    int err = hedon_parameter_tensor_check(ctx, state->base.graph, parameter, tensor);
    if (!err && (unsigned)part >= HEDON_STATE_PARTS)
        err = hedon_fail(ctx, HEDON_EINVAL, "a state has no part %d", (int)part);
    if (!err && part != HEDON_STATE_GRADIENT) err = hedon_host_state_keep(ctx, state, part);
    if (err) return err;
    *out = state->parts[part] ? state->parts[part][parameter] : NULL;
    return *out ? 0
                : hedon_fail(ctx, HEDON_EINVAL, "parameter %d has no gradient in this graph",
                             parameter);
}

int hedon_host_state_read(HedonContext *ctx, HedonState *base, HedonStatePart part, int parameter,
                          HedonTensor *out)
{
    void *data;
    const int err = find(ctx, (HedonHostState *)base, part, parameter, out, &data);
    if (!err)
        hedon_convert_reals(out->data, out->dtype, data, base->device->precision,
                hedon_shape_count(&out->shape));
    return err;
}

int hedon_host_state_write(HedonContext *ctx, HedonState *base, HedonStatePart part, int parameter,
                           const HedonTensor *value)
{
    void *data;
    const int err = find(ctx, (HedonHostState *)base, part, parameter, value, &data);
    if (!err)
        hedon_convert_reals(data, base->device->precision, value->data, value->dtype,
                hedon_shape_count(&value->shape));
    return err;
}

/* ---- After an execution --------------------------------------------------------------------- */

void hedon_host_update(HedonHostState *state, const HedonGraphUpdate *update, const void *value)
{
    const HedonValue *parameter = &state->base.graph->values[update->parameter];
    const int64_t count = hedon_shape_count(&parameter->shape);
    void *data = state->parts[HEDON_STATE_PARAMETER][parameter->ordinal];
    const double rate = update->rate, scale = update->scale;
    if (state->base.device->precision == HEDON_F64) {
        const double *from = value;
        double *to = data;
        for (int64_t i = 0; i < count; i++) to[i] = (1 - rate) * to[i] + rate * (scale * from[i]);
    } else {
        const float *from = value;
        float *to = data;
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)((1 - rate) * to[i] + rate * (scale * from[i]));
    }
}

void hedon_host_gradient(HedonHostState *state, const HedonGraphGradient *gradient,
                         const void *value, int accumulate)
{
    const HedonValue *parameter = &state->base.graph->values[gradient->parameter];
    const int64_t count = hedon_shape_count(&parameter->shape);
    void *data = state->parts[HEDON_STATE_GRADIENT][parameter->ordinal];
    const HedonDtype precision = state->base.device->precision;
    if (!accumulate)
        memcpy(data, value, (size_t)count * hedon_dtype_size(precision));
    else if (precision == HEDON_F64)
        for (int64_t i = 0; i < count; i++) ((double *)data)[i] += ((const double *)value)[i];
    else
        for (int64_t i = 0; i < count; i++) ((float *)data)[i] += ((const float *)value)[i];
}
