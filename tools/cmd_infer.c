/* hedon infer: tensors in, tensors out, to check hedon against one's own code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"
#include "tools/command.h"

typedef struct Arguments {
    const char *input, *output, *head;
    HedonDeviceArguments device;
} Arguments;

static int find_head(const HedonModelInfo *info, const char *name)
{
    for (int i = 0; i < info->head_count; i++)
        if (!strcmp(info->heads[i].name, name)) return i;
    return -1;
}

static int wrong_head(const char *model, const HedonModelInfo *info, const char *name)
{
    char sentence[512];
    size_t used = (size_t)snprintf(sentence, sizeof(sentence),
                                   name ? "has no head '%s'; it has"
                                        : "has several heads; choose with --head:%s",
                                   name ? name : "");
    for (int i = 0; i < info->head_count && used < sizeof(sentence); i++)
        used += (size_t)snprintf(sentence + used, sizeof(sentence) - used, "%s %s", i ? "," : "",
                                 info->heads[i].name);
    return hedon_report(model, HEDON_EINVAL, sentence);
}

static int check_input(const char *path, const HedonTensor *clips)
{
    const HedonShape *shape = &clips->shape;
    if (clips->dtype == HEDON_F32 && shape->rank == 5 && shape->dim[1] == 3 &&
        hedon_shape_count(shape) > 0)
        return EXIT_GOOD;
    return hedon_report(path, HEDON_EDATA, "must hold float32 clips of shape (N,3,T,H,W)");
}

static int predict(HedonContext *ctx, const HedonModel *model, const char *name,
                   const Arguments *arguments, int head, const HedonTensor *clips)
{
    const HedonModelInfo *info = hedon_model_info(model);
    HedonPredictorOptions options;
    hedon_predictor_options_default(&options);
    hedon_device_arguments(&arguments->device, &options.device);
    options.frames = clips->shape.dim[2];
    options.height = clips->shape.dim[3];
    options.width = clips->shape.dim[4];
    HedonPredictor *predictor;
    int code = hedon_predictor_open(ctx, &predictor, model, &options);
    if (code) return hedon_report(name, code, hedon_last_error(ctx));

    HedonTensor *outputs = calloc((size_t)info->head_count, sizeof(*outputs));
    code = outputs ? 0 : HEDON_ENOMEM;
    for (int i = 0; !code && i < info->head_count; i++) {
        const HedonShape shape = {.rank = 2, .dim = {clips->shape.dim[0], info->heads[i].size}};
        outputs[i] = (HedonTensor){.dtype = HEDON_F32, .shape = shape};
        if (i == head) code = hedon_tensor_alloc(&outputs[i], HEDON_F32, &shape);
    }
    int status = EXIT_GOOD;
    if (code) {
        status = hedon_report(arguments->input, code, "out of memory");
    } else if ((code = hedon_predictor_run(ctx, predictor, clips, outputs))) {
        status = hedon_report(arguments->input, code, hedon_last_error(ctx));
    } else if ((code = hedon_npy_write(ctx, arguments->output, &outputs[head]))) {
        status = hedon_report(NULL, code, hedon_last_error(ctx));
    }
    for (int i = 0; outputs && i < info->head_count; i++) hedon_tensor_free(&outputs[i]);
    free(outputs);
    hedon_predictor_close(predictor);
    return status;
}

static int run(const HedonCommand *command, HedonContext *ctx, int argc, char **argv)
{
    Arguments arguments = {0};
    int count = 0;
    int status = hedon_options_parse(command, argc, argv, &arguments, &count);
    if (status != HEDON_PARSED) return status;
    if (count != 1) return hedon_wrong_usage(command, "give one model");
    if (!arguments.input || !arguments.output)
        return hedon_wrong_usage(command, "--input and --output are both needed");
    HedonModel *model;
    int code = hedon_open_model_argument(ctx, &model, argv[0]);
    if (code) return hedon_report(argv[0], code, hedon_last_error(ctx));
    const HedonModelInfo *info = hedon_model_info(model);
    const int head = arguments.head          ? find_head(info, arguments.head)
                     : info->head_count == 1 ? 0
                                             : -1;
    HedonTensor clips = {0};
    if (head < 0) {
        status = wrong_head(argv[0], info, arguments.head);
    } else if ((code = hedon_npy_read(ctx, &clips, arguments.input))) {
        status = hedon_report(arguments.input, code, hedon_last_error(ctx));
    } else {
        status = check_input(arguments.input, &clips);
        if (status == EXIT_GOOD) status = predict(ctx, model, argv[0], &arguments, head, &clips);
    }
    hedon_tensor_free(&clips);
    hedon_model_close(model);
    return status;
}

static const HedonOption options[] = {
    {"input", OPTION_TEXT, offsetof(Arguments, input), "X.npy",
     "float32 clips (N,3,T,H,W), pre-processed"},
    {"output", OPTION_TEXT, offsetof(Arguments, output), "Y.npy",
     "float32 logits (N,K) (- is standard output)"},
    {"head", OPTION_TEXT, offsetof(Arguments, head), "NAME",
     "which output, when the model has several"},
    HEDON_DEVICE_OPTIONS(Arguments),
    {NULL},
};

const HedonCommand hedon_cmd_infer = {
    .name = "infer",
    .summary = "tensors in, tensors out: check a model against your own code",
    .parameters = "MODEL --input X.npy --output Y.npy [--head NAME]",
    .description =
        "MODEL is a file, an embedded model, or random:ARCHITECTURE[:SEED] (weights from a hash,\n"
        "the same as tools/golden/weights.py makes for PyTorch). No pre-processing happens;\n"
        "any T, H, W that the architecture allows. A clip's bits don't depend on the others.\n",
    .examples = "  hedon infer model.hedon --input clips.npy --output logits.npy --head emotions\n"
                "  hedon infer random:r2plus1d_18:7 --input x.npy --output y.npy --head utility\n",
    .options = options,
    .run = run,
};
