/* A framework's state dict becomes a model file: its classifier becomes a head by its number of
 * rows, everything else keeps its name. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "models/model_private.h"

/* 27 outputs are the emotions, one is the utility, anything else is what the framework called
 * classes. A state dict without a classifier goes on to the listing, which names it as missing. */
static int add_head(HedonContext *ctx, HedonModel *model, const HedonSafetensors *file)
{
    char weight[64], bias[64];
    snprintf(weight, sizeof(weight), "%s.weight", model->architecture->classifier);
    snprintf(bias, sizeof(bias), "%s.bias", model->architecture->classifier);
    const HedonStoredTensor *stored = hedon_safetensors_find(file, weight);
    const int64_t rows = stored && stored->shape.rank == 2 ? stored->shape.dim[0] : HEDON_EMOTIONS;
    const char *name = rows == HEDON_EMOTIONS ? "emotions" : rows == 1 ? "utility" : "classes";
    /* V2V's head has no bias; that of the others is asked for by name when it is not there */
    const int has_bias = rows != 1 || hedon_safetensors_find(file, bias) != NULL;
    return hedon_model_add_head(ctx, model, name, rows, has_bias);
}

static int add_provenance(HedonContext *ctx, HedonModel *model, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char text[320];
    snprintf(text, sizeof(text), "unknown: imported from %.200s",
             hedon_is_printable(base) ? base : "a state dict");
    const int code = hedon_model_set_text(ctx, model, &model->info.trained_on, text);
    model->info.caveat = "imported weights: hedon does not know what they were trained on";
    return code;
}

int hedon_model_import(HedonContext *ctx, const char *path, const char *architecture,
                       const char *out_path)
{
    const HedonArchitecture *found = hedon_architecture_find(architecture);
    if (!found || !found->classifier)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "no state dict can become %.60s: choose r2plus1d_18, mc3_18 or r3d_18",
                          architecture);
    HedonSafetensors file;
    int code = hedon_safetensors_open(ctx, &file, path);
    if (code) return code;
    HedonModel *model;
    code = hedon_model_new(ctx, &model, found);
    if (!code) code = add_head(ctx, model, &file);
    if (!code) code = add_provenance(ctx, model, path);
    if (!code) code = hedon_model_declare(ctx, model, NULL);
    if (!code) code = hedon_model_take_tensors(ctx, model, &file, found->classifier);
    if (!code) code = hedon_model_save(ctx, model, out_path);
    hedon_model_close(model);
    hedon_safetensors_close(&file);
    return code;
}
