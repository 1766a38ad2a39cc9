/* TensorBoard event files: TFRecord framing around hand-encoded Event messages with scalars. Field
 * numbers from tensorflow/core/util/event.proto and framework/summary.proto. */
#ifndef HEDON_TRAIN_TENSORBOARD_H
#define HEDON_TRAIN_TENSORBOARD_H

#include <stdio.h>

#include "hedon.h"

typedef struct HedonTensorboard {
    FILE *file;
} HedonTensorboard;

/**
 * Start an event file in dir (which is made when missing); its name has the time in it, and a
 * number when that is taken.
 *
 * @param step  a resumed run says where it goes on: TensorBoard then drops what an earlier file has
 *              from that step on. -1: a fresh run
 */
int hedon_tensorboard_open(HedonContext *ctx, HedonTensorboard *out, const char *dir, int64_t step);
/** One scalar. Failing writes are told by _flush. */
void hedon_tensorboard_scalar(HedonTensorboard *board, const char *tag, int64_t step, double value);
/** HEDON_EIO when anything could not be written. */
int hedon_tensorboard_flush(HedonContext *ctx, HedonTensorboard *board);
void hedon_tensorboard_close(HedonTensorboard *board);

#endif
