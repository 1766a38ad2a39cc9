/* The options that every command that scores or reads videos has. */
#include "tools/command.h"

#include <string.h>

HedonDecoder hedon_decoder_argument(const char *name)
{
    if (name && !strcmp(name, "cpu")) return HEDON_DECODER_CPU;
    return name && !strcmp(name, "nvdec") ? HEDON_DECODER_NVDEC : HEDON_DECODER_AUTO;
}

int hedon_scoring_check(const HedonCommand *command, const HedonScoringArguments *arguments)
{
    if (arguments->no_timeline && (arguments->window_s > 0 || arguments->stride_s > 0))
        return hedon_wrong_usage(command, "--no-timeline excludes --window and --stride");
    return HEDON_PARSED;
}

void hedon_scoring_arguments(const HedonScoringArguments *arguments, HedonScorerOptions *options)
{
    options->timeline = !arguments->no_timeline;
    options->window_s = arguments->window_s;
    options->stride_s = arguments->stride_s;
    options->max_seconds = arguments->budget_s;
}
