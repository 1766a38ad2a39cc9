/* CUDA graphs of the simulated device: a tape of the work that was put into captured streams, done
 * anew in every launch, with the arguments of the capture. What CUDA forbids meanwhile spoils the
 * capture, as there: waiting for captured work, waiting for what was recorded outside, pinned
 * memory, streams that went their own way and did not come back. */
#include <stdlib.h>
#include <string.h>

#include "tests/cuda_sim/order.h"
#include "tests/cuda_sim/sim.h"

typedef struct CUgraph_st Tape;
struct CUgraph_st {
    int users; /* a graph and what was made of it */
    cudaStream_t origin;
    cudaError_t spoilt;
    SimWork *work;
    size_t count, room;
};

static _Thread_local Tape *capturing; /* by this thread */

static void spoil(Tape *tape, cudaError_t code)
{
    if (!tape->spoilt) tape->spoilt = code;
}

cudaError_t sim_not_captured(Tape *capture)
{
    if (!capture) return cudaSuccess;
    spoil(capture, cudaErrorStreamCaptureUnsupported);
    return cudaErrorStreamCaptureUnsupported;
}

Tape *sim_capture(void)
{
    return capturing;
}

cudaError_t sim_not_in_capture(void)
{
    return sim_not_captured(capturing);
}

/* ---- Work */

cudaError_t sim_submit(cudaStream_t stream, SimWork work)
{
    Tape *tape = stream ? stream->capture : NULL;
    if (!tape) {
        work.run(work.opaque, stream);
        work.drop(work.opaque);
        return cudaSuccess;
    }
    if (tape->count == tape->room) {
        tape->room = tape->room ? 2 * tape->room : 64;
        tape->work = realloc(tape->work, tape->room * sizeof(*tape->work));
        if (!tape->work) abort();
    }
    tape->work[tape->count++] = work;
    return tape->spoilt;
}

cudaError_t sim_submit_copy(cudaStream_t stream, void (*run)(void *opaque, cudaStream_t stream),
                            const void *opaque, size_t bytes)
{
    void *copy = malloc(bytes);
    if (!copy) abort();
    memcpy(copy, opaque, bytes);
    return sim_submit(stream, (SimWork){run, free, copy});
}

static void let_go(Tape *tape)
{
    if (--tape->users) return;
    for (size_t i = 0; i < tape->count; i++) tape->work[i].drop(tape->work[i].opaque);
    free(tape->work);
    free(tape);
}

/* ---- Graphs */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    if (mode != cudaStreamCaptureModeThreadLocal || capturing || stream->capture)
        return cudaErrorIllegalState;
    capturing = calloc(1, sizeof(*capturing));
    if (!capturing) return cudaErrorMemoryAllocation;
    capturing->users = 1;
    capturing->origin = stream;
    stream->capture = capturing;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    Tape *tape = stream->capture;
    *graph = NULL;
    if (!tape || tape != capturing || tape->origin != stream) return cudaErrorIllegalState;
    if (!order_end_capture(stream)) spoil(tape, cudaErrorStreamCaptureUnjoined);
    capturing = NULL;
    const cudaError_t code = tape->spoilt;
    if (code)
        let_go(tape);
    else
        *graph = tape;
    return code;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long flags)
{
    (void)flags;
    graph->users++;
    *out = (cudaGraphExec_t)graph;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    let_go(graph);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph)
{
    let_go((Tape *)graph);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream)
{
    const Tape *tape = (const Tape *)graph;
    for (size_t i = 0; i < tape->count; i++) tape->work[i].run(tape->work[i].opaque, stream);
    return sim_verdict();
}
