/* What the simulated device's files share. */
#ifndef HEDON_TESTS_CUDA_SIM_SIM_H
#define HEDON_TESTS_CUDA_SIM_SIM_H

#include <cuda_runtime_api.h>
#include <stdint.h>

/* Work is done at once, but for sums over ranks: their results arrive where a stream, or the host,
 * waits for them, so that what does not wait computes with what was there before. And they have to
 * come behind all kernels so far. */
struct CUstream_st {
    int number;                 /* of the stream, for order.c */
    struct CUgraph_st *capture; /* that it is part of; NULL: its work is done at once */
    int device;
    uint64_t seen; /* launches that come before what is put into this stream now */
    uint64_t sums; /* that were put into it */
    void (*deliver)(void *opaque, uint64_t sums); /* the results of the first so many */
    void *opaque;
    uint64_t (*launches)(void); /* by all streams so far */
};

/* Work in a stream. */
typedef struct SimWork {
    void (*run)(void *opaque, cudaStream_t stream);
    void (*drop)(void *opaque);
    void *opaque;
} SimWork;

/** Do it and drop it; where the stream is being captured: do it in every launch of the graph, in
 * the stream of the launch, and drop it with the graph. */
cudaError_t sim_submit(cudaStream_t stream, SimWork work);
/** The same for a function of a few bytes, which are copied. */
cudaError_t sim_submit_copy(cudaStream_t stream, void (*run)(void *opaque, cudaStream_t stream),
                            const void *opaque, size_t bytes);
/** What the thread captures into; NULL: nothing. */
struct CUgraph_st *sim_capture(void);
/** Something that must not be done while the thread captures: spoils the capture, and is the error
 * for it; else cudaSuccess. */
cudaError_t sim_not_in_capture(void);
/** The same for what concerns one stream or event, which is captured or not. */
cudaError_t sim_not_captured(struct CUgraph_st *capture);

/** A kernel has done its work, or could not be launched (code): cudaGetLastError says so then, and
 * when the stream is not of the thread's device. Tests have something go wrong here, or elsewhere:
 * HEDON_SIM_LOSE=N: from launch number N on the device is lost; HEDON_SIM_KILL=N: there the process
 * is killed; HEDON_SIM_LOST: copies to the device fail; HEDON_SIM_BYTES: of its memory;
 * HEDON_SIM_GPUS: how many there are. */
void sim_launch(cudaStream_t stream, cudaError_t code);
uint64_t sim_launches(void);
/** The thread's device. */
int sim_device(void);
/** What a lost device answers to everything. */
cudaError_t sim_verdict(void);

#endif
