/* One step of an optimiser over all parameters of a state in host memory, in blocks that the
 * device's threads share; which thread has which block changes no bit. */
#include "kernels/host_optimise.h"

#include <math.h>

#include "base/error.h"
#include "kernels/host.h"
#include "kernels/optimiser_check.h"

static int64_t blocks_of(const HedonValue *value)
{
    return (hedon_shape_count(&value->shape) + HEDON_OPTIMISE_BLOCK - 1) / HEDON_OPTIMISE_BLOCK;
}

int64_t hedon_host_optimise_blocks(const HedonGraph *graph)
{
    int64_t blocks = 0;
    for (int i = 0; i < graph->gradient_count; i++)
        blocks += blocks_of(&graph->values[graph->gradients[i].parameter]);
    return blocks;
}

/* Elements of block b of `count`. */
static int64_t block_size(int64_t count, int64_t b)
{
    const int64_t left = count - b * HEDON_OPTIMISE_BLOCK;
    return left < HEDON_OPTIMISE_BLOCK ? left : HEDON_OPTIMISE_BLOCK;
}

static void *at(void *data, int64_t block, size_t size)
{
    return data ? (char *)data + (size_t)(block * HEDON_OPTIMISE_BLOCK) * size : NULL;
}

static double rate_scale(const HedonOptimiserStep *step, int ordinal)
{
    return step->rate_scale ? step->rate_scale[ordinal] : 1;
}

static const HedonOptimiserLoops *loops_of(const HedonHostState *state)
{
    return state->base.device->precision == HEDON_F64 ? &hedon_optimiser_loops_f64
                                                      : &hedon_optimiser_loops_f32;
}

/* Of all gradients that are used, as they are in the state. */
static double square_sum(const HedonHostState *state, const HedonOptimiserStep *step)
{
    const HedonGraph *graph = state->base.graph;
    const HedonOptimiserLoops *loops = loops_of(state);
    const size_t size = hedon_dtype_size(state->base.device->precision);
    double sum = 0;
    for (int i = 0; i < graph->gradient_count; i++) {
        const HedonValue *value = &graph->values[graph->gradients[i].parameter];
        if (rate_scale(step, value->ordinal) == 0) continue;
        void *gradient = state->parts[HEDON_STATE_GRADIENT][value->ordinal];
        const int64_t count = hedon_shape_count(&value->shape), blocks = blocks_of(value);
#pragma omp parallel for num_threads(state->base.device->threads) schedule(static)
        for (int64_t b = 0; b < blocks; b++)
            state->sums[b] = loops->square_sum(at(gradient, b, size), block_size(count, b));
        for (int64_t b = 0; b < blocks; b++) sum += state->sums[b];
    }
    return sum;
}

static void update_parameter(const HedonHostState *state, const HedonOptimiserStep *step,
                             const HedonValue *value, double factor)
{
    const HedonOptimiserLoops *loops = loops_of(state);
    const size_t size = hedon_dtype_size(state->base.device->precision);
    const int ordinal = value->ordinal;
    const int64_t count = hedon_shape_count(&value->shape), blocks = blocks_of(value);
    void *part[HEDON_STATE_PARTS];
    for (int k = 0; k < HEDON_STATE_PARTS; k++)
        part[k] = state->parts[k] ? state->parts[k][ordinal] : NULL;
    if (step->kind == HEDON_SGD && step->momentum == 0) part[HEDON_STATE_MOMENT1] = NULL;
#pragma omp parallel for num_threads(state->base.device->threads) schedule(static)
    for (int64_t b = 0; b < blocks; b++) {
        const HedonOptimiserBlock block = {
            .parameter = at(part[HEDON_STATE_PARAMETER], b, size),
            .gradient = at(part[HEDON_STATE_GRADIENT], b, size),
            .moment1 = at(part[HEDON_STATE_MOMENT1], b, size),
            .moment2 = at(part[HEDON_STATE_MOMENT2], b, size),
            .count = block_size(count, b),
            .rate = step->learning_rate * rate_scale(step, ordinal),
            .decay = step->weight_decay ? step->weight_decay[ordinal] : 0,
            .factor = factor,
            .step = step,
            .correction1 = 1 - pow(step->beta1, (double)step->number),
            .correction2 = 1 - pow(step->beta2, (double)step->number)};
        (step->kind == HEDON_SGD ? loops->sgd : loops->adamw)(&block);
    }
}

static void average(const HedonHostState *state, double decay)
{
    const HedonGraph *graph = state->base.graph;
    const HedonOptimiserLoops *loops = loops_of(state);
    const size_t size = hedon_dtype_size(state->base.device->precision);
    for (int i = 0; i < graph->value_count; i++) {
        const HedonValue *value = &graph->values[i];
        if (value->kind != HEDON_VALUE_PARAMETER) continue;
        const int64_t count = hedon_shape_count(&value->shape), blocks = blocks_of(value);
        void *to = state->parts[HEDON_STATE_AVERAGE][value->ordinal];
        void *from = state->parts[HEDON_STATE_PARAMETER][value->ordinal];
#pragma omp parallel for num_threads(state->base.device->threads) schedule(static)
        for (int64_t b = 0; b < blocks; b++)
            loops->average(at(to, b, size), at(from, b, size), block_size(count, b), decay);
    }
}

/* What this optimiser keeps; allocated in its first step. */
static int keep_parts(HedonContext *ctx, HedonHostState *state, const HedonOptimiserStep *step)
{
    int err = 0;
    if (step->kind == HEDON_ADAMW || step->momentum != 0)
        err = hedon_host_state_keep(ctx, state, HEDON_STATE_MOMENT1);
    if (!err && step->kind == HEDON_ADAMW)
        err = hedon_host_state_keep(ctx, state, HEDON_STATE_MOMENT2);
    if (!err && step->average_decay > 0)
        err = hedon_host_state_keep(ctx, state, HEDON_STATE_AVERAGE);
    return err;
}

int hedon_host_optimise(HedonContext *ctx, HedonState *base, const HedonOptimiserStep *step,
                        HedonOptimiserResult *result)
{
    HedonHostState *state = (HedonHostState *)base;
    const HedonGraph *graph = base->graph;
    *result = (HedonOptimiserResult){0};
    int err = hedon_optimiser_check(ctx, graph, step);
    if (!err) err = keep_parts(ctx, state, step);
    if (err) return err;

    const double norm = sqrt(square_sum(state, step)) * fabs(step->gradient_scale);
    result->gradient_norm = norm;
    result->finite = isfinite(norm);
    if (!result->finite) return 0;
    double factor = step->gradient_scale;
    /* the 1e-6 is torch.nn.utils.clip_grad_norm_'s */
    if (step->clip_norm > 0) factor *= fmin(step->clip_norm / (norm + 1e-6), 1);
    for (int i = 0; i < graph->gradient_count; i++) {
        const HedonValue *value = &graph->values[graph->gradients[i].parameter];
        if (rate_scale(step, value->ordinal) != 0) update_parameter(state, step, value, factor);
    }
    if (step->average_decay > 0) average(state, step->average_decay);
    return 0;
}
