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
    {"out", OPTION_TEXT, offsetof(Arguments, out), "MODEL", "the model file to write", 'o'},
    {NULL},
};

const HedonCommand hedon_cmd_import = {
    .name = "import",
    .summary = "a PyTorch or safetensors checkpoint becomes a hedon model",
    .parameters = "FILE --arch NAME --out MODEL",
    .description =
        "FILE is safetensors or what torch.save wrote (.pth, .pt), and holds a state dict under\n"
        "its framework's names (torchvision's for the video ResNets). A training checkpoint's\n"
        "'state_dict', 'model', ... is taken, and which one is said. Every missing, extra or\n"
        "misshapen tensor is listed; nothing is skipped. No code in FILE is run: whatever is not\n"
        "plain data is refused by name.\n",
    .examples = "  hedon import r2plus1d_18.pth --arch r2plus1d_18 --out r2plus1d.hedon\n"
                "  hedon import r2plus1d_18.safetensors --arch r2plus1d_18 --out r2plus1d.hedon\n",
    .options = options,
    .run = run,
};
