/* libav's pictures as HedonFrame: planes as they are where the layout is one of ours, converted
 * where it is not, turned as the display matrix says. */
#ifndef HEDON_DECODE_PLANES_H
#define HEDON_DECODE_PLANES_H

#include "base/frame.h"
#include "decode/planes_turn.h"
#include "hedon.h"

#include <libavutil/frame.h>

typedef struct HedonPlanes {
    int width, height; /* of every picture before turning: the first one's */
    HedonOrientation orientation;
    AVFrame *converted;
    struct SwsContext *sws;
    uint8_t *turned;
    size_t turned_bytes;
} HedonPlanes; /* one for each thread; set the first three, zero the others */

/**
 * Describe picture as planes. They live until the next call, the picture's end or
 * hedon_planes_free. index and time_s are left to the caller.
 *
 * @return 0, HEDON_EUNSUPPORTED (a pixel format that swscale can't read), HEDON_ENOMEM
 */
int hedon_planes_of(HedonContext *ctx, HedonPlanes *planes, const AVFrame *picture,
                    HedonFrame *out);
void hedon_planes_free(HedonPlanes *planes);

#endif
