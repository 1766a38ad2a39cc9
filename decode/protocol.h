/* What hedon and its hedon-decode worker say to each other over a SOCK_SEQPACKET socket pair.
 *
 *   client                          worker
 *   CONFIGURE                       READY
 *   OPEN + the file's descriptor    ADVANCED* [INFO + times] DONE
 *   FRAMES (up to 512 indices)      (ADVANCED | [SLOTS + memory] FRAME)*  [INFO + times]  DONE
 *   RELEASE slots                   -
 *   STOP the request                - (its DONE says HEDON_ECANCELLED, or had been sent already)
 *
 * ADVANCED comes every second while packets are read or pictures decoded: the work is long, not
 * stuck. Every message has the fixed size of its type. Both sides are of one build, so structs travel as
 * they are; the version and the sizes tell when they are not. The client trusts nothing that it
 * receives (worker_reply.h), since the worker reads hostile files.
 */
#ifndef HEDON_DECODE_PROTOCOL_H
#define HEDON_DECODE_PROTOCOL_H

#include "decode/video.h"

#define HEDON_PROTOCOL_VERSION 4
#define HEDON_PROTOCOL_SOCKET  3 /* the worker's descriptor of its end */
#define HEDON_PROTOCOL_INDICES 512
#define HEDON_PROTOCOL_SLOTS   16

typedef enum HedonMessageType {
    HEDON_MESSAGE_CONFIGURE = 1,
    HEDON_MESSAGE_OPEN,
    HEDON_MESSAGE_FRAMES,
    HEDON_MESSAGE_RELEASE,
    HEDON_MESSAGE_STOP,
    HEDON_MESSAGE_READY,
    HEDON_MESSAGE_INFO,
    HEDON_MESSAGE_SLOTS,
    HEDON_MESSAGE_FRAME,
    HEDON_MESSAGE_ADVANCED,
    HEDON_MESSAGE_DONE,
    HEDON_MESSAGE_TYPES
} HedonMessageType;

typedef struct HedonMessageConfigure {
    int64_t max_memory; /* bytes of address space; 0: no limit */
    int32_t nvdec, gpu; /* decode on that GPU if it can be had */
} HedonMessageConfigure;

typedef struct HedonMessageReady {
    int32_t nvdec;     /* 1: the GPU decodes */
    char reason[1020]; /* why not, where it was wished for */
} HedonMessageReady;

typedef struct HedonMessageOpen {
    int64_t max_pixels, max_frames;
    int64_t threads;
} HedonMessageOpen;

typedef struct HedonMessageFrames {
    int64_t count, more, index[HEDON_PROTOCOL_INDICES];
} HedonMessageFrames;

/* count slots of bytes each, in one sealed memory file; they replace smaller ones. */
typedef struct HedonMessageSlots {
    int64_t bytes, count;
} HedonMessageSlots;

typedef struct HedonMessageFrame {
    int64_t slot, index;
    int64_t offset[3], stride[3]; /* within the slot; bytes */
    int32_t width, height, layout, bits, shift, matrix, full_range;
} HedonMessageFrame;

typedef struct HedonMessageDone {
    int32_t code;
    char text[1024];
} HedonMessageDone;

typedef struct HedonMessage {
    uint32_t version, type;
    union {
        HedonMessageConfigure configure;
        HedonMessageReady ready;
        HedonMessageOpen open;
        HedonMessageFrames frames;
        uint32_t release; /* bit s: slot s */
        HedonVideoInfo info;
        HedonMessageSlots slots;
        HedonMessageFrame frame;
        HedonMessageDone done;
    };
} HedonMessage;

/**
 * Send one message; version is filled in.
 *
 * @param fd     sent along, stays the caller's; -1 for none
 * @param flags  0 to wait while the socket is full, MSG_DONTWAIT to fail with EAGAIN
 * @return 0, or -1 with errno (EPIPE or ECONNRESET when the other side is gone)
 */
int hedon_message_send(int socket, HedonMessage *message, int fd, int flags);

/**
 * Receive one message.
 *
 * @param fd     set to the descriptor that came along, -1 when none did; the caller's to close.
 *               NULL: none is expected
 * @param flags  0 to wait, MSG_DONTWAIT to fail with EAGAIN
 * @return 1; 0 when the other side is gone; -1 with errno, EPROTO for a message of another version,
 *         type or size, or with descriptors that do not belong to it
 */
int hedon_message_receive(int socket, HedonMessage *message, int *fd, int flags);

/** A close-on-exec memory file of that many zero bytes which nobody can shrink or grow; -1 with
 *  errno. */
int hedon_shared_create(const char *name, size_t bytes);
/** Whether fd is such a file of that very size: mapping it can then never raise SIGBUS. */
int hedon_shared_check(int fd, int64_t bytes);

#endif
