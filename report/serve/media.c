/* Videos, whole or in ranges. A video is named by its number in the store, never by a path; its
 * file must really lie under the folder that was annotated, whatever links lead there. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/serve/private.h"
#include "report/serve/range.h"

int hedon_open_shown(const char *root, const char *path, char *resolved)
{
    char real_root[PATH_MAX], link[64];
    struct stat status;
    if (!root || root[0] != '/' || !realpath(root, real_root)) return -1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -1;
    /* where it really is, asked of what is open: a link changed in between changes nothing */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, resolved, PATH_MAX - 1);
    resolved[length > 0 ? length : 0] = 0;
    const size_t prefix = strcmp(real_root, "/") ? strlen(real_root) : 0;
    if (length > 0 && !strncmp(resolved, real_root, prefix) && resolved[prefix] == '/' &&
        !fstat(fd, &status) && S_ISREG(status.st_mode))
        return fd;
    close(fd);
    return -1;
}

/* By suffix; the browser looks into it itself. Never a type that could be run. */
static const char *type_of(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".mp4", "video/mp4"},       {".m4v", "video/mp4"},        {".mov", "video/quicktime"},
        {".webm", "video/webm"},     {".mkv", "video/x-matroska"}, {".ogv", "video/ogg"},
        {".avi", "video/x-msvideo"}, {".ts", "video/mp2t"},        {".mpg", "video/mpeg"},
        {".mpeg", "video/mpeg"},     {".3gp", "video/3gpp"},       {".gif", "image/gif"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
        if (!strcasecmp(dot, types[i].suffix)) return types[i].type;
    return "application/octet-stream";
}

static void answer_file(const HedonAsked *asked, HedonAnswer *answer, int fd, const char *path)
{
    struct stat status;
    HedonRange range = {0};
    if (fstat(fd, &status)) {
        close(fd);
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "the video cannot be read");
        return;
    }
    const uint64_t size = (uint64_t)status.st_size;
    snprintf(answer->tag, sizeof(answer->tag), "\"%llx-%llx.%lx\"", (unsigned long long)size,
             (unsigned long long)status.st_mtim.tv_sec, (unsigned long)status.st_mtim.tv_nsec);
    const char *since = hedon_asked_header(asked, "If-Range");
    const int asks = since && strcmp(since, answer->tag)
                         ? 0
                         : hedon_range_read(hedon_asked_header(asked, "Range"), size, &range);
    if (asks < 0) {
        close(fd);
        hedon_answer_error(answer, MHD_HTTP_RANGE_NOT_SATISFIABLE, "the file is not so long");
        snprintf(answer->range, sizeof(answer->range), "bytes */%llu", (unsigned long long)size);
        return;
    }
    if (asks)
        snprintf(answer->range, sizeof(answer->range), "bytes %llu-%llu/%llu",
                 (unsigned long long)range.first, (unsigned long long)range.last,
                 (unsigned long long)size);
    else
        range = (HedonRange){0, size - 1};
    answer->status = asks ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK;
    answer->type = type_of(path);
    answer->cache = "private, no-cache";
    answer->fd = fd;
    answer->fd_offset = range.first;
    answer->fd_size = size ? range.last - range.first + 1 : 0;
}

typedef struct Found {
    int fd;
    char path[PATH_MAX];
} Found;

static int open_row(void *opaque, const HedonStoreRow *row)
{
    Found *found = opaque;
    found->fd = hedon_open_shown(row->root, row->path, found->path);
    return 0;
}

void hedon_media(const HedonAsked *asked, HedonAnswer *answer, const char *id)
{
    HedonStoreQuery query = {.run = asked->run, .order = HEDON_STORE_BY_PATH, .errors = 2};
    Found found = {.fd = -1};
    if (!hedon_whole_number(id, &query.id) || !query.id) {
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there is no such video");
        return;
    }
    HedonReader *reader = hedon_readers_take(asked->server->readers);
    if (!reader) {
        hedon_answer_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read now");
        return;
    }
    const int code = hedon_store_each(reader->ctx, reader->store, &query, open_row, &found);
    if (found.fd >= 0)
        answer_file(asked, answer, found.fd, found.path);
    else if (code)
        hedon_answer_failure(answer, reader->ctx, code);
    else
        hedon_answer_error(answer, MHD_HTTP_NOT_FOUND, "there is no such video");
    hedon_readers_give(asked->server->readers, reader, code == HEDON_EIO);
}
