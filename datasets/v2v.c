/* V2V: comparisons of how pleasant videos are. On disk:
 *
 *   train_labels.json, test_labels.json   {"comparisons": [["52694", "15036"], ...]}
 *   listwise_labels.json                  the same with lists of up to 4
 *   metadata.json (metadata.c), videos/
 *
 * The last of each is the most pleasant. The three splits share no video; lists may share videos
 * with each other. Ids are strings with leading zeros. Any of the label files may be absent. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "datasets/build.h"

static const char *const files[HEDON_SPLITS] = {
    [HEDON_SPLIT_TRAIN] = "train_labels.json",
    [HEDON_SPLIT_TEST] = "test_labels.json",
    [HEDON_SPLIT_LISTS] = "listwise_labels.json",
};

typedef struct Reading {
    HedonContext *ctx;
    HedonDataset *dataset;
    const HedonDatasetOptions *options;
    HedonJsonReader json;
    HedonSplit split;
    int64_t number; /* of the comparison, from 1 */
} Reading;

static int fault(Reading *r, const char *what)
{
    return hedon_build_fault(r->ctx, r->options, HEDON_FAULT_VALUE, "%s: comparison %lld: %s",
                             files[r->split], (long long)r->number, what);
}

static int id_is_usable(HedonJsonText id)
{
    return id.size > 0 && id.size <= 255 && !memchr(id.data, '/', id.size);
}

/* Videos are made only of a comparison that is kept: a bad one leaves none behind. */
static int keep(Reading *r, const char (*ids)[256], int count)
{
    int32_t items[HEDON_MAX_COMPARED];
    for (int i = 0; i < count; i++) {
        HedonDatasetItem *item;
        const HedonJsonText id = {ids[i], strlen(ids[i])};
        const int code = hedon_build_item(r->ctx, r->dataset, id, r->split, &item, NULL);
        if (code) return code;
        items[i] = (int32_t)(item - r->dataset->items);
    }
    return hedon_build_comparison(r->ctx, r->dataset, r->split, items, count, 0);
}

static int read_comparison(Reading *r)
{
    const int most = r->split == HEDON_SPLIT_LISTS ? HEDON_MAX_COMPARED : 2;
    char ids[HEDON_MAX_COMPARED][256];
    int count = 0, bad = 0, more, code;
    r->number++;
    if (hedon_json_peek(&r->json) != '[')
        return (code = hedon_json_skip(&r->json)) ? code : fault(r, "not an array of ids");
    code = hedon_json_begin_array(&r->json);
    while (!code && (more = hedon_json_next_element(&r->json))) {
        HedonJsonText id;
        if (more < 0) return more;
        if (hedon_json_peek(&r->json) != '"') {
            bad = 1;
            code = hedon_json_skip(&r->json);
        } else if (!(code = hedon_json_text(&r->json, &id))) {
            bad |= !id_is_usable(id);
            if (!bad && count < HEDON_MAX_COMPARED)
                snprintf(ids[count], sizeof(ids[count]), "%.*s", (int)id.size, id.data);
            count++;
        }
    }
    if (code) return code;
    if (bad) return fault(r, "ids are strings such as \"00012\"");
    if (count < 2 || count > most)
        return fault(r, most == 2 ? "not of two videos" : "not of two to four videos");
    return keep(r, (const char(*)[256])ids, count);
}

static int read_comparisons(Reading *r)
{
    int more, code = hedon_json_begin_array(&r->json);
    while (!code && (more = hedon_json_next_element(&r->json)))
        code = more < 0 ? more : read_comparison(r);
    return code;
}

static int read_split(Reading *r)
{
    HedonJsonText key;
    int found = 0, more, code = hedon_json_begin_object(&r->json);
    while (!code && (more = hedon_json_next_key(&r->json, &key))) {
        const int ours = more > 0 && hedon_json_text_is(key, "comparisons");
        found |= ours;
        code = more < 0 ? more : ours ? read_comparisons(r) : hedon_json_skip(&r->json);
    }
    if (!code) code = hedon_json_finish(&r->json);
    return code || found ? code : hedon_json_refuse(&r->json, "it has no \"comparisons\"");
}

static int open_split(Reading *r)
{
    const char *path, *name = files[r->split];
    int code = hedon_build_path(r->ctx, r->dataset, (HedonJsonText){name, strlen(name)}, &path);
    if (code) return code;
    code = hedon_json_open(r->ctx, &r->json, path);
    if (!code) code = read_split(r);
    const int of_reader = code && code == r->json.code;
    hedon_json_close(&r->json);
    return of_reader ? hedon_build_file_fault(r->ctx, r->options, name, code) : code;
}

static int v2v_open(HedonContext *ctx, HedonDataset *dataset, const char *dir,
                    const HedonDatasetOptions *options)
{
    int found = 0, code = 0;
    for (int split = 0; split < HEDON_SPLITS && !code; split++) {
        Reading r = {
            .ctx = ctx, .dataset = dataset, .options = options, .split = (HedonSplit)split};
        const int there = hedon_build_has_file(dir, files[split]);
        found += there;
        if (there || (options && options->faults)) code = open_split(&r);
    }
    if (!code && !found)
        return hedon_fail(
            ctx, HEDON_ENOENT,
            "none of train_labels.json, test_labels.json, listwise_labels.json is there");
    if (!code) code = hedon_build_check_splits(ctx, dataset, options);
    if (!code) code = hedon_build_metadata(ctx, dataset, options);
    return code ? code : hedon_build_default_paths(ctx, dataset);
}

/* VCE's label files have the same names: whether the first key is "comparisons" tells. */
static int has_comparisons(const char *dir, const char *name)
{
    char path[4096];
    HedonJsonReader json;
    HedonJsonText key;
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) return 0;
    const int yes = hedon_build_has_file(dir, name) && !hedon_json_open(NULL, &json, path);
    if (!yes) return 0;
    int more = hedon_json_begin_object(&json);
    if (!more) more = hedon_json_next_key(&json, &key);
    const int ours = more > 0 && hedon_json_text_is(key, "comparisons");
    hedon_json_close(&json);
    return ours;
}

static int v2v_detect(const char *dir)
{
    return hedon_build_has_file(dir, files[HEDON_SPLIT_LISTS]) ||
           has_comparisons(dir, files[HEDON_SPLIT_TRAIN]) ||
           has_comparisons(dir, files[HEDON_SPLIT_TEST]);
}

const HedonDatasetKind hedon_dataset_v2v = {
    .name = "v2v",
    .summary = "pairs and lists of videos by pleasantness: train_labels.json, test_labels.json, "
               "listwise_labels.json, metadata.json, videos/",
    .detect = v2v_detect,
    .open = v2v_open,
};
