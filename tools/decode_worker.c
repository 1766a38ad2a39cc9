/* hedon-decode: opens and decodes videos for hedon, in a process of its own (decode/worker.h has
 * the client's side, decode/protocol.h what they say). It serves one request at a time, copies each
 * frame into a free slot of shared memory, and ends when the client closes its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "decode/protocol.h"
#include "decode/video.h"
#include "tools/decode_hardware.h"
#include "tools/decode_memory.h"

#define SLOTS_BUDGET ((int64_t)64 << 20) /* bytes of shared memory; two slots there are always */

/* Waking the client costs as much as decoding a small frame, so when they come fast it is woken for
 * several at once. */
enum { BUNDLE = 4 };
#define FAST_S 0.0005 /* from frame to frame */

typedef struct Server {
    HedonContext *ctx;
    HedonContext *frame_ctx; /* of send_frame, which several decoding threads call, one at a time */
    HedonHardware *hardware; /* NULL: the CPU decodes */
    HedonVideo *video;
    int video_fd;
    uint8_t *slots;
    int64_t slot_bytes, slot_count;
    uint32_t busy; /* bit s: the client has slot s, or will */
    HedonMessageFrame bundle[BUNDLE]; /* frames that it has not been told of */
    int bundled;
    double frame_s; /* clock of the last frame */
    int stopping;  /* the client wants no more of the current request */
    int send_code; /* what send_frame failed with; its sentence is in frame_ctx */
    atomic_llong told_s; /* clock of the last ADVANCED */
} Server;

/* The client is gone or is not one of ours: nobody is left to tell. */
static _Noreturn void leave(void)
{
    _exit(1);
}

static void tell(HedonMessage *message, int fd)
{
    if (hedon_message_send(HEDON_PROTOCOL_SOCKET, message, fd, 0)) leave();
}

/* ---- Slots ------------------------------------------------------------------------------------
 */

/* Take one message that may come during a request; 0 when flags say not to wait and there is none.
 */
static int take_notice(Server *server, int flags)
{
    HedonMessage message;
    const int got = hedon_message_receive(HEDON_PROTOCOL_SOCKET, &message, NULL, flags);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) leave();
    if (message.type == HEDON_MESSAGE_STOP)
        server->stopping = 1;
    else if (message.type == HEDON_MESSAGE_RELEASE)
        server->busy &= ~message.release;
    else
        leave();
    return 1;
}

/* Tell of the bundled frames, and hear what the client has to say. */
static void send_bundle(Server *server)
{
    for (int i = 0; i < server->bundled; i++) {
        HedonMessage message = {.type = HEDON_MESSAGE_FRAME, .frame = server->bundle[i]};
        tell(&message, -1);
    }
    server->bundled = 0;
    while (take_notice(server, MSG_DONTWAIT)) {
    }
}

/* Bigger slots in place of the old ones, which stay when memory is out. */
static int grow_slots(Server *server, int64_t bytes)
{
    int64_t count = SLOTS_BUDGET / bytes;
    if (count > HEDON_PROTOCOL_SLOTS) count = HEDON_PROTOCOL_SLOTS;
    if (count < 2) count = 2;
    const size_t total = (size_t)(bytes * count);
    const int fd = hedon_shared_create("hedon-slots", total);
    if (fd < 0) return hedon_fail_memory(server->frame_ctx);
    void *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        close(fd);
        return hedon_fail_memory(server->frame_ctx);
    }
    send_bundle(server);
    while (server->busy) take_notice(server, 0); /* the client still reads these */
    if (server->slots) munmap(server->slots, (size_t)(server->slot_bytes * server->slot_count));
    server->slots = base;
    server->slot_bytes = bytes;
    server->slot_count = count;
    HedonMessage message = {.type = HEDON_MESSAGE_SLOTS, .slots = {bytes, count}};
    tell(&message, fd);
    close(fd);
    return 0;
}

/* A slot that the client does not have, waiting for one if need be; -1 when it said stop. */
static int take_slot(Server *server)
{
    const uint32_t all = (UINT32_C(1) << server->slot_count) - 1;
    if ((server->busy & all) == all) send_bundle(server);
    while (!server->stopping && (server->busy & all) == all) take_notice(server, 0);
    if (server->stopping) return -1;
    const int slot = __builtin_ctz(~server->busy);
    server->busy |= UINT32_C(1) << slot;
    return slot;
}

/* ---- Frames -----------------------------------------------------------------------------------
 */

/* Rows packed to 64 bytes, planes one after the other. Returns the bytes in all. */
static int64_t lay_out(const HedonFrame *frame, HedonMessageFrame *layout)
{
    *layout = (HedonMessageFrame){.index = frame->index,
                                  .width = frame->width,
                                  .height = frame->height,
                                  .layout = frame->layout,
                                  .bits = frame->bits,
                                  .shift = frame->shift,
                                  .matrix = frame->matrix,
                                  .full_range = frame->full_range};
    int64_t bytes = 0;
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(frame->layout, p, frame->width, frame->height, &width, &height);
        layout->offset[p] = bytes;
        layout->stride[p] = (width * (frame->bits > 8 ? 2 : 1) + 63) & ~INT64_C(63);
        bytes += layout->stride[p] * height;
    }
    return bytes;
}

static void copy_planes(uint8_t *slot, const HedonFrame *frame, const HedonMessageFrame *layout)
{
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(frame->layout, p, frame->width, frame->height, &width, &height);
        const size_t row_bytes = (size_t)(width * (frame->bits > 8 ? 2 : 1));
        const uint8_t *from = frame->plane[p];
        uint8_t *to = slot + layout->offset[p];
        for (int64_t y = 0; y < height; y++)
            memcpy(to + y * layout->stride[p], from + y * frame->stride[p], row_bytes);
    }
}

static int send_frame(void *opaque, const HedonFrame *frame)
{
    Server *server = opaque;
    HedonMessageFrame layout;
    const int64_t bytes = lay_out(frame, &layout);
    if (bytes > server->slot_bytes) {
        server->send_code = grow_slots(server, bytes);
        if (server->send_code) return server->send_code;
    }
    const int slot = take_slot(server);
    if (slot < 0)
        return server->send_code = hedon_fail(server->frame_ctx, HEDON_ECANCELLED, "stopped");
    copy_planes(server->slots + slot * server->slot_bytes, frame, &layout);
    layout.slot = slot;
    server->bundle[server->bundled++] = layout;
    const double now_s = hedon_clock_s();
    if (server->bundled == BUNDLE || now_s - server->frame_s > FAST_S) send_bundle(server);
    server->frame_s = now_s;
    return 0;
}

/* From any decoding thread. */
static void tell_advanced(void *opaque)
{
    Server *server = opaque;
    const long long now_s = (long long)hedon_clock_s();
    long long told_s = atomic_load_explicit(&server->told_s, memory_order_relaxed);
    if (now_s == told_s || !atomic_compare_exchange_strong(&server->told_s, &told_s, now_s)) return;
    HedonMessage message = {.type = HEDON_MESSAGE_ADVANCED};
    tell(&message, -1);
}

/* Memory that ran out on the GPU's way says nothing of the CPU's. */
static void forget_memory(void *opaque)
{
    (void)opaque;
    hedon_decode_memory_failed();
}

/* ---- Requests ---------------------------------------------------------------------------------
 */

static int send_info(Server *server)
{
    HedonMessage message = {.type = HEDON_MESSAGE_INFO, .info = *hedon_video_info(server->video)};
    const double *times = hedon_video_times(server->video);
    const size_t bytes = (size_t)message.info.frames * sizeof(*times);
    const int fd = hedon_shared_create("hedon-times", bytes);
    if (fd < 0) return hedon_fail_memory(server->ctx);
    for (size_t done = 0; done < bytes;) {
        const ssize_t written = write(fd, (const char *)times + done, bytes - done);
        if (written < 0) {
            close(fd);
            return hedon_fail_memory(server->ctx);
        }
        done += (size_t)written;
    }
    tell(&message, fd);
    close(fd);
    return 0;
}

static void send_done(Server *server, int code)
{
    HedonMessage message = {.type = HEDON_MESSAGE_DONE, .done.code = code};
    if (code)
        snprintf(message.done.text, sizeof(message.done.text), "%s", hedon_last_error(server->ctx));
    tell(&message, -1);
}

/* The result of a request: whatever it failed with, if memory ran out then that was why. */
static int true_result(Server *server, int code)
{
    return hedon_decode_memory_failed() && code ? hedon_fail_memory(server->ctx) : code;
}

static void close_video(Server *server)
{
    hedon_video_close(server->video);
    server->video = NULL;
    if (server->video_fd >= 0) close(server->video_fd);
    server->video_fd = -1;
}

static int open_video(Server *server, const HedonMessageOpen *request, int fd)
{
    char path[32];
    HedonVideoOptions options;
    close_video(server);
    server->video_fd = fd;
    hedon_video_options_default(&options);
    options.threads = (int)request->threads;
    options.max_pixels = request->max_pixels;
    options.max_frames = request->max_frames;
    options.hardware = server->hardware;
    options.advanced = tell_advanced;
    options.fell_back = forget_memory;
    options.opaque = server;
    snprintf(path, sizeof(path), "fd:%d", fd);
    const int code =
        true_result(server, hedon_video_open(server->ctx, &server->video, path, &options));
    return code ? code : send_info(server);
}

static int read_frames(Server *server, const HedonMessageFrames *request)
{
    if (!server->video) return hedon_fail(server->ctx, HEDON_EINVAL, "no video is open");
    if (request->count < 0 || request->count > HEDON_PROTOCOL_INDICES) leave();
    server->stopping = server->send_code = 0;
    int code = hedon_video_frames(server->ctx, server->video, request->index,
                                  (size_t)request->count, request->more != 0, send_frame, server);
    send_bundle(server);
    if (server->send_code)
        code = hedon_fail(server->ctx, server->send_code, "%s", hedon_last_error(server->frame_ctx));
    code = true_result(server, code);
    if (code == HEDON_ENOMEM) close_video(server); /* its index may have changed unannounced */
    if (code != HEDON_ERESAMPLE) return code;
    const int failed = send_info(server);
    return failed ? failed : code;
}

/* Ends this process when the client is gone, even in the middle of decoding. A thread and not
 * PR_SET_PDEATHSIG, which means the thread that started us rather than its process. */
static void *watch_client(void *unused)
{
    struct pollfd hangup = {.fd = HEDON_PROTOCOL_SOCKET};
    while (poll(&hangup, 1, -1) <= 0) {
    }
    leave();
    return unused;
}

/* The client's first words, with which the sandbox closes. */
static void configure(Server *server, const HedonMessageConfigure *request)
{
    static int configured;
    HedonContext *ctx = server->ctx;
    HedonMessage message = {.type = HEDON_MESSAGE_READY};
    pthread_t watcher;
    if (configured++) leave();
    const int prepared = request->nvdec ? hedon_decode_hardware_prepare(ctx) : HEDON_EDEVICE;
    if (pthread_create(&watcher, NULL, watch_client, NULL)) leave();
    const int code = hedon_decode_hardware_enter(ctx, &server->hardware, request->gpu, prepared,
                                                 request->max_memory);
    message.ready.nvdec = !code;
    if (code && request->nvdec)
        snprintf(message.ready.reason, sizeof(message.ready.reason), "%s", hedon_last_error(ctx));
    tell(&message, -1);
}

static void serve(Server *server)
{
    HedonMessage message;
    int fd;
    while (hedon_message_receive(HEDON_PROTOCOL_SOCKET, &message, &fd, 0) > 0) {
        switch ((HedonMessageType)message.type) {
        case HEDON_MESSAGE_CONFIGURE:
            configure(server, &message.configure);
            break;
        case HEDON_MESSAGE_OPEN:
            send_done(server, open_video(server, &message.open, fd));
            break;
        case HEDON_MESSAGE_FRAMES:
            send_done(server, read_frames(server, &message.frames));
            break;
        case HEDON_MESSAGE_RELEASE:
            server->busy &= ~message.release;
            break;
        case HEDON_MESSAGE_STOP:
            break; /* crossed our DONE */
        default:
            leave();
        }
    }
}

/* ---- The process ------------------------------------------------------------------------------
 */

/* Libraries may write to standard error; what a user should know goes to the client. */
static void hush(void)
{
#ifndef __SANITIZE_ADDRESS__
    dup2(STDOUT_FILENO, STDERR_FILENO); /* /dev/null, the client saw to that */
#endif
}

int main(void)
{
    int type;
    socklen_t size = sizeof(type);
    if (getsockopt(HEDON_PROTOCOL_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) ||
        type != SOCK_SEQPACKET) {
        fprintf(stderr, "hedon-decode: hedon starts this program by itself, to read videos\n");
        return 2;
    }
    fcntl(HEDON_PROTOCOL_SOCKET, F_SETFD, FD_CLOEXEC);
    hush();
    hedon_decode_memory_keep();
    Server server = {
        .ctx = hedon_context_new(), .frame_ctx = hedon_context_new(), .video_fd = -1};
    if (!server.ctx || !server.frame_ctx) leave();
    serve(&server);
    leave();
}
