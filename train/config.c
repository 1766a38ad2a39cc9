#include "train/config.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/digest.h"

typedef enum FieldKind { TEXT, REAL, INTEGER, FLAG, CHOICE } FieldKind;

/* CHOICE: an enum, written by its name. */
typedef struct Field {
    const char *name;
    FieldKind kind;
    size_t offset;
    const char *const *choices;
    int count;
} Field;

static const char *const tasks[] = {"vce", "v2v", "joint"};
static const char *const losses[] = {"bce", "kl", "cross_entropy"};
static const char *const utility_losses[] = {"bradley_terry", "plackett_luce"};
static const char *const ties[] = {"half", "leave_out"};
static const char *const optimisers[] = {[HEDON_SGD] = "sgd", [HEDON_ADAMW] = "adamw"};
static const char *const decays[] = {"constant", "cosine", "step"};
static const char *const samplings[] = {"rate", "even"};
static const char *const decoders[] = {
    [HEDON_DECODER_AUTO] = "auto", [HEDON_DECODER_CPU] = "cpu", [HEDON_DECODER_NVDEC] = "nvdec"};
static const char *const precisions[] = {
    [HEDON_F32] = "fp32", [HEDON_F64] = "fp64", [HEDON_BF16] = "bf16", [HEDON_F16] = "fp16"};

#define AT(field)     offsetof(HedonTrainConfig, field)
#define CHOOSE(names) names, (int)(sizeof(names) / sizeof(*names))

static const Field fields[] = {
    {"recipe", TEXT, AT(recipe.name)},
    {"task", CHOICE, AT(recipe.task), CHOOSE(tasks)},
    {"vce", TEXT, AT(vce)},
    {"v2v", TEXT, AT(v2v)},
    {"model", TEXT, AT(model)},
    {"frames", INTEGER, AT(frames)},
    {"size", INTEGER, AT(size)},
    {"init", TEXT, AT(init)},
    {"freeze", TEXT, AT(freeze)},
    {"seed", INTEGER, AT(seed)},
    {"recompute", FLAG, AT(recompute)},
    {"emotions_loss", CHOICE, AT(recipe.emotions_loss), CHOOSE(losses)},
    {"emotions_weight", REAL, AT(recipe.emotions_weight)},
    {"utility_weight", REAL, AT(recipe.utility_weight)},
    {"utility_loss", CHOICE, AT(recipe.utility_loss), CHOOSE(utility_losses)},
    {"margin", REAL, AT(recipe.margin)},
    {"ties", CHOICE, AT(recipe.ties), CHOOSE(ties)},
    {"prior_bias", FLAG, AT(recipe.prior_bias)},
    {"optimiser", CHOICE, AT(recipe.optimiser), CHOOSE(optimisers)},
    {"beta1", REAL, AT(recipe.beta1)},
    {"beta2", REAL, AT(recipe.beta2)},
    {"epsilon", REAL, AT(recipe.epsilon)},
    {"momentum", REAL, AT(recipe.momentum)},
    {"nesterov", FLAG, AT(recipe.nesterov)},
    {"weight_decay", REAL, AT(recipe.weight_decay)},
    {"layer_decay", REAL, AT(recipe.layer_decay)},
    {"decay", CHOICE, AT(recipe.decay), CHOOSE(decays)},
    {"rate", REAL, AT(recipe.rate)},
    {"floor", REAL, AT(recipe.floor)},
    {"warmup_from", REAL, AT(recipe.warmup_from)},
    {"rate_batch", INTEGER, AT(recipe.rate_batch)},
    {"warmup_epochs", REAL, AT(recipe.warmup_epochs)},
    {"factor", REAL, AT(recipe.factor)},
    {"epochs", INTEGER, AT(recipe.epochs)},
    {"clips", INTEGER, AT(recipe.clips)},
    {"pairs", INTEGER, AT(recipe.pairs)},
    {"accumulate", INTEGER, AT(recipe.accumulate)},
    {"sampling", CHOICE, AT(recipe.sampling), CHOOSE(samplings)},
    {"clip_rate", REAL, AT(recipe.clip_rate)},
    {"leave_out_short", FLAG, AT(recipe.leave_out_short)},
    {"augment", TEXT, AT(recipe.augment)},
    {"drop_path", REAL, AT(recipe.drop_path)},
    {"mixup", REAL, AT(recipe.mixup)},
    {"cutmix", REAL, AT(recipe.cutmix)},
    {"clip_norm", REAL, AT(recipe.clip_norm)},
    {"average", REAL, AT(recipe.average)},
    {"held_out", REAL, AT(recipe.held_out)},
    {"device", TEXT, AT(device.device)},
    {"precision", CHOICE, AT(device.precision), CHOOSE(precisions)},
    /* from here on the result does not depend on them; threads are checked apart */
    {"threads", FLAG, AT(device.threads)},
    {"workers", INTEGER, AT(workers)},
    {"decoder", CHOICE, AT(decoder), CHOOSE(decoders)},
    {"save_every", INTEGER, AT(save_every)},
    {"log_every", INTEGER, AT(log_every)},
    {"max_broken", REAL, AT(max_broken)},
};
enum { FIELDS = sizeof(fields) / sizeof(*fields), FREE_FIELDS = 6, BOUND = FIELDS - FREE_FIELDS };

void hedon_train_config_default(HedonTrainConfig *config, const HedonRecipe *recipe)
{
    *config = (HedonTrainConfig){
        .recipe = *recipe, .model = "r2plus1d_18", .seed = 1, .log_every = 1, .max_broken = .05};
    if (!(config->recipe.factor > 0)) config->recipe.factor = .1; /* PyTorch's default too */
    hedon_device_options_default(&config->device);
}

void hedon_train_config_free(HedonTrainConfig *config)
{
    hedon_arena_free(&config->arena);
}

/* ---- Writing */

static json_t *field_json(const HedonTrainConfig *config, const Field *field)
{
    const char *at = (const char *)config + field->offset;
    const char *text;
    switch (field->kind) {
    case TEXT:
        memcpy(&text, at, sizeof(text));
        return text ? json_string(text) : json_null();
    case REAL:
        return json_real(*(const double *)at);
    case INTEGER:
        return json_integer(*(const int64_t *)at);
    case FLAG:
        return json_integer(*(const int *)at);
    default:
        return json_string(field->choices[*(const int *)at]);
    }
}

static json_t *milestones_json(const HedonRecipe *recipe)
{
    json_t *list = json_array();
    for (int i = 0; i < recipe->milestones; i++)
        json_array_append_new(list, json_real(recipe->milestone[i]));
    return list;
}

static json_t *some_json(const HedonTrainConfig *config, int count)
{
    json_t *object = json_object();
    int failed = !object;
    for (int i = 0; i < count && !failed; i++)
        failed = json_object_set_new(object, fields[i].name, field_json(config, &fields[i]));
    if (!failed)
        failed = json_object_set_new(object, "milestones", milestones_json(&config->recipe));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

json_t *hedon_train_config_json(const HedonTrainConfig *config)
{
    return some_json(config, FIELDS);
}

/* ---- Reading */

static int wrong(HedonContext *ctx, const char *name, const char *wanted)
{
    return hedon_fail(ctx, HEDON_EDATA, "config.json is damaged: %s is not %s", name, wanted);
}

static int read_choice(HedonContext *ctx, const Field *field, const json_t *value, int *out)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && i < field->count; i++)
        if (field->choices[i] && !strcmp(field->choices[i], text)) {
            *out = i;
            return 0;
        }
    return wrong(ctx, field->name, "anything that this hedon knows");
}

static int read_field(HedonContext *ctx, HedonTrainConfig *config, const Field *field,
                      const json_t *value)
{
    char *at = (char *)config + field->offset;
    switch (field->kind) {
    case TEXT: {
        const char *text = json_string_value(value);
        if (!text && !json_is_null(value)) return wrong(ctx, field->name, "text");
        const char *copy = text ? hedon_arena_strdup(&config->arena, text) : NULL;
        if (text && !copy) return hedon_fail_memory(ctx);
        memcpy(at, &copy, sizeof(copy));
        return 0;
    }
    case REAL:
        if (!json_is_number(value)) return wrong(ctx, field->name, "a number");
        *(double *)at = json_number_value(value);
        return 0;
    case INTEGER:
        if (!json_is_integer(value)) return wrong(ctx, field->name, "a whole number");
        *(int64_t *)at = json_integer_value(value);
        return 0;
    case FLAG:
        if (!json_is_integer(value) || llabs(json_integer_value(value)) > 1 << 20)
            return wrong(ctx, field->name, "a small whole number");
        *(int *)at = (int)json_integer_value(value);
        return 0;
    default:
        return read_choice(ctx, field, value, (int *)at);
    }
}

int hedon_train_config_read(HedonContext *ctx, HedonTrainConfig *config, const json_t *object)
{
    int code = json_is_object(object) ? 0 : wrong(ctx, "it", "an object");
    for (int i = 0; i < FIELDS && !code; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        if (value) code = read_field(ctx, config, &fields[i], value);
    }
    const json_t *milestones = json_object_get(object, "milestones");
    const size_t count = json_array_size(milestones);
    if (!code && count > HEDON_MAX_MILESTONES)
        code = hedon_fail(ctx, HEDON_EINVAL, "%zu milestones are more than %d", count,
                          HEDON_MAX_MILESTONES);
    if (!code && milestones) config->recipe.milestones = (int)count;
    for (size_t i = 0; i < count && !code; i++)
        config->recipe.milestone[i] = json_number_value(json_array_get(milestones, i));
    return code;
}

/* ---- Comparing */

int hedon_train_config_hash(HedonContext *ctx, const HedonTrainConfig *config,
                            char hash[HEDON_CONFIG_HASH_ROOM])
{
    json_t *object = some_json(config, BOUND);
    char *text =
        object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(object);
    if (!text) return hedon_fail_memory(ctx);
    hedon_sha256(hash, text, strlen(text));
    free(text);
    return 0;
}

const char *hedon_train_config_difference(const HedonTrainConfig *a, const HedonTrainConfig *b)
{
    for (int i = 0; i < BOUND; i++) {
        json_t *x = field_json(a, &fields[i]), *y = field_json(b, &fields[i]);
        const int same = json_equal(x, y);
        json_decref(x);
        json_decref(y);
        if (!same) return fields[i].name;
    }
    if (a->recipe.milestones != b->recipe.milestones) return "milestones";
    for (int i = 0; i < a->recipe.milestones; i++)
        if (a->recipe.milestone[i] != b->recipe.milestone[i]) return "milestones";
    return NULL;
}

/* ---- Checking */

/* low..high, and no NaN */
static int outside(double value, double low, double high)
{
    return !(value >= low && value <= high);
}

/* Milestones ascend within the run, and only the step schedule has them. */
static int check_milestones(HedonContext *ctx, const HedonRecipe *recipe)
{
    double before = 0;
    if (recipe->decay == HEDON_DECAY_STEP && !recipe->milestones)
        return hedon_fail(ctx, HEDON_EINVAL, "the step schedule needs --milestones");
    if (recipe->decay != HEDON_DECAY_STEP && recipe->milestones)
        return hedon_fail(ctx, HEDON_EINVAL, "milestones are the step schedule's: --schedule step");
    for (int i = 0; i < recipe->milestones; i++) {
        if (!(recipe->milestone[i] > before && recipe->milestone[i] <= (double)recipe->epochs))
            return hedon_fail(ctx, HEDON_EINVAL,
                              "milestone %g is not between %g and the last epoch, %lld",
                              recipe->milestone[i], before, (long long)recipe->epochs);
        before = recipe->milestone[i];
    }
    return 0;
}

static int check_comparisons(HedonContext *ctx, const HedonRecipe *recipe)
{
    const int64_t compared = hedon_recipe_compared(recipe);
    if (recipe->task == HEDON_TASK_VCE) return 0;
    if (recipe->task == HEDON_TASK_JOINT && recipe->clips % compared)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "joint batches need a multiple of %lld clips, not %lld: the two heads "
                          "share a batch of %s",
                          (long long)compared, (long long)recipe->clips,
                          compared == 2 ? "pairs" : "lists");
    if (!(recipe->margin >= 0))
        return hedon_fail(ctx, HEDON_EINVAL, "margin: %g is below 0", recipe->margin);
    if (recipe->margin > 0 && recipe->utility_loss == HEDON_LOSS_PLACKETT_LUCE)
        return hedon_fail(ctx, HEDON_EINVAL, "the Plackett-Luce loss has no margin");
    return 0;
}

int hedon_train_config_check(HedonContext *ctx, const HedonTrainConfig *config)
{
    const HedonRecipe *recipe = &config->recipe;
    const struct {
        const char *name;
        double value, low, high;
    } ranges[] = {
        {"rate", recipe->rate, 0, 1e6},
        {"floor", recipe->floor, 0, 1e6},
        {"weight decay", recipe->weight_decay, 0, 1e3},
        {"layer decay", recipe->layer_decay, 1e-3, 1},
        {"warm-up", recipe->warmup_epochs, 0, (double)recipe->epochs},
        {"factor", recipe->factor, 1e-9, 1},
        {"drop path", recipe->drop_path, 0, .99},
        {"mixup", recipe->mixup, 0, 100},
        {"cutmix", recipe->cutmix, 0, 100},
        {"gradient clipping", recipe->clip_norm, 0, 1e9},
        {"average", recipe->average, 0, .9999999},
        {"held-out share", recipe->held_out, 0, .9},
        {"share of broken videos", config->max_broken, 0, 1},
        {"frames of a clip", (double)config->frames, 0, 4096},
        {"size of a clip", (double)config->size, 0, 4096},
        {"epochs", (double)recipe->epochs, 1, 1e6},
        {"accumulated batches", (double)recipe->accumulate, 1, 1e5},
        {"clips in a batch", (double)recipe->clips, recipe->task == HEDON_TASK_V2V ? 0 : 1, 4096},
        {"pairs in a batch", (double)recipe->pairs, recipe->task == HEDON_TASK_VCE ? 0 : 1, 4096},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (outside(ranges[i].value, ranges[i].low, ranges[i].high))
            return hedon_fail(ctx, HEDON_EINVAL, "%s: %g is not within %g to %g", ranges[i].name,
                              ranges[i].value, ranges[i].low, ranges[i].high);
    if ((recipe->mixup > 0 || recipe->cutmix > 0) && recipe->clips % 2)
        return hedon_fail(ctx, HEDON_EINVAL, "mixing needs an even number of clips, not %lld",
                          (long long)recipe->clips);
    const int code = check_milestones(ctx, recipe);
    return code ? code : check_comparisons(ctx, recipe);
}
