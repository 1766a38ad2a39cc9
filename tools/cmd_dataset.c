/* hedon dataset: what a dataset is like and what is wrong with it. Each subcommand is a file of its
 * own, dataset_*.c. */
#include "tools/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int hedon_settings_parse(HedonContext *ctx, const char *text, HedonSettings *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->options.settings = settings->list;
    if (!text) return 0;
    settings->copy = strdup(text);
    if (!settings->copy) return hedon_fail_memory(ctx);
    char *rest = settings->copy;
    for (char *word; (word = strsep(&rest, ","));) {
        char *equals = strchr(word, '=');
        if (!equals || equals == word || !equals[1])
            return hedon_fail(ctx, HEDON_EINVAL,
                              "--options %s: give NAME=VALUE, separated by commas", text);
        if (settings->options.setting_count == HEDON_MOST_SETTINGS)
            return hedon_fail(ctx, HEDON_EINVAL, "--options: more than %d", HEDON_MOST_SETTINGS);
        *equals = 0;
        settings->list[settings->options.setting_count++] = (HedonDatasetSetting){word, equals + 1};
    }
    return 0;
}

int hedon_dataset_report(const char *dir, int code, const char *sentence)
{
    const int status = hedon_report(dir, code, sentence);
    return code == HEDON_EINVAL ? EXIT_WRONG_USAGE : status;
}

static const HedonCommand *const subcommands[] = {
    &hedon_dataset_check_command,
    &hedon_dataset_stats_command,
    &hedon_dataset_synth_command,
    NULL,
};

const HedonCommand hedon_cmd_dataset = {
    .name = "dataset",
    .summary = "what a dataset is like and what is wrong with it",
    .parameters = "check|stats|synth [OPTION...] DIR",
    .examples = "  hedon dataset check vce_dataset\n"
                "  hedon dataset stats --plot balance.png vce_dataset\n"
                "  hedon dataset synth vce synthetic_vce --videos 2000 --seed 1\n",
    .subcommands = subcommands,
};
