/* What a worker says: the checks that stand between a decoder taken over by a hostile file and hedon. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/worker_reply.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_PIXELS = 1 << 16, MAX_FRAMES = 1 << 10, SLOT = 1 << 16, SLOTS = 2 };

static int is_text(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

static void check_info(HedonVideoInfo info)
{
    if (hedon_worker_check_info(&info, MAX_PIXELS, MAX_FRAMES)) return;
    if (!is_text(info.container, sizeof(info.container)) || !is_text(info.codec, sizeof(info.codec)) ||
        !is_text(info.pixel_format, sizeof(info.pixel_format)))
        abort();
    if (info.frames < 0 || info.frames > MAX_FRAMES || info.width < 1 || info.height < 1 ||
        (int64_t)info.width * info.height > MAX_PIXELS || !isfinite(info.duration_s))
        abort();
}

static void check_frame(const HedonMessageFrame *message)
{
    const int fd = hedon_shared_create("fuzz", (size_t)SLOTS * SLOT);
    const HedonMessageSlots memory = {SLOT, SLOTS};
    HedonWorkerSlots slots = {0};
    if (fd < 0 || hedon_worker_map_slots(&slots, &memory, fd, SLOTS * SLOT)) abort();
    HedonFrame frame = {0};
    if (!hedon_worker_check_frame(&frame, message, &slots, MAX_PIXELS)) {
        if (frame.bits < 8 || frame.shift < 0 || frame.bits + frame.shift > 16) abort();
        const uint8_t *begin = slots.base, *end = begin + (size_t)SLOTS * SLOT;
        for (int p = 0; p < hedon_frame_planes(frame.layout); p++) {
            int64_t width, height;
            hedon_frame_plane_size(frame.layout, p, frame.width, frame.height, &width, &height);
            const int64_t row = width * (frame.bits > 8 ? 2 : 1);
            for (int64_t y = 0; y < height; y++) {
                const uint8_t *first = (const uint8_t *)frame.plane[p] + y * frame.stride[p];
                if (first < begin || first + row > end) abort();
            }
        }
    }
    hedon_worker_unmap_slots(&slots);
    close(fd);
}

static void check_times(const uint8_t *data, size_t size)
{
    const int64_t count = (int64_t)(size / sizeof(double));
    const size_t bytes = (size_t)count * sizeof(double);
    if (!count) return;
    const int fd = hedon_shared_create("fuzz", bytes);
    if (fd < 0 || pwrite(fd, data, bytes, 0) != (ssize_t)bytes) abort();
    double *times = NULL;
    if (!hedon_worker_read_times(&times, fd, count))
        for (int64_t i = 0; times && i < count; i++)
            if (!isfinite(times[i]) || (i && times[i] < times[i - 1])) abort();
    free(times);
    close(fd);
}

/* A byte that says which, then the message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    HedonMessage message = {0};
    const size_t length = size - 1 < sizeof(message) ? size - 1 : sizeof(message);
    memcpy(&message, data + 1, length);
    switch (data[0]) {
    case 'i': check_info(message.info); break;
    case 'f': check_frame(&message.frame); break;
    case 't': check_times(data + 1, size - 1); break;
    default:
        if (!hedon_worker_check_done(&message.done) &&
            (!is_text(message.done.text, sizeof(message.done.text)) || message.done.code > 0))
            abort();
    }
    return 0;
}

static uint8_t *tagged(char tag, const void *bytes, size_t length, size_t *size)
{
    uint8_t *seed = malloc(length + 1);
    if (!seed) return NULL;
    seed[0] = (uint8_t)tag;
    memcpy(seed + 1, bytes, length);
    *size = length + 1;
    return seed;
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    HedonMessage message = {.version = HEDON_PROTOCOL_VERSION};
    static const double times[] = {0, 0.04, 0.08, 0.12, 0.16};
    switch (number) {
    case 0:
        message.type = HEDON_MESSAGE_INFO;
        message.info = (HedonVideoInfo){.container = "mov,mp4", .codec = "h264", .pixel_format = "yuv420p",
                                        .width = 64, .height = 48, .frames = 5, .duration_s = 0.2, .rate = 25};
        return tagged('i', &message, sizeof(message), size);
    case 1:
        message.type = HEDON_MESSAGE_FRAME;
        message.frame = (HedonMessageFrame){.slot = 1, .offset = {0, 4096, 8192}, .stride = {64, 64, 64},
                                            .width = 64, .height = 48, .bits = 8};
        return tagged('f', &message, sizeof(message), size);
    case 2: return tagged('t', times, sizeof(times), size);
    case 3:
        message.type = HEDON_MESSAGE_DONE;
        message.done.code = HEDON_EDATA;
        strcpy(message.done.text, "no moov atom: the file is cut off");
        return tagged('d', &message, sizeof(message), size);
    case 4:
        message.type = HEDON_MESSAGE_FRAME;
        message.frame = (HedonMessageFrame){.offset = {0, 16384}, .stride = {128, 128}, .width = 63, .height = 47,
                                            .layout = HEDON_PIXEL_NV12, .bits = 10, .shift = 6};
        return tagged('f', &message, sizeof(message), size);
    default: return NULL;
    }
}
