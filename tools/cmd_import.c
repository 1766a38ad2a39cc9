/* hedon import: a framework's checkpoint becomes a hedon model. */
#include <stdio.h>

#include "tools/command.h"

typedef struct Arguments {
    const char *architecture, *out;
} Arguments;

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    const int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "give one checkpoint file");
    if (!arguments.architecture)
        return hedon_wrong_usage(command, "--arch is missing ('hedon info' lists architectures)");
    if (!arguments.out) return hedon_wrong_usage(command, "--out is missing");
    const int code = hedon_model_import(ctx, argv[0], arguments.architecture, arguments.out);
    if (code) return hedon_report(argv[0], code, hedon_last_error(ctx));
    printf("%s written; 'hedon info %s' describes it\n", arguments.out, arguments.out);
    return EXIT_GOOD;
}

static const HedonOption options[] = {
    {"arch", OPTION_TEXT, offsetof(Arguments, architecture), "NAME",
     "architecture, as 'hedon info' lists them"},
    {"out", OPTION_TEXT, offsetof(Arguments, out), "MODEL", "the model file to write", 'o'},
    {NULL},
};

const HedonCommand hedon_cmd_import = {
    .name = "import",
    .summary = "a safetensors checkpoint becomes a hedon model",
    .parameters = "FILE.safetensors --arch NAME --out MODEL",
    .description =
        "FILE holds a state dict under its framework's names (torchvision's for the video\n"
        "ResNets). Every missing, extra or misshapen tensor is listed; nothing is skipped.\n",
    .examples = "  hedon import r2plus1d_18.safetensors --arch r2plus1d_18 --out r2plus1d.hedon\n",
    .options = options,
    .run = run,
};
