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
            "what the kind takes, see above"                                                       \
    }

#define HEDON_DATASET_SETTINGS_HELP                                                                \
    "--options of a table (CSV, TSV, JSONL): path, id, split, class, rating, duration, less and\n" \
    "more name its columns, where their names are not just these; intensities is the prefix of\n"  \
    "its 27 emotions' columns, scale what these are divided by; root the folder of its paths;\n"   \
    "format csv, tsv or jsonl. Of a folder: classes=folder, split=test.\n"

enum { HEDON_MOST_SETTINGS = 16 };

typedef struct HedonSettings {
    HedonDatasetSetting list[HEDON_MOST_SETTINGS];
    HedonDatasetOptions options; /* with the list in it */
    char *copy;                  /* what the list points into */
} HedonSettings;

/** "path=clip,scale=100" becomes settings. HEDON_EINVAL. Free with free(settings->copy). */
int hedon_settings_parse(HedonContext *ctx, const char *text, HedonSettings *settings);

/** hedon_report; settings that make no sense are wrong usage. */
int hedon_dataset_report(const char *dir, int code, const char *sentence);

/** Text for people; with or without JSON. stats_plot: PNG, written atomically. */
void hedon_check_print(FILE *out, const char *dir, const HedonCheck *check, int json);
void hedon_stats_print(FILE *out, const HedonDataset *dataset, const HedonDatasetStats *stats,
                       int json);
int hedon_stats_plot(HedonContext *ctx, const HedonDataset *dataset, const HedonDatasetStats *stats,
                     const char *path);

#endif
