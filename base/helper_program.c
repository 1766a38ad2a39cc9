#include "base/helper_program.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
