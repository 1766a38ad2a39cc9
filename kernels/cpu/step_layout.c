/* Conversions between the logical layout (N,C,positions) and channels-last padded to CPU_LANES. */
#include <stdio.h>
#include <string.h>

#include "kernels/cpu/cpu.h"

/* Positions handled at once: a tile of them by CPU_LANES channels stays in the first cache. */
enum { TILE = 64 };

static void pack_tile(const float *x, float *y, int64_t plane, int64_t row, int channels, int count)
{
    for (int p = 0; p < count; p++) {
        float *to = y + p * row;
        for (int c = 0; c < channels; c++) to[c] = x[c * plane + p];
        for (int c = channels; c < CPU_LANES; c++) to[c] = 0;
    }
}

static void unpack_tile(const float *x, float *y, int64_t plane, int64_t row, int channels,
                        int count)
{
    for (int c = 0; c < channels; c++)
        for (int p = 0; p < count; p++) y[c * plane + p] = x[p * row + c];
}

static void convert(const CpuStep *step, const CpuArguments *arguments, int pack)
{
    const int64_t n = step->as.map.n, channels = step->as.map.channels;
    const int64_t positions = step->as.map.positions, row = cpu_pad_lanes(channels);
    const int64_t tiles = (positions + TILE - 1) / TILE;
    const float *x = arguments->x[0];
    float *y = arguments->y;
#pragma omp parallel for num_threads(arguments->threads) schedule(static)
    for (int64_t i = 0; i < n * tiles; i++) {
        const int64_t sample = i / tiles, first = i % tiles * TILE;
        const int count = (int)(positions - first < TILE ? positions - first : TILE);
        for (int64_t c = 0; c < row; c += CPU_LANES) {
            const int lanes = (int)(channels - c < CPU_LANES ? channels - c : CPU_LANES);
            const int64_t logical = (sample * channels + c) * positions + first;
            const int64_t blocked = (sample * positions + first) * row + c;
            if (pack)
                pack_tile(x + logical, y + blocked, positions, row, lanes, count);
            else
                unpack_tile(x + blocked, y + logical, positions, row, lanes, count);
        }
    }
}

static void run_pack(const CpuStep *step, const CpuArguments *arguments)
{
    convert(step, arguments, 1);
}

static void run_unpack(const CpuStep *step, const CpuArguments *arguments)
{
    convert(step, arguments, 0);
}

static void run_copy(const CpuStep *step, const CpuArguments *arguments)
{
    memcpy(arguments->y, arguments->x[0], (size_t)step->as.map.positions * sizeof(float));
}

CpuStep cpu_layout_step(const CpuPlan *plan, int32_t from, int32_t to)
{
    const CpuTensor *x = &plan->tensors[from];
    CpuStep step = {.operation = "reorder",
                    .input = {from, -1, -1, -1, -1, -1},
                    .output = to,
                    .extra = {-1, -1},
                    .scratch = -1};
    const int64_t count = hedon_shape_count(&x->shape);
    if (x->layout == plan->tensors[to].layout) {
        step.run = run_copy;
        step.as.map.positions = count;
        snprintf(step.kernel, sizeof(step.kernel), "copy");
        return step;
    }
    const int64_t n = x->shape.dim[0], channels = x->shape.dim[1];
    step.run = x->layout == CPU_LOGICAL ? run_pack : run_unpack;
    step.as.map.n = n;
    step.as.map.channels = channels;
    step.as.map.positions = count / (n * channels);
    snprintf(step.kernel, sizeof(step.kernel), "%s nthwc16",
             x->layout == CPU_LOGICAL ? "pack" : "unpack");
    return step;
}
