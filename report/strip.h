/* Thumbnails of a video side by side in one PNG. */
#ifndef HEDON_REPORT_STRIP_H
#define HEDON_REPORT_STRIP_H

#include "decode/worker.h"

enum { HEDON_STRIP_HEIGHT = 72 };

/**
 * Decode the frames shown at some moments and draw them side by side, each HEDON_STRIP_HEIGHT high
 * and as wide as the video's shape asks (24 to 320 pixels).
 *
 * @param times  count of them, seconds, ascending
 * @param png    set to the picture; free with hedon_free
 * @return 0; what hedon_worker_open and hedon_worker_frames return; HEDON_ENOMEM
 */
int hedon_strip_make(HedonContext *ctx, HedonWorker *worker, const char *path, const double *times,
                     int count, uint8_t **png, size_t *size);

#endif
