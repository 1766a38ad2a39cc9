/* Checks of what a worker sent. It reads hostile files, so nothing in a reply is believed: after
 * these calls every pointer, size and number that is passed on is within its bounds. Each returns
 * NULL, or what is wrong. */
#ifndef HEDON_DECODE_WORKER_REPLY_H
#define HEDON_DECODE_WORKER_REPLY_H

#include "decode/protocol.h"

/* The worker's memory of frames, mapped for reading. All zero: none yet. */
typedef struct HedonWorkerSlots {
    const uint8_t *base;
    int64_t bytes, count; /* of one slot, a multiple of 64; slots */
} HedonWorkerSlots;

/** Fields within their ranges, texts ended and printable (bad characters are replaced). */
const char *hedon_worker_check_info(HedonVideoInfo *info, int64_t max_pixels, int64_t max_frames);

/** Read and check the times that came with info: count of them, finite, from 0 and ascending.
 *  *times is the caller's to free; NULL with no complaint when memory is out. */
const char *hedon_worker_read_times(double **times, int fd, int64_t count);

/** Map new slots in place of old ones, which they must outgrow; old ones stay on failure. */
const char *hedon_worker_map_slots(HedonWorkerSlots *slots, const HedonMessageSlots *message,
                                   int fd, int64_t max_bytes);
void hedon_worker_unmap_slots(HedonWorkerSlots *slots);

/** Make a frame of a message: planes within its slot. index and time are the caller's to set. */
const char *hedon_worker_check_frame(HedonFrame *frame, const HedonMessageFrame *message,
                                     const HedonWorkerSlots *slots, int64_t max_pixels);

/** Whether the GPU decodes, only where that was asked (`wished`), and printable text. */
const char *hedon_worker_check_ready(HedonMessageReady *ready, int wished);

/** A known error code, and text that is safe to print. */
const char *hedon_worker_check_done(HedonMessageDone *done);

#endif
