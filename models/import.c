/* A framework's state dict becomes a model file: its classifier becomes a head by its number of
 * rows, everything else keeps its name. The file is safetensors or PyTorch's own, as its first
 * bytes say. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "models/model_private.h"
#include "models/torch_file.h"

/* One open file of either kind. */
typedef struct StateDict {
    HedonSafetensors safetensors;
    HedonTorchFile *torch;
    HedonTensorSource source;
    const char *taken; /* "" when the file is one */
} StateDict;

static int open_state_dict(HedonContext *ctx, StateDict *dict, const char *path)
{
    *dict = (StateDict){.taken = ""};
    int is_torch;
    int code = hedon_torch_recognise(ctx, path, &is_torch);
    if (code) return code;
    if (!is_torch) {
        code = hedon_safetensors_open(ctx, &dict->safetensors, path);
        if (!code) dict->source = hedon_safetensors_source(&dict->safetensors);
        return code;
    }
    code = hedon_torch_open(ctx, &dict->torch, path);
    if (code) return code;
    dict->source = *hedon_torch_source(dict->torch);
    dict->taken = hedon_torch_taken(dict->torch);
    return 0;
}

static void close_state_dict(StateDict *dict)
{
    hedon_torch_close(dict->torch);
    hedon_safetensors_close(&dict->safetensors);
}

/* 27 outputs are the emotions, one is the utility, anything else is what the framework called
 * classes. A state dict without a classifier goes on to the listing, which names it as missing. */
static int add_head(HedonContext *ctx, HedonModel *model, const HedonTensorSource *source)
{
    char weight[64], bias[64];
    snprintf(weight, sizeof(weight), "%s.weight", model->architecture->classifier);
    snprintf(bias, sizeof(bias), "%s.bias", model->architecture->classifier);
    const HedonStoredTensor *stored = hedon_tensor_source_find(source, weight);
    const int64_t rows = stored && stored->shape.rank == 2 ? stored->shape.dim[0] : HEDON_EMOTIONS;
    const char *name = rows == HEDON_EMOTIONS ? "emotions" : rows == 1 ? "utility" : "classes";
    /* V2V's head has no bias; that of the others is asked for by name when it is not there */
    const int has_bias = rows != 1 || hedon_tensor_source_find(source, bias) != NULL;
    return hedon_model_add_head(ctx, model, name, rows, has_bias);
}

static int add_provenance(HedonContext *ctx, HedonModel *model, const char *path, const char *taken)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char text[512];
    snprintf(text, sizeof(text), "unknown: imported from %.200s%s%s",
             hedon_is_printable(base) ? base : "a state dict", *taken ? ", " : "", taken);
    const int code = hedon_model_set_text(ctx, model, &model->info.trained_on, text);
    model->info.caveat = "imported weights: hedon does not know what they were trained on";
    return code;
}

static int make_model(HedonContext *ctx, HedonModel **out, const HedonArchitecture *architecture,
                      const StateDict *dict, const char *path)
{
    int code = hedon_model_new(ctx, out, architecture);
    HedonModel *model = *out;
    if (!code) code = add_head(ctx, model, &dict->source);
    if (!code) code = add_provenance(ctx, model, path, dict->taken);
    if (!code) code = hedon_model_declare(ctx, model, NULL);
    if (!code) code = hedon_model_take_tensors(ctx, model, &dict->source, architecture->classifier);
    return code;
}

int hedon_model_import(HedonContext *ctx, const char *path, const char *architecture,
                       const char *out_path, HedonImportReport *report)
{
    const HedonArchitecture *found = hedon_architecture_find(architecture);
    if (report) *report = (HedonImportReport){0};
    if (!found || !found->classifier)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "no state dict can become %.60s: choose r2plus1d_18, mc3_18 or r3d_18",
                          architecture);
    StateDict dict;
    HedonModel *model = NULL;
    int code = open_state_dict(ctx, &dict, path);
    if (!code) code = make_model(ctx, &model, found, &dict, path);
    if (!code) code = hedon_model_save(ctx, model, out_path);
    if (!code && report) snprintf(report->taken, sizeof(report->taken), "%s", dict.taken);
    hedon_model_close(model); /* before the file that its values may lie in */
    close_state_dict(&dict);
    return code;
}
