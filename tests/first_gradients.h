/* The gradients of one batch through the trainer's engine, for comparison with PyTorch's. */
#ifndef HEDON_TESTS_FIRST_GRADIENTS_H
#define HEDON_TESTS_FIRST_GRADIENTS_H

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/engine.h"

/* clips (N,3,T,S,S) and targets (N,27), float32, through VCE's loss. Afterwards the engine's
 * tensors "moment1:PARAMETER" are the gradients: the first moment after the first step of SGD with
 * momentum. The caller closes the engine, whatever is returned. */
static inline int first_gradients(HedonContext *ctx, HedonModel *model, int threads,
                                  const HedonTensor *clips, const HedonTensor *targets,
                                  HedonEngine **engine, double *loss)
{
    const int64_t *dim = clips->shape.dim, n = dim[0], size = hedon_shape_count(&clips->shape) / n;
    HedonTrainConfig config;
    HedonTrainLosses losses = {0};
    HedonOptimiserResult result;
    hedon_train_config_default(&config, &hedon_recipe_vce);
    config.device.device = "cpu";
    config.device.threads = threads;
    config.recipe.clips = n;
    config.recipe.drop_path = 0;
    config.recipe.optimiser = HEDON_SGD;
    config.recipe.momentum = .9;
    config.recipe.weight_decay = 0;

    float **pixels = hedon_calloc((size_t)n, sizeof(*pixels));
    float *weights = hedon_calloc((size_t)n, sizeof(*weights));
    int code = pixels && weights ? 0 : hedon_fail_memory(ctx);
    for (int64_t i = 0; i < n && !code; i++) {
        pixels[i] = (float *)clips->data + i * size;
        weights[i] = 1;
    }
    const HedonTrainBatch batch = {
        .pixels = pixels, .targets = targets->data, .clip_weights = weights};
    if (!code) code = hedon_model_set_clip(ctx, model, dim[2], dim[3]);
    if (!code) code = hedon_engine_open(ctx, engine, model, &config, NULL, 0);
    if (!code)
        code = hedon_engine_batch(ctx, *engine, &batch, hedon_random_key(0, 0, 0), HEDON_BATCH_FIRST,
                                  &losses);
    if (!code) code = hedon_engine_update(ctx, *engine, 0, 0, &result);
    *loss = losses.total;
    hedon_free(weights);
    hedon_free(pixels);
    hedon_train_config_free(&config);
    return code;
}

/* The parameter that a tensor of the engine is the gradient of; NULL when it is none. */
static inline const char *gradient_of(const HedonStateTensor *tensor)
{
    static const char prefix[] = "moment1:";
    const size_t length = sizeof(prefix) - 1;
    return strncmp(tensor->name, prefix, length) ? NULL : tensor->name + length;
}

#endif
