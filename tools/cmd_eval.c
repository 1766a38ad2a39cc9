/* hedon eval: a model, or anybody's prediction files, against the labels of VCE or V2V. */
#include <langinfo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "eval/study.h"
#include "models/trainable.h"
#include "tools/command.h"

enum { DEFAULT_REPLICATES = 1000 };
static const double default_holdout = .05;

typedef struct Arguments {
    const char *data, *model, *predictions, *against, *split, *save, *slice, *baselines, *scale,
        *holdout, *out, *resample, *views;
    int json;
    int64_t seed, replicates, holdout_seed;
    HedonDeviceArguments device;
    double holdout_share; /* from `holdout` */
} Arguments;

typedef struct Session {
    HedonContext *ctx;
    const Arguments *arguments;
    const HedonEvalTask *task;
    HedonDataset *dataset;
    HedonStudy *study;
    HedonOutputs *brightness;
    HedonDeviceOptions device;
    HedonProgress bar;
    uint8_t *wanted;
    int failed; /* videos */
} Session;

/* ---- Models over videos */

static void report_video(void *opaque, const char *video, int code, const char *sentence)
{
    Session *session = opaque;
    hedon_progress_clear(&session->bar);
    hedon_report(video, code, sentence);
    session->failed++;
}

static void show_progress(void *opaque, const char *video, int64_t done, int64_t count)
{
    Session *session = opaque;
    hedon_progress_update(&session->bar, video, done, count);
}

static int run_model(Session *session, const char *name, int width, int is_subject,
                     HedonOutputs **outputs)
{
    HedonContext *ctx = session->ctx;
    HedonModel *model;
    *outputs = NULL;
    int code = hedon_open_model_argument(ctx, &model, name);
    if (code) return code;
    if (is_subject && session->arguments->views && !strcmp(session->arguments->views, "paper"))
        hedon_model_set_paper_views(model);
    const HedonModelRun run = {.device = &session->device,
                               .opaque = session,
                               .failed = is_subject ? report_video : NULL,
                               .progress = show_progress};
    hedon_progress_start(&session->bar);
    code = hedon_outputs_from_model(ctx, outputs, model, name, session->dataset, width,
                                    session->wanted, &run);
    hedon_progress_clear(&session->bar);
    hedon_model_close(model);
    return code;
}

/* ---- Subjects, baselines, what is derived */

static HedonScale scale_of(const Arguments *arguments)
{
    return arguments->scale ? (HedonScale)hedon_scale_from_name(arguments->scale)
                            : HEDON_SCALE_AUTO;
}

static int add_file(Session *session, const char *path)
{
    HedonOutputs *outputs;
    int code = hedon_predictions_read(session->ctx, &outputs, path, session->dataset,
                                      session->task->width, scale_of(session->arguments));
    if (!code) code = hedon_study_add_subject(session->ctx, session->study, outputs);
    return code ? hedon_report(path, code, hedon_last_error(session->ctx)) : EXIT_GOOD;
}

static int add_model(Session *session)
{
    const Arguments *arguments = session->arguments;
    HedonOutputs *outputs;
    int code = run_model(session, arguments->model, session->task->width, 1, &outputs);
    if (!code && arguments->save)
        code = hedon_predictions_write(session->ctx, outputs, session->dataset, arguments->save);
    if (code) {
        hedon_outputs_free(outputs);
        return hedon_report(arguments->model, code, hedon_last_error(session->ctx));
    }
    if (scale_of(arguments) != HEDON_SCALE_AUTO) outputs->scale = scale_of(arguments);
    code = hedon_study_add_subject(session->ctx, session->study, outputs);
    return code ? hedon_report(arguments->model, code, hedon_last_error(session->ctx)) : EXIT_GOOD;
}

/* The baseline owns what the study frees, so a copy of the pointer is enough for slices. */
static int add_decoding_baselines(Session *session)
{
    HedonOutputs *outputs;
    const int is_pairs = session->task->width == 1;
    int code = run_model(session, "lowlevel", session->task->width, 0, &outputs);
    if (!code)
        code = hedon_study_add_baseline(
            session->ctx, session->study, outputs,
            "colour, brightness and motion by published formulas, no training");
    if (code || !is_pairs) return code;
    code = run_model(session, "brightness", 1, 0, &outputs);
    if (code) return code;
    session->study->brightness = outputs;
    return hedon_study_add_baseline(session->ctx, session->study, outputs,
                                    "the pictures' mean brightness");
}

static int add_baselines(Session *session)
{
    const char *which = session->arguments->baselines;
    if (which && !strcmp(which, "none")) return EXIT_GOOD;
    int code = hedon_study_add_cheap_baselines(session->ctx, session->study);
    if (!code && which && !strcmp(which, "all")) code = add_decoding_baselines(session);
    return code ? hedon_report("baselines", code, hedon_last_error(session->ctx)) : EXIT_GOOD;
}

static int add_against(Session *session)
{
    const char *path = session->arguments->against;
    HedonOutputs *outputs;
    if (!path) return EXIT_GOOD;
    int code = hedon_predictions_read(session->ctx, &outputs, path, session->dataset,
                                      session->task->width, scale_of(session->arguments));
    if (!code) code = hedon_study_compare(session->ctx, session->study, outputs);
    return code ? hedon_report(path, code, hedon_last_error(session->ctx)) : EXIT_GOOD;
}

/* Columns between commas; brightness has to be looked at first. */
static int add_slices(Session *session)
{
    const char *list = session->arguments->slice;
    int code = 0;
    while (list && *list && !code) {
        char name[128];
        const int length = (int)strcspn(list, ",");
        snprintf(name, sizeof(name), "%.*s", length, list);
        list += length + (list[length] == ',');
        if (!strcmp(name, "brightness") && !session->study->brightness) {
            code = run_model(session, name, 1, 0, &session->brightness);
            session->study->brightness = session->brightness;
        }
        if (!code) code = hedon_study_slice(session->ctx, session->study, name);
        if (code) hedon_report(name, code, hedon_last_error(session->ctx));
    }
    if (code == HEDON_ECANCELLED) return EXIT_INTERRUPTED;
    return code ? EXIT_SOME_FAILED : EXIT_GOOD;
}

/* ---- Output */

static int put(Session *session)
{
    const Arguments *arguments = session->arguments;
    const char *path = arguments->out ? arguments->out : "-";
    const int terminal = !strcmp(path, "-") && isatty(STDOUT_FILENO);
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    const HedonTextStyle style = {.columns = 100,
                                  .unicode = !strcmp(nl_langinfo(CODESET), "UTF-8"),
                                  .colour = terminal && !(no_colour && *no_colour) && term &&
                                            strcmp(term, "dumb")};
    HedonAtomicFile *file;
    char *text = NULL;
    int code = arguments->json ? hedon_study_json(session->ctx, session->study, &text)
                               : hedon_study_text(session->ctx, session->study, &style, &text);
    if (!code) code = hedon_atomic_open(session->ctx, &file, path);
    if (!code) {
        fputs(text, hedon_atomic_stream(file));
        code = hedon_atomic_commit(session->ctx, file);
    }
    free(text);
    return code ? hedon_report(NULL, code, hedon_last_error(session->ctx)) : EXIT_GOOD;
}

static int evaluate(Session *session, char **files, int count)
{
    const Arguments *arguments = session->arguments;
    int status = EXIT_GOOD;
    if (arguments->model) status = add_model(session);
    if (arguments->predictions) status = add_file(session, arguments->predictions);
    for (int i = 0; i < count && status == EXIT_GOOD; i++) status = add_file(session, files[i]);
    if (status == EXIT_GOOD) status = add_baselines(session);
    if (status == EXIT_GOOD && hedon_study_spread(session->ctx, session->study))
        status = hedon_report(NULL, HEDON_ENOMEM, hedon_last_error(session->ctx));
    if (status == EXIT_GOOD) status = add_against(session);
    if (status == EXIT_GOOD) status = add_slices(session);
    if (status == EXIT_GOOD) status = put(session);
    return status == EXIT_GOOD && session->failed ? EXIT_SOME_FAILED : status;
}

static HedonPart part_of(const Arguments *arguments)
{
    static const char *const names[] = {"", "test", "train", "lists", "holdout"};
    for (int i = 1; arguments->split && i < 5; i++)
        if (!strcmp(arguments->split, names[i])) return (HedonPart)i;
    return HEDON_PART_DEFAULT;
}

static int open_study(Session *session)
{
    HedonContext *ctx = session->ctx;
    const Arguments *arguments = session->arguments;
    const int64_t threads = arguments->device.threads;
    int code =
        hedon_dataset_open(ctx, &session->dataset, session->task->name, arguments->data, NULL);
    if (code) return code;
    const HedonStudyOptions options = {
        .task = session->task,
        .part = part_of(arguments),
        .bootstrap = {.seed = (uint64_t)arguments->seed,
                      .replicates = arguments->replicates,
                      .threads = threads ? (int)threads : hedon_cpu_count()},
        .holdout_seed = (uint64_t)arguments->holdout_seed,
        .holdout_share = arguments->holdout_share,
        .ungrouped = arguments->resample && !strcmp(arguments->resample, "comparisons")};
    code = hedon_study_open(ctx, &session->study, session->dataset, &options);
    if (code) return code;
    session->wanted = hedon_malloc((size_t)hedon_dataset_size(session->dataset), 1);
    if (!session->wanted) return hedon_fail_memory(ctx);
    hedon_study_wanted(session->study, session->wanted);
    return 0;
}

static int check(const HedonCommand *command, Arguments *arguments, int files)
{
    char *end;
    if (!arguments->data) return hedon_wrong_usage(command, "which dataset? give --data DIR");
    if (arguments->model && arguments->predictions)
        return hedon_wrong_usage(command, "--model and --predictions exclude each other");
    if (files && !arguments->predictions)
        return hedon_wrong_usage(command, "files of predictions come after --predictions");
    const int subject = arguments->model || arguments->predictions;
    if (!subject && (arguments->against || arguments->slice))
        return hedon_wrong_usage(command, "--against and --slice need --model or --predictions");
    if (arguments->save && !arguments->model)
        return hedon_wrong_usage(command, "--save-predictions needs --model");
    if (arguments->save && !strcmp(arguments->save, "-"))
        return hedon_wrong_usage(command, "--save-predictions needs the name of a file");
    if (arguments->holdout) {
        arguments->holdout_share = strtod(arguments->holdout, &end);
        if (*end || !(arguments->holdout_share >= 0 && arguments->holdout_share < 1))
            return hedon_wrong_usage(command, "--holdout %s: give a share from 0 to below 1",
                                     arguments->holdout);
    }
    return HEDON_PARSED;
}

static int run(const HedonCommand *command, const HedonEvalTask *task, HedonContext *ctx, int argc,
               char **argv)
{
    Arguments arguments = {.seed = 1,
                           .replicates = DEFAULT_REPLICATES,
                           .holdout_seed = 1,
                           .holdout_share = default_holdout};
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status == HEDON_PARSED) status = check(command, &arguments, count);
    if (status != HEDON_PARSED) return status;
    Session session = {.ctx = ctx, .arguments = &arguments, .task = task};
    hedon_device_arguments(&arguments.device, &session.device);
    const int code = open_study(&session);
    status = code ? hedon_report(arguments.data, code, hedon_last_error(ctx))
                  : evaluate(&session, argv, count);
    hedon_study_close(session.study);
    hedon_outputs_free(session.brightness);
    hedon_dataset_close(session.dataset);
    hedon_free(session.wanted);
    return status;
}

static int run_vce(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    return run(command, &hedon_eval_vce, ctx, argc, argv);
}

static int run_v2v(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    return run(command, &hedon_eval_v2v, ctx, argc, argv);
}

#define COMMON_OPTIONS                                                                               \
    {"data", OPTION_TEXT, offsetof(Arguments, data), "DIR", "the dataset's folder"},                 \
        {"model", OPTION_TEXT, offsetof(Arguments, model), "MODEL",                                  \
         "a model file, or an embedded model: run it over the videos"},                              \
        {"predictions", OPTION_TEXT, offsetof(Arguments, predictions), "FILE",                       \
         "anybody's predictions; several: one for each training seed"},                              \
        {"against", OPTION_TEXT, offsetof(Arguments, against), "FILE",                               \
         "predictions to compare with, pairwise on the same videos"},                                \
        {"save-predictions", OPTION_TEXT, offsetof(Arguments, save), "FILE",                         \
         "write the model's logits by view, as CSV or JSONL"},                                       \
        {"slice", OPTION_TEXT, offsetof(Arguments, slice), "COLUMN,...",                             \
         "measure within quarters or classes of these, see above"},                                  \
        {"baselines", OPTION_CHOICE, offsetof(Arguments, baselines), "cheap|all|none",               \
         "all: those too that decode the videos (default cheap)"},                                   \
        {"bootstrap", OPTION_INTEGER, offsetof(Arguments, replicates), "N",                          \
         "resamples behind intervals and tests (default 1000)"},                                     \
        {"seed", OPTION_INTEGER, offsetof(Arguments, seed), "N",                                     \
         "of the resamples and of random predictions (default 1)"},                                  \
        {"holdout", OPTION_TEXT, offsetof(Arguments, holdout), "SHARE",                              \
         "of train that training held out (default 0.05)"},                                          \
        {"holdout-seed", OPTION_INTEGER, offsetof(Arguments, holdout_seed), "N",                     \
         "that training held it out by (default 1)"},                                                \
        {"json", OPTION_FLAG, offsetof(Arguments, json), NULL, "schema hedon.eval/1"},               \
        {"out", OPTION_TEXT, offsetof(Arguments, out), "FILE", "write there (- is standard output)", \
         'o'},                                                                                       \
        HEDON_DEVICE_OPTIONS(Arguments),                                                             \
    {                                                                                                \
        NULL                                                                                         \
    }

static const HedonOption vce_options[] = {
    {"split", OPTION_CHOICE, offsetof(Arguments, split), "test|train|holdout",
     "which videos (default test)"},
    {"scale", OPTION_CHOICE, offsetof(Arguments, scale), "auto|intensities|logits|softmax",
     "what the 27 numbers are (default auto: intensities if all are in 0..1, else logits)"},
    {"views", OPTION_CHOICE, offsetof(Arguments, views), "model|paper",
     "of --model: as its file says, or the paper's two clips by three crops (default model)"},
    COMMON_OPTIONS,
};

static const HedonOption v2v_options[] = {
    {"split", OPTION_CHOICE, offsetof(Arguments, split), "test|train|lists|holdout",
     "which comparisons (default: test pairs and lists)"},
    {"resample", OPTION_CHOICE, offsetof(Arguments, resample), "groups|comparisons",
     "what the bootstrap draws: groups that share videos (default), or single comparisons"},
    COMMON_OPTIONS,
};

static const HedonCommand eval_vce = {
    .name = "eval vce",
    .summary = "27 emotions against the intensities that raters gave",
    .parameters = "--data DIR [OPTION...] [FILE...]",
    .description =
        "A file of predictions is CSV, TSV or JSONL. Each row has 'id' ('00012'; or 'video', "
        "whose\n"
        "name without extension is the id) and the 27 emotions under their names (or\n"
        "emotions.NAME: what 'hedon score --json' prints will do). Rows of one id that differ in\n"
        "'clip' and 'view' are averaged. Without --model and --predictions: the baselines alone.\n"
        "Slices: margin (of the strongest emotion over the next: near-ties), strongest, label,\n"
        "duration, frame_rate, frames, width, height, pixels, brightness (decodes the videos), or\n"
        "any name of metadata.json.\n"
        "Exit status: 0 all good, 1 something failed (a line on standard error says what), 2 wrong "
        "usage.\n",
    .examples =
        "  hedon eval vce --data vce_dataset --model RUN/best.safetensors\n"
        "  hedon eval vce --data vce_dataset --predictions mine.csv --against theirs.jsonl\n"
        "  hedon eval vce --data vce_dataset --predictions seed1.csv seed2.csv seed3.csv --json\n"
        "  hedon eval vce --data vce_dataset --predictions mine.csv --slice margin,duration\n",
    .options = vce_options,
    .run = run_vce,
};

static const HedonCommand eval_v2v = {
    .name = "eval v2v",
    .summary = "utilities against what people found more pleasant",
    .parameters = "--data DIR [OPTION...] [FILE...]",
    .description =
        "A file of predictions is CSV, TSV or JSONL. Each row has 'id' ('00012'; or 'video', "
        "whose\n"
        "name without extension is the id) and 'utility' (or wellbeing.utility: what\n"
        "'hedon score --json' prints will do). Rows of one id that differ in 'clip' and 'view' "
        "are\n"
        "averaged. Where the file also has train's held-out videos, a temperature is fitted on\n"
        "them. Without --model and --predictions: the baselines alone.\n"
        "Slices: length (videos of a comparison), and means over its videos of duration,\n"
        "frame_rate, frames, width, height, pixels, brightness (decodes the videos), or any name\n"
        "of metadata.json.\n"
        "Exit status: 0 all good, 1 something failed (a line on standard error says what), 2 wrong "
        "usage.\n",
    .examples = "  hedon eval v2v --data v2v_dataset --model RUN/best.safetensors --baselines all\n"
                "  hedon eval v2v --data v2v_dataset --predictions mine.csv --split lists\n"
                "  hedon eval v2v --data v2v_dataset --predictions mine.csv --slice duration\n",
    .options = v2v_options,
    .run = run_v2v,
};

static const HedonCommand *const subcommands[] = {&eval_vce, &eval_v2v, NULL};

const HedonCommand hedon_cmd_eval = {
    .name = "eval",
    .summary = "score a model, or anybody's prediction file, against the labels",
    .parameters = "vce|v2v --data DIR [OPTION...]",
    .subcommands = subcommands,
};
