/* What the subcommands of hedon dataset share. */
#ifndef HEDON_TOOLS_DATASET_H
#define HEDON_TOOLS_DATASET_H

#include <stdio.h>

#include "datasets/check.h"
#include "datasets/stats.h"
#include "tools/command.h"

extern const HedonCommand hedon_dataset_check_command, hedon_dataset_stats_command,
    hedon_dataset_synth_command;

/* --kind and --options, as every command that reads a dataset has them. */
typedef struct HedonDatasetArguments {
    const char *kind, *settings;
} HedonDatasetArguments;

#define HEDON_DATASET_OPTIONS(arguments)                                                           \
    {"kind", OPTION_CHOICE, offsetof(arguments, dataset.kind), "vce|v2v|table|folder",             \
     "of dataset (default: by its files)"},                                                        \
    {                                                                                              \
        "options", OPTION_TEXT, offsetof(arguments, dataset.settings), "NAME=VALUE,...",           \
            "the kind's own, below"                                                                \
    }

enum { HEDON_MOST_SETTINGS = 16 };

typedef struct HedonSettings {
    HedonDatasetSetting list[HEDON_MOST_SETTINGS];
    HedonDatasetOptions options; /* with the list in it */
    char *copy;                  /* what the list points into */
} HedonSettings;

/** "path=clip,scale=100" becomes settings. HEDON_EINVAL. Free with free(settings->copy). */
int hedon_settings_parse(HedonContext *ctx, const char *text, HedonSettings *settings);

/** Text for people; with or without JSON. stats_plot: PNG, written atomically. */
void hedon_check_print(FILE *out, const char *dir, const HedonCheck *check, int json);
void hedon_stats_print(FILE *out, const HedonDataset *dataset, const HedonDatasetStats *stats,
                       int json);
int hedon_stats_plot(HedonContext *ctx, const HedonDataset *dataset, const HedonDatasetStats *stats,
                     const char *path);

#endif
