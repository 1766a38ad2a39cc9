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
        if (comparison->count < 2 || comparison->count > HEDON_MAX_COMPARED) abort();
        for (int k = 0; k < comparison->count; k++)
            if (comparison->item[k] < 0 || comparison->item[k] >= hedon_dataset_size(dataset))
                abort();
    }
}

/* The file in a folder of its own, or in the place of it. */
static void place(const char *folder, const Form *form, const char *source, char target[128])
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, form->file);
    if (symlink(source, path)) abort();
    strcpy(target, strcmp(form->kind, "table") ? folder : path);
    if (strcmp(form->file, "metadata.json")) return;
    snprintf(path, sizeof(path), "%s/test_labels.json", folder);
    FILE *file = fopen(path, "w");
    fprintf(file, "{\"1\": {\"emotions\": {");
    for (int e = 0; e < HEDON_EMOTIONS; e++)
        fprintf(file, "%s\"%s\": 0.5", e ? ", " : "", hedon_emotion_name(e));
    fprintf(file, "}}}");
    if (fclose(file)) abort();
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
    char source[FUZZ_PATH], folder[] = "/tmp/hedon-fuzz-XXXXXX", target[128], path[128];
    if (!size || !mkdtemp(folder)) return 0;
    const Form *form = &forms[data[0] % FORMS];
    const int fd = fuzz_file(data + 1, size - 1, source);
    HedonContext *ctx = hedon_context_new();
    place(folder, form, source, target);
    open_both_ways(ctx, form, target);
    hedon_context_free(ctx);
    close(fd);
    static const char *const names[] = {"train_labels.json", "test_labels.json",
                                        "listwise_labels.json", "metadata.json", "t"};
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    if (rmdir(folder)) abort();
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
        "\5less\tmore\tsplit\na\tb\ttrain\nb\tc\ttrain\n",
        "\6{\"video\": \"a\", \"emotions\": {\"Joy\": 0.5}, \"x\": [1, [true, "
        "null]]}\n\n{\"path\": "
        "\"b\", \"rating\": 2}\n",
    };
    if (number == 0) return vce_seed(size);
    if (number > (int)(sizeof(texts) / sizeof(*texts))) return NULL;
    return fuzz_seed_bytes(texts[number - 1], strlen(texts[number - 1]), size);
}
