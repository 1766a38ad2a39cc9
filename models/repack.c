/* A trained model made fit to be handed on: smaller, with a name of its own and with what it scored
 * on a test part. */
#include <stdio.h>

#include "base/error.h"
#include "models/model_private.h"
#include "models/trainable.h"

int hedon_model_repack(HedonContext *ctx, const char *path, const char *out_path,
                       const HedonRepackOptions *options)
{
    HedonModel *model;
    int code = hedon_model_open(ctx, &model, path);
    if (code) return code;
    const HedonModelInfo *info = hedon_model_info(model);
    const HedonProvenance provenance = {
        .name = options->name ? options->name : info->name,
        .trained_on = info->trained_on,
        .caveat = info->caveat,
        .human_trained = info->human_trained,
        .test_metric = options->test_metric,
        .reference_name = options->reference_name,
        .reference = options->reference,
        .reference_count = options->reference_count,
    };
    code = hedon_model_set_provenance(ctx, model, &provenance);
    if (options->half) hedon_model_store_half(model);
    if (!code) code = hedon_model_save(ctx, model, out_path);
    hedon_model_close(model);
    return code;
}
