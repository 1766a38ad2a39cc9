#include "train/tensorboard.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/error.h"

enum { ROOM = 512, TAG_MOST = 200 };

/* A protocol-buffers message under way; the callers' texts are bounded, so it has room. */
typedef struct Message {
    uint8_t bytes[ROOM];
    size_t size;
} Message;

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put(Message *message, const void *bytes, size_t size)
{
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

static void put_varint(Message *message, uint64_t value)
{
    do {
        const uint8_t byte = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        put(message, &byte, 1);
        value >>= 7;
    } while (value);
}

static void put_little(Message *message, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        const uint8_t byte = (uint8_t)(value >> 8 * i);
        put(message, &byte, 1);
    }
}

static void put_key(Message *message, int field, int type)
{
    put_varint(message, (uint64_t)field << 3 | (uint64_t)type);
}

static void put_bytes(Message *message, int field, const void *bytes, size_t size)
{
    put_key(message, field, BYTES);
    put_varint(message, size);
    put(message, bytes, size);
}

/* Event: wall_time = 1 (double), step = 2 (int64) */
static void begin_event(Message *event, int64_t step)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double wall_s = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    uint64_t bits;
    memcpy(&bits, &wall_s, sizeof(bits));
    event->size = 0;
    put_key(event, 1, FIXED64);
    put_little(event, bits, 8);
    put_key(event, 2, VARINT);
    put_varint(event, (uint64_t)step);
}

static uint32_t masked_crc(const void *bytes, size_t size)
{
    const uint32_t crc = hedon_crc32c(0, bytes, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* TFRecord: length (8 bytes), its masked CRC, the bytes, their masked CRC. */
static void write_record(FILE *file, const Message *message)
{
    Message head = {.size = 0}, tail = {.size = 0};
    put_little(&head, message->size, 8);
    put_little(&head, masked_crc(head.bytes, 8), 4);
    put_little(&tail, masked_crc(message->bytes, message->size), 4);
    fwrite(head.bytes, 1, head.size, file);
    fwrite(message->bytes, 1, message->size, file);
    fwrite(tail.bytes, 1, tail.size, file);
}

static FILE *create(const char *dir)
{
    char path[4096], host[64] = "hedon";
    gethostname(host, sizeof(host) - 1);
    for (int number = 0; number < 1000; number++) {
        snprintf(path, sizeof(path), "%s/events.out.tfevents.%lld.%s.%d.v2", dir,
                 (long long)time(NULL), host, number);
        FILE *file = fopen(path, "wbxe");
        if (file || errno != EEXIST) return file;
    }
    return NULL;
}

int hedon_tensorboard_open(HedonContext *ctx, HedonTensorboard *out, const char *dir, int64_t step)
{
    out->file = NULL;
    if (mkdir(dir, 0777) && errno != EEXIST) return hedon_fail_errno(ctx, "cannot make %s", dir);
    out->file = create(dir);
    if (!out->file) return hedon_fail_errno(ctx, "cannot write an event file in %s", dir);
    Message event;
    begin_event(&event, 0);
    put_bytes(&event, 3, "brain.Event:2", strlen("brain.Event:2")); /* file_version */
    write_record(out->file, &event);
    if (step >= 0) {
        begin_event(&event, step);
        static const uint8_t start[] = {1 << 3 | VARINT, 1}; /* SessionLog.status = START */
        put_bytes(&event, 7, start, sizeof(start));
        write_record(out->file, &event);
    }
    return hedon_tensorboard_flush(ctx, out);
}

void hedon_tensorboard_scalar(HedonTensorboard *board, const char *tag, int64_t step, double value)
{
    Message summary = {.size = 0}, scalar = {.size = 0}, event;
    const float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof(bits));
    put_bytes(&scalar, 1, tag, strnlen(tag, TAG_MOST)); /* Summary.Value.tag */
    put_key(&scalar, 2, FIXED32);                       /* .simple_value */
    put_little(&scalar, bits, 4);
    put_bytes(&summary, 1, scalar.bytes, scalar.size); /* Summary.value */
    begin_event(&event, step);
    put_bytes(&event, 5, summary.bytes, summary.size); /* Event.summary */
    write_record(board->file, &event);
}

int hedon_tensorboard_flush(HedonContext *ctx, HedonTensorboard *board)
{
    if (fflush(board->file) || ferror(board->file))
        return hedon_fail_errno(ctx, "cannot write TensorBoard's event file");
    return 0;
}

void hedon_tensorboard_close(HedonTensorboard *board)
{
    if (board->file) fclose(board->file);
    board->file = NULL;
}
