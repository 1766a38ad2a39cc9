#include "base/mapped_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

int hedon_mapped_open(HedonContext *ctx, HedonMappedFile *out, const char *path)
{
    memset(out, 0, sizeof(*out));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO is refused, not awaited */
    if (fd < 0) return hedon_fail_errno(ctx, "cannot open");
    struct stat status;
    int code = 0;
    if (fstat(fd, &status)) {
        code = hedon_fail_errno(ctx, "cannot open");
    } else if (S_ISDIR(status.st_mode)) {
        code = hedon_fail(ctx, HEDON_EISDIR, "is a directory, a file is wanted");
    } else if (!S_ISREG(status.st_mode)) {
        code = hedon_fail(ctx, HEDON_EDATA, "not a regular file");
    } else if (status.st_size > 0) {
        void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            code = hedon_fail_errno(ctx, "cannot map");
        } else {
            out->data = data;
            out->size = (size_t)status.st_size;
        }
    }
    close(fd);
    return code;
}

void hedon_mapped_close(HedonMappedFile *file)
{
    if (file->data) munmap((void *)file->data, file->size);
    memset(file, 0, sizeof(*file));
}
