/* From groups of nodes to steps: the table of lowerings, and what they build with. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cpu/cpu.h"
#include "kernels/graph/ops.h"

static int (*const lowerings[HEDON_OPS])(HedonContext *, CpuPlan *, const CpuGroup *) = {
    [HEDON_OP_CONV] = cpu_lower_conv,
    [HEDON_OP_BATCH_NORM] = cpu_lower_batch_norm,
    [HEDON_OP_RELU] = cpu_lower_relu,
    [HEDON_OP_ADD] = cpu_lower_add,
    [HEDON_OP_MEAN_POOL] = cpu_lower_mean_pool,
    [HEDON_OP_LINEAR] = cpu_lower_linear,
    [HEDON_OP_COLOUR_MOTION] = cpu_lower_colour_motion,
};

/* Room for one more element of a growing array; 0 when memory is out. */
static int grow(void **array, int *room, int count, size_t size)
{
    if (count < *room) return 1;
    const int wanted = *room ? *room * 2 : 64;
    void *grown = hedon_realloc(*array, (size_t)wanted, size);
    if (!grown) return 0;
    *array = grown;
    *room = wanted;
    return 1;
}

void *cpu_constant(CpuPlan *plan, size_t bytes)
{
    if (!grow((void **)&plan->constants, &plan->constant_room, plan->constant_count,
              sizeof(*plan->constants)))
        return NULL;
    void *constant = hedon_malloc_aligned(bytes, 1);
    if (!constant) return NULL;
    memset(constant, 0, bytes);
    plan->constants[plan->constant_count++] = constant;
    plan->weight_bytes += (int64_t)bytes;
    return constant;
}

const float *cpu_parameter(HedonContext *ctx, const CpuPlan *plan, const HedonNode *node, int input)
{
    const HedonValue *value = &plan->base.graph->values[node->input[input]];
    if (value->kind == HEDON_VALUE_PARAMETER) return plan->state->parts[HEDON_STATE_PARAMETER][value->ordinal];
    hedon_fail(ctx, HEDON_EUNSUPPORTED, "node %s: the cpu device wants input %d to be a parameter",
               node->name, input);
    return NULL;
}

/* ---- Tensors -------------------------------------------------------------------------------- */

static int64_t elements(const HedonShape *shape, CpuLayout layout)
{
    const int64_t count = hedon_shape_count(shape);
    return layout == CPU_NTHWC16 ? count / shape->dim[1] * cpu_pad_lanes(shape->dim[1]) : count;
}

static int32_t push_tensor(HedonContext *ctx, CpuPlan *plan, const CpuTensor *tensor)
{
    if (!grow((void **)&plan->tensors, &plan->tensor_room, plan->tensor_count,
              sizeof(*plan->tensors)))
        return hedon_fail_memory(ctx);
    plan->tensors[plan->tensor_count] = *tensor;
    plan->tensors[plan->tensor_count].storage = plan->tensor_count;
    return plan->tensor_count++;
}

int32_t cpu_tensor_new(HedonContext *ctx, CpuPlan *plan, HedonValueId value, CpuLayout layout)
{
    const HedonShape *shape = &plan->base.graph->values[value].shape;
    const CpuTensor tensor = {.shape = *shape,
                              .layout = layout,
                              .place = CPU_ARENA,
                              .bytes = elements(shape, layout) * (int64_t)sizeof(float)};
    const int32_t index = push_tensor(ctx, plan, &tensor);
    if (index >= 0) plan->tensor_of[value][layout] = index;
    return index;
}

int32_t cpu_scratch_new(HedonContext *ctx, CpuPlan *plan, size_t bytes)
{
    return push_tensor(ctx, plan, &(CpuTensor){.place = CPU_ARENA, .bytes = (int64_t)bytes});
}

/* An input or a parameter in its logical layout. */
static int32_t given_tensor(HedonContext *ctx, CpuPlan *plan, HedonValueId id)
{
    const HedonValue *value = &plan->base.graph->values[id];
    CpuTensor tensor = {.shape = value->shape, .layout = CPU_LOGICAL};
    if (value->kind == HEDON_VALUE_INPUT) {
        tensor.place = CPU_INPUT;
        tensor.ordinal = value->ordinal;
    } else {
        const size_t bytes = (size_t)hedon_shape_count(&value->shape) * sizeof(float);
        float *copy = cpu_constant(plan, bytes);
        if (!copy) return hedon_fail_memory(ctx);
        memcpy(copy, plan->state->parts[HEDON_STATE_PARAMETER][value->ordinal], bytes);
        tensor.place = CPU_CONSTANT;
        tensor.constant = copy;
    }
    const int32_t index = push_tensor(ctx, plan, &tensor);
    if (index >= 0) plan->tensor_of[id][CPU_LOGICAL] = index;
    return index;
}

CpuLayout cpu_natural_layout(const CpuPlan *plan, HedonValueId value)
{
    const int32_t *tensors = plan->tensor_of[value];
    return tensors[CPU_NTHWC16] >= 0 && tensors[CPU_LOGICAL] < 0 ? CPU_NTHWC16 : CPU_LOGICAL;
}

int32_t cpu_tensor(HedonContext *ctx, CpuPlan *plan, HedonValueId value, CpuLayout layout)
{
    if (plan->tensor_of[value][layout] >= 0) return plan->tensor_of[value][layout];
    const CpuLayout natural = cpu_natural_layout(plan, value);
    int32_t from = plan->tensor_of[value][natural];
    if (from < 0) from = given_tensor(ctx, plan, value);
    if (from < 0 || layout == natural) return from;
    const int32_t to = cpu_tensor_new(ctx, plan, value, layout);
    if (to < 0) return to;
    CpuStep step = cpu_layout_step(plan, from, to);
    step.name = plan->base.graph->values[value].name;
    const int err = cpu_push(ctx, plan, &step);
    return err ? err : to;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

CpuStep cpu_step_of(const CpuGroup *group)
{
    CpuStep step = {.name = group->node->name,
                    .operation = hedon_operation(group->node->op)->name,
                    .flops = group->flops,
                    .input = {-1, -1, -1},
                    .output = -1,
                    .scratch = -1,
                    .relu = group->relu};
    snprintf(step.fused, sizeof(step.fused), "%s%s%s", group->norm ? "+batch_norm" : "",
             group->residual != HEDON_NONE ? "+add" : "", group->relu ? "+relu" : "");
    return step;
}

int cpu_push(HedonContext *ctx, CpuPlan *plan, CpuStep *step)
{
    if (!grow((void **)&plan->steps, &plan->step_room, plan->step_count, sizeof(*plan->steps))) {
        if (step->release) step->release(step);
        return hedon_fail_memory(ctx);
    }
    plan->steps[plan->step_count++] = *step;
    return 0;
}

/* Outputs are computed straight into the caller's buffer where layout and sharing allow it. */
static int lower_output(HedonContext *ctx, CpuPlan *plan, int ordinal)
{
    const HedonValueId value = plan->base.graph->outputs[ordinal].value;
    if (cpu_natural_layout(plan, value) == CPU_LOGICAL) {
        const int32_t index = plan->tensor_of[value][CPU_LOGICAL];
        if (index >= 0 && plan->tensors[index].place == CPU_ARENA) {
            plan->tensors[index].place = CPU_OUTPUT;
            plan->tensors[index].ordinal = ordinal;
            return 0;
        }
    }
    int32_t from = plan->tensor_of[value][cpu_natural_layout(plan, value)];
    if (from < 0) from = given_tensor(ctx, plan, value);
    if (from < 0) return from;
    const int32_t to = push_tensor(ctx, plan,
                                   &(CpuTensor){.shape = plan->base.graph->values[value].shape,
                                                .layout = CPU_LOGICAL,
                                                .place = CPU_OUTPUT,
                                                .ordinal = ordinal});
    if (to < 0) return to;
    CpuStep step = cpu_layout_step(plan, from, to);
    step.name = plan->base.graph->outputs[ordinal].name;
    return cpu_push(ctx, plan, &step);
}

int cpu_lower(HedonContext *ctx, CpuPlan *plan, const CpuGroup *groups, int count)
{
    for (int i = 0; i < count; i++) {
        const int err = lowerings[groups[i].node->op](ctx, plan, &groups[i]);
        if (err) return err;
    }
    for (int i = 0; i < plan->base.graph->output_count; i++) {
        const int err = lower_output(ctx, plan, i);
        if (err) return err;
    }
    return 0;
}
