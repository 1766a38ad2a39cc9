#include "train/process_group.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/helper_program.h"
#include "base/memory.h"

enum { SENTENCE = 512 };

/* ---- One process ---------------------------------------------------------------------------- */

static int sum_alone(HedonContext *ctx, HedonProcessGroup *group, double *values, int64_t count)
{
    (void)ctx, (void)group, (void)values, (void)count;
    return 0;
}

static int start_alone(HedonContext *ctx, HedonProcessGroup *group, void *values, int64_t count,
                       HedonDtype dtype)
{
    (void)ctx, (void)group, (void)values, (void)count, (void)dtype;
    return 0;
}

static int finish_alone(HedonContext *ctx, HedonProcessGroup *group)
{
    (void)ctx, (void)group;
    return 0;
}

static int gather_alone(HedonContext *ctx, HedonProcessGroup *group, const void *mine, size_t bytes,
                        void *all)
{
    (void)ctx, (void)group;
    memcpy(all, mine, bytes);
    return 0;
}

static int broadcast_alone(HedonContext *ctx, HedonProcessGroup *group, void *data, size_t bytes)
{
    (void)ctx, (void)group, (void)data, (void)bytes;
    return 0;
}

static int check_alone(HedonContext *ctx, HedonProcessGroup *group)
{
    (void)ctx, (void)group;
    return 0;
}

static void abort_alone(HedonProcessGroup *group, int status)
{
    (void)group, (void)status;
}

static void close_alone(HedonProcessGroup *group)
{
    (void)group;
}

void hedon_process_group_alone(HedonProcessGroup *group)
{
    *group = (HedonProcessGroup){.name = "alone",
                                 .ranks = 1,
                                 .local_ranks = 1,
                                 .cores = hedon_cpu_count(),
                                 .sum = sum_alone,
                                 .sum_start = start_alone,
                                 .sum_finish = finish_alone,
                                 .gather = gather_alone,
                                 .broadcast = broadcast_alone,
                                 .check = check_alone,
                                 .abort = abort_alone,
                                 .close = close_alone};
}

/* ---- Several -------------------------------------------------------------------------------- */

int hedon_process_group_launched(void)
{
    /* Open MPI; MPICH and its kin; SLURM's srun for a program that uses PMIx */
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *text = getenv(names[i]);
        const int count = text ? atoi(text) : 0;
        if (count > 0) return count;
    }
    const char *tasks = getenv("SLURM_NTASKS");
    return getenv("PMIX_RANK") && tasks && atoi(tasks) > 0 ? atoi(tasks) : 1;
}

/* Its symbols are for everybody: MPI's own plugins look for those of its libraries. */
static int load(HedonContext *ctx, const HedonProcessGroupPlugin **out)
{
    char path[4096];
    const char *elsewhere = secure_getenv("HEDON_MPI_PLUGIN");
    if (elsewhere)
        snprintf(path, sizeof(path), "%s", elsewhere);
    else
        hedon_helper_program(path, sizeof(path), "hedon-mpi.so");
    void *object = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    const char *reason = object ? NULL : dlerror();
    *out = object ? dlsym(object, "hedon_process_group_plugin") : NULL;
    if (!*out)
        return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                          "training by several processes needs hedon-mpi.so, which is built where "
                          "Open MPI is installed (libopenmpi-dev): %.300s",
                          reason ? reason : "it is not there");
    if (!strcmp((*out)->version, HEDON_VERSION)) return 0;
    return hedon_fail(ctx, HEDON_EUNSUPPORTED, "%s is of hedon %s, this is %s", path,
                      (*out)->version, HEDON_VERSION);
}

int hedon_process_group_open(HedonContext *ctx, HedonProcessGroup **out)
{
    const HedonProcessGroupPlugin *plugin;
    *out = NULL;
    const int code = load(ctx, &plugin);
    return code ? code : plugin->open(ctx, out);
}

int hedon_process_group_barrier(HedonContext *ctx, HedonProcessGroup *group)
{
    double nothing = 0;
    return group->sum(ctx, group, &nothing, 1);
}

/* The sentence of the rank that failed, on all. */
static int share_sentence(HedonContext *ctx, HedonProcessGroup *group, int from, int code)
{
    char mine[SENTENCE];
    char *all = hedon_malloc((size_t)group->ranks, SENTENCE);
    snprintf(mine, sizeof(mine), "%s", hedon_last_error(ctx));
    if (!all) { /* the others would wait for this one */
        group->broken = 1;
        return hedon_fail_memory(ctx);
    }
    const int failed = group->gather(ctx, group, mine, SENTENCE, all);
    const char *sentence = all + (size_t)from * SENTENCE;
    if (!failed && from > 0)
        hedon_fail(ctx, code, "rank %d: %s", from, sentence);
    else if (!failed)
        hedon_fail(ctx, code, "%s", sentence);
    hedon_free(all);
    return failed ? failed : code;
}

int hedon_process_group_agree(HedonContext *ctx, HedonProcessGroup *group, int code)
{
    if (group->ranks == 1) return code;
    int *codes = hedon_calloc((size_t)group->ranks, sizeof(*codes));
    if (!codes) {
        group->broken = 1;
        return hedon_fail_memory(ctx);
    }
    int from = 0;
    int agreed = group->gather(ctx, group, &code, sizeof(code), codes);
    if (!agreed) {
        while (from < group->ranks && !codes[from]) from++;
        if (from < group->ranks) agreed = share_sentence(ctx, group, from, codes[from]);
    }
    hedon_free(codes);
    return agreed;
}
