/* Where every tensor lies: writes that may go over their input do, the rest is placed by lifetime.
 */
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"
#include "kernels/graph/lifetimes.h"

/* First and last step that touches each tensor. */
static void find_lifetimes(const CpuPlan *plan, HedonLifetime *lifetimes)
{
    for (int i = 0; i < plan->tensor_count; i++)
        lifetimes[i] = (HedonLifetime){.bytes = plan->tensors[i].bytes, .first = -1, .last = -1};
    for (int s = 0; s < plan->step_count; s++) {
        const CpuStep *step = &plan->steps[s];
        const int32_t touched[] = {step->input[0], step->input[1], step->input[2], step->output,
                                   step->scratch};
        for (size_t k = 0; k < sizeof(touched) / sizeof(*touched); k++) {
            if (touched[k] < 0) continue;
            HedonLifetime *lifetime = &lifetimes[touched[k]];
            if (lifetime->first < 0) lifetime->first = s;
            lifetime->last = s;
        }
    }
}

/* Whether the step reads the storage of input i through an input that must stay as it is, too. */
static int read_elsewhere(const CpuPlan *plan, const CpuStep *step, int i)
{
    for (int k = 0; k < CPU_STEP_INPUTS; k++)
        if (step->input[k] >= 0 && !(step->overwritable >> k & 1) &&
            plan->tensors[step->input[k]].storage == plan->tensors[step->input[i]].storage)
            return 1;
    return 0;
}

/* Let y lie over an input that nobody reads afterwards. */
static void share(CpuPlan *plan, HedonLifetime *lifetimes, int s)
{
    const CpuStep *step = &plan->steps[s];
    CpuTensor *y = &plan->tensors[step->output];
    for (int i = 0; i < CPU_STEP_INPUTS; i++) {
        if (!(step->overwritable >> i & 1) || step->input[i] < 0) continue;
        const CpuTensor *x = &plan->tensors[step->input[i]];
        HedonLifetime *storage = &lifetimes[x->storage];
        if (x->place != CPU_ARENA || y->place != CPU_ARENA || x->bytes != y->bytes ||
            storage->last != s || read_elsewhere(plan, step, i))
            continue;
        y->storage = x->storage;
        storage->last = lifetimes[step->output].last;
        return;
    }
}

int cpu_place(HedonContext *ctx, CpuPlan *plan)
{
    HedonLifetime *lifetimes = hedon_calloc((size_t)plan->tensor_count * 2, sizeof(*lifetimes));
    if (!lifetimes) return hedon_fail_memory(ctx);
    HedonLifetime *placed = lifetimes + plan->tensor_count;
    find_lifetimes(plan, lifetimes);
    for (int s = 0; s < plan->step_count; s++) share(plan, lifetimes, s);
    int count = 0;
    for (int i = 0; i < plan->tensor_count; i++)
        if (plan->tensors[i].place == CPU_ARENA && plan->tensors[i].storage == i)
            placed[count++] = lifetimes[i];
    int err = hedon_lifetimes_place(placed, count, &plan->arena_bytes);
    if (err) err = hedon_fail(ctx, err, "no memory plan: the graph's values are too large");
    count = 0;
    for (int i = 0; i < plan->tensor_count && !err; i++) {
        CpuTensor *tensor = &plan->tensors[i];
        if (tensor->place != CPU_ARENA) continue;
        /* A tensor comes after the one whose storage it shares. */
        tensor->offset =
            tensor->storage == i ? placed[count++].offset : plan->tensors[tensor->storage].offset;
    }
    hedon_free(lifetimes);
    return err;
}
