/* gradient_file MODEL CLIPS TARGETS OUT [THREADS]: the gradients of one batch on the cpu backend,
 * through the trainer's engine, for tools/parity-training to compare with PyTorch's.
 *
 * CLIPS is .npy (N,3,T,S,S), TARGETS .npy (N,27), float32; the loss is VCE's. OUT becomes a
 * safetensors file with a tensor "PARAMETER" for each gradient and "loss". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/npy.h"
#include "models/safetensors.h"
#include "train/engine.h"

typedef struct Gradients {
    HedonTensorToStore *stored;
    int64_t count;
    HedonArena names;
} Gradients;

/* A copy of what the engine lends. */
static int keep(HedonContext *ctx, Gradients *gradients, const char *name, const HedonTensor *from)
{
    HedonTensor *copy = hedon_arena_alloc(&gradients->names, 1, sizeof(*copy));
    char *kept = hedon_arena_strdup(&gradients->names, name);
    if (!copy || !kept || hedon_tensor_alloc(copy, from->dtype, &from->shape))
        return hedon_fail_memory(ctx);
    memcpy(copy->data, from->data,
           (size_t)hedon_shape_count(&from->shape) * hedon_dtype_size(from->dtype));
    gradients->stored[gradients->count++] =
        (HedonTensorToStore){.name = kept, .stored = HEDON_F32, .values = copy};
    return 0;
}

/* After the first step of SGD with momentum a parameter's first moment is its gradient. */
static int collect(HedonContext *ctx, HedonEngine *engine, float loss, Gradients *gradients)
{
    static const char prefix[] = "moment1:";
    const int64_t tensors = hedon_engine_tensors(engine);
    gradients->stored = hedon_calloc((size_t)tensors + 1, sizeof(*gradients->stored));
    if (!gradients->stored) return hedon_fail_memory(ctx);
    int code = keep(ctx, gradients, "loss", &(HedonTensor){HEDON_F32, {1, {1}}, &loss});
    for (int64_t i = 0; i < tensors && !code; i++) {
        HedonStateTensor tensor;
        code = hedon_engine_tensor(ctx, engine, i, &tensor);
        if (!code && !strncmp(tensor.name, prefix, sizeof(prefix) - 1))
            code = keep(ctx, gradients, tensor.name + sizeof(prefix) - 1, &tensor.values);
    }
    return code;
}

static int first_step(HedonContext *ctx, HedonEngine *engine, const HedonTensor *clips,
                      const HedonTensor *targets, Gradients *gradients)
{
    const int64_t n = clips->shape.dim[0], size = hedon_shape_count(&clips->shape) / n;
    float **pixels = hedon_calloc((size_t)n, sizeof(*pixels));
    float *weights = hedon_calloc((size_t)n, sizeof(*weights));
    int code = pixels && weights ? 0 : hedon_fail_memory(ctx);
    for (int64_t i = 0; i < n && !code; i++) {
        pixels[i] = (float *)clips->data + i * size;
        weights[i] = 1;
    }
    const HedonTrainBatch batch = {
        .pixels = pixels, .targets = targets->data, .clip_weights = weights};
    HedonTrainLosses losses;
    HedonOptimiserResult result;
    if (!code)
        code = hedon_engine_batch(ctx, engine, &batch, hedon_random_key(0, 0, 0), HEDON_BATCH_FIRST,
                                  &losses);
    if (!code) code = hedon_engine_update(ctx, engine, 0, 0, &result);
    if (!code) code = collect(ctx, engine, (float)losses.total, gradients);
    hedon_free(weights);
    hedon_free(pixels);
    return code;
}

static int compute(HedonContext *ctx, const char *model_path, int threads, const HedonTensor *clips,
                   const HedonTensor *targets, Gradients *gradients)
{
    HedonTrainConfig config;
    HedonModel *model = NULL;
    HedonEngine *engine = NULL;
    const int64_t *dim = clips->shape.dim;
    if (clips->shape.rank != 5 || targets->shape.rank != 2 || targets->shape.dim[0] != dim[0] ||
        targets->shape.dim[1] != HEDON_EMOTIONS || clips->dtype != HEDON_F32 ||
        targets->dtype != HEDON_F32 || dim[1] != 3 || dim[3] != dim[4])
        return hedon_fail(ctx, HEDON_EINVAL, "clips are (N,3,T,S,S), targets (N,27)");
    hedon_train_config_default(&config, &hedon_recipe_vce);
    config.device.device = "cpu";
    config.device.threads = threads;
    config.recipe.clips = dim[0];
    config.recipe.drop_path = 0;
    config.recipe.optimiser = HEDON_SGD;
    config.recipe.momentum = .9;
    config.recipe.weight_decay = 0;
    int code = hedon_model_open(ctx, &model, model_path);
    if (!code) code = hedon_model_set_clip(ctx, model, dim[2], dim[3]);
    if (!code) code = hedon_engine_open(ctx, &engine, model, &config, NULL, 0);
    if (!code) code = first_step(ctx, engine, clips, targets, gradients);
    hedon_engine_close(engine);
    hedon_model_close(model);
    hedon_train_config_free(&config);
    return code;
}

static int write_file(HedonContext *ctx, const char *path, const Gradients *gradients)
{
    FILE *stream = fopen(path, "wb");
    if (!stream) return hedon_fail(ctx, HEDON_EIO, "%s cannot be written", path);
    const int code =
        hedon_safetensors_write(ctx, stream, gradients->stored, gradients->count, NULL, 0);
    return fclose(stream) && !code ? hedon_fail(ctx, HEDON_EIO, "%s: write failed", path) : code;
}

static void gradients_free(Gradients *gradients)
{
    for (int64_t i = 0; i < gradients->count; i++)
        hedon_tensor_free((HedonTensor *)gradients->stored[i].values);
    hedon_free(gradients->stored);
    hedon_arena_free(&gradients->names);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: gradient_file MODEL CLIPS TARGETS OUT [THREADS]\n");
        return 2;
    }
    HedonContext *ctx = hedon_context_new();
    HedonTensor clips = {0}, targets = {0};
    Gradients gradients = {0};
    int code = hedon_npy_read(ctx, &clips, argv[2]);
    if (!code) code = hedon_npy_read(ctx, &targets, argv[3]);
    if (!code)
        code = compute(ctx, argv[1], argc > 5 ? atoi(argv[5]) : 0, &clips, &targets, &gradients);
    if (!code) code = write_file(ctx, argv[4], &gradients);
    if (code) fprintf(stderr, "gradient_file: %s\n", hedon_last_error(ctx));
    gradients_free(&gradients);
    hedon_tensor_free(&targets);
    hedon_tensor_free(&clips);
    hedon_context_free(ctx);
    return code ? 1 : 0;
}
