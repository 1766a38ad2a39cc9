/* One loader thread's way to a device that pre-processes: a stream of its own, in which frames go up and become
 * places of clips, beside the model's work. */
#ifndef HEDON_SCORE_DEVICE_PAINTER_H
#define HEDON_SCORE_DEVICE_PAINTER_H

#include "models/predictor.h"
#include "score/scorer.h"

typedef struct HedonDevicePainter HedonDevicePainter;

int hedon_device_painter_new(HedonContext *ctx, HedonDevicePainter **out,
                             const HedonScorer *scorer);
/** Get ready for frames of this geometry. After a failure again before anything else. */
int hedon_device_painter_prepare(HedonContext *ctx, HedonDevicePainter *painter,
                                 const HedonFrame *like);
/** Send a frame up; its memory may be reused on return. */
int hedon_device_painter_send(HedonContext *ctx, HedonDevicePainter *painter,
                              const HedonFrame *frame);
/** The frame sent last becomes frame t of all views of a clip, after whatever was done to the clip before. */
int hedon_device_painter_place(HedonContext *ctx, HedonDevicePainter *painter, int64_t t,
                               HedonDeviceClip *clip);
/** Wait until all of it is done. */
int hedon_device_painter_wait(HedonContext *ctx, HedonDevicePainter *painter);
/** NULL is fine. */
void hedon_device_painter_free(HedonDevicePainter *painter);

#endif
