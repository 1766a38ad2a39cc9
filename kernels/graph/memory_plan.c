#include "kernels/graph/memory_plan.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernels/graph/lifetimes.h"

static void touch(HedonLifetime *lifetimes, int32_t tensor, int32_t step)
{
    if (tensor < 0) return;
    if (lifetimes[tensor].first < 0) lifetimes[tensor].first = step;
    lifetimes[tensor].last = step;
}

/* First and last step that touches each tensor. */
static void find_lifetimes(const HedonPlannedTensor *tensors, int tensor_count,
                           const HedonPlannedStep *steps, int step_count, int64_t alignment,
                           HedonLifetime *lifetimes)
{
    for (int i = 0; i < tensor_count; i++) {
        const int64_t bytes = (tensors[i].bytes + alignment - 1) / alignment * alignment;
        lifetimes[i] = (HedonLifetime){.bytes = bytes, .first = -1, .last = -1};
    }
    for (int s = 0; s < step_count; s++) {
        const HedonPlannedStep *step = &steps[s];
        for (int k = 0; k < step->input_count; k++) touch(lifetimes, step->input[k], s);
        for (int k = 0; k < step->extra_count; k++) touch(lifetimes, step->extra[k], s);
        touch(lifetimes, step->output, s);
        touch(lifetimes, step->scratch, s);
    }
    for (int i = 0; i < tensor_count; i++) {
        if (!tensors[i].whole) continue;
        lifetimes[i].first = 0;
        lifetimes[i].last = step_count - 1;
    }
}

/* Whether the step reads the storage of input i through an input that must stay as it is, too. */
static int read_elsewhere(const HedonPlannedTensor *tensors, const HedonPlannedStep *step, int i)
{
    for (int k = 0; k < step->input_count; k++)
        if (step->input[k] >= 0 && !(step->overwritable >> k & 1) &&
            tensors[step->input[k]].storage == tensors[step->input[i]].storage)
            return 1;
    return 0;
}

/* Let y lie over an input that nobody reads afterwards. */
static void share(HedonPlannedTensor *tensors, const HedonPlannedStep *step, int s,
                  HedonLifetime *lifetimes)
{
    if (step->output < 0) return;
    HedonPlannedTensor *y = &tensors[step->output];
    for (int i = 0; i < step->input_count; i++) {
        if (!(step->overwritable >> i & 1) || step->input[i] < 0) continue;
        const HedonPlannedTensor *x = &tensors[step->input[i]];
        HedonLifetime *storage = &lifetimes[x->storage];
        if (!x->may_share || !y->may_share || x->bytes != y->bytes || x->whole || y->whole ||
            storage->last != s || read_elsewhere(tensors, step, i))
            continue;
        y->storage = x->storage;
        storage->last = lifetimes[step->output].last;
        return;
    }
}

int hedon_memory_plan(HedonContext *ctx, HedonPlannedTensor *tensors, int tensor_count,
                      const HedonPlannedStep *steps, int step_count, int64_t alignment,
                      int64_t *arena_bytes)
{
    HedonLifetime *lifetimes = hedon_calloc((size_t)tensor_count * 2, sizeof(*lifetimes));
    if (!lifetimes) return hedon_fail_memory(ctx);
    HedonLifetime *placed = lifetimes + tensor_count;
    for (int i = 0; i < tensor_count; i++) tensors[i].storage = i;
    find_lifetimes(tensors, tensor_count, steps, step_count, alignment, lifetimes);
    for (int s = 0; s < step_count; s++) share(tensors, &steps[s], s, lifetimes);
    int count = 0;
    for (int i = 0; i < tensor_count; i++)
        if (tensors[i].in_arena && tensors[i].storage == i) placed[count++] = lifetimes[i];
    int err = hedon_lifetimes_place(placed, count, arena_bytes);
    if (err) err = hedon_fail(ctx, err, "no memory plan: the graph's values are too large");
    count = 0;
    for (int i = 0; i < tensor_count && !err; i++) {
        HedonPlannedTensor *tensor = &tensors[i];
        if (!tensor->in_arena) continue;
        /* A tensor comes after the one whose storage it shares. */
        tensor->offset =
            tensor->storage == i ? placed[count++].offset : tensors[tensor->storage].offset;
    }
    hedon_free(lifetimes);
    return err;
}
