/* Updating the parameters, and float16's loss scale. */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/ranks.h"
#include "kernels/optimiser_check.h"

/* torch.amp.GradScaler's rule: half of it after an overflow, twice after so many steps without. */
enum { STEPS_TO_GROW = 2000 };
static const float LARGEST_SCALE = 16777216;

static CudaUpdate update_of(const HedonOptimiserStep *step, int ordinal)
{
    const double rate = step->learning_rate * (step->rate_scale ? step->rate_scale[ordinal] : 1);
    const double decay = step->weight_decay ? step->weight_decay[ordinal] : 0;
    CudaUpdate u = {.rate = (float)rate, .decay = (float)decay};
    if (step->kind == HEDON_SGD) {
        u.momentum = (float)step->momentum;
        u.has_momentum = step->momentum != 0;
        u.nesterov = step->nesterov;
        return u;
    }
    const double correction1 = 1 - pow(step->beta1, (double)step->number);
    const double correction2 = 1 - pow(step->beta2, (double)step->number);
    u.keep = (float)(1 - rate * decay);
    u.beta1 = (float)step->beta1;
    u.rest1 = (float)(1 - step->beta1);
    u.beta2 = (float)step->beta2;
    u.rest2 = (float)(1 - step->beta2);
    u.epsilon = (float)step->epsilon;
    u.size = (float)(rate / correction1);
    u.root = (float)(1 / sqrt(correction2));
    return u;
}

static int send_rules(HedonContext *ctx, CudaState *state, const HedonOptimiserStep *step)
{
    CudaDevice *device = (CudaDevice *)state->base.device;
    const int count = state->base.graph->parameter_count;
    CudaRule *rules = hedon_calloc((size_t)count, sizeof(*rules));
    if (!rules) return hedon_fail_memory(ctx);
    for (int i = 0; i < count; i++)
        rules[i] = (CudaRule){.update = update_of(step, i),
                              .learns = state->has_gradient[i] &&
                                        (!step->rate_scale || step->rate_scale[i] != 0)};
    const int err = cuda_copy_in(ctx, device, state->rules, rules, (size_t)count * sizeof(*rules),
                                 device->stream);
    hedon_free(rules);
    return err;
}

/* What this optimiser keeps; allocated in its first step. */
static int keep_parts(HedonContext *ctx, CudaState *state, const HedonOptimiserStep *step)
{
    int err = 0;
    if (step->kind == HEDON_ADAMW || step->momentum != 0)
        err = cuda_state_keep(ctx, state, HEDON_STATE_MOMENT1);
    if (!err && step->kind == HEDON_ADAMW) err = cuda_state_keep(ctx, state, HEDON_STATE_MOMENT2);
    if (!err && step->average_decay > 0) err = cuda_state_keep(ctx, state, HEDON_STATE_AVERAGE);
    return err;
}

static int set_scale(HedonContext *ctx, CudaState *state, float scale, int good_steps)
{
    CudaDevice *device = (CudaDevice *)state->base.device;
    const float both[2] = {scale, 1 / scale};
    state->scale = scale;
    state->good_steps = good_steps;
    int err = cuda_copy_in(ctx, device, state->loss_scale, both, sizeof(both), device->stream);
    return err ? err : cuda_wait(ctx, device, device->stream);
}

void cuda_loss_scale_read(const HedonState *base, HedonLossScale *out)
{
    const CudaState *state = (const CudaState *)base;
    *out = (HedonLossScale){0};
    if (state->loss_scale) *out = (HedonLossScale){state->scale, state->good_steps};
}

int cuda_loss_scale_write(HedonContext *ctx, HedonState *base, const HedonLossScale *value)
{
    CudaState *state = (CudaState *)base;
    int power;
    if (!state->loss_scale)
        return hedon_fail(ctx, HEDON_EINVAL, "there is no loss scale but in float16");
    if (!(value->scale >= 1 && value->scale <= LARGEST_SCALE) ||
        frexpf(value->scale, &power) != .5f || value->good_steps < 0)
        return hedon_fail(ctx, HEDON_EINVAL, "a loss scale of %g after %d steps is none",
                          (double)value->scale, value->good_steps);
    const int err = cuda_after_executions(ctx, (CudaDevice *)base->device,
                                          ((CudaDevice *)base->device)->stream);
    return err ? err : set_scale(ctx, state, value->scale, value->good_steps);
}

/* An overflow that a lower scale may cure is no fault of the gradients. */
static int adjust_scale(HedonContext *ctx, CudaState *state, HedonOptimiserResult *result)
{
    if (!state->loss_scale) return 0;
    if (!result->finite && state->scale > 1) {
        *result = (HedonOptimiserResult){.finite = 1, .skipped = 1};
        return set_scale(ctx, state, state->scale / 2, 0);
    }
    if (result->finite && ++state->good_steps >= STEPS_TO_GROW && state->scale < LARGEST_SCALE)
        return set_scale(ctx, state, state->scale * 2, 0);
    return 0;
}

int cuda_optimise(HedonContext *ctx, HedonState *base, const HedonOptimiserStep *step,
                  HedonOptimiserResult *result)
{
    CudaState *state = (CudaState *)base;
    CudaDevice *device = (CudaDevice *)base->device;
    double values[3];
    *result = (HedonOptimiserResult){0};
    int err = hedon_optimiser_check(ctx, base->graph, step);
    if (!err) err = keep_parts(ctx, state, step);
    if (!err) err = cuda_after_executions(ctx, device, device->stream);
    if (!err) err = send_rules(ctx, state, step);
    if (err) return err;
    const int has_momentum = step->kind == HEDON_ADAMW || step->momentum != 0;
    const CudaOptimise call = {
        .parameters = state->parts[HEDON_STATE_PARAMETER],
        .gradients = state->parts[HEDON_STATE_GRADIENT],
        .moment1 = has_momentum ? state->parts[HEDON_STATE_MOMENT1] : NULL,
        .moment2 = step->kind == HEDON_ADAMW ? state->parts[HEDON_STATE_MOMENT2] : NULL,
        .average = step->average_decay > 0 ? state->parts[HEDON_STATE_AVERAGE] : NULL,
        .pieces = state->pieces,
        .rules = state->rules,
        .piece_count = state->piece_count,
        .adamw = step->kind == HEDON_ADAMW,
        .gradient_scale = step->gradient_scale,
        .clip_norm = step->clip_norm,
        .average_decay = step->average_decay,
        .sums = state->sums,
        .result = state->result};
    err = CUDA_TRY(ctx, cuda_optimise_run(&call, device->stream));
    if (!err)
        err = CUDA_TRY(ctx, cudaMemcpyAsync(values, state->result, sizeof(values),
                                            cudaMemcpyDeviceToHost, device->stream));
    if (!err) err = cuda_wait(ctx, device, device->stream);
    if (err) return err;
    result->gradient_norm = values[0];
    result->finite = values[1] != 0;
    return adjust_scale(ctx, state, result);
}
