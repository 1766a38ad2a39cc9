/* batch_norm in training and its gradient, each one step: a pass over the batch that sums by
 * channel, a little arithmetic by channel, with the sums of all ranks where there are several, a
 * pass that writes. The batch is cut into chunks that depend on its size alone, each summed by
 * itself and the sums added in their order, so that the number of threads changes no bit. The first
 * pass goes from the last chunk to the first: what was written last is still in the cache, and what
 * it has read last is there for the second. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/norm.h"
#include "kernels/graph/uses.h"

enum {
    MAX_CHUNKS = 64,
    CHUNK_POSITIONS = 64,
    COEFFICIENTS = 5,
    STREAM_BYTES = 24 << 20 /* an output of that size would only push others out of L3 */
};

static const CpuNormIsa *isa(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return &cpu_norm_isa_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &cpu_norm_isa_avx2;
#endif
    return &cpu_norm_isa_generic;
}

/* Scratch: two sums of each chunk by channel, then arrays of floats by channel. */
typedef struct Work {
    int64_t row, chunks, positions;
    double *sums; /* [chunks][2][row] */
    float *mean, *scale, *shift, *level, *slope;
} Work;

static Work work_of(const CpuStep *step, void *scratch)
{
    const int64_t row = cpu_pad_lanes(step->as.norm.channels), chunks = step->as.norm.chunks;
    float *floats = (float *)((double *)scratch + chunks * 2 * row);
    return (Work){.row = row,
                  .chunks = chunks,
                  .positions = step->as.norm.positions,
                  .sums = scratch,
                  .mean = floats,
                  .scale = floats + row,
                  .shift = floats + 2 * row,
                  .level = floats + 3 * row,
                  .slope = floats + 4 * row};
}

static size_t scratch_bytes(int64_t channels, int64_t chunks)
{
    const size_t row = (size_t)cpu_pad_lanes(channels);
    return row * ((size_t)chunks * 2 * sizeof(double) + COEFFICIENTS * sizeof(float));
}

static int64_t chunk_first(const Work *work, int64_t chunk)
{
    return work->positions * chunk / work->chunks;
}

static int64_t chunk_count(const Work *work, int64_t chunk)
{
    return chunk_first(work, chunk + 1) - chunk_first(work, chunk);
}

/* The i-th chunk of a pass that goes backwards. */
static int64_t from_the_end(const Work *work, int64_t i)
{
    return work->chunks - 1 - i;
}

/* Whether y is written past the caches. */
static int streams(const Work *work, const float *x, const float *residual, const float *y)
{
    const int64_t bytes = work->positions * work->row * (int64_t)sizeof(float);
    return y != x && y != residual && bytes >= STREAM_BYTES;
}

/* Over all chunks; the first one's place takes the sums. */
static void add_up(const CpuArguments *arguments, const Work *work)
{
    const int64_t count = 2 * work->row;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 1; k < work->chunks; k++) work->sums[i] += work->sums[k * count + i];
}

/* Sum number `which` of channel c, after add_up. */
static double total(const Work *work, int which, int64_t c)
{
    return work->sums[which * work->row + c];
}

/* From the variance as it is kept, so that the gradient's mask is that of the forward pass, to the
 * bit. */
static float scale_of(const CpuStep *step, float gamma, float var)
{
    return (float)(gamma / sqrt(var + step->as.norm.epsilon));
}

/* ---- Forward -------------------------------------------------------------------------------- */

/* x[0] x, x[1] gamma, x[2] beta, x[3] the residual or NULL; y, mean, variance. */
static void run_train(const CpuStep *step, const CpuArguments *arguments)
{
    const Work w = work_of(step, arguments->scratch);
    const CpuNormIsa *kernels = isa();
    const float *x = arguments->x[0], *residual = arguments->x[3];
    const double m = (double)w.positions * arguments->ranks->ranks;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < w.chunks; i++) {
        const int64_t k = from_the_end(&w, i);
        kernels->moments(x + chunk_first(&w, k) * w.row, chunk_count(&w, k), w.row,
                         w.sums + 2 * k * w.row, w.sums + (2 * k + 1) * w.row);
    }
    add_up(arguments, &w);
    hedon_host_rank_sum(arguments->ranks, w.sums, 2 * w.row);
    memset(w.mean, 0, (size_t)w.row * COEFFICIENTS * sizeof(float));
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t c = 0; c < step->as.norm.channels; c++) {
        const double mean = total(&w, 0, c) / m;
        w.mean[c] = arguments->extra[0][c] = (float)mean;
        arguments->extra[1][c] = (float)fmax(total(&w, 1, c) / m - mean * mean, 0);
        w.scale[c] = scale_of(step, arguments->x[1][c], arguments->extra[1][c]);
        w.shift[c] = arguments->x[2][c];
    }
    const CpuNormCoefficients by = {w.mean, w.scale, w.shift};
    const int stream = streams(&w, x, residual, arguments->y);
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t k = 0; k < w.chunks; k++) {
        const int64_t first = chunk_first(&w, k) * w.row;
        kernels->normalise(x + first, residual ? residual + first : NULL, arguments->y + first,
                           chunk_count(&w, k), w.row, &by, step->relu, stream);
    }
}

/* x[0] x, x[1] gamma, x[2] beta, x[3] mean, x[4] variance; y. The same arithmetic as above. */
static void run_trained(const CpuStep *step, const CpuArguments *arguments)
{
    const Work w = work_of(step, arguments->scratch);
    const CpuNormIsa *kernels = isa();
    memset(w.mean, 0, (size_t)w.row * COEFFICIENTS * sizeof(float));
    for (int64_t c = 0; c < step->as.norm.channels; c++) {
        w.mean[c] = arguments->x[3][c];
        w.scale[c] = scale_of(step, arguments->x[1][c], arguments->x[4][c]);
        w.shift[c] = arguments->x[2][c];
    }
    const CpuNormCoefficients by = {w.mean, w.scale, w.shift};
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t k = 0; k < w.chunks; k++) {
        const int64_t first = chunk_first(&w, k) * w.row;
        kernels->normalise(arguments->x[0] + first, NULL, arguments->y + first, chunk_count(&w, k),
                           w.row, &by, step->relu,
                           streams(&w, arguments->x[0], NULL, arguments->y));
    }
}

/* ---- Backward ------------------------------------------------------------------------------- */

/* Of chunk k. */
static CpuNormGradient gradient_of(const CpuStep *step, const CpuArguments *arguments,
                                   const Work *w, int64_t k)
{
    const int64_t first = chunk_first(w, k) * w->row;
    const CpuNormMask mask = step->as.norm.mask;
    return (CpuNormGradient){.x = arguments->x[0] + first,
                             .dy = arguments->x[1] + first,
                             .y = mask == CPU_NORM_BY_Y ? arguments->x[5] + first : NULL,
                             .mask = mask,
                             .by = {w->mean, w->scale, w->shift}};
}

static double inverse_of(const CpuStep *step, const CpuArguments *arguments, int64_t c)
{
    return 1 / sqrt(arguments->x[4][c] + step->as.norm.epsilon);
}

/* x[0] x, x[1] dy, x[2] gamma, x[3] mean, x[4] variance, x[5] for the mask of a relu behind: y or
 * beta; dx, dgamma, dbeta. */
static void run_backward(const CpuStep *step, const CpuArguments *arguments)
{
    const Work w = work_of(step, arguments->scratch);
    const CpuNormIsa *kernels = isa();
    const double m = (double)w.positions * arguments->ranks->ranks;
    memset(w.mean, 0, (size_t)w.row * COEFFICIENTS * sizeof(float));
    for (int64_t c = 0; c < step->as.norm.channels; c++) {
        w.mean[c] = arguments->x[3][c];
        w.scale[c] = scale_of(step, arguments->x[2][c], arguments->x[4][c]);
        if (step->as.norm.mask == CPU_NORM_BY_SELF) w.shift[c] = arguments->x[5][c];
    }
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < w.chunks; i++) {
        const int64_t k = from_the_end(&w, i);
        const CpuNormGradient of = gradient_of(step, arguments, &w, k);
        kernels->products(&of, chunk_count(&w, k), w.row, w.sums + 2 * k * w.row,
                          w.sums + (2 * k + 1) * w.row);
    }
    add_up(arguments, &w);
    for (int64_t c = 0; c < step->as.norm.channels; c++) {
        arguments->extra[0][c] = (float)(total(&w, 1, c) * inverse_of(step, arguments, c));
        arguments->extra[1][c] = (float)total(&w, 0, c);
    }
    if (!step->as.norm.running) {
        hedon_host_rank_sum(arguments->ranks, w.sums, 2 * w.row);
        for (int64_t c = 0; c < step->as.norm.channels; c++) {
            const double inverse = inverse_of(step, arguments, c);
            w.level[c] = (float)(total(&w, 0, c) / m);
            w.slope[c] = (float)(total(&w, 1, c) * inverse / m * inverse);
        }
    }
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t k = 0; k < w.chunks; k++) {
        const CpuNormGradient of = gradient_of(step, arguments, &w, k);
        kernels->gradient(&of, arguments->y + chunk_first(&w, k) * w.row, chunk_count(&w, k), w.row,
                          w.level, w.slope);
    }
}

/* ---- Lowering ------------------------------------------------------------------------------- */

/* The step's geometry, scratch and outputs; `node` is the batch norm or its gradient. */
static int finish(HedonContext *ctx, CpuPlan *plan, const HedonNode *node, HedonValueId output,
                  CpuStep *step)
{
    const HedonShape *shape = &plan->base.graph->values[output].shape;
    step->as.norm.channels = shape->dim[1];
    step->as.norm.positions = hedon_shape_count(shape) / shape->dim[1];
    step->as.norm.epsilon = node->attributes.batch_norm.epsilon;
    int64_t chunks = step->as.norm.positions / CHUNK_POSITIONS;
    if (chunks < 1) chunks = 1;
    if (chunks > MAX_CHUNKS) chunks = MAX_CHUNKS;
    step->as.norm.chunks = chunks;
    snprintf(step->kernel, sizeof(step->kernel), "own nthwc16");
    step->scratch = cpu_scratch_new(ctx, plan, scratch_bytes(step->as.norm.channels, chunks));
    if (step->scratch < 0) return step->scratch;
    step->output = cpu_tensor_new(ctx, plan, output, CPU_NTHWC16);
    if (step->output < 0) return step->output;
    for (int i = 0; i + 1 < node->output_count; i++) {
        step->extra[i] = cpu_tensor_new(ctx, plan, node->output[1 + i], CPU_LOGICAL);
        if (step->extra[i] < 0) return step->extra[i];
    }
    return cpu_push(ctx, plan, step);
}

static int set_input(HedonContext *ctx, CpuPlan *plan, CpuStep *step, int i, HedonValueId value)
{
    const int packed = plan->base.graph->values[value].shape.rank == 5;
    step->input[i] = cpu_tensor(ctx, plan, value, packed ? CPU_NTHWC16 : CPU_LOGICAL);
    return step->input[i] < 0 ? step->input[i] : 0;
}

int cpu_lower_batch_norm_train(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *node = group->node;
    if (plan->base.graph->values[node->input[0]].shape.rank != 5)
        return cpu_lower_plain(ctx, plan, node);
    CpuStep step = cpu_step_of(group);
    step.run = run_train;
    step.overwritable = 1 << 0 | 1 << 3;
    int err = 0;
    for (int i = 0; i < 3 && !err; i++) err = set_input(ctx, plan, &step, i, node->input[i]);
    if (!err && group->residual != HEDON_NONE)
        err = set_input(ctx, plan, &step, 3, group->residual);
    return err ? err : finish(ctx, plan, node, group->output, &step);
}

int cpu_lower_batch_norm_trained(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *node = group->node;
    if (plan->base.graph->values[node->input[0]].shape.rank != 5)
        return cpu_lower_plain(ctx, plan, node);
    CpuStep step = cpu_step_of(group);
    step.run = run_trained;
    step.overwritable = 1;
    int err = 0;
    for (int i = 0; i < 5 && !err; i++) err = set_input(ctx, plan, &step, i, node->input[i]);
    return err ? err : finish(ctx, plan, node, group->output, &step);
}

/* Alone, or with the gradient of the relu behind the batch norm as the group's first node. */
int cpu_lower_batch_norm_backward(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *relu = group->norm ? group->node : NULL;
    const HedonNode *node = relu ? group->norm : group->node;
    if (plan->base.graph->values[node->input[0]].shape.rank != 5)
        return cpu_lower_plain(ctx, plan, node);
    CpuStep step = cpu_step_of(group);
    step.run = run_backward;
    step.as.norm.running = node->attributes.batch_norm.running;
    step.overwritable = 1 << 0 | 1 << 1;
    int err = 0;
    for (int i = 0; i < 5 && !err; i++)
        err = set_input(ctx, plan, &step, i, relu && i == 1 ? relu->input[1] : node->input[i]);
    if (!err && relu) {
        const HedonValueId beta =
            hedon_norm_beta_before(plan->base.graph, relu->input[0], node->input[0]);
        step.as.norm.mask = beta == HEDON_NONE ? CPU_NORM_BY_Y : CPU_NORM_BY_SELF;
        if (beta == HEDON_NONE) step.overwritable |= 1 << 5;
        err = set_input(ctx, plan, &step, 5, beta == HEDON_NONE ? relu->input[0] : beta);
    }
    return err ? err : finish(ctx, plan, node, node->output[0], &step);
}
