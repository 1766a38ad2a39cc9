/* Threads of a block as coroutines: see device.h. */
#include "tests/cuda_sim/device.h"

#include <climits>
#include <cstdlib>
#include <ucontext.h>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

thread_local uint3 threadIdx, blockIdx;
thread_local dim3 blockDim, gridDim;

namespace
{

enum { STACK_BYTES = 256 << 10, MOST_THREADS = 1024 };

/* A stack that runs one thread of the block after another, until one of them waits. */
struct Fiber {
    ucontext_t context;
    void *stack;
    uint3 thread; /* of the one that waits */
    bool waits;
};

/* One host thread's block under way. */
struct Block {
    ucontext_t scheduler;
    std::vector<Fiber *> all, idle, waiting;
    Fiber *current;
    unsigned started, count;
    bool descending;
    void (*body)(void *);
    void *opaque;
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack;
    const void *scheduler_stack;
    size_t scheduler_bytes;
#endif

    ~Block()
    {
        for (Fiber *fiber : all) {
            free(fiber->stack);
            delete fiber;
        }
    }
};

thread_local Block block;
thread_local bool descending; /* the last launch was */

void to_fiber(Fiber *fiber)
{
    block.current = fiber;
#ifdef __SANITIZE_ADDRESS__
    void *fake;
    __sanitizer_start_switch_fiber(&fake, fiber->stack, STACK_BYTES);
#endif
    swapcontext(&block.scheduler, &fiber->context);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void to_scheduler(Fiber *fiber)
{
#ifdef __SANITIZE_ADDRESS__
    void *fake;
    __sanitizer_start_switch_fiber(&fake, block.scheduler_stack, block.scheduler_bytes);
#endif
    swapcontext(&fiber->context, &block.scheduler);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, &block.scheduler_stack, &block.scheduler_bytes);
#endif
}

uint3 thread_number(unsigned number)
{
    const unsigned i = block.descending ? block.count - 1 - number : number;
    return {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
}

/* A fiber's whole life: threads, then idleness until the next block has some. */
void live()
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &block.scheduler_stack, &block.scheduler_bytes);
#endif
    Fiber *fiber = block.current;
    for (;;) {
        while (block.started < block.count) {
            threadIdx = thread_number(block.started++);
            block.body(block.opaque);
        }
        fiber->waits = false;
        to_scheduler(fiber);
    }
}

Fiber *fiber_new()
{
    Fiber *fiber = new Fiber();
    fiber->stack = aligned_alloc(64, STACK_BYTES);
    if (!fiber->stack || getcontext(&fiber->context)) abort();
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&fiber->context, live, 0);
    block.all.push_back(fiber);
    return fiber;
}

/* Let a fiber run until it waits or has no thread left. */
void go_on(Fiber *fiber)
{
    to_fiber(fiber);
    (fiber->waits ? block.waiting : block.idle).push_back(fiber);
}

void run_block()
{
    block.started = 0;
    while (block.started < block.count) {
        if (block.idle.empty()) block.idle.push_back(fiber_new());
        Fiber *fiber = block.idle.back();
        block.idle.pop_back();
        go_on(fiber);
    }
    while (!block.waiting.empty()) {
        std::vector<Fiber *> together;
        together.swap(block.waiting);
        for (Fiber *fiber : together) go_on(fiber);
    }
}

} // namespace

void sim::barrier()
{
    Fiber *fiber = block.current;
    fiber->thread = threadIdx;
    fiber->waits = true;
    to_scheduler(fiber);
    threadIdx = fiber->thread;
}

/* The limits are those of every GPU that the backend takes. */
cudaError_t sim::run(dim3 grid, dim3 threads, void (*body)(void *), void *opaque)
{
    const unsigned count = threads.x * threads.y * threads.z;
    if (!grid.x || !grid.y || !grid.z || !count || count > MOST_THREADS || grid.x > INT_MAX ||
        grid.y > 65535 || grid.z > 65535)
        return cudaErrorInvalidConfiguration;
    gridDim = grid;
    blockDim = threads;
    block.count = count;
    block.body = body;
    block.opaque = opaque;
    block.descending = descending = !descending;
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++) run_block();
    return cudaSuccess;
}
