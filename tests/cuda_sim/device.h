/* What CUDA C means on the simulated device: the kernels (the .cu files of kernels/cuda), compiled
 * by the C++ compiler after `name<<<...>>>(...)` was rewritten to `sim::launch(name, ...)(...)`,
 * run thread by thread on the calling processor.
 *
 * Each thread of a block runs until it ends or waits in __syncthreads(), then the next one; when
 * all have come so far, those that wait go on. Launches take the threads in ascending and in
 * descending order by turns: a barrier that is missing shows as a wrong result in one of them.
 * Threads that never wait share one stack, so that kernels without barriers cost little more than
 * loops. */
#ifndef HEDON_TESTS_CUDA_SIM_DEVICE_H
#define HEDON_TESTS_CUDA_SIM_DEVICE_H

#include <cmath>
#include <cuda_runtime_api.h>
#include <tuple>
#include <utility>

extern "C" {
#include "tests/cuda_sim/sim.h"
}

#undef __shared__
#define __shared__ static thread_local
#undef __launch_bounds__
#define __launch_bounds__(...)
#define __syncthreads() sim::barrier()

using std::isfinite;

namespace sim
{

void barrier();
/* body(opaque) for every thread of every block. */
cudaError_t run(dim3 grid, dim3 block, void (*body)(void *), void *opaque);
template <typename... Parameters> struct Launch {
    void (*kernel)(Parameters...);
    dim3 grid, block;
    cudaStream_t stream;

    /* A launch with its arguments, which a graph may keep. */
    struct Call {
        Launch launch;
        std::tuple<Parameters...> arguments;
    };

    static void thread(void *opaque)
    {
        const Call *call = static_cast<Call *>(opaque);
        std::apply(call->launch.kernel, call->arguments);
    }

    static void all(void *opaque, cudaStream_t stream)
    {
        const Call *call = static_cast<Call *>(opaque);
        sim_launch(stream, run(call->launch.grid, call->launch.block, thread, opaque));
    }

    void operator()(Parameters... arguments) const
    {
        sim_submit(stream, {all, [](void *opaque) { delete static_cast<Call *>(opaque); },
                            new Call{*this, std::tuple<Parameters...>(arguments...)}});
    }
};

template <typename... Parameters>
Launch<Parameters...> launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t,
                             cudaStream_t stream)
{
    return {kernel, grid, block, stream};
}

} // namespace sim

extern thread_local uint3 threadIdx, blockIdx;
extern thread_local dim3 blockDim, gridDim;

#endif
