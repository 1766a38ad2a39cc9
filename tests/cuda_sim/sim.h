/* What the simulated device's files share. */
#ifndef HEDON_TESTS_CUDA_SIM_SIM_H
#define HEDON_TESTS_CUDA_SIM_SIM_H

#include <cuda_runtime_api.h>

/* A kernel's launch, which has done its work: whether the stream is of the thread's device, as CUDA
 * wants it, and whether this is the one at which a test wants something to go wrong.
 * HEDON_SIM_LOSE=N: from launch number N on the device is lost; HEDON_SIM_KILL=N: there the process
 * is killed. */
cudaError_t sim_launch(cudaStream_t stream);

#endif
