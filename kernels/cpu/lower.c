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
    [HEDON_OP_DROP_PATH] = cpu_lower_drop_path,
    [HEDON_OP_BATCH_NORM_TRAIN] = cpu_lower_batch_norm_train,
    [HEDON_OP_CONV_BACKWARD_DATA] = cpu_lower_conv_backward_data,
    [HEDON_OP_CONV_BACKWARD_WEIGHTS] = cpu_lower_conv_backward_weights,
    [HEDON_OP_BATCH_NORM_BACKWARD] = cpu_lower_batch_norm_backward,
    [HEDON_OP_RELU_BACKWARD] = cpu_lower_relu_backward,
    [HEDON_OP_MEAN_POOL_BACKWARD] = cpu_lower_mean_pool_backward,
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
    if (value->kind == HEDON_VALUE_PARAMETER)
        return plan->state->parts[HEDON_STATE_PARAMETER][value->ordinal];
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
    } else if (plan->trained) {
        tensor.place = CPU_PARAMETER;
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
                    .input = {-1, -1, -1, -1, -1, -1},
                    .output = -1,
                    .extra = {-1, -1},
                    .scratch = -1,
                    .relu = group->relu};
    snprintf(step.fused, sizeof(step.fused), "%s%s%s%s", group->norm ? "+" : "",
             group->norm ? hedon_operation(group->norm->op)->name : "",
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

/* Make a value be at `place` of `ordinal`, logical: it is computed straight there where layout and
 * sharing allow it, copied otherwise. */
static int deliver(HedonContext *ctx, CpuPlan *plan, HedonValueId value, CpuPlace place,
                   int ordinal, const char *name)
{
    const CpuLayout natural = cpu_natural_layout(plan, value);
    int32_t from = plan->tensor_of[value][natural];
    if (natural == CPU_LOGICAL && from >= 0 && plan->tensors[from].place == CPU_ARENA) {
        plan->tensors[from].place = place;
        plan->tensors[from].ordinal = ordinal;
        return 0;
    }
    if (from < 0) from = given_tensor(ctx, plan, value);
    if (from < 0) return from;
    const HedonShape *shape = &plan->base.graph->values[value].shape;
    const int32_t to =
        push_tensor(ctx, plan,
                    &(CpuTensor){.shape = *shape,
                                 .layout = CPU_LOGICAL,
                                 .place = place,
                                 .ordinal = ordinal,
                                 .bytes = elements(shape, CPU_LOGICAL) * (int64_t)sizeof(float)});
    if (to < 0) return to;
    CpuStep step = cpu_layout_step(plan, from, to);
    step.name = name;
    return cpu_push(ctx, plan, &step);
}

static int lower_group(HedonContext *ctx, CpuPlan *plan, const CpuGroup *group)
{
    const HedonNode *node = group->node;
    if (!lowerings[node->op]) return cpu_lower_plain(ctx, plan, node);
    return lowerings[node->op](ctx, plan, group);
}

static int lower_update(HedonContext *ctx, CpuPlan *plan, const HedonGraphUpdate *update)
{
    const int32_t value = cpu_tensor(ctx, plan, update->value, CPU_LOGICAL);
    if (value < 0) return value;
    CpuStep step = cpu_update_step(plan, update, value);
    return cpu_push(ctx, plan, &step);
}

int cpu_lower(HedonContext *ctx, CpuPlan *plan, const CpuGroup *groups, int count)
{
    const HedonGraph *graph = plan->base.graph;
    int err = 0;
    for (int i = 0; i < count && !err; i++) err = lower_group(ctx, plan, &groups[i]);
    for (int i = 0; i < graph->output_count && !err; i++)
        err = deliver(ctx, plan, graph->outputs[i].value, CPU_OUTPUT, i, graph->outputs[i].name);
    for (int i = 0; i < graph->gradient_count && !err; i++) {
        const HedonValue *parameter = &graph->values[graph->gradients[i].parameter];
        err = deliver(ctx, plan, graph->gradients[i].value, CPU_GRADIENT, parameter->ordinal,
                      parameter->name);
    }
    for (int i = 0; i < graph->update_count && !err; i++)
        err = lower_update(ctx, plan, &graph->updates[i]);
    return err;
}
