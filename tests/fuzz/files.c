#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

int fuzz_file(const uint8_t *data, size_t size, char path[FUZZ_PATH])
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < size) {
        const ssize_t written = write(fd, data + done, size - done);
        if (written < 0 && errno != EINTR) break;
        if (written > 0) done += (size_t)written;
    }
    if (fd < 0 || done < size || lseek(fd, 0, SEEK_SET)) {
        perror("fuzz: memory file");
        exit(1);
    }
    snprintf(path, FUZZ_PATH, "/proc/self/fd/%d", fd);
    return fd;
}

uint8_t *fuzz_seed_bytes(const void *bytes, size_t length, size_t *size)
{
    uint8_t *copy = malloc(length + 1);
    if (!copy) return NULL;
    memcpy(copy, bytes, length);
    *size = length;
    return copy;
}

static uint8_t *read_all(FILE *stream, size_t *size)
{
    uint8_t *bytes = NULL;
    size_t room = 0, count = 0, got = 1;
    while (got) {
        if (count == room) {
            uint8_t *grown = realloc(bytes, room = room ? 2 * room : 1 << 16);
            if (!grown) break;
            bytes = grown;
        }
        got = fread(bytes + count, 1, room - count, stream);
        count += got;
    }
    *size = count;
    return bytes;
}

uint8_t *fuzz_seed_command(const char *command, size_t *size)
{
    FILE *stream = popen(command, "r");
    if (!stream) return NULL;
    uint8_t *bytes = read_all(stream, size);
    if (pclose(stream) == 0 && *size) return bytes;
    free(bytes);
    return NULL;
}

uint8_t *fuzz_seed_file(const char *path, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) return NULL;
    uint8_t *bytes = read_all(stream, size);
    fclose(stream);
    return bytes;
}
