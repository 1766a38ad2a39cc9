/* What the simulated device's files share. */
#ifndef HEDON_TESTS_CUDA_SIM_SIM_H
#define HEDON_TESTS_CUDA_SIM_SIM_H

#include <cuda_runtime_api.h>
#include <stdint.h>

/* Work is done at once, but for sums over ranks: their results arrive where a stream, or the host,
 * waits for them, so that what does not wait computes with what was there before. And they have to
 * come behind all kernels so far. */
struct CUstream_st {
    int device;
    const uint64_t *launches; /* by all streams */
    uint64_t seen;            /* of those, that come before what is put into this stream now */
    uint64_t sums;            /* that were put into it */
    void (*deliver)(void *opaque, uint64_t sums); /* the results of the first so many */
    void *opaque;
};

/* A kernel's launch, which has done its work: whether the stream is of the thread's device, as CUDA
 * wants it, and whether this is the one at which a test wants something to go wrong.
 * HEDON_SIM_LOSE=N: from launch number N on the device is lost; HEDON_SIM_KILL=N: there the process
 * is killed. */
cudaError_t sim_launch(cudaStream_t stream);

#endif
