#include "train/engine_graph.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernels/graph/autodiff.h"

enum { MAX_HEADS = 8 };

static HedonValueId input(HedonTrainGraph *out, const char *name, HedonShape shape, int *ordinal)
{
    *ordinal = out->graph->input_count;
    return hedon_graph_input(out->graph, name, &shape);
}

static void output(HedonTrainGraph *out, const char *name, HedonValueId value, int *index)
{
    *index = out->graph->output_count;
    hedon_graph_output(out->graph, name, value);
}

/* weight times the loss's gradient by the logits */
static HedonValueId seed_of(HedonGraph *graph, const char *name, HedonValueId loss, double weight)
{
    const HedonValueId gradient = hedon_graph_sibling(graph, loss, 1);
    return weight == 1 ? gradient : hedon_scale(graph, name, gradient, weight);
}

static HedonValueId emotions_loss(HedonTrainGraph *out, const HedonRecipe *recipe,
                                  HedonValueId logits)
{
    HedonGraph *graph = out->graph;
    const HedonValueId targets =
        input(out, "targets", (HedonShape){.rank = 2, .dim = {out->clips, HEDON_EMOTIONS}},
              &out->input_targets);
    const HedonValueId weights =
        input(out, "clip_weights", (HedonShape){.rank = 1, .dim = {out->clips}},
              &out->input_clip_weights);
    switch (recipe->emotions_loss) {
    case HEDON_LOSS_KL:
        return hedon_loss_kl(graph, "loss.emotions", logits, targets, weights);
    case HEDON_LOSS_CROSS_ENTROPY:
        return hedon_loss_cross_entropy(graph, "loss.emotions", logits, targets, weights);
    default:
        return hedon_loss_bce(graph, "loss.emotions", logits, targets, weights);
    }
}

static HedonValueId utility_loss(HedonTrainGraph *out, const HedonRecipe *recipe,
                                 HedonValueId utilities)
{
    const int64_t compared = hedon_recipe_compared(recipe), count = out->clips / compared;
    const HedonShape vector = {.rank = 1, .dim = {count}};
    const HedonValueId weights = input(out, "pair_weights", vector, &out->input_pair_weights);
    if (recipe->utility_loss == HEDON_LOSS_PLACKETT_LUCE) {
        const HedonValueId mask =
            input(out, "mask", (HedonShape){.rank = 2, .dim = {count, compared}}, &out->input_mask);
        return hedon_loss_plackett_luce(out->graph, "loss.utility", utilities, mask, weights);
    }
    const HedonValueId ties = input(out, "ties", vector, &out->input_ties);
    return hedon_loss_bradley_terry(out->graph, "loss.utility", utilities, ties, weights,
                                    recipe->margin);
}

/* Losses of the heads that the task trains, and what the gradients start from. */
static int add_losses(HedonTrainGraph *out, const HedonModelInfo *info, const HedonRecipe *recipe,
                      const HedonValueId *logits, HedonValueId *values, HedonValueId *seeds)
{
    HedonGraph *graph = out->graph;
    int count = 0;
    if (recipe->task != HEDON_TASK_V2V) {
        values[count] = logits[info->emotions_head];
        const HedonValueId loss = emotions_loss(out, recipe, values[count]);
        output(out, "emotions", values[count], &out->output_emotions);
        output(out, "loss.emotions", loss, &out->output_emotions_loss);
        seeds[count++] = seed_of(graph, "loss.emotions.weight", loss, recipe->emotions_weight);
    }
    if (recipe->task != HEDON_TASK_VCE) {
        values[count] = logits[info->utility_head];
        const HedonValueId loss = utility_loss(out, recipe, values[count]);
        output(out, "utility", values[count], &out->output_utility);
        output(out, "loss.utility", loss, &out->output_utility_loss);
        seeds[count++] = seed_of(graph, "loss.utility.weight", loss, recipe->utility_weight);
    }
    return count;
}

static int differentiate(HedonContext *ctx, HedonTrainGraph *out, const HedonTrainConfig *config,
                         const HedonValueId *values, const HedonValueId *seeds, int count)
{
    HedonGraph *graph = out->graph;
    const HedonRecipe *recipe = &config->recipe;
    const size_t parameters = (size_t)graph->parameter_count;
    const HedonGroupRule rule = {.layer_decay = recipe->layer_decay,
                                 .weight_decay = recipe->weight_decay,
                                 .freeze = config->freeze};
    unsigned char *frozen = hedon_calloc(parameters, 1);
    out->groups = hedon_calloc(parameters, sizeof(*out->groups));
    int code = frozen && out->groups ? 0 : hedon_fail_memory(ctx);
    if (!code) code = hedon_groups_make(ctx, graph, &rule, out->groups);
    for (size_t i = 0; i < parameters && !code; i++) frozen[i] = out->groups[i].rate_scale == 0;
    if (!code) code = hedon_graph_backward(ctx, graph, values, seeds, count, frozen, NULL);
    hedon_free(frozen);
    return code;
}

int hedon_train_graph_make(HedonContext *ctx, HedonTrainGraph *out, const HedonModel *model,
                           const HedonTrainConfig *config, int ranks)
{
    const HedonModelInfo *info = hedon_model_info(model);
    const HedonRecipe *recipe = &config->recipe;
    const int64_t clips = recipe->task == HEDON_TASK_V2V ? 0 : recipe->clips,
                  pairs = recipe->task == HEDON_TASK_VCE ? 0 : recipe->pairs;
    *out = (HedonTrainGraph){.clips = clips + hedon_recipe_compared(recipe) * pairs,
                             .input_targets = -1,
                             .input_clip_weights = -1,
                             .input_pair_weights = -1,
                             .input_ties = -1,
                             .input_mask = -1,
                             .output_emotions = -1,
                             .output_utility = -1,
                             .output_emotions_loss = -1,
                             .output_utility_loss = -1};
    if ((recipe->task != HEDON_TASK_V2V && info->emotions_head < 0) ||
        (recipe->task != HEDON_TASK_VCE && info->utility_head < 0))
        return hedon_fail(ctx, HEDON_EINVAL, "the model lacks the head that is to be trained");
    HedonGraph *graph = out->graph = hedon_graph_new();
    if (!graph) return hedon_fail_memory(ctx);
    graph->training = 1;
    graph->ranks = ranks;
    graph->recompute = config->recompute;
    graph->drop_path = recipe->drop_path;
    HedonValueId logits[MAX_HEADS], values[2], seeds[2];
    const HedonValueId x = input(out, "clips",
                                 (HedonShape){.rank = 5,
                                              .dim = {out->clips, 3, info->clip_frames,
                                                      info->clip_height, info->clip_width}},
                                 &out->input_clips);
    hedon_model_add_to_graph(model, graph, x, logits);
    const int count = add_losses(out, info, recipe, logits, values, seeds);
    int code = hedon_graph_finish(ctx, graph);
    if (!code) code = differentiate(ctx, out, config, values, seeds, count);
    if (!code) code = hedon_graph_finish(ctx, graph);
    if (code) hedon_train_graph_free(out);
    return code;
}

void hedon_train_graph_free(HedonTrainGraph *graph)
{
    hedon_graph_free(graph->graph);
    hedon_free(graph->groups);
    graph->graph = NULL;
    graph->groups = NULL;
}
