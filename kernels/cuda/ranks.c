/* The communicator. NCCL is opened at run time, so that the backend loads without it. It is asked
 * not to block: what it is doing is then polled, and the other ranks are looked at meanwhile. */
#include "kernels/cuda/ranks.h"

#include <dlfcn.h>
#include <nccl.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

_Static_assert(sizeof(ncclUniqueId) == HEDON_GROUP_ID_BYTES, "NCCL's id has another size");

#define NCCL_FUNCTIONS(X)                                                                          \
    X(ncclGetErrorString)                                                                          \
    X(ncclGetUniqueId)                                                                             \
    X(ncclCommInitRankConfig)                                                                      \
    X(ncclCommGetAsyncError)                                                                       \
    X(ncclCommAbort)                                                                               \
    X(ncclAllReduce)

typedef struct Nccl {
#define MEMBER(name) __typeof__(name) *name;
    NCCL_FUNCTIONS(MEMBER)
#undef MEMBER
} Nccl;

typedef struct CudaRanks {
    Nccl nccl;
    ncclComm_t comm; /* NULL: aborted */
    HedonDeviceGroup with;
    cudaStream_t stream;
    cudaEvent_t ready, done; /* in the caller's stream, in ours */
} CudaRanks;

static int open_nccl(HedonContext *ctx, Nccl *nccl)
{
    void *library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "several GPUs need NCCL: %.300s; install libnccl2, or put the folder of "
                          "Python's nvidia-nccl package into LD_LIBRARY_PATH",
                          dlerror());
#define FIND(name)                                                                                 \
    if (!(*(void **)&nccl->name = dlsym(library, #name)))                                          \
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,                                                 \
                          "several GPUs need NCCL 2.14 or later: libnccl.so.2 has no %s", #name);
    NCCL_FUNCTIONS(FIND)
#undef FIND
    return 0;
}

/* ---- Waiting -------------------------------------------------------------------------------- */

static int lost(HedonContext *ctx, CudaDevice *device, const char *reason)
{
    cuda_ranks_abort(device);
    return hedon_fail(ctx, HEDON_EDEVICE, "the ranks lost each other: NCCL: %s", reason);
}

/* Whether the others are there, before another look: 0, or why it is of no use. NCCL's own opinion
 * in *state. */
static int look(HedonContext *ctx, CudaDevice *device, ncclResult_t *state)
{
    CudaRanks *ranks = device->ranks;
    if (!ranks->comm) return lost(ctx, device, "a sum has failed before");
    const ncclResult_t asked = ranks->nccl.ncclCommGetAsyncError(ranks->comm, state);
    const int err = ranks->with.check(ctx, ranks->with.opaque);
    if (err) {
        cuda_ranks_abort(device);
        return err;
    }
    if (asked != ncclSuccess) *state = asked;
    if (*state == ncclSuccess || *state == ncclInProgress) return 0;
    return lost(ctx, device, ranks->nccl.ncclGetErrorString(*state));
}

/* What NCCL was asked for, and said at once. */
static int settle(HedonContext *ctx, CudaDevice *device, ncclResult_t said)
{
    const double start_s = hedon_clock_s();
    ncclResult_t state = said;
    if (said != ncclSuccess && said != ncclInProgress)
        return lost(ctx, device, device->ranks->nccl.ncclGetErrorString(said));
    while (state == ncclInProgress) {
        const int err = look(ctx, device, &state);
        if (err) return err;
        if (state == ncclInProgress) hedon_nap(start_s);
    }
    return 0;
}

typedef cudaError_t (*Query)(void *thing);

static cudaError_t query_stream(void *stream)
{
    return cudaStreamQuery(stream);
}

static cudaError_t query_event(void *event)
{
    return cudaEventQuery(event);
}

static int wait_for(HedonContext *ctx, CudaDevice *device, Query query, void *thing)
{
    const double start_s = hedon_clock_s();
    for (;;) {
        const cudaError_t code = query(thing);
        if (code != cudaErrorNotReady) return cuda_check(ctx, code, "waiting for the GPU");
        ncclResult_t state;
        const int err = look(ctx, device, &state);
        if (err) return err;
        hedon_nap(start_s);
    }
}

int cuda_wait(HedonContext *ctx, CudaDevice *device, cudaStream_t stream)
{
    return device->ranks ? wait_for(ctx, device, query_stream, stream)
                         : CUDA_TRY(ctx, cudaStreamSynchronize(stream));
}

int cuda_wait_event(HedonContext *ctx, CudaDevice *device, cudaEvent_t event)
{
    return device->ranks ? wait_for(ctx, device, query_event, event)
                         : CUDA_TRY(ctx, cudaEventSynchronize(event));
}

/* ---- Joining and leaving -------------------------------------------------------------------- */

int cuda_ranks_id(HedonContext *ctx, void *id)
{
    Nccl nccl;
    ncclUniqueId unique;
    const int err = open_nccl(ctx, &nccl);
    if (err) return err;
    const ncclResult_t code = nccl.ncclGetUniqueId(&unique);
    if (code != ncclSuccess)
        return hedon_fail(ctx, HEDON_EDEVICE, "NCCL does not start: %s",
                          nccl.ncclGetErrorString(code));
    memcpy(id, &unique, sizeof(unique));
    return 0;
}

int cuda_ranks_join(HedonContext *ctx, HedonDevice *base, const HedonDeviceGroup *with)
{
    CudaDevice *device = (CudaDevice *)base;
    CudaRanks *ranks = device->ranks = hedon_calloc(1, sizeof(*ranks));
    if (!ranks) return hedon_fail_memory(ctx);
    ranks->with = *with;
    int err = open_nccl(ctx, &ranks->nccl);
    if (!err) err = cuda_enter(ctx, device);
    if (!err) err = CUDA_TRY(ctx, cudaStreamCreateWithFlags(&ranks->stream, cudaStreamNonBlocking));
    if (!err) err = CUDA_TRY(ctx, cudaEventCreateWithFlags(&ranks->ready, cudaEventDisableTiming));
    if (!err) err = CUDA_TRY(ctx, cudaEventCreateWithFlags(&ranks->done, cudaEventDisableTiming));
    if (err) return err;
    ncclUniqueId id;
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    memcpy(&id, with->id, sizeof(id));
    const ncclResult_t said =
        ranks->nccl.ncclCommInitRankConfig(&ranks->comm, with->ranks, id, with->rank, &config);
    return settle(ctx, device, said);
}

int cuda_ranks_count(const CudaDevice *device)
{
    return device->ranks ? device->ranks->with.ranks : 1;
}

void cuda_ranks_abort(CudaDevice *device)
{
    CudaRanks *ranks = device->ranks;
    if (!ranks || !ranks->comm) return;
    ranks->nccl.ncclCommAbort(ranks->comm);
    ranks->comm = NULL;
}

void cuda_ranks_leave(CudaDevice *device)
{
    CudaRanks *ranks = device->ranks;
    if (!ranks) return;
    cuda_ranks_abort(device);
    if (ranks->ready) cudaEventDestroy(ranks->ready);
    if (ranks->done) cudaEventDestroy(ranks->done);
    if (ranks->stream) cudaStreamDestroy(ranks->stream);
    hedon_free(ranks);
    device->ranks = NULL;
}

/* ---- Sums ----------------------------------------------------------------------------------- */

int cuda_ranks_sum_start(HedonContext *ctx, CudaDevice *device, void *values, int64_t count,
                         HedonDtype dtype, cudaStream_t stream)
{
    CudaRanks *ranks = device->ranks;
    if (!ranks->comm) return lost(ctx, device, "a sum has failed before");
    int err = CUDA_TRY(ctx, cudaEventRecord(ranks->ready, stream));
    if (!err) err = CUDA_TRY(ctx, cudaStreamWaitEvent(ranks->stream, ranks->ready, 0));
    if (err) return err;
    const ncclResult_t said = ranks->nccl.ncclAllReduce(
        values, values, (size_t)count, dtype == HEDON_F64 ? ncclFloat64 : ncclFloat32, ncclSum,
        ranks->comm, ranks->stream);
    return settle(ctx, device, said);
}

int cuda_ranks_sum_finish(HedonContext *ctx, CudaDevice *device, cudaStream_t stream)
{
    const CudaRanks *ranks = device->ranks;
    const int err = CUDA_TRY(ctx, cudaEventRecord(ranks->done, ranks->stream));
    return err ? err : CUDA_TRY(ctx, cudaStreamWaitEvent(stream, ranks->done, 0));
}
