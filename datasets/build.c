#include "datasets/build.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

/* ---- Items by id ---------------------------------------------------------------------------- */

/* As base/random.h's name keys, for text that is not terminated. */
static size_t hash(HedonJsonText id)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (size_t i = 0; i < id.size; i++)
        value = (value ^ (unsigned char)id.data[i]) * 0x100000001b3u;
    return (size_t)hedon_random_u64((HedonRandomKey){value}, 0);
}

/* Where the id is, or would be. */
static int32_t *slot_of(const HedonDataset *dataset, HedonJsonText id)
{
    const size_t mask = dataset->slot_count - 1;
    for (size_t i = hash(id) & mask;; i = (i + 1) & mask) {
        int32_t *slot = &dataset->slots[i];
        if (!*slot || hedon_json_text_is(id, dataset->items[*slot - 1].id)) return slot;
    }
}

HedonDatasetItem *hedon_build_find(HedonDataset *dataset, HedonJsonText id)
{
    const int32_t *slot = dataset->slot_count ? slot_of(dataset, id) : NULL;
    return slot && *slot ? &dataset->items[*slot - 1] : NULL;
}

int64_t hedon_dataset_find(const HedonDataset *dataset, const char *id)
{
    const int32_t *slot =
        dataset->slot_count ? slot_of(dataset, (HedonJsonText){id, strlen(id)}) : NULL;
    return slot ? *slot - 1 : -1;
}

static int grow(HedonContext *ctx, HedonDataset *dataset)
{
    if (dataset->room > INT32_MAX / 4)
        return hedon_fail(ctx, HEDON_ELIMIT, "more than %lld videos", (long long)dataset->room);
    const int64_t room = dataset->room ? 2 * dataset->room : 256;
    HedonDatasetItem *items = hedon_realloc(dataset->items, (size_t)room, sizeof(*items));
    if (!items) return hedon_fail_memory(ctx);
    dataset->items = items;
    dataset->room = room;
    int32_t *slots = hedon_calloc(2 * (size_t)room, sizeof(*slots));
    if (!slots) return hedon_fail_memory(ctx);
    hedon_free(dataset->slots);
    dataset->slots = slots;
    dataset->slot_count = 2 * (size_t)room;
    for (int64_t i = 0; i < dataset->count; i++)
        *slot_of(dataset, (HedonJsonText){items[i].id, strlen(items[i].id)}) = (int32_t)(i + 1);
    return 0;
}

static char *copy_text(HedonDataset *dataset, HedonJsonText text)
{
    char *copy = hedon_arena_alloc(&dataset->arena, text.size + 1, 1);
    return copy ? memcpy(copy, text.data, text.size) : NULL;
}

int hedon_build_item(HedonContext *ctx, HedonDataset *dataset, HedonJsonText id, HedonSplit split,
                     HedonDatasetItem **item, int *is_new)
{
    if (is_new) *is_new = 0;
    *item = hedon_build_find(dataset, id);
    if (*item) return 0;
    if (dataset->count == dataset->room) {
        const int code = grow(ctx, dataset);
        if (code) return code;
    }
    const char *name = copy_text(dataset, id);
    if (!name) return hedon_fail_memory(ctx);
    *slot_of(dataset, id) = (int32_t)(dataset->count + 1);
    *item = &dataset->items[dataset->count++];
    **item = (HedonDatasetItem){.id = name,
                                .split = split,
                                .label = -1,
                                .top = {-1, -1, -1},
                                .rating = NAN,
                                .class_index = -1,
                                .duration_s = NAN,
                                .frame_rate = NAN};
    if (is_new) *is_new = 1;
    return 0;
}

int hedon_build_intensities(HedonContext *ctx, HedonDataset *dataset, HedonDatasetItem *item,
                            const double *values)
{
    float *copy = hedon_arena_alloc(&dataset->arena, HEDON_EMOTIONS, sizeof(*copy));
    if (!copy) return hedon_fail_memory(ctx);
    item->label = 0;
    for (int i = 0; i < HEDON_EMOTIONS; i++) {
        copy[i] = (float)values[i];
        if (values[i] > values[item->label]) item->label = i;
    }
    item->intensities = copy;
    return 0;
}

/* ---- Comparisons ---------------------------------------------------------------------------- */

int hedon_build_comparison(HedonContext *ctx, HedonDataset *dataset, HedonSplit split,
                           const int32_t *items, int count, int tied)
{
    if (dataset->comparison_count == dataset->comparison_room) {
        const int64_t room = dataset->comparison_room ? 2 * dataset->comparison_room : 256;
        HedonComparison *grown = hedon_realloc(dataset->comparisons, (size_t)room, sizeof(*grown));
        if (!grown) return hedon_fail_memory(ctx);
        dataset->comparisons = grown;
        dataset->comparison_room = room;
    }
    int32_t *copy = hedon_arena_alloc(&dataset->arena, (size_t)count, sizeof(*copy));
    if (!copy) return hedon_fail_memory(ctx);
    memcpy(copy, items, (size_t)count * sizeof(*copy));
    dataset->comparisons[dataset->comparison_count++] =
        (HedonComparison){.split = split, .count = count, .tied = tied, .item = copy};
    return 0;
}

int hedon_build_check_splits(HedonContext *ctx, const HedonDataset *dataset,
                             const HedonDatasetOptions *options)
{
    unsigned char *seen = hedon_calloc((size_t)dataset->count, 1);
    if (!seen) return hedon_fail_memory(ctx);
    for (int64_t c = 0; c < dataset->comparison_count; c++) {
        const HedonComparison *comparison = &dataset->comparisons[c];
        for (int k = 0; k < comparison->count; k++)
            seen[comparison->item[k]] |= (unsigned char)(1u << comparison->split);
    }
    int code = 0;
    for (int64_t i = 0; i < dataset->count && !code; i++) {
        const unsigned others = seen[i] & (seen[i] - 1u);
        if (others)
            code = hedon_build_fault(ctx, options, HEDON_FAULT_SHARED_ID,
                                     "video %s is in %s and in %s", dataset->items[i].id,
                                     hedon_split_name((HedonSplit)__builtin_ctz(seen[i])),
                                     hedon_split_name((HedonSplit)__builtin_ctz(others)));
    }
    hedon_free(seen);
    return code;
}

/* ---- Classes -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int hedon_build_classes(HedonContext *ctx, HedonDataset *dataset, const char *const *class_of)
{
    const char **names = hedon_malloc((size_t)dataset->count, sizeof(*names));
    if (!names) return hedon_fail_memory(ctx);
    int64_t given = 0, count = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        if (class_of[i]) names[given++] = class_of[i];
    qsort(names, (size_t)given, sizeof(*names), by_name);
    for (int64_t i = 0; i < given; i++)
        if (!i || strcmp(names[i], names[count - 1])) names[count++] = names[i];
    dataset->classes = names;
    dataset->class_count = (int)count;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (!class_of[i]) continue;
        const char **found = bsearch(&class_of[i], names, (size_t)count, sizeof(*names), by_name);
        dataset->items[i].class_index = (int)(found - names);
    }
    return 0;
}

/* ---- Paths ---------------------------------------------------------------------------------- */

int hedon_build_inside(HedonJsonText file)
{
    if (!file.size || file.data[0] == '/') return 0;
    for (const char *part = file.data, *end = file.data + file.size; part < end;) {
        const char *slash = memchr(part, '/', (size_t)(end - part));
        const size_t length = (size_t)((slash ? slash : end) - part);
        if (length == 2 && part[0] == '.' && part[1] == '.') return 0;
        if (!slash) break;
        part = slash + 1;
    }
    return 1;
}

int hedon_build_path(HedonContext *ctx, HedonDataset *dataset, HedonJsonText file,
                     const char **path)
{
    const size_t length = strlen(dataset->dir);
    const int slash = length && dataset->dir[length - 1] != '/';
    char *joined = hedon_arena_alloc(&dataset->arena, length + (size_t)slash + file.size + 1, 1);
    if (!joined) return hedon_fail_memory(ctx);
    memcpy(joined, dataset->dir, length);
    if (slash) joined[length] = '/';
    memcpy(joined + length + slash, file.data, file.size);
    *path = joined;
    return 0;
}

int hedon_build_default_paths(HedonContext *ctx, HedonDataset *dataset)
{
    int code = 0;
    for (int64_t i = 0; i < dataset->count && !code; i++) {
        char file[300];
        HedonDatasetItem *item = &dataset->items[i];
        if (item->path) continue;
        const int length = snprintf(file, sizeof(file), "videos/%.255s.mp4", item->id);
        code = hedon_build_path(ctx, dataset, (HedonJsonText){file, (size_t)length}, &item->path);
    }
    return code;
}

int hedon_build_has_file(const char *dir, const char *name)
{
    char path[4096];
    struct stat status;
    const int length = snprintf(path, sizeof(path), "%s/%s", dir, name);
    return length < (int)sizeof(path) && !stat(path, &status) && S_ISREG(status.st_mode);
}

/* ---- Faults and settings -------------------------------------------------------------------- */

int hedon_build_fault(HedonContext *ctx, const HedonDatasetOptions *options, HedonFaultKind kind,
                      const char *fmt, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    if (options && options->faults)
        return hedon_faults_add(ctx, options->faults, kind, "%s", sentence);
    return hedon_fail(ctx, HEDON_EDATA, "%s; 'hedon dataset check' lists all that is wrong",
                      sentence);
}

int hedon_build_file_fault(HedonContext *ctx, const HedonDatasetOptions *options, const char *name,
                           int code)
{
    char reason[1024];
    snprintf(reason, sizeof(reason), "%s", hedon_last_error(ctx));
    if (options && options->faults && code != HEDON_ENOMEM && code != HEDON_ECANCELLED)
        return hedon_faults_add(ctx, options->faults, HEDON_FAULT_FILE, "%s: %s", name, reason);
    return code == HEDON_ENOMEM ? code : hedon_fail(ctx, code, "%s: %s", name, reason);
}

const char *hedon_build_setting(const HedonDatasetOptions *options, const char *name)
{
    for (int i = 0; options && i < options->setting_count; i++)
        if (!strcmp(options->settings[i].name, name)) return options->settings[i].value;
    return NULL;
}
