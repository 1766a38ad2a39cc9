/* Where every tensor lies: writes that may go over their input do, the rest is placed by lifetime.
 * Work is in one stream, so that a lifetime counted in steps is one on the device. */
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/plan.h"
#include "kernels/graph/lifetimes.h"

static void touch(HedonLifetime *lifetimes, int32_t tensor, int32_t step)
{
    if (tensor < 0) return;
    if (lifetimes[tensor].first < 0) lifetimes[tensor].first = step;
    lifetimes[tensor].last = step;
}

static int in_arena(const CudaTensor *tensor)
{
    return tensor->place == CUDA_ARENA || tensor->place == CUDA_GRADIENT;
}

/* Whole units of the alignment, so that every offset is one: the libraries' workspaces want it. */
static int64_t round_up(int64_t bytes)
{
    return (bytes + CUDA_ALIGNMENT - 1) / CUDA_ALIGNMENT * CUDA_ALIGNMENT;
}

/* First and last step that touches each tensor. */
static void find_lifetimes(const CudaPlan *plan, HedonLifetime *lifetimes)
{
    for (int i = 0; i < plan->tensor_count; i++)
        lifetimes[i] = (HedonLifetime){
            .bytes = round_up(plan->tensors[i].bytes), .first = -1, .last = -1};
    for (int s = 0; s < plan->step_count; s++) {
        const CudaStep *step = &plan->steps[s];
        for (int k = 0; k < CUDA_STEP_INPUTS; k++) touch(lifetimes, step->input[k], s);
        for (int k = 0; k < CUDA_STEP_EXTRA; k++) touch(lifetimes, step->extra[k], s);
        touch(lifetimes, step->output, s);
        touch(lifetimes, step->scratch, s);
    }
    for (int i = 0; i < plan->tensor_count; i++) {
        if (!plan->tensors[i].whole) continue;
        lifetimes[i].first = 0;
        lifetimes[i].last = plan->step_count - 1;
    }
}

/* Whether the step reads the storage of input i through an input that must stay as it is, too. */
static int read_elsewhere(const CudaPlan *plan, const CudaStep *step, int i)
{
    for (int k = 0; k < CUDA_STEP_INPUTS; k++)
        if (step->input[k] >= 0 && !(step->overwritable >> k & 1) &&
            plan->tensors[step->input[k]].storage == plan->tensors[step->input[i]].storage)
            return 1;
    return 0;
}

/* Let y lie over an input that nobody reads afterwards. */
static void share(CudaPlan *plan, HedonLifetime *lifetimes, int s)
{
    const CudaStep *step = &plan->steps[s];
    if (step->output < 0) return;
    CudaTensor *y = &plan->tensors[step->output];
    for (int i = 0; i < CUDA_STEP_INPUTS; i++) {
        if (!(step->overwritable >> i & 1) || step->input[i] < 0) continue;
        const CudaTensor *x = &plan->tensors[step->input[i]];
        HedonLifetime *storage = &lifetimes[x->storage];
        if (x->place != CUDA_ARENA || y->place != CUDA_ARENA || x->bytes != y->bytes || x->whole ||
            y->whole || storage->last != s || read_elsewhere(plan, step, i))
            continue;
        y->storage = x->storage;
        storage->last = lifetimes[step->output].last;
        return;
    }
}

int cuda_place(HedonContext *ctx, CudaPlan *plan)
{
    HedonLifetime *lifetimes = hedon_calloc((size_t)plan->tensor_count * 2, sizeof(*lifetimes));
    if (!lifetimes) return hedon_fail_memory(ctx);
    HedonLifetime *placed = lifetimes + plan->tensor_count;
    find_lifetimes(plan, lifetimes);
    for (int s = 0; s < plan->step_count; s++) share(plan, lifetimes, s);
    int count = 0;
    for (int i = 0; i < plan->tensor_count; i++)
        if (in_arena(&plan->tensors[i]) && plan->tensors[i].storage == i)
            placed[count++] = lifetimes[i];
    int err = hedon_lifetimes_place(placed, count, &plan->arena_bytes);
    if (err) err = hedon_fail(ctx, err, "no memory plan: the graph's values are too large");
    count = 0;
    for (int i = 0; i < plan->tensor_count && !err; i++) {
        CudaTensor *tensor = &plan->tensors[i];
        if (!in_arena(tensor)) continue;
        /* A tensor comes after the one whose storage it shares. */
        tensor->offset =
            tensor->storage == i ? placed[count++].offset : plan->tensors[tensor->storage].offset;
    }
    hedon_free(lifetimes);
    return err;
}
