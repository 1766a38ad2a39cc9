/* Plans: compile, what they are in numbers and in text. */
#include "kernels/cuda/ranks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char *const form_names[CUDA_FORMS] = {"logical", "rows"};
static const char *const type_names[] = {
    [CUDA_F32] = "float32", [CUDA_BF16] = "bfloat16", [CUDA_F16] = "float16"};

static void forget_graphs(CudaPlan *plan)
{
    for (int i = 0; i < CUDA_GRAPHS; i++)
        if (plan->captures[i].graph) cudaGraphExecDestroy(plan->captures[i].graph);
}

void cuda_plan_free(HedonPlan *base)
{
    CudaPlan *plan = (CudaPlan *)base;
    if (!plan) return;
    cudaStreamWaitEvent(plan->device->stream, plan->device->busy, 0);
    cudaStreamSynchronize(plan->device->stream);
    forget_graphs(plan);
    for (int i = 0; plan->marks && i <= plan->step_count; i++)
        if (plan->marks[i]) cudaEventDestroy(plan->marks[i]);
    for (int i = 0; i < plan->constant_count; i++) cuda_release(plan->device, plan->constants[i]);
    cuda_release(plan->device, plan->arena);
    hedon_free(plan->sample_numbers);
    hedon_free(plan->marks);
    hedon_free(plan->constants);
    hedon_free(plan->packed);
    hedon_free(plan->tensors);
    hedon_free(plan->steps);
    hedon_free(plan->tensor_of);
    hedon_free(plan->ops);
    hedon_free(plan);
}

static int lower(HedonContext *ctx, CudaPlan *plan)
{
    const HedonGraph *graph = plan->base.graph;
    plan->tensor_of = hedon_malloc((size_t)graph->value_count, sizeof(*plan->tensor_of));
    if (!plan->tensor_of) return hedon_fail_memory(ctx);
    for (int i = 0; i < graph->value_count; i++)
        for (int form = 0; form < CUDA_FORMS; form++) plan->tensor_of[i][form] = -1;
    CudaGroup *groups;
    int count;
    int err = cuda_fuse(graph, &groups, &count);
    if (err) return hedon_fail_memory(ctx);
    err = cuda_lower(ctx, plan, groups, count);
    hedon_free(groups);
    return err ? err : cuda_place(ctx, plan);
}

/* ---- Tables in device memory ---------------------------------------------------------------- */

static int make_pack_table(HedonContext *ctx, CudaPlan *plan)
{
    const size_t count = (size_t)plan->packed_count;
    if (!count) return 0;
    CudaPackItem *items = hedon_calloc(count, sizeof(*items));
    if (!items) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < count; i++) {
        const HedonValue *value = &plan->base.graph->values[plan->packed[i].value];
        const HedonShape *w = &value->shape;
        items[i] = (CudaPackItem){
            .from = cuda_state_parameter(plan->state, HEDON_STATE_PARAMETER, value->ordinal),
            .to = plan->arena + plan->tensors[plan->packed[i].tensor].offset,
            .outputs = (int32_t)w->dim[0],
            .inputs = (int32_t)w->dim[1],
            .taps = (int32_t)(w->dim[2] * w->dim[3] * w->dim[4]),
            .padded_outputs = (int32_t)cuda_pad_channels(plan->type, w->dim[0]),
            .padded_inputs = (int32_t)cuda_pad_channels(plan->type, w->dim[1]),
            .first = plan->pack_pairs};
        plan->pack_pairs += (int64_t)items[i].padded_outputs * items[i].padded_inputs;
    }
    void *table;
    const int err = cuda_constant(ctx, plan, items, count * sizeof(*items), &table);
    plan->pack_items = table;
    hedon_free(items);
    return err;
}

static int make_update_table(HedonContext *ctx, CudaPlan *plan)
{
    const HedonGraph *graph = plan->base.graph;
    const size_t count = (size_t)graph->update_count;
    if (!count) return 0;
    CudaUpdateItem *items = hedon_calloc(count, sizeof(*items));
    if (!items) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < count; i++) {
        const HedonGraphUpdate *update = &graph->updates[i];
        const HedonValue *parameter = &graph->values[update->parameter];
        const int32_t value = plan->tensor_of[update->value][CUDA_LOGICAL];
        items[i] =
            (CudaUpdateItem){.parameter = cuda_state_parameter(plan->state, HEDON_STATE_PARAMETER,
                                                               parameter->ordinal),
                             .value = (const float *)(plan->arena + plan->tensors[value].offset),
                             .count = hedon_shape_count(&parameter->shape),
                             .rate = update->rate,
                             .scale = update->scale};
    }
    void *table;
    const int err = cuda_constant(ctx, plan, items, count * sizeof(*items), &table);
    plan->update_items = table;
    hedon_free(items);
    return err;
}

/* The samples' numbers, 0, 1, ... at first. */
static int make_samples(HedonContext *ctx, CudaPlan *plan)
{
    const HedonGraph *graph = plan->base.graph;
    for (int i = 0; i < graph->node_count; i++) {
        const HedonNode *node = &graph->nodes[i];
        const int64_t samples = graph->values[node->output[0]].shape.dim[0];
        if ((node->op == HEDON_OP_DROPOUT || node->op == HEDON_OP_DROP_PATH) &&
            samples > plan->sample_count)
            plan->sample_count = samples;
    }
    if (!plan->sample_count) return 0;
    const size_t count = (size_t)plan->sample_count;
    plan->sample_numbers = hedon_calloc(count, sizeof(int64_t));
    if (!plan->sample_numbers) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < count; i++) plan->sample_numbers[i] = (int64_t)i;
    void *samples;
    const int err =
        cuda_constant(ctx, plan, plan->sample_numbers, count * sizeof(int64_t), &samples);
    plan->samples = samples;
    return err;
}

/* ---- Compiling ------------------------------------------------------------------------------ */

static int make_profile(HedonContext *ctx, CudaPlan *plan)
{
    plan->ops = hedon_calloc((size_t)plan->step_count, sizeof(*plan->ops));
    if (!plan->ops) return hedon_fail_memory(ctx);
    for (int i = 0; i < plan->step_count; i++)
        plan->ops[i] = (HedonOpProfile){.name = plan->steps[i].name,
                                        .operation = plan->steps[i].operation,
                                        .kernel = plan->steps[i].kernel,
                                        .flops = plan->steps[i].flops};
    if (!plan->profile) return 0;
    plan->marks = hedon_calloc((size_t)plan->step_count + 1, sizeof(cudaEvent_t));
    if (!plan->marks) return hedon_fail_memory(ctx);
    int err = 0;
    for (int i = 0; i <= plan->step_count && !err; i++)
        err = CUDA_TRY(ctx, cudaEventCreate(&plan->marks[i]));
    return err;
}

static int build(HedonContext *ctx, CudaPlan *plan)
{
    void *key, *arena;
    int err = cuda_constant(ctx, plan, NULL, sizeof(*plan->key), &key);
    if (err) return err;
    plan->key = key;
    err = make_samples(ctx, plan);
    if (!err) err = lower(ctx, plan);
    if (!err)
        err = cuda_allocate(
            ctx, plan->device, (size_t)plan->arena_bytes,
            plan->trained ? "a training step's activations" : "the model's activations", &arena);
    if (err) return err;
    plan->arena = arena;
    err = make_pack_table(ctx, plan);
    if (!err) err = make_update_table(ctx, plan);
    if (!err) err = make_profile(ctx, plan);
    /* what compiling put into the device's stream has to be there for every other */
    return err ? err : CUDA_TRY(ctx, cudaStreamSynchronize(plan->device->stream));
}

static CudaType type_of(HedonDtype precision)
{
    return precision == HEDON_BF16 ? CUDA_BF16 : precision == HEDON_F16 ? CUDA_F16 : CUDA_F32;
}

int cuda_compile(HedonContext *ctx, HedonState *state, const HedonCompileOptions *options,
                 HedonPlan **out)
{
    *out = NULL;
    CudaPlan *plan = hedon_calloc(1, sizeof(*plan));
    if (!plan) return hedon_fail_memory(ctx);
    plan->base = (HedonPlan){state->device, state->graph};
    plan->device = (CudaDevice *)state->device;
    plan->state = (CudaState *)state;
    plan->type = type_of(state->device->precision);
    plan->trained = hedon_graph_is_trained(state->graph);
    plan->ranks = state->graph->ranks > 1 ? state->graph->ranks : 1;
    if (options) {
        plan->profile = options->profile;
        plan->gradient_ready = options->gradient_ready;
        plan->opaque = options->opaque;
    }
    if (plan->trained && plan->state->loss_scale) {
        plan->scale = plan->state->loss_scale;
        plan->unscale = plan->state->loss_scale + 1;
    }
    int err = cuda_enter(ctx, plan->device);
    if (!err) err = build(ctx, plan);
    if (err)
        cuda_plan_free(&plan->base);
    else
        *out = &plan->base;
    return err;
}

void cuda_plan_info(const HedonPlan *base, HedonPlanInfo *info)
{
    const CudaPlan *plan = (const CudaPlan *)base;
    *info = (HedonPlanInfo){.arena_bytes = plan->arena_bytes,
                            .weight_bytes = plan->weight_bytes,
                            .ops = plan->ops,
                            .op_count = plan->step_count};
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void print_step(FILE *stream, const CudaPlan *plan, const CudaStep *step)
{
    char operation[128];
    snprintf(operation, sizeof(operation), "%s%s", step->operation, step->fused);
    fprintf(stream, "#%-3d %-32s %-28s", (int)step->output, operation, step->name);
    if (step->output >= 0) {
        const CudaTensor *y = &plan->tensors[step->output];
        fputs(" (", stream);
        for (int i = 0; i < y->shape.rank; i++)
            fprintf(stream, "%s%" PRId64, i ? "," : "", y->shape.dim[i]);
        fprintf(stream, ") %s", form_names[y->form]);
    }
    for (int i = 0; i < CUDA_STEP_EXTRA; i++)
        if (step->extra[i] >= 0) fprintf(stream, ", #%d", (int)step->extra[i]);
    fputs(" =", stream);
    for (int i = 0; i < CUDA_STEP_INPUTS; i++)
        if (step->input[i] >= 0) fprintf(stream, " #%d", (int)step->input[i]);
    fprintf(stream, "  [%s", step->kernel);
    if (step->scratch >= 0)
        fprintf(stream, ", %.1f MB scratch", (double)plan->tensors[step->scratch].bytes / 1e6);
    if (step->output >= 0 && plan->tensors[step->output].storage != step->output)
        fprintf(stream, ", over #%d", (int)plan->tensors[step->output].storage);
    fputs("]\n", stream);
}

static const char *graph_words(const CudaPlan *plan)
{
    if (plan->no_capture) return ", no CUDA graph: ";
    for (int i = 0; i < CUDA_GRAPHS; i++)
        if (plan->captures[i].graph) return ", CUDA graph";
    return "";
}

char *cuda_plan_text(const HedonPlan *base)
{
    const CudaPlan *plan = (const CudaPlan *)base;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return NULL;
    fprintf(stream, "cuda plan on %s: %d steps, %s%s, arena %.1f MB, weights %.1f MB%s%s\n",
            plan->device->name, plan->step_count, type_names[plan->type],
            plan->device->tf32 ? " by TF32" : "", (double)plan->arena_bytes / 1e6,
            (double)plan->weight_bytes / 1e6, graph_words(plan), plan->capture_reason);
    for (int i = 0; i < plan->step_count; i++) print_step(stream, plan, &plan->steps[i]);
    const int failed = ferror(stream);
    if (fclose(stream) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
