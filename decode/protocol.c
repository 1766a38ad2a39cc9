/* Messages with descriptors over a socket pair, and sealed shared memory. */
#include "decode/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY offsetof(HedonMessage, configure)

/* The size of a message of each type, and whether a descriptor belongs to it. */
static const struct {
    size_t size;
    int has_fd;
} kinds[HEDON_MESSAGE_TYPES] = {
    [HEDON_MESSAGE_CONFIGURE] = {BODY + sizeof(HedonMessageConfigure), 0},
    [HEDON_MESSAGE_OPEN] = {BODY + sizeof(HedonMessageOpen), 1},
    [HEDON_MESSAGE_FRAMES] = {BODY + sizeof(HedonMessageFrames), 0},
    [HEDON_MESSAGE_RELEASE] = {BODY + sizeof(uint32_t), 0},
    [HEDON_MESSAGE_STOP] = {BODY, 0},
    [HEDON_MESSAGE_READY] = {BODY + sizeof(HedonMessageReady), 0},
    [HEDON_MESSAGE_INFO] = {BODY + sizeof(HedonVideoInfo), 1},
    [HEDON_MESSAGE_SLOTS] = {BODY + sizeof(HedonMessageSlots), 1},
    [HEDON_MESSAGE_FRAME] = {BODY + sizeof(HedonMessageFrame), 0},
    [HEDON_MESSAGE_ADVANCED] = {BODY, 0},
    [HEDON_MESSAGE_DONE] = {BODY + sizeof(HedonMessageDone), 0},
};

/* Room for exactly one descriptor, aligned as the kernel's macros want it. */
typedef union FdBuffer {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} FdBuffer;

int hedon_message_send(int socket, HedonMessage *message, int fd, int flags)
{
    message->version = HEDON_PROTOCOL_VERSION;
    struct iovec part = {message, kinds[message->type].size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    FdBuffer control = {0};
    if (fd >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(socket, &header, flags | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

/* The kernel has closed what did not fit (MSG_CTRUNC), so at most one descriptor is here. */
static int received_fd(struct msghdr *header)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    int fd = -1;
    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(rights), sizeof(int));
    return fd;
}

static int well_formed(const HedonMessage *message, ssize_t size, int flags, int fd)
{
    if (flags & (MSG_TRUNC | MSG_CTRUNC)) return 0;
    if (size < (ssize_t)BODY || message->version != HEDON_PROTOCOL_VERSION) return 0;
    if (message->type < HEDON_MESSAGE_CONFIGURE || message->type >= HEDON_MESSAGE_TYPES) return 0;
    return (size_t)size == kinds[message->type].size && kinds[message->type].has_fd == (fd >= 0);
}

int hedon_message_receive(int socket, HedonMessage *message, int *fd, int flags)
{
    struct iovec part = {message, sizeof(*message)};
    FdBuffer control;
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t size;
    if (fd) *fd = -1;
    do size = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0) return -1;
    const int came = received_fd(&header);
    if (size == 0 && came < 0) return 0;
    if (well_formed(message, size, header.msg_flags, came) && (fd || came < 0)) {
        if (fd) *fd = came;
        return 1;
    }
    if (came >= 0) close(came);
    errno = EPROTO;
    return -1;
}

int hedon_shared_create(const char *name, size_t bytes)
{
    const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if (!ftruncate(fd, (off_t)bytes) &&
        !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        return fd;
    const int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

int hedon_shared_check(int fd, int64_t bytes)
{
    /* Only memory files have seals, so a pipe or a file of some slow file system fails here. */
    const int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    return seals >= 0 && (seals & F_SEAL_SHRINK) && !fstat(fd, &status) && status.st_size == bytes;
}
