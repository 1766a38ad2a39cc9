/* hedon-mpi.so: a group over MPI, for host memory.
 *
 * Sums are made of exchanges, not of MPI_Allreduce, whose order of adding is the library's: here it
 * is the order of ranks, so that a run's bits depend on nothing but the number of ranks. Large ones
 * go in two stages, as reduce-scatter and gather do: every rank receives its part of all the
 * others' values, adds them up, and sends the sums round. Each stage has a communicator of its own,
 * on which the calls come in the order of the arrays; between the two the ranks need not be in
 * step.
 *
 * Nothing here blocks inside MPI, which would wait for ever for a rank that was killed: requests
 * are tested in a loop that also looks whether the machine's other ranks are alive. Those of other
 * machines are the launcher's to watch. The same loop, run whenever MPI is called at all, moves the
 * large sums on. */
#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "train/process_group.h"

static const double LOOK_EVERY_S = .1; /* at the other ranks of this machine */
enum { PIECE = 1 << 28 };

/* A large sum on its way. */
typedef struct Sum {
    char *values;
    size_t size;           /* of a number */
    int *counts, *firsts;  /* each rank's part of the values */
    int *mine, *mine_from; /* likewise of `parts`: this rank's part of each rank's values */
    char *parts;
    size_t parts_room;
    MPI_Request request;
} Sum;

typedef struct MpiGroup {
    HedonProcessGroup base;
    MPI_Comm control, scatters, gathers;
    int *neighbours; /* processes of this machine, by their local rank */
    int *neighbour_ranks;
    int neighbour_count;
    double looked_s;
    double *row; /* of `sum`: every rank's values */
    size_t row_room;
    Sum *sums; /* kept with their memory from step to step */
    int sum_count, sum_room;
    int scattered; /* so many are in the second stage, or done */
} MpiGroup;

/* ---- Waiting -------------------------------------------------------------------------------- */

static int mpi_failed(HedonContext *ctx, MpiGroup *group, int reason)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(reason, text, &length);
    group->base.broken = 1;
    return hedon_fail(ctx, HEDON_EDEVICE, "the ranks lost each other: %.300s", text);
}

static int look_at_neighbours(HedonContext *ctx, HedonProcessGroup *base)
{
    MpiGroup *group = (MpiGroup *)base;
    const double now_s = hedon_clock_s();
    if (now_s - group->looked_s < LOOK_EVERY_S) return 0;
    group->looked_s = now_s;
    for (int i = 0; i < group->neighbour_count; i++) {
        if (!kill(group->neighbours[i], 0) || errno != ESRCH) continue;
        group->base.broken = 1;
        return hedon_fail(ctx, HEDON_EDEVICE,
                          "rank %d (process %d) has ended, and the others cannot go on without it",
                          group->neighbour_ranks[i], group->neighbours[i]);
    }
    return 0;
}

/* Sums of float32 are kept in double. */
static void add_floats(float *out, const float *parts, size_t count, size_t ranks)
{
    for (size_t i = 0; i < count; i++) {
        double total = (double)parts[i];
        for (size_t r = 1; r < ranks; r++) total += (double)parts[r * count + i];
        out[i] = (float)total;
    }
}

static void add_doubles(double *out, const double *parts, size_t count, size_t ranks)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = parts[i];
        for (size_t r = 1; r < ranks; r++) out[i] += parts[r * count + i];
    }
}

static void add_parts(const Sum *sum, int ranks, int rank)
{
    const size_t count = (size_t)sum->counts[rank];
    char *out = sum->values + (size_t)sum->firsts[rank] * sum->size;
    if (sum->size == sizeof(float))
        add_floats((float *)(void *)out, (const float *)(void *)sum->parts, count, (size_t)ranks);
    else
        add_doubles((double *)(void *)out, (const double *)(void *)sum->parts, count,
                    (size_t)ranks);
}

/* Whatever of the large sums can go on. 0 or MPI's reason. */
static int move_sums_on(MpiGroup *group)
{
    while (group->scattered < group->sum_count) {
        Sum *sum = &group->sums[group->scattered];
        const MPI_Datatype type = sum->size == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE;
        int done;
        int reason = MPI_Test(&sum->request, &done, MPI_STATUS_IGNORE);
        if (reason || !done) return reason;
        add_parts(sum, group->base.ranks, group->base.rank);
        group->scattered++;
        reason = MPI_Iallgatherv(MPI_IN_PLACE, 0, type, sum->values, sum->counts, sum->firsts, type,
                                 group->gathers, &sum->request);
        if (reason) return reason;
    }
    return 0;
}

static int wait_for(HedonContext *ctx, MpiGroup *group, MPI_Request *request)
{
    const double start_s = hedon_clock_s();
    for (;;) {
        int done;
        int reason = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (!reason && done) return 0;
        if (!reason) reason = move_sums_on(group);
        if (reason) return mpi_failed(ctx, group, reason);
        const int code = look_at_neighbours(ctx, &group->base);
        if (code) return code;
        hedon_nap(start_s);
    }
}

/* A request that was made with `reason`. */
static int complete(HedonContext *ctx, MpiGroup *group, int reason, MPI_Request *request)
{
    return reason ? mpi_failed(ctx, group, reason) : wait_for(ctx, group, request);
}

/* What others wait for cannot be done. */
static int out_of_memory(HedonContext *ctx, MpiGroup *group)
{
    group->base.broken = 1;
    return hedon_fail_memory(ctx);
}

/* ---- What is small: at once ----------------------------------------------------------------- */

static int gather(HedonContext *ctx, HedonProcessGroup *base, const void *mine, size_t bytes,
                  void *all)
{
    MpiGroup *group = (MpiGroup *)base;
    MPI_Request request;
    const int reason = MPI_Iallgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE,
                                      group->control, &request);
    return complete(ctx, group, reason, &request);
}

static int sum_small(HedonContext *ctx, HedonProcessGroup *base, double *values, int64_t count)
{
    MpiGroup *group = (MpiGroup *)base;
    const size_t n = (size_t)count, ranks = (size_t)base->ranks;
    if (group->row_room < n * ranks) {
        hedon_free(group->row);
        group->row = hedon_malloc(n * ranks, sizeof(double));
        group->row_room = group->row ? n * ranks : 0;
        if (!group->row) return out_of_memory(ctx, group);
    }
    const int code = gather(ctx, base, values, n * sizeof(double), group->row);
    for (size_t i = 0; i < n && !code; i++) {
        values[i] = group->row[i];
        for (size_t r = 1; r < ranks; r++) values[i] += group->row[r * n + i];
    }
    return code;
}

static int broadcast(HedonContext *ctx, HedonProcessGroup *base, void *data, size_t bytes)
{
    MpiGroup *group = (MpiGroup *)base;
    int code = 0;
    for (size_t done = 0; done < bytes && !code; done += PIECE) {
        const size_t left = bytes - done, piece = left < PIECE ? left : PIECE;
        MPI_Request request;
        const int reason =
            MPI_Ibcast((char *)data + done, (int)piece, MPI_BYTE, 0, group->control, &request);
        code = complete(ctx, group, reason, &request);
    }
    return code;
}

/* ---- What is large: beside the computation -------------------------------------------------- */

static Sum *next_sum(MpiGroup *group)
{
    const size_t ranks = (size_t)group->base.ranks;
    if (group->sum_count == group->sum_room) {
        const int room = group->sum_room ? 2 * group->sum_room : 16;
        Sum *sums = hedon_realloc(group->sums, (size_t)room, sizeof(*sums));
        if (!sums) return NULL;
        memset(sums + group->sum_room, 0, (size_t)(room - group->sum_room) * sizeof(*sums));
        group->sums = sums;
        group->sum_room = room;
    }
    Sum *sum = &group->sums[group->sum_count];
    if (!sum->counts) sum->counts = hedon_calloc(4 * ranks, sizeof(int));
    return sum->counts ? sum : NULL;
}

static int divide(Sum *sum, int ranks, int rank, int64_t count)
{
    sum->firsts = sum->counts + ranks;
    sum->mine = sum->counts + 2 * ranks;
    sum->mine_from = sum->counts + 3 * ranks;
    for (int r = 0; r < ranks; r++) {
        sum->firsts[r] = (int)(count * r / ranks);
        sum->counts[r] = (int)(count * (r + 1) / ranks) - sum->firsts[r];
    }
    for (int r = 0; r < ranks; r++) {
        sum->mine[r] = sum->counts[rank];
        sum->mine_from[r] = r * sum->counts[rank];
    }
    const size_t room = (size_t)ranks * (size_t)sum->counts[rank] * sum->size;
    if (sum->parts_room >= room) return 0;
    hedon_free(sum->parts);
    sum->parts = hedon_malloc_aligned(room, 1);
    sum->parts_room = sum->parts ? room : 0;
    return sum->parts ? 0 : HEDON_ENOMEM;
}

static int sum_start(HedonContext *ctx, HedonProcessGroup *base, void *values, int64_t count,
                     HedonDtype dtype)
{
    MpiGroup *group = (MpiGroup *)base;
    if (count > INT_MAX / base->ranks)
        return hedon_fail(ctx, HEDON_ELIMIT, "%lld numbers are too many for one sum over ranks",
                          (long long)count);
    Sum *sum = next_sum(group);
    if (!sum) return out_of_memory(ctx, group);
    const MPI_Datatype type = dtype == HEDON_F64 ? MPI_DOUBLE : MPI_FLOAT;
    sum->values = values;
    sum->size = hedon_dtype_size(dtype);
    if (divide(sum, base->ranks, base->rank, count)) return out_of_memory(ctx, group);
    int reason = MPI_Ialltoallv(sum->values, sum->counts, sum->firsts, type, sum->parts, sum->mine,
                                sum->mine_from, type, group->scatters, &sum->request);
    if (!reason) {
        group->sum_count++;
        reason = move_sums_on(group);
    }
    return reason ? mpi_failed(ctx, group, reason) : 0;
}

static int sum_finish(HedonContext *ctx, HedonProcessGroup *base)
{
    MpiGroup *group = (MpiGroup *)base;
    const double start_s = hedon_clock_s();
    int code = 0;
    while (group->scattered < group->sum_count && !code) {
        const int reason = move_sums_on(group);
        code = reason ? mpi_failed(ctx, group, reason) : look_at_neighbours(ctx, base);
        if (group->scattered < group->sum_count) hedon_nap(start_s);
    }
    for (int i = 0; i < group->sum_count && !code; i++)
        code = wait_for(ctx, group, &group->sums[i].request);
    group->sum_count = group->scattered = 0;
    return code;
}

/* ---- Opening and closing -------------------------------------------------------------------- */

static void free_group(MpiGroup *group)
{
    for (int i = 0; i < group->sum_room; i++) {
        hedon_free(group->sums[i].counts);
        hedon_free(group->sums[i].parts);
    }
    hedon_free(group->sums);
    hedon_free(group->row);
    hedon_free(group->neighbours);
    hedon_free(group->neighbour_ranks);
    hedon_free(group);
}

static void abort_all(HedonProcessGroup *base, int status)
{
    (void)base;
    MPI_Abort(MPI_COMM_WORLD, status);
}

static void close_group(HedonProcessGroup *base)
{
    MpiGroup *group = (MpiGroup *)base;
    /* MPI's own barrier in MPI_Finalize would take a core while rank 0 writes */
    double nothing = 0;
    if (!base->broken && !sum_small(NULL, base, &nothing, 1)) MPI_Finalize();
    free_group(group);
}

/* A core that k of the machine's ranks may run on counts 1/k. */
static int share_of_cores(const cpu_set_t *sets, int count, int mine)
{
    double share = 0;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        int users = 0;
        for (int i = 0; i < count; i++) users += CPU_ISSET(core, &sets[i]) != 0;
        if (CPU_ISSET(core, &sets[mine])) share += 1. / users;
    }
    return share < 1.5 ? 1 : (int)(share + 1e-6);
}

/* The ranks of this machine: whether they live, and what cores they leave. */
static int meet_neighbours(HedonContext *ctx, MpiGroup *group)
{
    MPI_Comm local;
    cpu_set_t mine;
    int rank, count, pid = (int)getpid();
    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof(mine), &mine);
    int reason = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, group->base.rank,
                                     MPI_INFO_NULL, &local);
    if (reason) return mpi_failed(ctx, group, reason);
    MPI_Comm_rank(local, &rank);
    MPI_Comm_size(local, &count);
    cpu_set_t *sets = hedon_calloc((size_t)count, sizeof(*sets));
    group->neighbours = hedon_calloc((size_t)count, sizeof(int));
    group->neighbour_ranks = hedon_calloc((size_t)count, sizeof(int));
    if (!sets || !group->neighbours || !group->neighbour_ranks) {
        hedon_free(sets);
        return out_of_memory(ctx, group);
    }
    group->neighbour_count = count;
    reason = MPI_Allgather(&pid, 1, MPI_INT, group->neighbours, 1, MPI_INT, local);
    if (!reason)
        reason =
            MPI_Allgather(&group->base.rank, 1, MPI_INT, group->neighbour_ranks, 1, MPI_INT, local);
    if (!reason)
        reason = MPI_Allgather(&mine, sizeof(mine), MPI_BYTE, sets, sizeof(mine), MPI_BYTE, local);
    group->base.local_rank = rank;
    group->base.local_ranks = count;
    group->base.cores = share_of_cores(sets, count, rank);
    hedon_free(sets);
    MPI_Comm_free(&local);
    return reason ? mpi_failed(ctx, group, reason) : 0;
}

static int make_communicators(HedonContext *ctx, MpiGroup *group)
{
    MPI_Comm *const all[] = {&group->control, &group->scatters, &group->gathers};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        const int reason = MPI_Comm_dup(MPI_COMM_WORLD, all[i]);
        if (reason) return mpi_failed(ctx, group, reason);
        MPI_Comm_set_errhandler(*all[i], MPI_ERRORS_RETURN);
    }
    return 0;
}

static int open_group(HedonContext *ctx, HedonProcessGroup **out)
{
    int level;
    *out = NULL;
    MpiGroup *group = hedon_calloc(1, sizeof(*group));
    if (!group) return hedon_fail_memory(ctx);
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level)) {
        free_group(group);
        return hedon_fail(ctx, HEDON_EDEVICE, "MPI does not start");
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    group->base = (HedonProcessGroup){.name = "mpi",
                                      .sum = sum_small,
                                      .sum_start = sum_start,
                                      .sum_finish = sum_finish,
                                      .gather = gather,
                                      .broadcast = broadcast,
                                      .check = look_at_neighbours,
                                      .abort = abort_all,
                                      .close = close_group};
    MPI_Comm_rank(MPI_COMM_WORLD, &group->base.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &group->base.ranks);
    int code = make_communicators(ctx, group);
    if (!code) code = meet_neighbours(ctx, group);
    if (code)
        free_group(group);
    else
        *out = &group->base;
    return code;
}

extern const HedonProcessGroupPlugin hedon_process_group_plugin;
HEDON_API const HedonProcessGroupPlugin hedon_process_group_plugin = {.version = HEDON_VERSION,
                                                                      .open = open_group};
