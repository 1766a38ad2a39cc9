/* H.264 in MP4 through libavcodec's libx264, for hedon-render. */
#ifndef HEDON_TOOLS_RENDER_ENCODE_H
#define HEDON_TOOLS_RENDER_ENCODE_H

#include "datasets/synth_scene.h"

/**
 * Draw and encode a scene.
 *
 * One thread, bit-exact: the same scene gives the same file from the same build and libraries.
 *
 * @param path  written in place; on failure whatever is there is of no use
 * @return 0; HEDON_EUNSUPPORTED without libx264, HEDON_EIO, HEDON_ENOMEM
 */
int hedon_render_encode(HedonContext *ctx, HedonSynthPainter *painter, const HedonSynthScene *scene,
                        const char *path);

#endif
