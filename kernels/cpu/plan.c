/* Plans: compile, execute, what they are in numbers and in text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"

static const char *const layout_name[CPU_LAYOUTS] = {"logical", "nthwc16"};

static void free_compiled(CpuPlan *plan)
{
    for (int i = 0; i < plan->step_count; i++)
        if (plan->steps[i].release) plan->steps[i].release(&plan->steps[i]);
    for (int i = 0; i < plan->constant_count; i++) hedon_free(plan->constants[i]);
    hedon_free(plan->constants);
    hedon_free(plan->tensors);
    hedon_free(plan->steps);
    hedon_free(plan->tensor_of);
}

void cpu_plan_free(HedonPlan *base)
{
    CpuPlan *plan = (CpuPlan *)base;
    if (!plan) return;
    if (!plan->is_sharer) free_compiled(plan);
    hedon_free(plan->arena);
    hedon_free(plan->ops);
    hedon_free(plan);
}

/* What executing writes to. */
static int own_memory(HedonContext *ctx, CpuPlan *plan)
{
    plan->arena = hedon_malloc_aligned((size_t)plan->arena_bytes, 1);
    plan->ops = hedon_calloc((size_t)plan->step_count, sizeof(*plan->ops));
    if (!plan->arena || !plan->ops)
        return hedon_fail(ctx, HEDON_ENOMEM,
                          "out of memory: the model needs %.1f MB for its activations",
                          (double)plan->arena_bytes / 1e6);
    for (int i = 0; i < plan->step_count; i++)
        plan->ops[i] = (HedonOpProfile){.name = plan->steps[i].name,
                                        .operation = plan->steps[i].operation,
                                        .kernel = plan->steps[i].kernel,
                                        .flops = plan->steps[i].flops};
    return 0;
}

static int build(HedonContext *ctx, CpuPlan *plan)
{
    const HedonGraph *graph = plan->base.graph;
    plan->tensor_of = hedon_malloc((size_t)graph->value_count, sizeof(*plan->tensor_of));
    if (!plan->tensor_of) return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->value_count; i++)
        for (int layout = 0; layout < CPU_LAYOUTS; layout++) plan->tensor_of[i][layout] = -1;

    CpuGroup *groups;
    int count;
    int err = cpu_fuse(graph, &groups, &count);
    if (err) return hedon_fail_memory(ctx);
    err = cpu_lower(ctx, plan, groups, count);
    hedon_free(groups);
    if (!err) err = cpu_place(ctx, plan);
    if (err) return err;

    return own_memory(ctx, plan);
}

int cpu_compile(HedonContext *ctx, HedonState *state, const HedonCompileOptions *options,
                HedonPlan **out)
{
    *out = NULL;
    CpuPlan *plan = hedon_calloc(1, sizeof(*plan));
    if (!plan) return hedon_fail_memory(ctx);
    plan->base = (HedonPlan){state->device, state->graph};
    plan->state = (HedonHostState *)state;
    plan->trained = hedon_graph_is_trained(state->graph);
    if (options) {
        plan->profile = options->profile;
        plan->gradient_ready = options->gradient_ready;
        plan->opaque = options->opaque;
    }
    int err = hedon_host_ranks(ctx, state->graph, options, &plan->ranks);
    if (!err) err = build(ctx, plan);
    if (err)
        cpu_plan_free(&plan->base);
    else
        *out = &plan->base;
    return err;
}

int cpu_plan_share(HedonContext *ctx, const HedonPlan *base, HedonPlan **out)
{
    const CpuPlan *from = (const CpuPlan *)base;
    *out = NULL;
    if (from->trained)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "a plan that trains cannot be shared");
    CpuPlan *plan = hedon_calloc(1, sizeof(*plan));
    if (!plan) return hedon_fail_memory(ctx);
    *plan = *from;
    plan->is_sharer = 1;
    plan->weight_bytes = 0;
    plan->arena = NULL;
    plan->ops = NULL;
    const int err = own_memory(ctx, plan);
    if (err)
        cpu_plan_free(&plan->base);
    else
        *out = &plan->base;
    return err;
}

static void *tensor_data(const CpuPlan *plan, const HedonExecution *execution, int32_t index)
{
    if (index < 0) return NULL;
    const CpuTensor *tensor = &plan->tensors[index];
    switch (tensor->place) {
    case CPU_ARENA:
        return plan->arena + tensor->offset;
    case CPU_CONSTANT:
        return (void *)(uintptr_t)tensor->constant;
    case CPU_INPUT:
        return execution->inputs[tensor->ordinal]->data;
    case CPU_OUTPUT:
        return execution->outputs[tensor->ordinal]->data;
    case CPU_PARAMETER:
        return plan->state->parts[HEDON_STATE_PARAMETER][tensor->ordinal];
    case CPU_GRADIENT:
        return execution->accumulate ? plan->arena + tensor->offset
                                     : plan->state->parts[HEDON_STATE_GRADIENT][tensor->ordinal];
    }
    return NULL;
}

/* A step has written a tensor: when it is a gradient, the state's is final now. */
static void finish_gradient(const CpuPlan *plan, const HedonExecution *execution, int32_t index)
{
    if (index < 0 || plan->tensors[index].place != CPU_GRADIENT) return;
    const CpuTensor *tensor = &plan->tensors[index];
    HedonBuffer *gradient = &plan->state->gradients[tensor->ordinal];
    if (execution->accumulate) {
        const float *from = (const float *)(plan->arena + tensor->offset);
        float *to = gradient->data;
        const int64_t count = hedon_shape_count(&tensor->shape);
#pragma omp parallel for simd num_threads(plan->base.device->threads) schedule(static)
        for (int64_t i = 0; i < count; i++) to[i] += from[i];
    }
    if (plan->gradient_ready) plan->gradient_ready(plan->opaque, tensor->ordinal, gradient);
}

int cpu_execute(HedonContext *ctx, HedonPlan *base, const HedonExecution *execution)
{
    CpuPlan *plan = (CpuPlan *)base;
    int err = hedon_host_check_execution(ctx, base, execution), apart = 0;
    HedonHostRanks ranks = plan->ranks;
    ranks.error = &apart;
    for (int s = 0; s < plan->step_count && !err; s++) {
        const CpuStep *step = &plan->steps[s];
        CpuArguments arguments = {.y = tensor_data(plan, execution, step->output),
                                  .scratch = tensor_data(plan, execution, step->scratch),
                                  .random = execution->random,
                                  .samples = execution->samples,
                                  .ranks = &ranks,
                                  .threads = base->device->threads,
                                  .error = &err};
        for (int i = 0; i < CPU_STEP_INPUTS; i++)
            arguments.x[i] = tensor_data(plan, execution, step->input[i]);
        for (int i = 0; i < CPU_STEP_EXTRA; i++)
            arguments.extra[i] = tensor_data(plan, execution, step->extra[i]);
        const double start = plan->profile ? hedon_clock_s() : 0;
        step->run(step, &arguments);
        if (plan->profile) plan->ops[s].seconds += hedon_clock_s() - start;
        plan->ops[s].runs++;
        if (apart) return apart; /* what sums over ranks has left its sentence */
        finish_gradient(plan, execution, step->output);
        for (int i = 0; i < CPU_STEP_EXTRA; i++) finish_gradient(plan, execution, step->extra[i]);
        if (err) hedon_fail(ctx, err, "node %s: %s failed", step->name, step->kernel);
    }
    return err;
}

void cpu_plan_info(const HedonPlan *base, HedonPlanInfo *info)
{
    const CpuPlan *plan = (const CpuPlan *)base;
    *info = (HedonPlanInfo){.arena_bytes = plan->arena_bytes,
                            .weight_bytes = plan->weight_bytes,
                            .ops = plan->ops,
                            .op_count = plan->step_count};
}

static void print_step(FILE *stream, const CpuPlan *plan, const CpuStep *step)
{
    char operation[64];
    snprintf(operation, sizeof(operation), "%s%s", step->operation, step->fused);
    const CpuTensor nothing = {.place = CPU_PARAMETER};
    const CpuTensor *y = step->output >= 0 ? &plan->tensors[step->output] : &nothing;
    fprintf(stream, "#%-3d %-32s %-28s (", (int)step->output, operation, step->name);
    for (int i = 0; i < y->shape.rank; i++)
        fprintf(stream, "%s%" PRId64, i ? "," : "", y->shape.dim[i]);
    fprintf(stream, ") %s", layout_name[y->layout]);
    for (int i = 0; i < CPU_STEP_EXTRA; i++)
        if (step->extra[i] >= 0) fprintf(stream, ", #%d", (int)step->extra[i]);
    fputs(" =", stream);
    for (int i = 0; i < CPU_STEP_INPUTS; i++)
        if (step->input[i] >= 0) fprintf(stream, " #%d", (int)step->input[i]);
    fprintf(stream, "  [%s", step->kernel);
    if (step->scratch >= 0)
        fprintf(stream, ", %.1f MB scratch", (double)plan->tensors[step->scratch].bytes / 1e6);
    if (y->place == CPU_ARENA && y->storage != step->output)
        fprintf(stream, ", over #%d", (int)y->storage);
    fputs("]\n", stream);
}

char *cpu_plan_text(const HedonPlan *base)
{
    const CpuPlan *plan = (const CpuPlan *)base;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return NULL;
    fprintf(stream, "cpu plan: %d steps, %d threads, arena %.1f MB, weights %.1f MB\n",
            plan->step_count, base->device->threads, (double)plan->arena_bytes / 1e6,
            (double)plan->weight_bytes / 1e6);
    for (int i = 0; i < plan->step_count; i++) print_step(stream, plan, &plan->steps[i]);
    const int failed = ferror(stream);
    if (fclose(stream) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
