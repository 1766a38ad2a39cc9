/* Starting and ending the hedon-decode process, and what it has used. */
#include "decode/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/helper_program.h"
#include "decode/protocol.h"

/* The worker gets /dev/null for input and output, our standard error until it runs (the dynamic
 * linker's complaints are worth reading), its end of the socket, and nothing else. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int socket)
{
    int reason = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    if (!reason) reason = posix_spawn_file_actions_adddup2(actions, 0, 1);
    if (!reason) reason = posix_spawn_file_actions_adddup2(actions, socket, HEDON_PROTOCOL_SOCKET);
    if (!reason)
        reason = posix_spawn_file_actions_addclosefrom_np(actions, HEDON_PROTOCOL_SOCKET + 1);
    return reason;
}

static int spawn(pid_t *pid, const char *program, int socket)
{
    posix_spawn_file_actions_t actions;
    char *const arguments[] = {"hedon-decode", NULL};

    int reason = posix_spawn_file_actions_init(&actions);
    if (reason) return reason;
    reason = set_descriptors(&actions, socket);
    if (!reason) reason = hedon_helper_start(pid, program, arguments, &actions);
    posix_spawn_file_actions_destroy(&actions);
    return reason;
}

/* A descriptor above the worker's own few, so that putting one in its place cannot overwrite the
 * other (this program may have been started with its standard descriptors closed). */
static int move_up(int fd)
{
    if (fd > HEDON_PROTOCOL_SOCKET) return fd;
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, HEDON_PROTOCOL_SOCKET + 1);
    const int reason = errno;
    close(fd);
    errno = reason;
    return moved;
}

int hedon_worker_process_start(HedonContext *ctx, HedonWorkerProcess *process, const char *program)
{
    char found[PATH_MAX + 64];
    process->pid = 0;
    process->socket = -1;
    if (!program) program = secure_getenv("HEDON_DECODE_WORKER");
    if (!program || !*program) {
        hedon_helper_program(found, sizeof(found), "hedon-decode");
        program = found;
    }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return hedon_fail_errno(ctx, "cannot connect to the decoder");
    ends[1] = move_up(ends[1]);
    if (ends[1] < 0) {
        close(ends[0]);
        return hedon_fail_errno(ctx, "cannot connect to the decoder");
    }
    const int reason = spawn(&process->pid, program, ends[1]);
    close(ends[1]);
    if (reason) {
        process->pid = 0;
        close(ends[0]);
        return hedon_fail(ctx, HEDON_EDECODER,
                          "cannot start the decoder %s: %s (HEDON_DECODE_WORKER can name another)",
                          program, strerror(reason));
    }
    process->socket = ends[0];
    return 0;
}

int hedon_worker_process_alive(const HedonWorkerProcess *process)
{
    char byte;
    if (process->pid <= 0) return 0;
    const ssize_t size = recv(process->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size > 0 || (size < 0 && errno == EAGAIN);
}

/* wait4, for at most that long; 0 when the process is still there then. */
static pid_t wait_within(pid_t pid, int *status, struct rusage *used, double seconds)
{
    const struct timespec pause = {0, 500 * 1000};
    const double end = hedon_clock_s() + seconds;
    pid_t ended;
    while (!(ended = wait4(pid, status, WNOHANG, used)) && hedon_clock_s() < end)
        nanosleep(&pause, NULL);
    return ended;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

double hedon_worker_process_cpu_s(const HedonWorkerProcess *process)
{
    clockid_t clock;
    struct timespec used;
    if (process->pid <= 0 || clock_getcpuclockid(process->pid, &clock) ||
        clock_gettime(clock, &used))
        return process->ended_cpu_s;
    return process->ended_cpu_s + (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

int64_t hedon_worker_process_peak_bytes(const HedonWorkerProcess *process)
{
    char name[64], line[256];
    long long kilobytes = 0;
    snprintf(name, sizeof(name), "/proc/%d/status", (int)process->pid);
    FILE *status = process->pid > 0 ? fopen(name, "re") : NULL;
    while (status && fgets(line, sizeof(line), status))
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1) break;
    if (status) fclose(status);
    const int64_t bytes = (int64_t)kilobytes * 1024;
    return bytes > process->ended_peak_bytes ? bytes : process->ended_peak_bytes;
}

int hedon_worker_process_end(HedonWorkerProcess *process, double grace_s)
{
    if (process->pid <= 0) return -1;
    int status = -1;
    /* Now, while it may live: ru_maxrss would count this program's memory, in which it was born. */
    process->ended_peak_bytes = hedon_worker_process_peak_bytes(process);
    struct rusage used;
    pid_t ended = wait_within(process->pid, &status, &used, grace_s);
    if (!ended) {
        kill(process->pid, SIGKILL); /* also wakes and ends a stopped one */
        do ended = wait4(process->pid, &status, 0, &used);
        while (ended < 0 && errno == EINTR);
    }
    if (ended > 0) process->ended_cpu_s += seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    close(process->socket);
    process->pid = 0;
    process->socket = -1;
    return ended > 0 ? status : -1;
}

void hedon_worker_process_describe(int status, char *text, size_t size)
{
    if (status >= 0 && WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        const char *name = sigdescr_np(number);
        snprintf(text, size, "%s (signal %d, %s)", number == SIGKILL ? "was killed" : "crashed",
                 number, name ? name : "unknown");
    } else if (status >= 0 && WIFEXITED(status)) {
        snprintf(text, size, "ended by itself (exit status %d)", WEXITSTATUS(status));
    } else {
        snprintf(text, size, "ended");
    }
}
