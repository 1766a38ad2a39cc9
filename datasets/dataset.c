/* Opening by kind, and the questions that every kind answers alike. */
#include "datasets/dataset.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/build.h"

/* Asked in this order whether a folder is theirs. */
static const HedonDatasetKind *const kinds[] = {
    &hedon_dataset_v2v, &hedon_dataset_vce, &hedon_dataset_table, &hedon_dataset_folder, NULL,
};

static const char *const splits[HEDON_SPLITS] = {"train", "test", "lists"};

const char *hedon_split_name(HedonSplit split)
{
    return splits[split];
}

int hedon_split_from_name(const char *name)
{
    for (int i = 0; i < HEDON_SPLITS; i++)
        if (!strcmp(name, splits[i])) return i;
    return -1;
}

const HedonDatasetKind *const *hedon_dataset_kinds(void)
{
    return kinds;
}

const HedonDatasetKind *hedon_dataset_kind_find(const char *name)
{
    for (const HedonDatasetKind *const *kind = kinds; *kind; kind++)
        if (!strcmp((*kind)->name, name)) return *kind;
    return NULL;
}

static int check_settings(HedonContext *ctx, const HedonDatasetKind *kind,
                          const HedonDatasetOptions *options)
{
    for (int i = 0; options && i < options->setting_count; i++) {
        const HedonDatasetOption *known = kind->options;
        while (known && known->name && strcmp(known->name, options->settings[i].name)) known++;
        if (!known || !known->name)
            return hedon_fail(ctx, HEDON_EINVAL, "a %s dataset has no option '%s'", kind->name,
                              options->settings[i].name);
    }
    return 0;
}

static int choose(HedonContext *ctx, const char *name, const char *dir,
                  const HedonDatasetKind **chosen)
{
    if (name) {
        *chosen = hedon_dataset_kind_find(name);
        return *chosen
                   ? 0
                   : hedon_fail(ctx, HEDON_EINVAL,
                                "there is no kind of dataset '%s': vce, v2v, table, folder", name);
    }
    for (const HedonDatasetKind *const *kind = kinds; *kind; kind++) {
        *chosen = *kind;
        if ((*kind)->detect(dir)) return 0;
    }
    return hedon_fail(ctx, HEDON_ENOENT,
                      "neither a folder nor a table (.csv, .tsv, .jsonl) that can be read");
}

int hedon_dataset_open(HedonContext *ctx, HedonDataset **out, const char *kind, const char *dir,
                       const HedonDatasetOptions *options)
{
    *out = NULL;
    const HedonDatasetKind *chosen = NULL;
    int code = choose(ctx, kind, dir, &chosen);
    if (!code) code = check_settings(ctx, chosen, options);
    if (code) return code;
    HedonDataset *dataset = hedon_calloc(1, sizeof(*dataset));
    if (!dataset) return hedon_fail_memory(ctx);
    dataset->kind = chosen;
    dataset->dir = hedon_strdup(dir);
    code = dataset->dir ? chosen->open(ctx, dataset, dir, options) : hedon_fail_memory(ctx);
    if (code) {
        hedon_dataset_close(dataset);
        return code;
    }
    *out = dataset;
    return 0;
}

void hedon_dataset_close(HedonDataset *dataset)
{
    if (!dataset) return;
    hedon_arena_free(&dataset->arena);
    hedon_free(dataset->items);
    hedon_free(dataset->slots);
    hedon_free(dataset->comparisons);
    hedon_free(dataset->classes);
    hedon_free(dataset->dir);
    hedon_free(dataset);
}

const HedonDatasetKind *hedon_dataset_kind(const HedonDataset *dataset)
{
    return dataset->kind;
}

const char *hedon_dataset_dir(const HedonDataset *dataset)
{
    return dataset->dir;
}

int64_t hedon_dataset_size(const HedonDataset *dataset)
{
    return dataset->count;
}

const HedonDatasetItem *hedon_dataset_item(const HedonDataset *dataset, int64_t i)
{
    return &dataset->items[i];
}

int64_t hedon_dataset_comparisons(const HedonDataset *dataset)
{
    return dataset->comparison_count;
}

const HedonComparison *hedon_dataset_comparison(const HedonDataset *dataset, int64_t i)
{
    return &dataset->comparisons[i];
}

int hedon_dataset_classes(const HedonDataset *dataset)
{
    return dataset->class_count;
}

const char *hedon_dataset_class_name(const HedonDataset *dataset, int i)
{
    return i >= 0 && i < dataset->class_count ? dataset->classes[i] : NULL;
}
