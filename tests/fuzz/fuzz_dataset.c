/* Label files of every kind: VCE's, V2V's, metadata.json, CSV and JSONL. The first byte says which;
 * each is opened as training would, and checked. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "datasets/check.h"
#include "tests/fuzz/fuzz.h"

typedef struct Form {
    const char *kind, *file, *format;
} Form;

static const Form forms[] = {
    {"vce", "train_labels.json", NULL},
    {"v2v", "train_labels.json", NULL},
    {"v2v", "listwise_labels.json", NULL},
    {"vce", "metadata.json", NULL},
    {"table", "t", "csv"},
    {"table", "t", "tsv"},
    {"table", "t", "jsonl"},
};
enum { FORMS = sizeof(forms) / sizeof(*forms) };

static void check_items(const HedonDataset *dataset)
{
    for (int64_t i = 0; i < hedon_dataset_size(dataset); i++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        if (!item->id[0] || !item->path || hedon_dataset_find(dataset, item->id) != i) abort();
        if ((item->intensities == NULL) != (item->label < 0) || item->label >= HEDON_EMOTIONS)
            abort();
        for (int e = 0; item->intensities && e < HEDON_EMOTIONS; e++)
            if (!(item->intensities[e] >= 0 && item->intensities[e] <= 1)) abort();
        if (!isnan(item->duration_s) && !isfinite(item->duration_s)) abort();
    }
    for (int64_t c = 0; c < hedon_dataset_comparisons(dataset); c++) {
        const HedonComparison *comparison = hedon_dataset_comparison(dataset, c);
        if (comparison->tied && comparison->count != 2) abort();
        if (comparison->count < 2 || comparison->count > HEDON_MAX_COMPARED) abort();
        for (int k = 0; k < comparison->count; k++)
            if (comparison->item[k] < 0 || comparison->item[k] >= hedon_dataset_size(dataset))
                abort();
    }
}

/* A folder for each form, made once: its label file is a link to descriptor INPUT, where each input
 * is put. */
enum { INPUT = 200 };

static char root[] = "/tmp/hedon-fuzz-XXXXXX";

static void clean_up(void)
{
    for (int i = 0; i < FORMS; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%d/test_labels.json", root, i);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%d/%s", root, i, forms[i].file);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%d", root, i);
        rmdir(path);
    }
    rmdir(root);
}

static void write_labels(const char *path)
{
    FILE *file = fopen(path, "w");
    fprintf(file, "{\"1\": {\"emotions\": {");
    for (int e = 0; e < HEDON_EMOTIONS; e++)
        fprintf(file, "%s\"%s\": 0.5", e ? ", " : "", hedon_emotion_name(e));
    fprintf(file, "}}}");
    if (fclose(file)) abort();
}

static void make_folders(void)
{
    char path[128], source[64];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", INPUT);
    if (!mkdtemp(root) || atexit(clean_up)) abort();
    for (int i = 0; i < FORMS; i++) {
        snprintf(path, sizeof(path), "%s/%d", root, i);
        if (mkdir(path, 0700)) abort();
        snprintf(path, sizeof(path), "%s/%d/%s", root, i, forms[i].file);
        if (symlink(source, path)) abort();
        snprintf(path, sizeof(path), "%s/%d/test_labels.json", root, i);
        if (!strcmp(forms[i].file, "metadata.json")) write_labels(path);
    }
}

static void open_both_ways(HedonContext *ctx, const Form *form, const char *target)
{
    const HedonDatasetSetting setting = {"format", form->format};
    HedonCheckOptions options;
    hedon_check_options_default(&options);
    options.kind = form->kind;
    options.no_open = 1;
    options.dataset =
        (HedonDatasetOptions){.settings = &setting, .setting_count = form->format != NULL};
    HedonDataset *dataset;
    const int code = hedon_dataset_open(ctx, &dataset, form->kind, target, &options.dataset);
    if (!code)
        check_items(dataset);
    else if (!hedon_last_error(ctx)[0] || dataset)
        abort();
    hedon_dataset_close(dataset);
    HedonCheck check;
    const int checked = hedon_dataset_check(ctx, &check, target, &options);
    /* what can be opened can be checked, and what cannot has a fault that says why */
    if (!code && checked) abort();
    if (code == HEDON_EDATA && !checked && !hedon_faults_total(&check.faults)) abort();
    hedon_check_free(&check);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready;
    char source[FUZZ_PATH], target[128];
    if (!size) return 0;
    if (!ready) make_folders();
    ready = 1;
    const int number = data[0] % FORMS, fd = fuzz_file(data + 1, size - 1, source);
    if (dup2(fd, INPUT) < 0) abort();
    close(fd);
    HedonContext *ctx = hedon_context_new();
    snprintf(target, sizeof(target), "%s/%d%s", root, number,
             strcmp(forms[number].kind, "table") ? "" : "/t");
    open_both_ways(ctx, &forms[number], target);
    hedon_context_free(ctx);
    close(INPUT);
    return 0;
}

static uint8_t *vce_seed(size_t *size)
{
    char text[8192] = {0};
    size_t used = 1;
    used += (size_t)snprintf(text + used, sizeof(text) - used, "{");
    for (int i = 0; i < 2; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"0%d\": {\"emotions\": {",
                                 i ? ", " : "", i);
        for (int e = 0; e < HEDON_EMOTIONS; e++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"%s\": 0.%d",
                                     e ? ", " : "", hedon_emotion_name(e), e == 3 * i ? 5 : 0);
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "}, \"file\": \"videos/0%d.mp4\", \"topK\": [\"%s\", \"Awe (or "
                                 "Wonder)\", \"Joy\"]}",
                                 i, hedon_emotion_name(3 * i));
    }
    used += (size_t)snprintf(text + used, sizeof(text) - used, "}");
    return fuzz_seed_bytes(text, used, size);
}

uint8_t *fuzz_seed(int number, size_t *size)
{
    static const char *const texts[] = {
        "\1{\"comparisons\": [[\"1\", \"2\"], [\"2\", \"3\"], [\"3\", \"1\"], [\"2\", \"1\"], "
        "[\"4\", "
        "\"4\"]]}",
        "\2{\"comparisons\": [[\"1\", \"2\", \"3\", \"4\"], [\"\\u0031\", \"\\ud83d\\ude00\"]]}",
        "\3{\"1\": {\"duration\": \"12.5\", \"file\": \"videos/1.mp4\", \"frame_rate\": \"30/1\", "
        "\"height\": 320, \"number_of_frames\": \"360\"}, \"2\": [{\"a\": [true, null, -1e-3]}]}",
        "\4path,class,rating,split\r\n\"a \"\"x\"\"\",c,1.5,train\r\nb,d,-2,test\r\n",
        "\5less\tmore\ttie\tlist\tsplit\na\tb\t1\t\ttrain\nb\tc\tno\t\ttrain\n\t\t\td c  a "
        "b\ttrain\n",
        "\6{\"video\": \"a\", \"emotions\": {\"Joy\": 0.5}, \"x\": [1, [true, "
        "null]]}\n\n{\"path\": "
        "\"b\", \"rating\": 2}\n",
    };
    if (number == 0) return vce_seed(size);
    if (number > (int)(sizeof(texts) / sizeof(*texts))) return NULL;
    return fuzz_seed_bytes(texts[number - 1], strlen(texts[number - 1]), size);
}
