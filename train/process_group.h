/* Processes that train one model together, "ranks": each computes its share of every batch, and
 * sums over all of them make the step that one process with the whole batch would make.
 *
 * A group is a struct with function pointers: `alone` for one process, MPI's in a shared object of
 * its own (process_group_mpi.c), because MPI's libraries would triple the time in which hedon
 * starts and their ABI is known only to what was compiled with their header. All ranks call the
 * same functions in the same order. After a failure of any of them `broken` is set: nothing can be
 * done together any more, and what is left is `abort`. */
#ifndef HEDON_TRAIN_PROCESS_GROUP_H
#define HEDON_TRAIN_PROCESS_GROUP_H

#include "hedon.h"

typedef struct HedonProcessGroup HedonProcessGroup;

struct HedonProcessGroup {
    const char *name; /* "alone", "mpi" */
    int rank, ranks;
    int local_rank, local_ranks; /* among those of this machine */
    int cores; /* for this rank: the ranks of a machine share those that they may run on */
    int broken;

    /** In place, the sums over all ranks of numbers in host memory, added in the order of ranks, so
     *  that all have the same bits, and every run. Done on return. */
    int (*sum)(HedonContext *ctx, HedonProcessGroup *group, double *values, int64_t count);
    /** The same for a large array of float32 or float64, while this rank goes on computing; values
     *  belong to the group until sum_finish. */
    int (*sum_start)(HedonContext *ctx, HedonProcessGroup *group, void *values, int64_t count,
                     HedonDtype dtype);
    /** Wait for all sums that were started. */
    int (*sum_finish)(HedonContext *ctx, HedonProcessGroup *group);
    /** all (ranks x bytes) becomes what each rank gives, in their order. */
    int (*gather)(HedonContext *ctx, HedonProcessGroup *group, const void *mine, size_t bytes,
                  void *all);
    /** Rank 0's bytes, to all. */
    int (*broadcast)(HedonContext *ctx, HedonProcessGroup *group, void *data, size_t bytes);
    /** Whether the other ranks still run, as far as this machine's can be seen; cheap enough to be
     *  called all the time while this rank waits for them elsewhere. HEDON_EDEVICE with the
     * sentence. */
    int (*check)(HedonContext *ctx, HedonProcessGroup *group);
    /** End this process and all the others at once, whatever they are waiting for. */
    void (*abort)(HedonProcessGroup *group, int status);
    /** Waits for the others unless the group is broken. */
    void (*close)(HedonProcessGroup *group);
};

/* What a shared object with a group exports as `hedon_process_group_plugin`. */
typedef struct HedonProcessGroupPlugin {
    const char *version; /* HEDON_VERSION when it was built: the structs above are its own */
    int (*open)(HedonContext *ctx, HedonProcessGroup **out);
} HedonProcessGroupPlugin;

/** A group of this process alone, in the caller's memory. Nothing to close. */
void hedon_process_group_alone(HedonProcessGroup *group);

/** How many processes mpirun (or srun) started this one as, by the environment; 1: none did. */
int hedon_process_group_launched(void);

/**
 * Join the group that this process was started in.
 *
 * @return 0; HEDON_EUNSUPPORTED when this hedon was built without MPI; HEDON_EDEVICE
 */
int hedon_process_group_open(HedonContext *ctx, HedonProcessGroup **out);

/** All ranks wait for each other. */
int hedon_process_group_barrier(HedonContext *ctx, HedonProcessGroup *group);

/**
 * What becomes of all, given what happened to each: 0 when every rank's code is 0, else the code of
 * the first whose is not, with its sentence, on every rank. So they stop together.
 */
int hedon_process_group_agree(HedonContext *ctx, HedonProcessGroup *group, int code);

#endif
