/* What lowering builds with: tensors, constants, packed weights, steps. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/cuda/plan.h"
#include "kernels/graph/ops.h"

int cuda_grow(HedonContext *ctx, void **array, int *room, int count, size_t size)
{
    if (count < *room) return 0;
    const int wanted = *room ? *room * 2 : 64;
    void *grown = hedon_realloc(*array, (size_t)wanted, size);
    if (!grown) return hedon_fail_memory(ctx);
    *array = grown;
    *room = wanted;
    return 0;
}

/* ---- Tensors -------------------------------------------------------------------------------- */

CudaMatrix cuda_matrix_of(const HedonShape *shape, CudaForm form, CudaType type)
{
    const int64_t count = hedon_shape_count(shape);
    if (form == CUDA_ROWS) {
        const int64_t samples = shape->dim[0], channels = shape->dim[1];
        return (CudaMatrix){.type = type,
                            .samples = samples,
                            .positions = count / (samples * channels),
                            .channels = channels,
                            .stride = cuda_pad_channels(type, channels)};
    }
    const int64_t columns = shape->rank == 2 ? shape->dim[1] : count;
    return (CudaMatrix){.type = CUDA_F32,
                        .samples = count / columns,
                        .positions = 1,
                        .channels = columns,
                        .stride = columns};
}

static int32_t push_tensor(HedonContext *ctx, CudaPlan *plan, const CudaTensor *tensor)
{
    const int err = cuda_grow(ctx, (void **)&plan->tensors, &plan->tensor_room, plan->tensor_count,
                              sizeof(*plan->tensors));
    if (err) return err;
    plan->tensors[plan->tensor_count] = *tensor;
    plan->tensors[plan->tensor_count].storage = plan->tensor_count;
    return plan->tensor_count++;
}

static CudaTensor describe(const CudaPlan *plan, HedonValueId value, CudaForm form, CudaPlace place)
{
    const HedonShape *shape = &plan->base.graph->values[value].shape;
    CudaTensor tensor = {.shape = *shape, .form = form, .place = place};
    tensor.matrix = cuda_matrix_of(shape, form, plan->type);
    tensor.bytes = cuda_matrix_bytes(&tensor.matrix);
    return tensor;
}

int32_t cuda_tensor_new(HedonContext *ctx, CudaPlan *plan, HedonValueId value, CudaForm form)
{
    const CudaTensor tensor = describe(plan, value, form, CUDA_ARENA);
    const int32_t index = push_tensor(ctx, plan, &tensor);
    if (index >= 0) plan->tensor_of[value][form] = index;
    return index;
}

static CudaForm natural_form(const HedonShape *shape)
{
    return shape->rank >= 3 ? CUDA_ROWS : CUDA_LOGICAL;
}

int32_t cuda_output_new(HedonContext *ctx, CudaPlan *plan, HedonValueId value)
{
    return cuda_tensor_new(ctx, plan, value, natural_form(&plan->base.graph->values[value].shape));
}

int32_t cuda_scratch_new(HedonContext *ctx, CudaPlan *plan, int64_t bytes)
{
    return push_tensor(ctx, plan,
                       &(CudaTensor){.shape.rank = -1, .place = CUDA_ARENA, .bytes = bytes});
}

/* An input or a parameter as it is given: float32, logical. A plan for inference keeps the
 * parameters as they are now. */
static int32_t given_tensor(HedonContext *ctx, CudaPlan *plan, HedonValueId id)
{
    const HedonValue *value = &plan->base.graph->values[id];
    CudaTensor tensor = describe(plan, id, CUDA_LOGICAL,
                                 value->kind == HEDON_VALUE_INPUT ? CUDA_INPUT : CUDA_PARAMETER);
    tensor.ordinal = value->ordinal;
    if (value->kind == HEDON_VALUE_PARAMETER && !plan->trained) {
        tensor.place = CUDA_CONSTANT;
        int err = cuda_constant(ctx, plan, NULL, (size_t)tensor.bytes, &tensor.constant);
        if (!err)
            err = CUDA_TRY(
                ctx, cudaMemcpyAsync(
                         tensor.constant,
                         cuda_state_parameter(plan->state, HEDON_STATE_PARAMETER, value->ordinal),
                         (size_t)tensor.bytes, cudaMemcpyDeviceToDevice, plan->device->stream));
        if (err) return err;
    }
    const int32_t index = push_tensor(ctx, plan, &tensor);
    if (index >= 0) plan->tensor_of[id][CUDA_LOGICAL] = index;
    return index;
}

static int run_to_rows(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                       const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(ctx, cuda_to_rows(&step->as.copy.form, call->x[0], call->y, call->stream));
}

static int run_from_rows(HedonContext *ctx, CudaPlan *plan, const CudaStep *step,
                         const CudaCall *call)
{
    (void)plan;
    return CUDA_TRY(ctx, cuda_from_rows(&step->as.copy.form, call->x[0], call->y, call->stream));
}

static CudaStep empty_step(const char *name, const char *operation)
{
    CudaStep step = {
        .name = name, .operation = operation, .output = -1, .extra = {-1, -1}, .scratch = -1};
    for (int i = 0; i < CUDA_STEP_INPUTS; i++) step.input[i] = -1;
    return step;
}

int32_t cuda_tensor(HedonContext *ctx, CudaPlan *plan, HedonValueId id, CudaForm form)
{
    const HedonValue *value = &plan->base.graph->values[id];
    if (plan->tensor_of[id][form] >= 0) return plan->tensor_of[id][form];
    const CudaForm other = form == CUDA_ROWS ? CUDA_LOGICAL : CUDA_ROWS;
    int32_t from = plan->tensor_of[id][other];
    if (from < 0) from = given_tensor(ctx, plan, id);
    if (from < 0 || plan->tensors[from].form == form) return from;
    const int32_t to = cuda_tensor_new(ctx, plan, id, form);
    if (to < 0) return to;
    plan->tensors[to].scaled = plan->tensors[from].scaled;
    CudaStep step = empty_step(value->name, "layout");
    step.run = form == CUDA_ROWS ? run_to_rows : run_from_rows;
    step.as.copy.form = plan->tensors[form == CUDA_ROWS ? to : from].matrix;
    step.input[0] = from;
    step.output = to;
    snprintf(step.kernel, sizeof(step.kernel), "own, %s",
             form == CUDA_ROWS ? "to rows" : "from rows");
    const int err = cuda_push(ctx, plan, &step);
    return err ? err : to;
}

int32_t cuda_value(HedonContext *ctx, CudaPlan *plan, HedonValueId value)
{
    return cuda_tensor(ctx, plan, value, natural_form(&plan->base.graph->values[value].shape));
}

/* ---- Constants ------------------------------------------------------------------------------ */

int cuda_constant(HedonContext *ctx, CudaPlan *plan, const void *from, size_t bytes, void **out)
{
    int err = cuda_grow(ctx, (void **)&plan->constants, &plan->constant_room, plan->constant_count,
                        sizeof(*plan->constants));
    if (!err) err = cuda_allocate(ctx, plan->device, bytes, "the model's weights", out);
    if (err) return err;
    plan->constants[plan->constant_count++] = *out;
    plan->weight_bytes += (int64_t)bytes;
    if (!from) return 0;
    err = cuda_copy_in(ctx, plan->device, *out, from, bytes, plan->device->stream);
    return err ? err : CUDA_TRY(ctx, cudaStreamSynchronize(plan->device->stream));
}

int32_t cuda_constant_tensor(HedonContext *ctx, CudaPlan *plan, const float *from, int64_t count)
{
    CudaTensor tensor = {.shape = {1, {count}}, .form = CUDA_LOGICAL, .place = CUDA_CONSTANT};
    tensor.matrix = cuda_matrix_of(&tensor.shape, CUDA_LOGICAL, CUDA_F32);
    tensor.bytes = cuda_matrix_bytes(&tensor.matrix);
    const int err = cuda_constant(ctx, plan, from, (size_t)tensor.bytes, &tensor.constant);
    return err ? err : push_tensor(ctx, plan, &tensor);
}

int cuda_parameter(HedonContext *ctx, CudaPlan *plan, const HedonNode *node, int input, float **out)
{
    const HedonValue *value = &plan->base.graph->values[node->input[input]];
    *out = NULL;
    if (value->kind != HEDON_VALUE_PARAMETER)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "node %s: the cuda device wants input %d to be a parameter", node->name,
                          input);
    const size_t bytes = (size_t)hedon_shape_count(&value->shape) * sizeof(float);
    *out = hedon_malloc(bytes, 1);
    if (!*out) return hedon_fail_memory(ctx);
    int err = CUDA_TRY(ctx, cudaMemcpyAsync(*out,
                                            cuda_state_parameter(plan->state, HEDON_STATE_PARAMETER,
                                                                 value->ordinal),
                                            bytes, cudaMemcpyDeviceToHost, plan->device->stream));
    if (!err) err = CUDA_TRY(ctx, cudaStreamSynchronize(plan->device->stream));
    if (!err) return 0;
    hedon_free(*out);
    *out = NULL;
    return err;
}

/* ---- Packed weights ------------------------------------------------------------------------- */

static CudaPackItem pack_item(const CudaPlan *plan, const HedonShape *w)
{
    return (CudaPackItem){.outputs = (int32_t)w->dim[0],
                          .inputs = (int32_t)w->dim[1],
                          .taps = (int32_t)(w->dim[2] * w->dim[3] * w->dim[4]),
                          .padded_outputs = (int32_t)cuda_pad_channels(plan->type, w->dim[0]),
                          .padded_inputs = (int32_t)cuda_pad_channels(plan->type, w->dim[1])};
}

static int64_t packed_bytes(const CudaPlan *plan, const CudaPackItem *item)
{
    return (int64_t)item->padded_outputs * item->padded_inputs * item->taps *
           cuda_type_size(plan->type);
}

/* Now and for good, with the scales worked in. */
static int pack_constant(HedonContext *ctx, CudaPlan *plan, CudaPackItem item, float *weights,
                         const double *scale, void *to)
{
    CudaDevice *device = plan->device;
    const int64_t each = (int64_t)item.inputs * item.taps, count = item.outputs * each;
    void *staged = NULL, *table = NULL;
    for (int64_t i = 0; scale && i < count; i++) weights[i] = (float)(weights[i] * scale[i / each]);
    int err = cuda_allocate(ctx, device, (size_t)count * sizeof(float), "packing weights", &staged);
    if (!err) err = cuda_allocate(ctx, device, sizeof(item), "packing weights", &table);
    if (!err)
        err = cuda_copy_in(ctx, device, staged, weights, (size_t)count * sizeof(float),
                           device->stream);
    item.from = staged;
    item.to = to;
    if (!err) err = cuda_copy_in(ctx, device, table, &item, sizeof(item), device->stream);
    if (!err)
        err = CUDA_TRY(ctx, cuda_pack(plan->type, table, 1,
                                      (int64_t)item.padded_outputs * item.padded_inputs,
                                      device->stream));
    if (!err) err = CUDA_TRY(ctx, cudaStreamSynchronize(device->stream));
    cuda_release(device, staged);
    cuda_release(device, table);
    return err;
}

static int32_t packed_once(HedonContext *ctx, CudaPlan *plan, HedonValueId id, const double *scale)
{
    const HedonNode node = {.name = plan->base.graph->values[id].name, .input = {id}};
    const CudaPackItem item = pack_item(plan, &plan->base.graph->values[id].shape);
    CudaTensor tensor = {
        .shape.rank = -1, .place = CUDA_CONSTANT, .bytes = packed_bytes(plan, &item)};
    float *weights;
    int err = cuda_parameter(ctx, plan, &node, 0, &weights);
    if (!err) err = cuda_constant(ctx, plan, NULL, (size_t)tensor.bytes, &tensor.constant);
    if (!err) err = pack_constant(ctx, plan, item, weights, scale, tensor.constant);
    hedon_free(weights);
    return err ? err : push_tensor(ctx, plan, &tensor);
}

static int32_t packed_always(HedonContext *ctx, CudaPlan *plan, HedonValueId id)
{
    const HedonValue *value = &plan->base.graph->values[id];
    if (value->kind != HEDON_VALUE_PARAMETER)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the cuda device wants a convolution's weights to be a parameter");
    for (int i = 0; i < plan->packed_count; i++)
        if (plan->packed[i].value == id) return plan->packed[i].tensor;
    int err = cuda_grow(ctx, (void **)&plan->packed, &plan->packed_room, plan->packed_count,
                        sizeof(*plan->packed));
    if (err) return err;
    const CudaPackItem item = pack_item(plan, &value->shape);
    const int32_t tensor = cuda_scratch_new(ctx, plan, packed_bytes(plan, &item));
    if (tensor < 0) return tensor;
    plan->tensors[tensor].whole = 1;
    plan->packed[plan->packed_count++] = (CudaPacked){id, tensor};
    return tensor;
}

int32_t cuda_packed(HedonContext *ctx, CudaPlan *plan, HedonValueId weights, const double *scale)
{
    return plan->trained ? packed_always(ctx, plan, weights)
                         : packed_once(ctx, plan, weights, scale);
}

/* ---- Steps ---------------------------------------------------------------------------------- */

CudaStep cuda_step_of(const CudaGroup *group)
{
    CudaStep step = empty_step(group->node->name, hedon_operation(group->node->op)->name);
    step.flops = group->flops;
    size_t used = 0;
    if (group->norm)
        used = (size_t)snprintf(step.fused, sizeof(step.fused), "+%s",
                                hedon_operation(group->norm->op)->name);
    for (int i = 0; i < group->chain_count && used < sizeof(step.fused); i++)
        if (group->chain[i] != group->node)
            used += (size_t)snprintf(step.fused + used, sizeof(step.fused) - used, "+%s",
                                     hedon_operation(group->chain[i]->op)->name);
    return step;
}

int cuda_push(HedonContext *ctx, CudaPlan *plan, const CudaStep *step)
{
    const int err = cuda_grow(ctx, (void **)&plan->steps, &plan->step_room, plan->step_count,
                              sizeof(*plan->steps));
    if (!err) plan->steps[plan->step_count++] = *step;
    return err;
}
