/* An engine's loss scale through its saved state, the only way in. */
#ifndef HEDON_TESTS_LOSS_SCALE_H
#define HEDON_TESTS_LOSS_SCALE_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/engine.h"
#include "train/resume.h"

typedef struct Rescaled {
    HedonEngine *engine;
    float scale, good_steps; /* scale 0: as they are */
} Rescaled;

static inline int rescaled_tensor(HedonContext *ctx, void *opaque, int64_t i, HedonStateTensor *out)
{
    const Rescaled *rescaled = opaque;
    const int code = hedon_engine_tensor(ctx, rescaled->engine, i, out);
    if (code || rescaled->scale == 0 || strcmp(out->name, "loss_scale")) return code;
    ((float *)out->values.data)[0] = rescaled->scale;
    ((float *)out->values.data)[1] = rescaled->good_steps;
    return 0;
}

/* Save the engine's state, with another scale if there is one. */
static inline int save_rescaled(HedonContext *ctx, Rescaled *rescaled, const char *path)
{
    json_t *document = json_object();
    const int code = hedon_resume_write(ctx, path, document, hedon_engine_tensors(rescaled->engine),
                                        rescaled_tensor, rescaled);
    json_decref(document);
    return code;
}

static inline int restore_from(HedonContext *ctx, HedonEngine *engine, const char *path)
{
    HedonResume resume;
    int code = hedon_resume_open(ctx, &resume, path);
    if (code) return code;
    code = hedon_engine_restore(ctx, engine, &resume);
    hedon_resume_close(&resume);
    return code;
}

/* Scale and steps; 0 where there is none. */
static inline void scale_of(HedonContext *ctx, HedonEngine *engine, float out[2])
{
    HedonStateTensor tensor;
    out[0] = out[1] = 0;
    for (int64_t i = 0; i < hedon_engine_tensors(engine); i++)
        if (!hedon_engine_tensor(ctx, engine, i, &tensor) && !strcmp(tensor.name, "loss_scale"))
            memcpy(out, tensor.values.data, 2 * sizeof(float));
}

#endif
