/* NCCL of the simulated device: as much of libnccl.so.2 as kernels/cuda/ranks.c asks for, among
 * processes, through shared memory that is named by the group's id. Communicators do not block: a
 * sum that was asked for goes on whenever its state is. Its result arrives where its stream is
 * waited for, and one that does not come behind all kernels is refused (sim.h). What the ranks give
 * has to agree in kind and number, as the real one assumes. */
#include <fcntl.h>
#include <nccl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "tests/cuda_sim/sim.h"

enum { MOST_RANKS = 8, MOST_BYTES = 64 << 20 };

typedef struct Place {
    _Atomic uint64_t posted,
        taken; /* the last sum whose values lie here; that this rank has done */
    uint64_t count, type;
    double values[MOST_BYTES / sizeof(double)];
} Place;

typedef struct Shared {
    _Atomic int joined;
    Place place[MOST_RANKS];
} Shared;

/* A result that nobody has waited for. */
typedef struct Late {
    struct Late *next;
    uint64_t number;
    void *to;
    size_t bytes;
    float values[];
} Late;

struct ncclComm {
    Shared *shared;
    char name[64];
    int rank, ranks, is_in;
    uint64_t number; /* of the sum under way, or the last */
    const void *from;
    void *to; /* NULL: none is under way */
    size_t count;
    ncclDataType_t type;
    ncclResult_t failed;
    cudaStream_t stream;
    Late *late; /* the last one first */
};

const char *ncclGetErrorString(ncclResult_t code)
{
    return code == ncclInvalidUsage ? "invalid usage" : "simulated";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    return getrandom(id, sizeof(*id), 0) == (ssize_t)sizeof(*id) ? ncclSuccess : ncclSystemError;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *out, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t *config)
{
    uint64_t number;
    if (config->blocking || ranks > MOST_RANKS) return ncclInvalidArgument;
    memcpy(&number, &id, sizeof(number));
    ncclComm_t comm = calloc(1, sizeof(*comm));
    if (!comm) return ncclSystemError;
    *comm = (struct ncclComm){.rank = rank, .ranks = ranks};
    snprintf(comm->name, sizeof(comm->name), "/hedon-nccl-%016llx", (unsigned long long)number);
    const int file = shm_open(comm->name, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof(Shared))) return ncclSystemError;
    comm->shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (comm->shared == MAP_FAILED) return ncclSystemError;
    atomic_fetch_add(&comm->shared->joined, 1);
    *out = comm;
    return ncclInProgress;
}

static int all_have(const struct ncclComm *comm, int taken, uint64_t number)
{
    for (int r = 0; r < comm->ranks; r++) {
        const Place *place = &comm->shared->place[r];
        if (atomic_load(taken ? &place->taken : &place->posted) < number) return 0;
    }
    return 1;
}

static size_t size_of(ncclDataType_t type)
{
    return type == ncclFloat64 ? sizeof(double) : sizeof(float);
}

static ncclResult_t add_up(ncclComm_t comm)
{
    const size_t bytes = comm->count * size_of(comm->type);
    Late *late = malloc(sizeof(*late) + bytes);
    if (!late) return ncclSystemError;
    *late = (Late){comm->late, comm->number, comm->to, bytes};
    comm->late = late;
    for (size_t i = 0; i < comm->count; i++) {
        double wide = 0;
        float narrow = 0;
        for (int r = 0; r < comm->ranks; r++) {
            const double *values = comm->shared->place[r].values;
            if (comm->type == ncclFloat64)
                wide += values[i];
            else
                narrow += ((const float *)(const void *)values)[i];
        }
        if (comm->type == ncclFloat64)
            memcpy((char *)late->values + i * sizeof(wide), &wide, sizeof(wide));
        else
            late->values[i] = narrow;
    }
    return ncclSuccess;
}

static void deliver(void *opaque, uint64_t sums)
{
    ncclComm_t comm = opaque;
    for (Late **at = &comm->late; *at;) {
        Late *late = *at;
        if (late->number > sums) {
            at = &late->next;
            continue;
        }
        memcpy(late->to, late->values, late->bytes);
        *at = late->next;
        free(late);
    }
}

static ncclResult_t move_on(ncclComm_t comm)
{
    Place *mine = &comm->shared->place[comm->rank];
    if (comm->failed) return comm->failed;
    if (!comm->is_in) {
        if (atomic_load(&comm->shared->joined) < comm->ranks) return ncclInProgress;
        if (comm->rank == 0) shm_unlink(comm->name);
        comm->is_in = 1;
    }
    if (!comm->to) return ncclSuccess;
    if (atomic_load(&mine->posted) < comm->number) {
        if (!all_have(comm, 1, comm->number - 1)) return ncclInProgress;
        memcpy(mine->values, comm->from, comm->count * size_of(comm->type));
        mine->count = comm->count;
        mine->type = comm->type;
        atomic_store(&mine->posted, comm->number);
    }
    if (!all_have(comm, 0, comm->number)) return ncclInProgress;
    for (int r = 0; r < comm->ranks; r++)
        if (comm->shared->place[r].count != comm->count ||
            comm->shared->place[r].type != (uint64_t)comm->type)
            return comm->failed = ncclInvalidUsage;
    if ((comm->failed = add_up(comm))) return comm->failed;
    comm->to = NULL;
    atomic_store(&mine->taken, comm->number);
    return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *state)
{
    *state = move_on(comm);
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream)
{
    if (op != ncclSum || (type != ncclFloat32 && type != ncclFloat64)) return ncclInvalidArgument;
    if (count > MOST_BYTES / size_of(type)) return ncclInvalidArgument;
    if (stream->capture || !comm->is_in || comm->to)
        return ncclInvalidUsage; /* the one before is under way */
    if (stream->seen != stream->launches()) return ncclInvalidUsage;
    comm->from = from;
    comm->to = to;
    comm->count = count;
    comm->type = type;
    comm->number++;
    comm->stream = stream;
    stream->sums = comm->number;
    stream->deliver = deliver;
    stream->opaque = comm;
    return ncclInProgress;
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    if (comm->stream) comm->stream->deliver = NULL;
    while (comm->late) {
        Late *late = comm->late;
        comm->late = late->next;
        free(late);
    }
    munmap(comm->shared, sizeof(Shared));
    free(comm);
    return ncclSuccess;
}
