/* Models that come from no file: an architecture and heads by name, weights by a rule. */
#include <string.h>

#include "base/error.h"
#include "models/model_private.h"

static int add_heads(HedonContext *ctx, HedonModel *model, const char *heads)
{
    const int emotions = !strcmp(heads, "emotions") || !strcmp(heads, "emotions,utility");
    const int utility = !strcmp(heads, "utility") || !strcmp(heads, "emotions,utility");
    if (!emotions && !utility)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "heads are emotions, utility or emotions,utility, not %.60s", heads);
    int code = 0;
    if (emotions) code = hedon_model_add_head(ctx, model, "emotions", HEDON_EMOTIONS, 1);
    if (utility && !code) code = hedon_model_add_head(ctx, model, "utility", 1, 0);
    return code;
}

int hedon_model_make(HedonContext *ctx, HedonModel **out, const char *architecture,
                     const char *heads,
                     void (*fill)(HedonModel *model, const HedonGraph *graph, uint64_t seed),
                     uint64_t seed)
{
    const HedonArchitecture *found = hedon_architecture_find(architecture);
    HedonModel *model;
    HedonGraph *graph = NULL;
    *out = NULL;
    if (!found)
        return hedon_fail(ctx, HEDON_EINVAL, "there is no architecture %.60s", architecture);
    int code = hedon_model_new(ctx, &model, found);
    if (!code) code = add_heads(ctx, model, heads);
    if (!code) code = hedon_model_declare(ctx, model, &graph);
    for (int i = 0; !code && i < model->parameter_count; i++)
        code = hedon_model_allocate(ctx, model, i);
    if (!code) fill(model, graph, seed);
    hedon_graph_free(graph);
    if (code)
        hedon_model_close(model);
    else
        *out = model;
    return code;
}
