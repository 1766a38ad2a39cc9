/* Processes under mpirun, for tests. */
#ifndef HEDON_TESTS_MPIRUN_H
#define HEDON_TESTS_MPIRUN_H

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether hedon-mpi.so was built and there is an mpirun; says by what name it skips. */
static inline int has_mpi(void)
{
    if (!access(HEDON_BINARY_DIR "/hedon-mpi.so", R_OK) &&
        !system("command -v mpirun >/dev/null 2>&1"))
        return 1;
    puts("skipped: no Open MPI (libopenmpi-dev, openmpi-bin)");
    return 0;
}

static inline char *self_path(void)
{
    static char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0) abort();
    path[length] = 0;
    return path;
}

/* mpirun -n RANKS PROGRAM ARGUMENTS...; standard error, and output, to the file, unless NULL. */
static inline pid_t start_ranks(int ranks, const char *out, char *const *command)
{
    char count[16];
    char *argv[64] = {"mpirun", "--bind-to", "none", "--oversubscribe", "-n", count};
    int n = 6;
    snprintf(count, sizeof count, "%d", ranks);
    if (!getuid()) argv[n++] = "--allow-run-as-root";
    while (*command && n < 63) argv[n++] = *command++;
    argv[n] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (out) {
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
    }
    pid_t child;
    if (posix_spawnp(&child, "mpirun", &actions, NULL, argv, environ)) abort();
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

/* Exit status, or minus the signal. */
static inline int wait_for_exit(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child) abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
