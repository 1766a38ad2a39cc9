/* Several hedon-render processes that share a list of videos. */
#ifndef HEDON_TOOLS_SYNTH_RENDERERS_H
#define HEDON_TOOLS_SYNTH_RENDERERS_H

#include <stdint.h>

#include "hedon.h"

typedef struct HedonRendering {
    const char *folder; /* where the videos go */
    uint64_t seed;
    int processes;
    int seconds; /* of every video; 0: as long as its scene is */
    void *opaque;
    /** The next video to render and its file's name; 1 when there are none left. */
    int (*next)(void *opaque, int64_t *number, const char **name);
    void (*finished)(void *opaque, int64_t number);
} HedonRendering;

/**
 * Render all videos that `next` names. Files appear whole or not at all.
 *
 * @return 0; HEDON_ECANCELLED, after the videos begun are finished; HEDON_EIO; HEDON_EDECODER when
 * a renderer cannot be started or dies; HEDON_EUNSUPPORTED without hedon-render
 */
int hedon_render_all(HedonContext *ctx, const HedonRendering *rendering);

#endif
