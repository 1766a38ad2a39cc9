/* hedon train: from datasets to a model file. vce, v2v and joint differ in their recipe and their
 * data; everything else is one table of options over RUN/config.json's fields. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/launch_ranks.h"
#include "train/run_folder.h"
#include "train/trainer.h"

/* Every value stays NULL or 0 unless it was given, so that a resumed run keeps its own. */
typedef struct Arguments {
    const char *data, *vce, *v2v, *out, *model, *init, *freeze, *loss, *utility_loss, *ties,
        *optimiser, *schedule, *sampling, *augment, *decoder;
    const char *rate, *floor, *weight_decay, *layer_decay, *warmup, *drop_path, *mixup, *cutmix,
        *clip_norm, *average, *held_out, *margin, *utility_weight, *max_broken, *seed, *fps,
        *milestones, *factor;
    int64_t frames, size, epochs, batch, pairs, accumulate, workers, save_every, log_every, ranks;
    int resume, force, recompute, json, prior_bias;
    HedonDeviceArguments device;
} Arguments;

/* ---- Options into the configuration */

/* Numbers that may be 0 or less than 1 come as text. */
static int set_number(const HedonCommand *command, json_t *object, const char *field,
                      const char *option, const char *text, int whole)
{
    char *end;
    if (!text) return HEDON_PARSED;
    const double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || (whole && number != floor(number)))
        return hedon_wrong_usage(command, "--%s %s: give a %snumber", option, text,
                                 whole ? "whole " : "");
    json_object_set_new(object, field,
                        whole ? json_integer((json_int_t)number) : json_real(number));
    return HEDON_PARSED;
}

static int set_numbers(const HedonCommand *command, json_t *object, const Arguments *arguments)
{
    const struct {
        const char *field, *option, *text;
        int whole;
    } numbers[] = {
        {"rate", "rate", arguments->rate, 0},
        {"floor", "floor", arguments->floor, 0},
        {"weight_decay", "weight-decay", arguments->weight_decay, 0},
        {"layer_decay", "layer-decay", arguments->layer_decay, 0},
        {"warmup_epochs", "warmup", arguments->warmup, 0},
        {"factor", "factor", arguments->factor, 0},
        {"drop_path", "drop-path", arguments->drop_path, 0},
        {"mixup", "mixup", arguments->mixup, 0},
        {"cutmix", "cutmix", arguments->cutmix, 0},
        {"clip_norm", "clip-norm", arguments->clip_norm, 0},
        {"average", "average", arguments->average, 0},
        {"held_out", "held-out", arguments->held_out, 0},
        {"margin", "margin", arguments->margin, 0},
        {"utility_weight", "utility-weight", arguments->utility_weight, 0},
        {"max_broken", "max-broken", arguments->max_broken, 0},
        {"clip_rate", "fps", arguments->fps, 0},
        {"seed", "seed", arguments->seed, 1},
    };
    int status = HEDON_PARSED;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && status == HEDON_PARSED; i++)
        status = set_number(command, object, numbers[i].field, numbers[i].option, numbers[i].text,
                            numbers[i].whole);
    /* a rate that was given is the rate: not one for a batch of 256 */
    if (arguments->rate) json_object_set_new(object, "rate_batch", json_integer(0));
    if (arguments->rate && !arguments->floor) json_object_set_new(object, "floor", json_real(0));
    return status;
}

/* "30,60,80": epochs, fractions of one too. */
static int set_milestones(const HedonCommand *command, json_t *object, const char *text)
{
    if (!text) return HEDON_PARSED;
    json_t *list = json_array();
    json_object_set_new(object, "milestones", list);
    for (const char *at = text;; at++) {
        char *end;
        const double epoch = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !isfinite(epoch))
            return hedon_wrong_usage(command, "--milestones %s: give epochs, as in 30,60", text);
        json_array_append_new(list, json_real(epoch));
        if (!*(at = end)) return HEDON_PARSED;
    }
}

static void set_texts(json_t *object, const Arguments *arguments)
{
    const struct {
        const char *field, *text;
    } texts[] = {
        {"vce", arguments->vce},
        {"v2v", arguments->v2v},
        {"model", arguments->model},
        {"init", arguments->init},
        {"freeze", arguments->freeze},
        {"emotions_loss", arguments->loss},
        {"utility_loss", arguments->utility_loss},
        {"ties", arguments->ties},
        {"optimiser", arguments->optimiser},
        {"decay", arguments->schedule},
        {"sampling", arguments->sampling},
        {"augment", arguments->augment},
        {"device", arguments->device.device},
        {"precision", arguments->device.precision},
        {"decoder", arguments->decoder},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].text) json_object_set_new(object, texts[i].field, json_string(texts[i].text));
}

static void set_integers(json_t *object, const Arguments *arguments, HedonTask task)
{
    const struct {
        const char *field;
        int64_t value;
    } integers[] = {
        {"frames", arguments->frames},
        {"size", arguments->size},
        {"epochs", arguments->epochs},
        {task == HEDON_TASK_V2V ? "pairs" : "clips", arguments->batch},
        {"pairs", arguments->pairs},
        {"accumulate", arguments->accumulate},
        {"threads", arguments->device.threads},
        {"workers", arguments->workers},
        {"save_every", arguments->save_every},
        {"log_every", arguments->log_every},
        {"recompute", arguments->recompute},
        {"prior_bias", arguments->prior_bias},
    };
    for (size_t i = 0; i < sizeof(integers) / sizeof(*integers); i++)
        if (integers[i].value)
            json_object_set_new(object, integers[i].field, json_integer(integers[i].value));
}

/* ---- What is shown */

typedef struct View {
    int json, visible;
    double drawn_s;
} View;

static void show_event(void *opaque, const char *line)
{
    const View *view = opaque;
    if (view->json) {
        puts(line);
        fflush(stdout);
    }
    json_t *event = json_loads(line, 0, NULL);
    const char *kind = json_string_value(json_object_get(event, "event"));
    const int broken = kind && !strcmp(kind, "broken"), epoch = kind && !strcmp(kind, "epoch");
    if (view->visible && (broken || epoch)) fputs("\r\033[K", stderr);
    if (broken)
        fprintf(stderr, "hedon: %s: left out: %s\n",
                json_string_value(json_object_get(event, "path")),
                json_string_value(json_object_get(event, "error")));
    if (epoch && !view->json) {
        printf("epoch %lld  loss %.4f",
               (long long)json_integer_value(json_object_get(event, "epoch")),
               json_number_value(json_object_get(event, "train_loss")));
        static const char *const keys[][2] = {{"held_top3", "top-3"}, {"held_pairs", "pairs"}};
        for (int i = 0; i < 2; i++) {
            const json_t *value = json_object_get(event, keys[i][0]);
            if (value) printf("  held-out %s %.1f%%", keys[i][1], 100 * json_number_value(value));
        }
        printf("%s\n", json_is_true(json_object_get(event, "best")) ? "  best so far" : "");
        fflush(stdout);
    }
    json_decref(event);
}

static void show_progress(void *opaque, const HedonTrainProgress *progress)
{
    View *view = opaque;
    const double now_s = hedon_clock_s();
    if (!view->visible || (!progress->validating && now_s - view->drawn_s < .1)) return;
    view->drawn_s = now_s;
    char metric[64] = "", left[32];
    if (progress->metric_name)
        snprintf(metric, sizeof(metric), "  %s %.1f%%", progress->metric_name,
                 100 * progress->metric);
    const int64_t seconds = (int64_t)fmin(progress->left_s, 3.6e8);
    snprintf(left, sizeof(left), "%lld:%02lld:%02lld", (long long)(seconds / 3600),
             (long long)(seconds / 60 % 60), (long long)(seconds % 60));
    fprintf(stderr,
            "\r\033[Kepoch %lld/%lld  step %lld/%lld  loss %.4f%s  %.1f clips/s  waiting %.0f%%  "
            "%s left%s",
            (long long)progress->epoch, (long long)progress->epochs, (long long)progress->step,
            (long long)progress->steps, progress->loss, metric, progress->clips_per_s,
            100 * progress->waiting, left, progress->validating ? "  validating" : "");
    fflush(stderr);
}

/* An interruption asks the trainer to stop after the step and to save. */
static volatile sig_atomic_t stop_asked;

static void ask_to_stop(void)
{
    stop_asked = 1;
}

static int stopped(void *opaque)
{
    (void)opaque;
    return stop_asked;
}

/* ---- Running */

/* A resumed run begins with its own configuration; what the options then change is refused, unless
 * the result does not depend on it. */
static int make_config(HedonContext *ctx, HedonTrainConfig *config, const HedonRecipe *recipe,
                       const Arguments *arguments, const json_t *changes)
{
    hedon_train_config_default(config, recipe);
    if (!arguments->resume) {
        const int code = hedon_train_config_read(ctx, config, changes);
        /* fewer epochs keep the recipe's share of warm-up */
        if (arguments->epochs && !arguments->warmup)
            config->recipe.warmup_epochs *= (double)arguments->epochs / (double)recipe->epochs;
        return code;
    }
    char path[4096];
    json_t *saved;
    HedonTrainConfig before;
    snprintf(path, sizeof(path), "%s/config.json", arguments->out);
    if (access(path, F_OK))
        return hedon_fail(ctx, HEDON_ENOENT, "there is no run to resume: it has no config.json");
    int code = hedon_run_folder_read_json(ctx, path, &saved);
    if (code) return code;
    hedon_train_config_default(&before, recipe);
    code = hedon_train_config_read(ctx, &before, saved);
    if (!code) code = hedon_train_config_read(ctx, config, saved);
    if (!code) code = hedon_train_config_read(ctx, config, changes);
    const char *field = code ? NULL : hedon_train_config_difference(&before, config);
    if (field && !arguments->force)
        code =
            hedon_fail(ctx, HEDON_EINVAL,
                       "%s is not what the run was started with: leave the option out, or accept "
                       "by --force that the weights will not be those of an uninterrupted run",
                       field);
    json_decref(saved);
    hedon_train_config_free(&before);
    return code;
}

/* Rank 0 reads options and RUN/config.json; the others take what came of it. */
static int share_config(HedonContext *ctx, HedonProcessGroup *group, HedonTrainConfig *config,
                        int code)
{
    code = hedon_process_group_agree(ctx, group, code);
    if (code || group->ranks == 1) return code;
    json_t *object = group->rank ? NULL : hedon_train_config_json(config);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) + 1 : 0;
    json_decref(object);
    code = group->broadcast(ctx, group, &length, sizeof(length));
    if (!code && !length) code = hedon_fail_memory(ctx);
    if (!code && group->rank && !(text = malloc(length))) {
        group->broken = 1;
        code = hedon_fail_memory(ctx);
    }
    if (!code) code = group->broadcast(ctx, group, text, length);
    if (!code && group->rank) {
        json_t *sent = json_loads(text, 0, NULL);
        code = sent ? hedon_train_config_read(ctx, config, sent) : hedon_fail_memory(ctx);
        json_decref(sent);
    }
    free(text);
    return group->broken ? code : hedon_process_group_agree(ctx, group, code);
}

static void say_how_to_go_on(const Arguments *arguments, const HedonCommand *command,
                             const char *sentence)
{
    char ranks[32] = "", launcher[32] = "";
    const int launched = hedon_process_group_launched();
    if (arguments->ranks > 1)
        snprintf(ranks, sizeof(ranks), " --ranks %lld", (long long)arguments->ranks);
    else if (launched > 1)
        snprintf(launcher, sizeof(launcher), "mpirun -n %d ", launched);
    fprintf(stderr, "hedon: %s; go on with: %shedon %s --out %s --resume%s\n", sentence, launcher,
            command->name, arguments->out, ranks);
}

/* Ranks that ended together have one voice. One that the others know nothing of, or that lost them,
 * speaks for itself and takes them with it. */
static int finish(const Arguments *arguments, const HedonCommand *command, HedonProcessGroup *group,
                  int code, const char *sentence)
{
    if (code && group->broken) {
        const int status = hedon_report(arguments->out, code, sentence);
        group->abort(group, status);
        return status;
    }
    if (group->rank) return EXIT_GOOD;
    if (code == HEDON_ECANCELLED) {
        say_how_to_go_on(arguments, command, sentence);
        return EXIT_INTERRUPTED;
    }
    if (code) return hedon_report(arguments->out, code, sentence);
    if (!arguments->json)
        printf("%s/best.safetensors is the best by the held-out part, last.safetensors the last; "
               "report.html shows the run\n",
               arguments->out);
    return EXIT_GOOD;
}

/* What hedon train cannot do without. */
static int check_arguments(const HedonCommand *command, const HedonRecipe *recipe,
                           const Arguments *arguments)
{
    const int has_vce = arguments->vce || recipe->task == HEDON_TASK_V2V,
              has_v2v = arguments->v2v || recipe->task == HEDON_TASK_VCE;
    if (!arguments->out)
        return hedon_wrong_usage(command, "--out RUN is needed: a folder for the run");
    if (arguments->resume || (has_vce && has_v2v)) return HEDON_PARSED;
    return hedon_wrong_usage(command, recipe->task == HEDON_TASK_JOINT
                                          ? "--vce DIR and --v2v DIR are both needed"
                                          : "--data DIR is needed");
}

static int train_in(const HedonCommand *command, HedonContext *ctx, HedonProcessGroup *group,
                    const HedonRecipe *recipe, const Arguments *arguments, const json_t *changes)
{
    HedonTrainConfig config;
    View view = {.json = arguments->json,
                 .visible = isatty(STDERR_FILENO) || getenv(HEDON_LAUNCHED_FROM_TERMINAL)};
    const HedonTrainOptions options = {
        .resume = arguments->resume, .force = arguments->force, .group = group};
    const HedonTrainCallbacks callbacks = {
        .opaque = &view, .event = show_event, .progress = show_progress, .stop = stopped};
    hedon_on_interrupt(ask_to_stop);
    hedon_train_config_default(&config, recipe);
    int code = group->rank ? 0 : make_config(ctx, &config, recipe, arguments, changes);
    code = share_config(ctx, group, &config, code);
    if (!code) code = hedon_train(ctx, arguments->out, &config, &options, &callbacks);
    if (view.visible && view.drawn_s > 0) fputs("\r\033[K", stderr);
    hedon_train_config_free(&config);
    return finish(arguments, command, group, code, hedon_last_error(ctx));
}

static int train(const HedonCommand *command, HedonContext *ctx, const HedonRecipe *recipe,
                 const Arguments *arguments, const json_t *changes)
{
    HedonProcessGroup alone, *group = &alone;
    hedon_process_group_alone(&alone);
    const int launched = hedon_process_group_launched();
    if (launched > 1 && arguments->ranks && arguments->ranks != launched)
        return hedon_wrong_usage(command, "--ranks %lld, but mpirun started %d processes",
                                 (long long)arguments->ranks, launched);
    const int code = launched > 1 ? hedon_process_group_open(ctx, &group) : 0;
    if (code) return hedon_report(arguments->out, code, hedon_last_error(ctx));
    const int status = train_in(command, ctx, group, recipe, arguments, changes);
    fflush(NULL); /* the launcher ends what is left of a run as soon as one of it has failed */
    group->close(group);
    return status;
}

/* As so many processes, none of which is this one. */
static int launch(const HedonCommand *command, HedonContext *ctx, const Arguments *arguments,
                  char *const *words)
{
    int status = EXIT_GOOD;
    const int code = hedon_launch_ranks(ctx, (int)arguments->ranks, command->name, words, &status);
    if (code) return hedon_report(NULL, code, hedon_last_error(ctx));
    if (status > 128 && status != EXIT_INTERRUPTED)
        say_how_to_go_on(arguments, command, "a process of the run was killed");
    return status;
}

static int run_task(const HedonCommand *command, HedonContext *ctx, int argc, char **argv,
                    const HedonRecipe *recipe)
{
    Arguments arguments = {0};
    int count = 0;
    char **words = calloc((size_t)argc, sizeof(*words)); /* as they were given; NULL-terminated */
    if (!words) return hedon_report(NULL, HEDON_ENOMEM, "out of memory");
    memcpy(words, argv + 1, (size_t)(argc - 1) * sizeof(*words));
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status == HEDON_PARSED && count)
        status = hedon_wrong_usage(command, "'%s' is not an option", argv[0]);
    if (recipe->task == HEDON_TASK_VCE && arguments.data) arguments.vce = arguments.data;
    if (recipe->task == HEDON_TASK_V2V && arguments.data) arguments.v2v = arguments.data;
    if (status == HEDON_PARSED) status = check_arguments(command, recipe, &arguments);
    json_t *changes = json_object();
    if (status == HEDON_PARSED) status = set_numbers(command, changes, &arguments);
    if (status == HEDON_PARSED) status = set_milestones(command, changes, arguments.milestones);
    set_texts(changes, &arguments);
    set_integers(changes, &arguments, recipe->task);
    if (status == HEDON_PARSED && arguments.ranks > 1 && hedon_process_group_launched() == 1)
        status = launch(command, ctx, &arguments, words);
    else if (status == HEDON_PARSED)
        status = train(command, ctx, recipe, &arguments, changes);
    json_decref(changes);
    free(words);
    return status;
}

static int run_vce(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    return run_task(command, ctx, argc, argv, &hedon_recipe_vce);
}

static int run_v2v(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    return run_task(command, ctx, argc, argv, &hedon_recipe_v2v);
}

static int run_joint(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    return run_task(command, ctx, argc, argv, &hedon_recipe_joint);
}

#define TEXT(name, field, parameter, help)                                                         \
    {                                                                                              \
        name, OPTION_TEXT, offsetof(Arguments, field), parameter, help                             \
    }
#define CHOICE(name, field, parameter, help)                                                       \
    {                                                                                              \
        name, OPTION_CHOICE, offsetof(Arguments, field), parameter, help                           \
    }
#define COUNT(name, field, help)                                                                   \
    {                                                                                              \
        name, OPTION_INTEGER, offsetof(Arguments, field), "N", help                                \
    }
#define FLAG(name, field, help)                                                                    \
    {                                                                                              \
        name, OPTION_FLAG, offsetof(Arguments, field), NULL, help                                  \
    }

#define COMMON_OPTIONS                                                                             \
    TEXT("out", out, "RUN", "folder of the run: made, or with --resume gone on with"),             \
        FLAG("resume", resume, "go on with RUN where its last state was saved"),                   \
        FLAG("force", force, "... although threads, options or build are others"),                 \
        TEXT("model", model, "ARCH", "r2plus1d_18, r2plus1d_tiny, ... (default r2plus1d_18)"),     \
        COUNT("frames", frames, "of a clip (default: the model's)"),                               \
        COUNT("size", size, "height and width of a clip (default: the model's)"),                  \
        TEXT("init", init, "FILE", "begin with this model's weights (hedon import makes one)"),    \
        TEXT("freeze", freeze, "PREFIX,...",                                                       \
             "leave parameters so named as they are: stem,layer1"),                                \
        COUNT("epochs", epochs, "(default: the recipe's)"),                                        \
        COUNT("accumulate", accumulate, "batches in one optimiser step (default 1)"),              \
        TEXT("seed", seed, "S", "of weights, order, augmentation, held-out part (default 1)"),     \
        TEXT("rate", rate, "R", "learning rate after warm-up, taken as it is"),                    \
        TEXT("floor", floor, "R", "learning rate in the end (with --rate: default 0)"),            \
        CHOICE("schedule", schedule, "constant|cosine|step", "of the learning rate"),              \
        TEXT("milestones", milestones, "EPOCH,...",                                                \
             "... step: where the rate is multiplied by --factor"),                                \
        TEXT("factor", factor, "F", "... step: (default .1)"),                                     \
        TEXT("warmup", warmup, "EPOCHS",                                                           \
             "of linear warm-up (default: the recipe's share of them)"),                           \
        CHOICE("optimiser", optimiser, "adamw|sgd", "(default: the recipe's)"),                    \
        TEXT("weight-decay", weight_decay, "W", "of tensors of two dimensions and more"),          \
        TEXT("layer-decay", layer_decay, "D",                                                      \
             "learning rate times D for each layer further down"),                                 \
        TEXT("clip-norm", clip_norm, "G", "clip the gradient's norm (default: off)"),              \
        TEXT("average", average, "D", "keep a moving average of weights, .999 say, and save it"),  \
        TEXT("drop-path", drop_path, "P", "of the last block"),                                    \
        CHOICE("sampling", sampling, "rate|even", "frames of a clip: --fps a second, or evenly"),  \
        TEXT("fps", fps, "F", "frames a second of --sampling rate (default 4)"),                   \
        TEXT("augment", augment, "NAME",                                                           \
             "vce (the paper's), crop (mild crops and flips) or none"),                            \
        TEXT("held-out", held_out, "SHARE", "of the training part, for validation (default .05)"), \
        TEXT("max-broken", max_broken, "SHARE", "of videos; more stop the run (default .05)"),     \
        FLAG("recompute", recompute,                                                               \
             "compute cheap layers twice instead of keeping them in memory"),                      \
        COUNT("ranks", ranks, "processes that train as one, each with batches of its own"),        \
        COUNT("workers", workers, "decoder processes of each (default: one a core, at most 8)"),   \
        HEDON_DECODER_OPTION(Arguments),                                                           \
        COUNT("save-every", save_every, "steps between saved states (default: a minute)"),         \
        COUNT("log-every", log_every, "steps between lines of the log (default 1)"),               \
        FLAG("json", json, "events on standard output, one JSON object a line"),                   \
        HEDON_DEVICE_OPTIONS(Arguments)

#define CLIP_OPTIONS                                                                               \
    CHOICE("loss", loss, "bce|kl|cross_entropy", "of the emotions (default bce)"),                 \
        FLAG("prior-bias", prior_bias, "begin with the mean ratings as the head's bias, not 0"),   \
        TEXT("mixup", mixup, "ALPHA", "mix clips and labels (default: off)"),                      \
        TEXT("cutmix", cutmix, "ALPHA", "exchange boxes of clips (default: off)")

#define COMPARISON_OPTIONS(loss_name)                                                              \
    CHOICE(loss_name, utility_loss, "bradley_terry|plackett_luce",                                 \
           "of the utility: of pairs, or of lists of up to 4 that\n"                               \
           "                                  the training pairs chain into (default "             \
           "bradley_terry)"),                                                                      \
        TEXT("margin", margin, "M", "of utility between the two (default 0)"),                     \
        CHOICE("ties", ties, "half|leave_out",                                                     \
               "a table's tied pairs: half a win for each (default)")

static const HedonOption vce_options[] = {
    TEXT("data", data, "DIR", "a VCE folder, or a table with intensities"),
    COUNT("batch", batch, "clips in a batch (default 8)"),
    CLIP_OPTIONS,
    COMMON_OPTIONS,
    {NULL},
};

static const HedonOption v2v_options[] = {
    TEXT("data", data, "DIR", "a V2V folder, or a table with pairs or lists"),
    COUNT("batch", batch, "pairs (or lists) in a batch (default 4)"),
    COMPARISON_OPTIONS("loss"),
    COMMON_OPTIONS,
    {NULL},
};

static const HedonOption joint_options[] = {
    TEXT("vce", vce, "DIR", "a VCE folder"),
    TEXT("v2v", v2v, "DIR", "a V2V folder"),
    COUNT("batch", batch, "VCE clips in a batch, even (default 4)"),
    COUNT("pairs", pairs, "V2V pairs (or lists) in a batch (default 2)"),
    TEXT("utility-weight", utility_weight, "W", "of the pairs' loss in the sum (default 1)"),
    COMPARISON_OPTIONS("utility-loss"),
    CLIP_OPTIONS,
    COMMON_OPTIONS,
    {NULL},
};

#define RUN_FOLDER                                                                                 \
    "RUN gets config.json, log.jsonl, curves.png, report.html, last.safetensors,\n"                \
    "best.safetensors (by the held-out part, never by the test part), resume.state and\n"          \
    "tensorboard/. Ctrl-C saves and says how to go on; after kill -9 --resume goes on from the\n"  \
    "last saved state, on the cpu with the same threads to the same bits.\n\n"                     \
    "--ranks N, or mpirun -n N hedon train ..., trains with N processes: what they are shown\n"    \
    "and learn in a step is what one with N times the batch would be. With --device cuda each\n"   \
    "takes a GPU of its own, and NCCL sums. A run goes on with as many as it had.\n"

static const HedonCommand train_vce = {
    .name = "train vce",
    .summary = "27 emotion intensities from VCE, by the paper's recipe",
    .parameters = "--data DIR --out RUN [OPTION...]",
    .description = RUN_FOLDER,
    .examples = "  hedon train vce --data vce_dataset --out runs/vce --init kinetics.hedon\n"
                "  hedon train vce --out runs/vce --resume\n"
                "  hedon train vce --data vce_dataset --out runs/two --ranks 2 --batch 4\n",
    .options = vce_options,
    .run = run_vce,
};

static const HedonCommand train_v2v = {
    .name = "train v2v",
    .summary = "pleasantness from V2V's pairs, by the paper's recipe",
    .parameters = "--data DIR --out RUN [OPTION...]",
    .description = RUN_FOLDER,
    .examples =
        "  hedon train v2v --data v2v_dataset --out runs/v2v --init runs/vce/best.safetensors\n"
        "  hedon train v2v --data v2v_dataset --out runs/lists --loss plackett_luce\n",
    .options = v2v_options,
    .run = run_v2v,
};

static const HedonCommand train_joint = {
    .name = "train joint",
    .summary = "one backbone with both heads from VCE and V2V",
    .parameters = "--vce DIR --v2v DIR --out RUN [OPTION...]",
    .description =
        "Each batch holds VCE clips and V2V pairs; each loss sees its own, and their weighted sum\n"
        "is trained. What either dataset tests on leaves the other's training part.\n\n" RUN_FOLDER,
    .examples = "  hedon train joint --vce vce_dataset --v2v v2v_dataset --out runs/joint\n",
    .options = joint_options,
    .run = run_joint,
};

static const HedonCommand *const tasks[] = {&train_vce, &train_v2v, &train_joint, NULL};

const HedonCommand hedon_cmd_train = {
    .name = "train",
    .summary = "a model from VCE, V2V or both",
    .parameters = "vce|v2v|joint --out RUN [OPTION...]",
    .examples = "  hedon train vce --data vce_dataset --out runs/vce\n"
                "  hedon train v2v --data v2v_dataset --out runs/v2v\n",
    .subcommands = tasks,
};
