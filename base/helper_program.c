#include "base/helper_program.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#ifndef HEDON_LIBEXEC_DIR
#define HEDON_LIBEXEC_DIR "/usr/local/libexec/hedon"
#endif

void hedon_helper_program(char *path, size_t size, const char *name)
{
    static const char *const places[] = {"", "/../libexec/hedon"};
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length > 0) {
        self[length] = 0;
        char *slash = strrchr(self, '/');
        if (slash) *slash = 0;
        for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
            const int written = snprintf(path, size, "%s%s/%s", self, places[i], name);
            if (written > 0 && (size_t)written < size && !access(path, X_OK)) return;
        }
    }
    snprintf(path, size, "%s/%s", HEDON_LIBEXEC_DIR, name);
}

/* posix_spawn's vfork is safe where other threads exist, and its cost does not grow with this
 * program's memory, unlike fork's. */
int hedon_helper_start(pid_t *pid, const char *program, char *const arguments[],
                       const posix_spawn_file_actions_t *actions)
{
    posix_spawnattr_t attributes;
    sigset_t mask, defaults;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigfillset(&defaults);
    int reason = posix_spawnattr_init(&attributes);
    if (reason) return reason;
    reason = posix_spawnattr_setsigmask(&attributes, &mask);
    if (!reason) reason = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (!reason)
        reason =
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!reason) reason = posix_spawn(pid, program, actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    return reason;
}
