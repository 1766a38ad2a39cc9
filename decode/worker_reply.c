/* Checks of what a worker sent; nothing in a reply is believed. */
#include "decode/worker_reply.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

/* Ends text within its array and replaces what a terminal might act upon. */
static void make_printable(char *text, size_t size)
{
    text[size - 1] = 0;
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f) *c = '?';
}

static int size_fits(int32_t width, int32_t height, int64_t max_pixels)
{
    return width >= 1 && height >= 1 && (int64_t)width * height <= max_pixels;
}

const char *hedon_worker_check_info(HedonVideoInfo *info, int64_t max_pixels, int64_t max_frames)
{
    make_printable(info->container, sizeof(info->container));
    make_printable(info->codec, sizeof(info->codec));
    make_printable(info->pixel_format, sizeof(info->pixel_format));
    if (!size_fits(info->width, info->height, max_pixels)) return "an impossible picture size";
    if (info->frames < 0 || info->frames > max_frames) return "an impossible number of frames";
    if (info->stream < 0 || info->lost < 0 || (info->damaged & ~1)) return "impossible counts";
    if (info->rotation != 0 && info->rotation != 90 && info->rotation != 180 &&
        info->rotation != 270)
        return "an impossible rotation";
    if (!isfinite(info->duration_s) || info->duration_s < 0 || !isfinite(info->rate) ||
        info->rate < 0)
        return "an impossible duration";
    return NULL;
}

static int read_fully(int fd, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = pread(fd, (char *)to + done, size - done, (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        done += (size_t)got;
    }
    return 0;
}

const char *hedon_worker_read_times(double **times, int fd, int64_t count)
{
    *times = NULL;
    const int64_t bytes = count * (int64_t)sizeof(double);
    if (!hedon_shared_check(fd, bytes)) return "an index of the wrong size";
    double *copy = hedon_malloc((size_t)count, sizeof(double));
    if (!copy) return NULL;
    int good = !read_fully(fd, copy, (size_t)bytes);
    for (int64_t i = 0; good && i < count; i++)
        good = isfinite(copy[i]) && copy[i] >= (i ? copy[i - 1] : 0);
    if (good) {
        *times = copy;
        return NULL;
    }
    hedon_free(copy);
    return "frame times that do not ascend";
}

const char *hedon_worker_map_slots(HedonWorkerSlots *slots, const HedonMessageSlots *message,
                                   int fd, int64_t max_bytes)
{
    if (message->count < 1 || message->count > HEDON_PROTOCOL_SLOTS ||
        message->bytes <= slots->bytes || message->bytes > max_bytes / message->count ||
        message->bytes % 64)
        return "impossible frame memory";
    const int64_t total = message->bytes * message->count;
    if (!hedon_shared_check(fd, total)) return "frame memory of the wrong size";
    void *base = mmap(NULL, (size_t)total, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) return "frame memory that cannot be mapped";
    hedon_worker_unmap_slots(slots);
    *slots = (HedonWorkerSlots){base, message->bytes, message->count};
    return NULL;
}

void hedon_worker_unmap_slots(HedonWorkerSlots *slots)
{
    if (slots->base) munmap((void *)slots->base, (size_t)(slots->bytes * slots->count));
    *slots = (HedonWorkerSlots){0};
}

/* Whether rows of row_bytes, stride apart from offset, lie within a slot, samples aligned. */
static int plane_fits(int64_t offset, int64_t stride, int64_t rows, int64_t row_bytes,
                      int64_t sample, int64_t slot_bytes)
{
    if (offset < 0 || offset > slot_bytes || offset % sample || stride % sample) return 0;
    if (stride < row_bytes || row_bytes > slot_bytes - offset) return 0;
    return rows - 1 <= (slot_bytes - offset - row_bytes) / stride;
}

const char *hedon_worker_check_frame(HedonFrame *frame, const HedonMessageFrame *message,
                                     const HedonWorkerSlots *slots, int64_t max_pixels)
{
    if (message->slot < 0 || message->slot >= slots->count) return "a frame outside its memory";
    if (message->layout < 0 || message->layout >= HEDON_PIXEL_LAYOUTS || message->matrix < 0 ||
        message->matrix >= HEDON_MATRICES ||
        !hedon_frame_has_depth(message->bits, message->shift) || (message->full_range & ~1))
        return "a frame of an unknown kind";
    if (!size_fits(message->width, message->height, max_pixels)) return "an impossible frame size";

    *frame = (HedonFrame){.width = message->width,
                          .height = message->height,
                          .layout = (HedonPixelLayout)message->layout,
                          .bits = message->bits,
                          .shift = message->shift,
                          .matrix = (HedonColourMatrix)message->matrix,
                          .full_range = message->full_range};
    const uint8_t *base = slots->base + message->slot * slots->bytes;
    const int64_t sample = message->bits > 8 ? 2 : 1;
    for (int p = 0; p < hedon_frame_planes(frame->layout); p++) {
        int64_t width, height;
        hedon_frame_plane_size(frame->layout, p, message->width, message->height, &width, &height);
        if (!plane_fits(message->offset[p], message->stride[p], height, width * sample, sample,
                        slots->bytes))
            return "a plane outside its memory";
        frame->plane[p] = base + message->offset[p];
        frame->stride[p] = message->stride[p];
    }
    return NULL;
}

const char *hedon_worker_check_ready(HedonMessageReady *ready, int wished)
{
    make_printable(ready->reason, sizeof(ready->reason));
    return ready->nvdec != 0 && (ready->nvdec != 1 || !wished) ? "an unknown decoder" : NULL;
}

const char *hedon_worker_check_done(HedonMessageDone *done)
{
    make_printable(done->text, sizeof(done->text));
    return done->code > 0 || done->code < HEDON_ERESAMPLE ? "an unknown result" : NULL;
}
