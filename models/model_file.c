/* Model files: safetensors whose metadata key "hedon" holds the model's description. One is embedded
 * in the program: models/synthetic.hedon. */
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/memory.h"
#include "models/model_private.h"
#include "models/torch_file.h"
#include "models/trainable.h"

/* file: becomes the model's, or is closed. bytes: all of it. */
static int take_file(HedonContext *ctx, HedonModel **out, HedonSafetensors *file,
                     const uint8_t *bytes, size_t size)
{
    HedonModel *model = NULL;
    int code = 0;
    const char *description = hedon_safetensors_metadata(file, "hedon");
    if (!description)
        code = hedon_fail(ctx, HEDON_EDATA,
                          "is a safetensors file, but not a hedon model: make one of it with "
                          "hedon import FILE --arch ARCHITECTURE --out MODEL");
    if (!code) code = hedon_model_from_description(ctx, &model, description);
    if (!code) code = hedon_model_declare(ctx, model, NULL);
    if (!code) {
        hedon_sha256(model->sha256, bytes, size);
        const HedonTensorSource source = hedon_safetensors_source(file);
        code = hedon_model_take_tensors(ctx, model, &source, NULL);
    }
    if (code) {
        hedon_model_close(model);
        hedon_safetensors_close(file);
        return code;
    }
    model->file = *file; /* where borrowed values lie */
    *out = model;
    return 0;
}

static int open_file(HedonContext *ctx, HedonModel **out, const char *path)
{
    HedonSafetensors file;
    int code, is_torch;
    if ((code = hedon_torch_recognise(ctx, path, &is_torch))) return code;
    if (is_torch)
        return hedon_fail(ctx, HEDON_EDATA,
                          "is a PyTorch file, not a hedon model: make one of it with hedon import "
                          "FILE --arch ARCHITECTURE --out MODEL");
    if ((code = hedon_safetensors_open(ctx, &file, path))) return code;
    return take_file(ctx, out, &file, file.file.data, file.file.size);
}

static int open_embedded(HedonContext *ctx, HedonModel **out)
{
    HedonSafetensors file;
    const size_t size = (size_t)(hedon_synthetic_model_end - hedon_synthetic_model);
    const int code = hedon_safetensors_open_bytes(ctx, &file, hedon_synthetic_model, size);
    return code ? code : take_file(ctx, out, &file, hedon_synthetic_model, size);
}

int hedon_model_open(HedonContext *ctx, HedonModel **out, const char *name)
{
    *out = NULL;
    if (!name) name = HEDON_DEFAULT_MODEL;
    if (!strcmp(name, "synthetic")) return open_embedded(ctx, out);
    if (!strcmp(name, "lowlevel")) return hedon_lowlevel_open(ctx, out);
    if (!strcmp(name, "brightness")) return hedon_brightness_open(ctx, out);
    return open_file(ctx, out, name);
}

int hedon_model_write(HedonContext *ctx, const HedonModel *model, FILE *stream)
{
    HedonTensorToStore *tensors = hedon_calloc((size_t)model->parameter_count, sizeof(*tensors));
    char *description = hedon_model_describe(model);
    int code = tensors && description ? 0 : hedon_fail_memory(ctx);
    for (int i = 0; i < model->parameter_count && !code; i++) {
        const HedonParameter *parameter = &model->parameters[i];
        tensors[i] = (HedonTensorToStore){parameter->name, parameter->stored, &parameter->values};
    }
    const HedonStoredText metadata = {"hedon", description};
    if (!code)
        code = hedon_safetensors_write(ctx, stream, tensors, model->parameter_count, &metadata, 1);
    free(description);
    hedon_free(tensors);
    return code;
}

void hedon_model_store_half(HedonModel *model)
{
    for (int i = 0; i < model->parameter_count; i++)
        if (model->parameters[i].values.shape.rank > 1) model->parameters[i].stored = HEDON_F16;
}

int hedon_model_save(HedonContext *ctx, const HedonModel *model, const char *path)
{
    HedonAtomicFile *file;
    const int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    const int failed = hedon_model_write(ctx, model, hedon_atomic_stream(file));
    if (!failed) return hedon_atomic_commit(ctx, file);
    hedon_atomic_abort(file);
    return failed;
}
