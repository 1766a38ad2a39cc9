/* The predictor of hedon.h for clips that lie in its device's memory already. */
#ifndef HEDON_MODELS_PREDICTOR_H
#define HEDON_MODELS_PREDICTOR_H

#include "hedon.h"
#include "kernels/backend.h"

/* One clip (3,T,H,W), float32. */
typedef struct HedonDeviceClip {
    HedonBuffer *buffer; /* of the predictor's device */
    size_t offset;       /* in it, bytes */
    HedonEvent *ready;   /* after which the clip is there; NULL: it is */
} HedonDeviceClip;

/** Borrowed: where the predictor computes. */
HedonDevice *hedon_predictor_device(const HedonPredictor *predictor);
/**
 * As hedon_predictor_run, in a stream of the predictor's own. Nothing reads the clips any more on return.
 *
 * @return also HEDON_EUNSUPPORTED where a device has no streams or computes in float64
 */
int hedon_predictor_run_device(HedonContext *ctx, HedonPredictor *predictor,
                               const HedonDeviceClip *clips, int64_t count, HedonTensor *outputs);

#endif
