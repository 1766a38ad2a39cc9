/* hedon import: a framework's checkpoint becomes a hedon model. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/trainable.h"
#include "tools/command.h"

typedef struct Arguments {
    const char *architecture, *out, *name, *test_metric, *reference;
    int half;
} Arguments;

/* What a model is given to say, checked as JSON so that no model file says what nobody can read. */
typedef struct Said {
    json_t *reference;
    char *metric;
    double *utilities;
} Said;

static int load_object(HedonContext *ctx, const char *path, json_t **out)
{
    json_error_t reason;
    *out = json_load_file(path, 0, &reason);
    if (json_is_object(*out)) return 0;
    return hedon_fail(ctx, HEDON_EDATA, "must hold a JSON object");
}

static int read_metric(HedonContext *ctx, const char *path, Said *said)
{
    json_t *metric;
    int code = load_object(ctx, path, &metric);
    if (!code && !(said->metric = json_dumps(metric, JSON_COMPACT))) code = hedon_fail_memory(ctx);
    json_decref(metric);
    return code;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* {"name": ..., "utilities": [numbers, in any order]} */
static int read_reference(HedonContext *ctx, const char *path, Said *said, HedonRepackOptions *how)
{
    const int code = load_object(ctx, path, &said->reference);
    if (code) return code;
    const json_t *values = json_object_get(said->reference, "utilities");
    const size_t count = json_array_size(values);
    how->reference_name = json_string_value(json_object_get(said->reference, "name"));
    int fits = how->reference_name && count > 0;
    said->utilities = hedon_calloc(count + 1, sizeof(double));
    if (!said->utilities) return hedon_fail_memory(ctx);
    for (size_t i = 0; i < count; i++) {
        fits &= json_is_number(json_array_get(values, i));
        said->utilities[i] = json_number_value(json_array_get(values, i));
    }
    if (!fits)
        return hedon_fail(ctx, HEDON_EDATA,
                          "must hold {\"name\": TEXT, \"utilities\": [NUMBERS]}");
    qsort(said->utilities, count, sizeof(double), ascending);
    how->reference = said->utilities;
    how->reference_count = (int64_t)count;
    return 0;
}

/* A hedon model is written again. */
static int repack(HedonContext *ctx, const char *path, const Arguments *arguments)
{
    Said said = {0};
    HedonRepackOptions how = {.name = arguments->name, .half = arguments->half};
    const char *culprit = arguments->test_metric;
    int code = culprit ? read_metric(ctx, culprit, &said) : 0;
    if (!code && (culprit = arguments->reference))
        code = read_reference(ctx, culprit, &said, &how);
    how.test_metric = said.metric;
    if (!code) code = hedon_model_repack(ctx, culprit = path, arguments->out, &how);
    json_decref(said.reference);
    hedon_free(said.utilities);
    free(said.metric);
    if (code) return hedon_report(culprit, code, hedon_last_error(ctx));
    printf("%s written; 'hedon info %s' describes it\n", arguments->out, arguments->out);
    return EXIT_GOOD;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "give one checkpoint file");
    const int again =
        arguments.half || arguments.name || arguments.test_metric || arguments.reference;
    if (again && arguments.architecture)
        return hedon_wrong_usage(command, "--half, --name, --test-metric and --reference are for "
                                          "hedon models, --arch for other frameworks' checkpoints");
    if (!again && !arguments.architecture)
        return hedon_wrong_usage(command, "--arch is missing ('hedon info' lists architectures)");
    if (!arguments.out) return hedon_wrong_usage(command, "--out is missing");
    if (again) return repack(ctx, argv[0], &arguments);
    HedonImportReport report;
    const int code =
        hedon_model_import(ctx, argv[0], arguments.architecture, arguments.out, &report);
    if (code) return hedon_report(argv[0], code, hedon_last_error(ctx));
    if (report.taken[0]) printf("state dict found %s\n", report.taken);
    printf("%s written; 'hedon info %s' describes it\n", arguments.out, arguments.out);
    return EXIT_GOOD;
}

static const HedonOption options[] = {
    {"arch", OPTION_TEXT, offsetof(Arguments, architecture), "NAME",
     "architecture, as 'hedon info' lists them"},
    {"half", OPTION_FLAG, offsetof(Arguments, half), NULL,
     "write a hedon model again, its weights as 16-bit floats"},
    {"name", OPTION_TEXT, offsetof(Arguments, name), "NAME", "... under this name"},
    {"test-metric", OPTION_TEXT, offsetof(Arguments, test_metric), "FILE.json",
     "... with this object as its test metric"},
    {"reference", OPTION_TEXT, offsetof(Arguments, reference), "FILE.json",
     "... with these reference utilities (docs/cli.md)"},
    {"out", OPTION_TEXT, offsetof(Arguments, out), "MODEL", "the model file to write", 'o'},
    {NULL},
};

const HedonCommand hedon_cmd_import = {
    .name = "import",
    .summary = "a PyTorch or safetensors checkpoint becomes a hedon model",
    .parameters = "FILE --arch NAME|--half --out MODEL",
    .description =
        "FILE is safetensors or what torch.save wrote (.pth, .pt), and holds a state dict under\n"
        "its framework's names (torchvision's for the video ResNets). A training checkpoint's\n"
        "'state_dict', 'model', ... is taken, and which one is said. Every missing, extra or\n"
        "misshapen tensor is listed; nothing is skipped. No code in FILE is run: whatever is not\n"
        "plain data is refused by name.\n"
        "With --half, --name, --test-metric or --reference FILE is a hedon model, which is written again.\n",
    .examples = "  hedon import r2plus1d_18.pth --arch r2plus1d_18 --out r2plus1d.hedon\n"
                "  hedon import r2plus1d_18.safetensors --arch r2plus1d_18 --out r2plus1d.hedon\n"
                "  hedon import runs/vce/best.safetensors --half --out small.hedon\n",
    .options = options,
    .run = run,
};
