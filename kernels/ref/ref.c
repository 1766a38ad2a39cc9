/* ref: the backend that defines what a graph means. Plain loops, node by node, one thread, in float
 * or double; every value has its own memory, so that nothing can be wrong about sharing it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/backend.h"
#include "kernels/graph/ops.h"
#include "kernels/host.h"
#include "kernels/ref/kernels.h"
#include "kernels/ref/preprocess.h"

typedef struct RefPlan {
    HedonPlan base;
    HedonHostState *state;
    void **values;       /* by value id; of nodes owned, of inputs set by execute */
    HedonOpProfile *ops; /* by node */
    int64_t bytes, weight_bytes;
    HedonCompileOptions options;
    HedonHostRanks ranks;
} RefPlan;

static int ref_probe(HedonContext *ctx, const char *device, HedonBackendInfo *info)
{
    (void)device;
    (void)ctx;
    *info = (HedonBackendInfo){.device = "plain C loops, 1 thread",
                               .library = "none",
                               .precisions = 1u << HEDON_F32 | 1u << HEDON_F64};
    return 0;
}

static int ref_open(HedonContext *ctx, HedonDevice **out, const HedonDeviceOptions *options)
{
    *out = NULL;
    if (options->precision != HEDON_F32 && options->precision != HEDON_F64)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "the ref device computes in float32 or float64, not %s",
                          hedon_dtype_name(options->precision));
    HedonDevice *device = hedon_calloc(1, sizeof(*device));
    if (!device) return hedon_fail_memory(ctx);
    *device = (HedonDevice){&hedon_backend_ref, options->precision, 1};
    *out = device;
    return 0;
}

static void ref_close(HedonDevice *device)
{
    hedon_free(device);
}

/* ---- Plans ---------------------------------------------------------------------------------- */

static void ref_plan_free(HedonPlan *base)
{
    RefPlan *plan = (RefPlan *)base;
    if (!plan) return;
    const HedonGraph *graph = base->graph;
    for (int i = 0; plan->values && i < graph->value_count; i++)
        if (graph->values[i].kind == HEDON_VALUE_NODE) hedon_free(plan->values[i]);
    hedon_free(plan->values);
    hedon_free(plan->ops);
    hedon_free(plan);
}

static int allocate_values(RefPlan *plan)
{
    const HedonGraph *graph = plan->base.graph;
    const size_t size = hedon_dtype_size(plan->base.device->precision);
    for (int i = 0; i < graph->value_count; i++) {
        const HedonValue *value = &graph->values[i];
        const int64_t bytes = hedon_shape_count(&value->shape) * (int64_t)size;
        if (value->kind == HEDON_VALUE_PARAMETER) {
            plan->values[i] = plan->state->parts[HEDON_STATE_PARAMETER][value->ordinal];
            plan->weight_bytes += bytes;
        } else if (value->kind == HEDON_VALUE_NODE) {
            plan->values[i] = hedon_malloc_aligned((size_t)bytes, 1);
            if (!plan->values[i]) return HEDON_ENOMEM;
            plan->bytes += bytes;
        }
    }
    return 0;
}

static int ref_compile(HedonContext *ctx, HedonState *state, const HedonCompileOptions *options,
                       HedonPlan **out)
{
    *out = NULL;
    const HedonGraph *graph = state->graph;
    RefPlan *plan = hedon_calloc(1, sizeof(*plan));
    if (!plan) return hedon_fail_memory(ctx);
    plan->base = (HedonPlan){state->device, graph};
    plan->state = (HedonHostState *)state;
    if (options) plan->options = *options;
    const int err = hedon_host_ranks(ctx, graph, options, &plan->ranks);
    if (err) {
        ref_plan_free(&plan->base);
        return err;
    }
    plan->values = hedon_calloc((size_t)graph->value_count, sizeof(void *));
    plan->ops = hedon_calloc((size_t)graph->node_count, sizeof(*plan->ops));
    if (!plan->values || !plan->ops || allocate_values(plan)) {
        ref_plan_free(&plan->base);
        return hedon_fail_memory(ctx);
    }
    for (int i = 0; i < graph->node_count; i++) {
        const HedonNode *node = &graph->nodes[i];
        plan->ops[i] = (HedonOpProfile){.name = node->name,
                                        .operation = hedon_operation(node->op)->name,
                                        .kernel = "ref",
                                        .flops = hedon_node_flops(graph, node)};
    }
    *out = &plan->base;
    return 0;
}

/* The parameters are the state's anyway. */
static int ref_plan_share(HedonContext *ctx, const HedonPlan *base, HedonPlan **out)
{
    const RefPlan *plan = (const RefPlan *)base;
    *out = NULL;
    if (hedon_graph_is_trained(base->graph))
        return hedon_fail(ctx, HEDON_EUNSUPPORTED, "a plan that trains cannot be shared");
    const int code = ref_compile(ctx, &plan->state->base, &plan->options, out);
    if (!code) ((RefPlan *)*out)->weight_bytes = 0;
    return code;
}

static void run_node(const RefPlan *plan, const HedonNode *node, const HedonExecution *execution,
                     const HedonHostRanks *ranks)
{
    const HedonGraph *graph = plan->base.graph;
    RefCall call = {.attributes = &node->attributes,
                    .random = execution->random,
                    .samples = execution->samples,
                    .ranks = ranks};
    for (int i = 0; i < node->output_count; i++) {
        call.output_shape[i] = &graph->values[node->output[i]].shape;
        call.output[i] = plan->values[node->output[i]];
    }
    for (int i = 0; i < node->input_count; i++) {
        if (node->input[i] == HEDON_NONE) continue;
        call.input_shape[i] = &graph->values[node->input[i]].shape;
        call.input[i] = plan->values[node->input[i]];
    }
    (plan->base.device->precision == HEDON_F64 ? ref_kernels_f64
                                               : ref_kernels_f32)[node->op](&call);
}

/* What a training graph leaves in the state. */
static void keep_results(const RefPlan *plan, int accumulate)
{
    const HedonGraph *graph = plan->base.graph;
    for (int i = 0; i < graph->gradient_count; i++) {
        const HedonGraphGradient *gradient = &graph->gradients[i];
        const int ordinal = graph->values[gradient->parameter].ordinal;
        hedon_host_gradient(plan->state, gradient, plan->values[gradient->value], accumulate);
        if (plan->options.gradient_ready)
            plan->options.gradient_ready(plan->options.opaque, ordinal,
                                         &plan->state->gradients[ordinal]);
    }
    for (int i = 0; i < graph->update_count; i++)
        hedon_host_update(plan->state, &graph->updates[i], plan->values[graph->updates[i].value]);
}

static int ref_execute(HedonContext *ctx, HedonPlan *base, const HedonExecution *execution)
{
    RefPlan *plan = (RefPlan *)base;
    const HedonGraph *graph = base->graph;
    int err = hedon_host_check_execution(ctx, base, execution);
    if (err) return err;
    HedonHostRanks ranks = plan->ranks;
    ranks.error = &err;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].kind == HEDON_VALUE_INPUT)
            plan->values[i] = execution->inputs[graph->values[i].ordinal]->data;
    for (int i = 0; i < graph->node_count && !err; i++) {
        const double start = plan->options.profile ? hedon_clock_s() : 0;
        run_node(plan, &graph->nodes[i], execution, &ranks);
        if (plan->options.profile) plan->ops[i].seconds += hedon_clock_s() - start;
        plan->ops[i].runs++;
    }
    if (err) return err;
    for (int i = 0; i < graph->output_count; i++) {
        const HedonValueId id = graph->outputs[i].value;
        memcpy(execution->outputs[i]->data, plan->values[id],
               (size_t)hedon_shape_count(&graph->values[id].shape) *
                   hedon_dtype_size(base->device->precision));
    }
    keep_results(plan, execution->accumulate);
    return 0;
}

static void ref_plan_info(const HedonPlan *base, HedonPlanInfo *info)
{
    const RefPlan *plan = (const RefPlan *)base;
    *info = (HedonPlanInfo){.arena_bytes = plan->bytes,
                            .weight_bytes = plan->weight_bytes,
                            .ops = plan->ops,
                            .op_count = base->graph->node_count};
}

/* ref makes no passes: its plan is the graph. */
static char *ref_plan_text(const HedonPlan *plan)
{
    return hedon_graph_text(plan->graph);
}

const HedonBackend hedon_backend_ref = {
    .name = "ref",
    .probe = ref_probe,
    .open = ref_open,
    .close = ref_close,
    .buffer_new = hedon_host_buffer_new,
    .buffer_free = hedon_host_buffer_free,
    .upload = hedon_host_upload,
    .download = hedon_host_download,
    .state_new = hedon_host_state_new,
    .state_read = hedon_host_state_read,
    .state_write = hedon_host_state_write,
    .optimise = hedon_host_optimise,
    .state_free = hedon_host_state_free,
    .compile = ref_compile,
    .plan_share = ref_plan_share,
    .execute = ref_execute,
    .plan_info = ref_plan_info,
    .plan_text = ref_plan_text,
    .plan_free = ref_plan_free,
    .preprocessor_new = ref_preprocessor_new,
    .preprocess = ref_preprocess,
    .preprocessor_free = ref_preprocessor_free,
};
