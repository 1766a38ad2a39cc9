/* Executing plans: step by step, or, where no other rank has a part in it, as one CUDA graph from the
 * second time on with the same buffers. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "kernels/cuda/ranks.h"
#include "kernels/host.h"

/* ---- Steps ---------------------------------------------------------------------------------- */

/* Whether a gradient is computed in the arena first. */
static int is_indirect(const CudaPlan *plan, const CudaTensor *tensor, int accumulate)
{
    return accumulate || (tensor->scaled && plan->unscale);
}

static void *tensor_data(const CudaPlan *plan, const HedonExecution *execution, int32_t index)
{
    if (index < 0) return NULL;
    const CudaTensor *tensor = &plan->tensors[index];
    switch (tensor->place) {
    case CUDA_ARENA:
        return plan->arena + tensor->offset;
    case CUDA_CONSTANT:
        return tensor->constant;
    case CUDA_INPUT:
        return execution->inputs[tensor->ordinal]->data;
    case CUDA_OUTPUT:
        return execution->outputs[tensor->ordinal]->data;
    case CUDA_PARAMETER:
        return cuda_state_parameter(plan->state, HEDON_STATE_PARAMETER, tensor->ordinal);
    case CUDA_GRADIENT:
        return is_indirect(plan, tensor, execution->accumulate)
                   ? (void *)(plan->arena + tensor->offset)
                   : cuda_state_parameter(plan->state, HEDON_STATE_GRADIENT, tensor->ordinal);
    }
    return NULL;
}

/* A step has written a tensor: when it is a gradient, the state's is final now. */
static int finish_gradient(HedonContext *ctx, CudaPlan *plan, const HedonExecution *execution,
                           int32_t index, cudaStream_t stream)
{
    if (index < 0 || plan->tensors[index].place != CUDA_GRADIENT) return 0;
    const CudaTensor *tensor = &plan->tensors[index];
    HedonBuffer *gradient = &plan->state->gradients[tensor->ordinal];
    int err = 0;
    if (is_indirect(plan, tensor, execution->accumulate))
        err = CUDA_TRY(ctx,
                       cuda_deliver(gradient->data, (const float *)(plan->arena + tensor->offset),
                                    hedon_shape_count(&tensor->shape),
                                    tensor->scaled ? plan->unscale : NULL, execution->accumulate,
                                    stream));
    if (!err && plan->gradient_ready) plan->gradient_ready(plan->opaque, tensor->ordinal, gradient);
    if (!err && execution->sum_gradients)
        err = cuda_buckets_add(ctx, plan->state, tensor->ordinal, stream);
    return err;
}

static int run_steps(HedonContext *ctx, CudaPlan *plan, const HedonExecution *execution,
                     cudaStream_t stream)
{
    int err = dnn_check(ctx, cudnnSetStream(plan->device->cudnn, stream), "a stream");
    if (execution->sum_gradients) cuda_buckets_begin(plan->state);
    for (int s = 0; s < plan->step_count && !err; s++) {
        const CudaStep *step = &plan->steps[s];
        CudaCall call = {.y = tensor_data(plan, execution, step->output),
                         .scratch = tensor_data(plan, execution, step->scratch),
                         .stream = stream};
        for (int i = 0; i < CUDA_STEP_INPUTS; i++)
            call.x[i] = tensor_data(plan, execution, step->input[i]);
        for (int i = 0; i < CUDA_STEP_EXTRA; i++)
            call.extra[i] = tensor_data(plan, execution, step->extra[i]);
        if (plan->marks) err = CUDA_TRY(ctx, cudaEventRecord(plan->marks[s], stream));
        if (!err) err = step->run(ctx, plan, step, &call);
        if (!err) err = finish_gradient(ctx, plan, execution, step->output, stream);
        for (int i = 0; i < CUDA_STEP_EXTRA && !err; i++)
            err = finish_gradient(ctx, plan, execution, step->extra[i], stream);
    }
    if (!err && execution->sum_gradients) err = cuda_ranks_sum_finish(ctx, plan->device, stream);
    if (!err && plan->marks)
        err = CUDA_TRY(ctx, cudaEventRecord(plan->marks[plan->step_count], stream));
    return err;
}

/* ---- CUDA graphs ---------------------------------------------------------------------------- */

/* The buffers of an execution; 0 when there are too many to tell apart. */
static int bindings_of(const CudaPlan *plan, const HedonExecution *execution, void **bound)
{
    const HedonGraph *graph = plan->base.graph;
    int count = 0;
    memset(bound, 0, CUDA_BINDINGS * sizeof(*bound));
    if (graph->input_count + graph->output_count > CUDA_BINDINGS) return 0;
    for (int i = 0; i < graph->input_count; i++) bound[count++] = execution->inputs[i]->data;
    for (int i = 0; i < graph->output_count; i++) bound[count++] = execution->outputs[i]->data;
    return 1;
}

static CudaCapture *find_capture(CudaPlan *plan, void *const *bound, int accumulate)
{
    for (int i = 0; i < CUDA_GRAPHS; i++) {
        CudaCapture *capture = &plan->captures[i];
        if (capture->seen && capture->accumulate == accumulate &&
            !memcmp(capture->bound, bound, sizeof(capture->bound)))
            return capture;
    }
    CudaCapture *capture = &plan->captures[plan->next_capture];
    plan->next_capture = (plan->next_capture + 1) % CUDA_GRAPHS;
    if (capture->graph) cudaGraphExecDestroy(capture->graph);
    *capture = (CudaCapture){.accumulate = accumulate};
    memcpy(capture->bound, bound, sizeof(capture->bound));
    return capture;
}

/* Record the steps; on failure the plan goes on without graphs, and says why in its text. */
static int record(HedonContext *ctx, CudaPlan *plan, const HedonExecution *execution,
                  cudaStream_t stream, cudaGraphExec_t *out)
{
    cudaGraph_t graph = NULL;
    *out = NULL;
    int err = CUDA_TRY(ctx, cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    if (err) return err;
    err = run_steps(ctx, plan, execution, stream);
    const cudaError_t ended = cudaStreamEndCapture(stream, &graph);
    if (!err) err = cuda_check(ctx, ended, "capturing a plan");
    if (!err) err = CUDA_TRY(ctx, cudaGraphInstantiate(out, graph, 0));
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    return err;
}

static int run_captured(HedonContext *ctx, CudaPlan *plan, const HedonExecution *execution,
                        cudaStream_t stream)
{
    void *bound[CUDA_BINDINGS];
    /* over ranks: not before somebody has seen NCCL put its sums into a capture */
    if (plan->no_capture || plan->profile || plan->gradient_ready || plan->ranks > 1 ||
        !bindings_of(plan, execution, bound))
        return run_steps(ctx, plan, execution, stream);
    CudaCapture *capture = find_capture(plan, bound, execution->accumulate != 0);
    /* The first time everything is loaded that kernels need, which a capture would not allow. */
    if (!capture->seen++) return run_steps(ctx, plan, execution, stream);
    if (!capture->graph && record(ctx, plan, execution, stream, &capture->graph)) {
        plan->no_capture = 1;
        snprintf(plan->capture_reason, sizeof(plan->capture_reason), "%s",
                 ctx ? hedon_last_error(ctx) : "it cannot be captured");
        return run_steps(ctx, plan, execution, stream);
    }
    return CUDA_TRY(ctx, cudaGraphLaunch(capture->graph, stream));
}

/* ---- Executions ----------------------------------------------------------------------------- */

static int read_profile(HedonContext *ctx, CudaPlan *plan)
{
    int err = CUDA_TRY(ctx, cudaEventSynchronize(plan->marks[plan->step_count]));
    for (int s = 0; s < plan->step_count && !err; s++) {
        float milliseconds = 0;
        err =
            CUDA_TRY(ctx, cudaEventElapsedTime(&milliseconds, plan->marks[s], plan->marks[s + 1]));
        plan->ops[s].seconds += (double)milliseconds * 1e-3;
    }
    return err;
}

/* A plan of several ranks sums over those that its device has joined. */
static int check_ranks(HedonContext *ctx, CudaPlan *plan, const HedonExecution *execution)
{
    const int joined = cuda_ranks_count(plan->device);
    const int sums = plan->ranks > 1 || execution->sum_gradients;
    if (!sums || (joined > 1 && joined == plan->ranks)) return 0;
    return hedon_fail(ctx, HEDON_EINVAL, "a graph of %d ranks on a device that has joined %d",
                      plan->ranks, joined);
}

/* Samples' numbers are the same from step to step; what reads them comes behind in the stream. */
static int send_samples(HedonContext *ctx, CudaPlan *plan, const HedonExecution *execution,
                        cudaStream_t stream)
{
    int changed = 0;
    for (int64_t i = 0; i < plan->sample_count; i++) {
        const int64_t number = execution->samples ? execution->samples[i] : i;
        changed |= plan->sample_numbers[i] != number;
        plan->sample_numbers[i] = number;
    }
    return changed ? cuda_copy_in(ctx, plan->device, plan->samples, plan->sample_numbers,
                                  (size_t)plan->sample_count * sizeof(int64_t), stream)
                   : 0;
}

int cuda_execute(HedonContext *ctx, HedonPlan *base, const HedonExecution *execution)
{
    CudaPlan *plan = (CudaPlan *)base;
    CudaDevice *device = plan->device;
    const cudaStream_t stream = cuda_stream(device, execution->stream);
    int err = hedon_host_check_execution(ctx, base, execution);
    if (!err) err = check_ranks(ctx, plan, execution);
    /* The plan's memory is one: executions come one after another, in whatever streams. */
    if (!err) err = cuda_after_executions(ctx, device, stream);
    if (!err) err = CUDA_TRY(ctx, cuda_set_key(plan->key, execution->random.value, stream));
    if (!err) err = send_samples(ctx, plan, execution, stream);
    if (!err) err = run_captured(ctx, plan, execution, stream);
    if (!err) err = CUDA_TRY(ctx, cudaEventRecord(device->busy, stream));
    if (!err && !execution->stream) err = cuda_wait(ctx, device, stream);
    /* the others do not come to what this rank has left out: it must not wait for them either */
    if (err) cuda_ranks_abort(device);
    for (int s = 0; s < plan->step_count && !err; s++) plan->ops[s].runs++;
    return !err && plan->marks ? read_profile(ctx, plan) : err;
}
