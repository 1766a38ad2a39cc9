#include "annotate/content_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { BLOCK = 1 << 18 };

static int64_t mtime_of(const struct stat *about)
{
    return (int64_t)about->st_mtim.tv_sec * 1000000000 + about->st_mtim.tv_nsec;
}

/* A link that leads nowhere is a file that is not there, and says so. */
static int open_regular(HedonContext *ctx, const char *path, struct stat *about)
{
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (file < 0) {
        const int error = errno;
        if (error == ENOENT && !lstat(path, about) && S_ISLNK(about->st_mode))
            return hedon_fail(ctx, HEDON_ENOENT, "a link that leads to no file");
        errno = error;
        return hedon_fail_errno(ctx, "cannot open");
    }
    int code = fstat(file, about) ? hedon_fail_errno(ctx, "cannot look at it") : 0;
    if (!code && S_ISDIR(about->st_mode)) code = hedon_fail(ctx, HEDON_EISDIR, "is a directory");
    if (!code && !S_ISREG(about->st_mode))
        code = hedon_fail(ctx, HEDON_EINVAL, "is not an ordinary file");
    if (!code) return file;
    close(file);
    return code;
}

static int hash_blocks(HedonContext *ctx, int file, struct sha256_ctx *state)
{
    uint8_t *block = hedon_malloc(BLOCK, 1);
    if (!block) return hedon_fail_memory(ctx);
    int code = 0;
    for (;;) {
        const ssize_t got = read(file, block, BLOCK);
        if (got < 0) code = hedon_fail_errno(ctx, "cannot read it");
        if (!code) code = hedon_check_cancelled(ctx);
        if (code || !got) break;
        sha256_update(state, (size_t)got, block);
    }
    hedon_free(block);
    return code;
}

int hedon_content_hash(HedonContext *ctx, const char *path, HedonContent *content)
{
    struct stat about;
    const int file = open_regular(ctx, path, &about);
    if (file < 0) return file;
    struct sha256_ctx state;
    sha256_init(&state);
    const int code = hash_blocks(ctx, file, &state);
    close(file);
    if (code) return code;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&state, sizeof(digest), digest);
    base16_encode_update(content->hash, sizeof(digest), digest);
    content->hash[64] = 0;
    content->size = about.st_size;
    content->mtime_ns = mtime_of(&about);
    return 0;
}

int hedon_content_is_current(const char *path, const HedonContent *content)
{
    struct stat about;
    return !stat(path, &about) && about.st_size == content->size &&
           mtime_of(&about) == content->mtime_ns;
}
