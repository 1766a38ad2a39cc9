/* A stand-in for hedon-decode that serves a made-up video of 40 frames of 32 x 16, correctly but
 * for the one fault that $HEDON_FAULT names. The client must take it for what it is. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decode/protocol.h"

#define FRAMES     40
#define WIDTH      32
#define HEIGHT     16
#define SLOT_BYTES 4096
#define SLOTS      16

static const char *fault_name = "";

static int fault(const char *name)
{
    return !strcmp(fault_name, name);
}

static void tell(HedonMessage *message, int fd)
{
    if (hedon_message_send(HEDON_PROTOCOL_SOCKET, message, fd, 0)) _exit(1);
}

static void tell_type(HedonMessageType type)
{
    HedonMessage message = {.type = type};
    tell(&message, -1);
}

static void tell_ready(void)
{
    HedonMessage message = {.type = HEDON_MESSAGE_READY};
    message.ready.nvdec = fault("unasked decoder");
    tell(&message, -1);
}

static void tell_done(int code, const char *text)
{
    HedonMessage message = {.type = HEDON_MESSAGE_DONE, .done.code = code};
    snprintf(message.done.text, sizeof(message.done.text), "%s", text);
    if (fault("unended text")) memset(message.done.text, '\033', sizeof(message.done.text));
    tell(&message, -1);
}

static void tell_bytes(const void *bytes, size_t size)
{
    if (send(HEDON_PROTOCOL_SOCKET, bytes, size, MSG_NOSIGNAL) < 0) _exit(1);
}

/* A file of times; with some faults not what it should be. */
static int make_times(int64_t frames)
{
    double times[FRAMES];
    for (int i = 0; i < FRAMES; i++) times[i] = i / 10.0;
    if (fault("nan time")) times[7] = NAN;
    if (fault("infinite time")) times[FRAMES - 1] = INFINITY;
    if (fault("descending time")) times[7] = 0.1;
    if (fault("negative time")) times[0] = -1;
    if (fault("times are a pipe")) {
        int ends[2];
        if (pipe(ends)) _exit(1);
        return ends[0];
    }
    if (fault("times not sealed")) {
        const int fd = memfd_create("times", 0);
        if (write(fd, times, sizeof(times)) < 0) _exit(1);
        return fd;
    }
    const size_t bytes = (size_t)frames * sizeof(double) - (fault("few times") ? 8 : 0);
    const int fd = hedon_shared_create("times", bytes);
    if (fd < 0 || write(fd, times, bytes) < 0) _exit(1);
    return fd;
}

static void tell_info(void)
{
    HedonMessage message = {.type = HEDON_MESSAGE_INFO,
                            .info = {.container = "fake",
                                     .codec = "fake",
                                     .pixel_format = "gray",
                                     .width = WIDTH,
                                     .height = HEIGHT,
                                     .frames = FRAMES,
                                     .duration_s = 4,
                                     .rate = 10}};
    if (fault("no pixels")) message.info.width = 0;
    if (fault("many pixels")) message.info.width = message.info.height = 1 << 20;
    if (fault("negative frames")) message.info.frames = -1;
    if (fault("many frames")) message.info.frames = INT64_MAX / 8;
    if (fault("odd rotation")) message.info.rotation = 45;
    if (fault("nan duration")) message.info.duration_s = NAN;
    if (fault("unended name")) memset(message.info.codec, '\033', sizeof(message.info.codec));
    const int fd = make_times(FRAMES);
    tell(&message, fd);
    close(fd);
}

static void tell_slots(void)
{
    HedonMessage message = {.type = HEDON_MESSAGE_SLOTS, .slots = {SLOT_BYTES, SLOTS}};
    const int fd = fault("slots not sealed") ? memfd_create("slots", 0)
                                             : hedon_shared_create("slots", SLOT_BYTES * SLOTS);
    if (fd < 0) _exit(1);
    if (fault("slots not sealed") && ftruncate(fd, SLOT_BYTES * SLOTS)) _exit(1);
    if (fault("bigger slots than memory")) message.slots.bytes *= 2;
    if (fault("huge slots")) message.slots.bytes = INT64_MAX & ~INT64_C(63);
    if (fault("no slots")) message.slots.count = 0;
    if (fault("odd slots")) message.slots.bytes--;
    tell(&message, fd);
    if (fault("slots again")) tell(&message, fd);
    close(fd);
}

static void tell_frame(int64_t slot, int64_t index)
{
    HedonMessage message = {.type = HEDON_MESSAGE_FRAME,
                            .frame = {.slot = slot,
                                      .index = index,
                                      .stride = {64, 64, 64},
                                      .offset = {0, 1024, 2048},
                                      .width = WIDTH,
                                      .height = HEIGHT,
                                      .layout = HEDON_PIXEL_YUV444,
                                      .bits = 8}};
    HedonMessageFrame *frame = &message.frame;
    if (fault("slot outside")) frame->slot = SLOTS;
    if (fault("negative slot")) frame->slot = -1;
    if (fault("index not asked")) frame->index = FRAMES - 1;
    if (fault("huge index")) frame->index = INT64_MAX;
    if (fault("negative index")) frame->index = -1;
    if (fault("offset outside")) frame->offset[2] = SLOT_BYTES - 64 * HEIGHT + 64;
    if (fault("huge offset")) frame->offset[1] = INT64_MAX;
    if (fault("negative offset")) frame->offset[0] = -64;
    if (fault("short stride")) frame->stride[0] = WIDTH - 1;
    if (fault("negative stride")) frame->stride[1] = -64;
    if (fault("huge stride")) frame->stride[2] = INT64_MAX;
    if (fault("tall frame")) frame->height = 4096;
    if (fault("no height")) frame->height = 0;
    if (fault("wide frame")) frame->width = 65536;
    if (fault("seven bits")) frame->bits = 7;
    if (fault("shifted bytes")) frame->shift = 1;
    if (fault("shifted away")) frame->bits = 10, frame->shift = 7;
    if (fault("negative shift")) frame->bits = 10, frame->shift = -1;
    if (fault("odd samples")) frame->bits = 10, frame->offset[0] = 1;
    if (fault("unknown layout")) frame->layout = HEDON_PIXEL_LAYOUTS;
    if (fault("unknown matrix")) frame->matrix = -1;
    if (fault("unknown range")) frame->full_range = 2;
    tell(&message, -1);
    if (fault("frame twice")) tell(&message, -1);
}

/* Three times $HEDON_FAULT_SECONDS of work, or work without end, and a word about it now and then. */
static void dawdle(int endless)
{
    const char *seconds = getenv("HEDON_FAULT_SECONDS");
    for (int tenth = 0; endless || tenth < 30 * (seconds ? atoi(seconds) : 0); tenth++) {
        if (!fault("flood")) usleep(100 * 1000);
        tell_type(HEDON_MESSAGE_ADVANCED);
    }
}

static void serve_open(void)
{
    if (fault("endless") || fault("flood")) dawdle(1);
    if (fault("silent at open")) pause();
    if (fault("crash at open")) raise(SIGSEGV);
    if (fault("unknown code")) return tell_done(-1000, "");
    if (fault("positive code")) return tell_done(1, "");
    if (fault("unended text")) return tell_done(HEDON_EDATA, "");
    if (fault("stop at open")) return tell_done(HEDON_ECANCELLED, "");
    if (fault("no memory")) return tell_done(HEDON_ENOMEM, "out of memory");
    if (!fault("open without index")) tell_info();
    if (fault("two indexes")) tell_info();
    if (fault("frame at open")) tell_frame(0, 0);
    tell_done(0, "");
}

static void serve_frames(const HedonMessageFrames *request)
{
    static int ready;
    if (fault("garbage")) return tell_bytes("\xff\xfe lorem ipsum", 14);
    if (fault("empty message")) return tell_bytes("", 0);
    if (fault("long message")) {
        char bytes[sizeof(HedonMessage) + 100] = {0};
        return tell_bytes(bytes, sizeof(bytes));
    }
    if (fault("other version")) {
        const uint32_t words[2] = {HEDON_PROTOCOL_VERSION + 1, HEDON_MESSAGE_READY};
        return tell_bytes(words, sizeof(words));
    }
    if (fault("request as reply")) return tell_type(HEDON_MESSAGE_STOP);
    if (fault("ready twice")) tell_type(HEDON_MESSAGE_READY);
    if (!ready && !fault("frame without slots")) tell_slots();
    ready = 1;
    if (fault("slow")) dawdle(0);
    for (int64_t i = 0; i < request->count; i++) {
        tell_frame(i % SLOTS, request->index[i]);
        if (fault("silent in the middle")) pause();
        if (fault("closed in the middle")) close(HEDON_PROTOCOL_SOCKET), pause();
        if (fault("exit in the middle")) _exit(7);
        if (fault("crash in the middle")) raise(SIGSEGV);
        if (fault("frames are missing") && i == 1) break;
        if (fault("frame after index") && !i) tell_info();
    }
    if (fault("index without resample")) tell_info();
    if (fault("resample without index")) return tell_done(HEDON_ERESAMPLE, "");
    if (fault("endless resamples")) {
        tell_info();
        return tell_done(HEDON_ERESAMPLE, "");
    }
    tell_done(0, "");
}

int main(void)
{
    HedonMessage message;
    int fd;
    if (getenv("HEDON_FAULT")) fault_name = getenv("HEDON_FAULT");
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would rather tell a story */
    if (fault("exit at start")) return 9;
    while (hedon_message_receive(HEDON_PROTOCOL_SOCKET, &message, &fd, 0) > 0) {
        if (message.type == HEDON_MESSAGE_CONFIGURE) tell_ready();
        if (message.type == HEDON_MESSAGE_OPEN) serve_open();
        if (message.type == HEDON_MESSAGE_FRAMES) serve_frames(&message.frames);
        if (fd >= 0) close(fd);
    }
    return 0;
}
