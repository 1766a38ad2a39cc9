#include "store/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Field 22 of /proc/PID/stat, counted after the command's name, which may hold anything but ends at
 * the last ')'. -1 when it cannot be read; 0 for a zombie, which will do nothing any more. */
static int64_t start_time(int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    const size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = 0;
    const char *rest = strrchr(text, ')');
    char state;
    long long started;
    if (!rest || sscanf(rest + 1,
                        " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                        "%*d %*d %*d %lld",
                        &state, &started) != 2)
        return -1;
    return state == 'Z' || state == 'X' ? 0 : started;
}

void hedon_process_self(HedonProcess *self)
{
    memset(self, 0, sizeof(*self));
    if (gethostname(self->host, sizeof(self->host) - 1)) strcpy(self->host, "?");
    char namespace[64] = "";
    const ssize_t length = readlink("/proc/self/ns/pid", namespace, sizeof(namespace) - 1);
    namespace[length > 0 ? length : 0] = 0;
    char boot[48] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file) {
        if (fscanf(file, "%47s", boot) != 1) boot[0] = 0;
        fclose(file);
    }
    snprintf(self->boot, sizeof(self->boot), "%s %s", boot, namespace);
    self->pid = getpid();
    self->started = start_time(self->pid);
}

int hedon_process_is_dead(const HedonProcess *self, const HedonProcess *other)
{
    if (!self->boot[0] || strcmp(self->host, other->host) || strcmp(self->boot, other->boot))
        return 0;
    if (other->pid <= 0 || other->pid > INT32_MAX) return 0;
    if (kill((pid_t)other->pid, 0) && errno == ESRCH) return 1;
    const int64_t started = start_time(other->pid);
    return started >= 0 && started != other->started;
}
