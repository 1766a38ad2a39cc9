/* hedon dataset check: what is wrong with a dataset. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "score/json_writer.h"
#include "tools/dataset.h"

typedef struct Arguments {
    HedonDatasetArguments dataset;
    const char *joint;
    int json, no_open;
    int64_t examples, workers;
    double budget_s;
} Arguments;

/* ---- Printing ------------------------------------------------------------------------------- */

static void print_counts(FILE *out, const char *what, const int64_t *counts)
{
    int64_t total = 0;
    const char *separator = " (";
    for (int split = 0; split < HEDON_SPLITS; split++) total += counts[split];
    fprintf(out, "%lld %s", (long long)total, what);
    for (int split = 0; split < HEDON_SPLITS; split++) {
        if (!counts[split]) continue;
        fprintf(out, "%s%lld %s", separator, (long long)counts[split],
                hedon_split_name((HedonSplit)split));
        separator = ", ";
    }
    if (total) fputc(')', out);
}

static void print_faults(FILE *out, const HedonFaults *faults, int notes)
{
    for (int kind = 0; kind < HEDON_FAULT_KINDS; kind++) {
        const HedonFaultInfo *info = hedon_fault_info((HedonFaultKind)kind);
        if (!faults->count[kind] || info->is_note != notes) continue;
        fprintf(out, "\n%8lld  %s\n", (long long)faults->count[kind], info->title);
        for (int i = 0; i < faults->examples[kind]; i++) {
            char line[1200];
            hedon_utf8_clean(line, sizeof(line), faults->example[kind][i]);
            fprintf(out, "          %s\n", line);
        }
        if (faults->count[kind] > faults->examples[kind] && faults->examples[kind])
            fprintf(out, "          ...\n");
    }
}

static void print_joint(FILE *out, const HedonJoint *joint)
{
    fprintf(out,
            "\nJoint training leaves %lld videos out of VCE's train, which V2V tests on, and %lld "
            "videos\n(%lld comparisons) out of V2V's train, which VCE tests on.\n",
            (long long)joint->vce_items, (long long)joint->v2v_items,
            (long long)joint->v2v_comparisons);
}

static void print_text(FILE *out, const char *dir, const HedonCheck *check)
{
    int64_t comparisons = 0;
    for (int split = 0; split < HEDON_SPLITS; split++) comparisons += check->comparisons[split];
    fprintf(out, "%s: %s, ", dir, check->kind->name);
    print_counts(out, "videos", check->videos);
    if (comparisons) {
        fprintf(out, ", ");
        print_counts(out, "comparisons", check->comparisons);
    }
    if (check->opened)
        fprintf(out, "\n%lld videos open, and their first and last frames decode",
                (long long)check->opened);
    fputc('\n', out);
    print_faults(out, &check->faults, 0);
    print_faults(out, &check->faults, 1);
    if (check->is_joint) print_joint(out, &check->joint);
    const int64_t total = hedon_faults_total(&check->faults);
    if (total)
        fprintf(out, "\n%lld fault%s found\n", (long long)total, total == 1 ? "" : "s");
    else
        fprintf(out, "nothing wrong found\n");
}

static void json_counts(HedonJson *json, const char *key, const int64_t *counts)
{
    hedon_json_object(json, key);
    for (int split = 0; split < HEDON_SPLITS; split++)
        hedon_json_integer(json, hedon_split_name((HedonSplit)split), counts[split]);
    hedon_json_end_object(json);
}

static void json_faults(HedonJson *json, const char *key, const HedonFaults *faults, int notes)
{
    hedon_json_object(json, key);
    for (int kind = 0; kind < HEDON_FAULT_KINDS; kind++) {
        const HedonFaultInfo *info = hedon_fault_info((HedonFaultKind)kind);
        if (!faults->count[kind] || info->is_note != notes) continue;
        hedon_json_object(json, info->name);
        hedon_json_integer(json, "count", faults->count[kind]);
        hedon_json_array(json, "examples");
        for (int i = 0; i < faults->examples[kind]; i++)
            hedon_json_string(json, NULL, faults->example[kind][i]);
        hedon_json_end_array(json);
        hedon_json_end_object(json);
    }
    hedon_json_end_object(json);
}

static void print_json(FILE *out, const char *dir, const HedonCheck *check)
{
    HedonJson json = {.out = out};
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.dataset_check/1");
    hedon_json_string(&json, "dataset", dir);
    hedon_json_string(&json, "kind", check->kind->name);
    json_counts(&json, "videos", check->videos);
    json_counts(&json, "comparisons", check->comparisons);
    hedon_json_integer(&json, "opened", check->opened);
    hedon_json_integer(&json, "total", hedon_faults_total(&check->faults));
    json_faults(&json, "faults", &check->faults, 0);
    json_faults(&json, "notes", &check->faults, 1);
    if (check->is_joint) {
        hedon_json_object(&json, "joint");
        hedon_json_integer(&json, "vce_train_videos_left_out", check->joint.vce_items);
        hedon_json_integer(&json, "v2v_train_videos_left_out", check->joint.v2v_items);
        hedon_json_integer(&json, "v2v_train_comparisons_left_out", check->joint.v2v_comparisons);
        hedon_json_end_object(&json);
    }
    hedon_json_end_object(&json);
    fputc('\n', out);
}

void hedon_check_print(FILE *out, const char *dir, const HedonCheck *check, int json)
{
    if (json)
        print_json(out, dir, check);
    else
        print_text(out, dir, check);
}

/* ---- Running -------------------------------------------------------------------------------- */

static void show_progress(void *opaque, int64_t done, int64_t total)
{
    hedon_progress_update(opaque, "opening videos", done, total);
}

static int check(HedonContext *ctx, const Arguments *arguments, const char *dir)
{
    HedonCheckOptions options;
    HedonSettings settings;
    HedonProgress bar;
    HedonCheck result;
    hedon_check_options_default(&options);
    int code = hedon_settings_parse(ctx, arguments->dataset.settings, &settings);
    if (code) {
        free(settings.copy);
        return hedon_dataset_report(dir, code, hedon_last_error(ctx));
    }
    options.kind = arguments->dataset.kind;
    options.dataset = settings.options;
    options.no_open = arguments->no_open;
    options.joint = arguments->joint;
    options.workers = (int)arguments->workers;
    if (arguments->examples) options.examples = (int)arguments->examples;
    if (arguments->budget_s > 0) options.worker.max_seconds = arguments->budget_s;
    options.progress = show_progress;
    options.opaque = &bar;
    hedon_progress_start(&bar);
    code = hedon_dataset_check(ctx, &result, dir, &options);
    hedon_progress_clear(&bar);
    int status = EXIT_GOOD;
    if (code) {
        status = hedon_dataset_report(dir, code, hedon_last_error(ctx));
    } else {
        hedon_check_print(stdout, dir, &result, arguments->json);
        if (hedon_faults_total(&result.faults)) status = EXIT_SOME_FAILED;
    }
    hedon_check_free(&result);
    free(settings.copy);
    return status;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "give one dataset: its folder, or a table");
    return check(ctx, &arguments, argv[0]);
}

static const HedonOption options[] = {
    HEDON_DATASET_OPTIONS(Arguments),
    {"no-open", OPTION_FLAG, offsetof(Arguments, no_open), NULL,
     "only look whether videos are there"},
    {"joint", OPTION_TEXT, offsetof(Arguments, joint), "DIR",
     "the other of VCE and V2V: say what joint training leaves out"},
    {"examples", OPTION_INTEGER, offsetof(Arguments, examples), "N",
     "shown of each fault (default 5)"},
    {"json", OPTION_FLAG, offsetof(Arguments, json), NULL,
     "one JSON object, schema hedon.dataset_check/1"},
    {"workers", OPTION_INTEGER, offsetof(Arguments, workers), "N",
     "decoder processes (default: one a core)"},
    {"budget", OPTION_SECONDS, offsetof(Arguments, budget_s), "SECONDS",
     "give a video up after so long (default 120)"},
    {NULL},
};

const HedonCommand hedon_dataset_check_command = {
    .name = "dataset check",
    .summary = "what is wrong: files, labels, comparisons, videos",
    .parameters = "[OPTION...] DIR",
    .description =
        "Everything that is wrong is counted, with a few examples; nothing stops the check.\n"
        "Videos are opened and their first and last frames decoded, several at once.\n"
        "Exit status: 0 nothing wrong, 1 something is, 2 wrong "
        "usage.\n" HEDON_DATASET_SETTINGS_HELP,
    .examples = "  hedon dataset check vce_dataset\n"
                "  hedon dataset check --no-open --joint v2v_dataset vce_dataset\n"
                "  hedon dataset check --json v2v_dataset > faults.json\n"
                "  hedon dataset check --options path=clip,scale=100 ratings.csv\n",
    .options = options,
    .run = run,
};
