/* The options that every command that scores videos has. */
#include "tools/command.h"

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
