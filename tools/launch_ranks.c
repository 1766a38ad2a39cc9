#include "tools/launch_ranks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { MOST_WORDS = 8, MOST_OPTIONS = 12 };

static volatile sig_atomic_t launcher, signals;

/* mpirun hands SIGUSR1 on to every rank, where it means what Ctrl-C means to one process; its own
 * way with SIGINT and SIGTERM would leave them a second to save in. */
static void pass_on(int number)
{
    (void)number;
    kill((pid_t)launcher, signals++ ? SIGTERM : SIGUSR1);
}

/* In a process group of its own, so that the terminal's Ctrl-C comes here alone; it does not
 * outlive this process. */
static void become_launcher(char **argv, int report)
{
    sigset_t none;
    const int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, 0);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], argv);
    const int reason = errno;
    if (write(report, &reason, sizeof(reason)) < 0) _exit(126);
    _exit(127);
}

/* Signals are held back until the launcher is there to have them. */
static int start(HedonContext *ctx, char **argv)
{
    int ends[2], reason = 0;
    sigset_t held, before;
    if (pipe2(ends, O_CLOEXEC)) return hedon_fail_errno(ctx, "cannot start mpirun");
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, &before);
    const pid_t child = fork();
    if (child == 0) become_launcher(argv, ends[1]);
    close(ends[1]);
    if (child > 0 && read(ends[0], &reason, sizeof(reason)) < 0) reason = errno;
    close(ends[0]);
    if (child > 0 && !reason) {
        const struct sigaction handler = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
        launcher = child;
        sigaction(SIGINT, &handler, NULL);
        sigaction(SIGTERM, &handler, NULL);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return hedon_fail_errno(ctx, "cannot start mpirun");
    if (!reason) return 0;
    waitpid(child, NULL, 0);
    return hedon_fail(ctx, HEDON_EUNSUPPORTED,
                      "--ranks needs Open MPI's mpirun (openmpi-bin), which does not start: %s",
                      strerror(reason));
}

/* mpirun's own options: as many ranks as were asked for, on any core. */
static int add_options(char **argv, char *ranks)
{
    static char mpirun[] = "mpirun", quiet[] = "-q", bind[] = "--bind-to", none[] = "none",
                oversubscribe[] = "--oversubscribe", count[] = "-n", root[] = "--allow-run-as-root";
    int n = 0;
    argv[n++] = mpirun;
    argv[n++] = quiet;
    argv[n++] = bind;
    argv[n++] = none;
    argv[n++] = oversubscribe;
    if (!geteuid()) argv[n++] = root;
    argv[n++] = count;
    argv[n++] = ranks;
    return n;
}

int hedon_launch_ranks(HedonContext *ctx, int ranks, const char *words, char *const *arguments,
                       int *status)
{
    char self[PATH_MAX], count[16], *rest = NULL;
    size_t given = 0;
    int raw = 0;
    const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0) return hedon_fail_errno(ctx, "cannot find this program");
    self[length] = 0;
    if (isatty(STDERR_FILENO)) setenv(HEDON_LAUNCHED_FROM_TERMINAL, "1", 1);
    while (arguments[given]) given++;
    char *copy = hedon_strdup(words);
    char **argv = hedon_calloc(given + MOST_WORDS + MOST_OPTIONS, sizeof(*argv));
    int code = copy && argv ? 0 : hedon_fail_memory(ctx);
    if (!code) {
        snprintf(count, sizeof(count), "%d", ranks);
        int n = add_options(argv, count);
        argv[n++] = self;
        for (char *word = strtok_r(copy, " ", &rest); word && n < MOST_WORDS + MOST_OPTIONS - 1;
             word = strtok_r(NULL, " ", &rest))
            argv[n++] = word;
        for (size_t i = 0; i < given; i++) argv[n++] = arguments[i];
        code = start(ctx, argv);
    }
    while (!code && waitpid((pid_t)launcher, &raw, 0) < 0)
        if (errno != EINTR) code = hedon_fail_errno(ctx, "mpirun is gone");
    *status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
    hedon_free(argv);
    hedon_free(copy);
    return code;
}
