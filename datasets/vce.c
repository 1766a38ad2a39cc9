/* VCE: the mean intensity of 27 emotions for each video. On disk:
 *
 *   train_labels.json, test_labels.json
 *       {"00000": {"emotions": {NAME: 0..1, all 27}, "file": "videos/00000.mp4",
 *                  "topK": [3 names, most intense first]}, ...}
 *   metadata.json (metadata.c), videos/
 *
 * One of the two label files may be absent. The label is the first maximum in class order, which is
 * not always topK[0]: intensities are multiples of 1/120, so ties happen. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "datasets/build.h"

typedef struct Reading {
    HedonContext *ctx;
    HedonDataset *dataset;
    const HedonDatasetOptions *options;
    HedonJsonReader json;
    const char *file; /* "train_labels.json" */
    const char *id;   /* of the label being read */
} Reading;

typedef struct Label {
    double value[HEDON_EMOTIONS];
    unsigned seen; /* bit by emotion */
    int bad;       /* a value that cannot be used */
    int top[HEDON_TOP], top_count;
    const char *path;
} Label;

/* The faults' sentences begin alike. */
#define FAULT(r, kind, format, ...)                                                                \
    hedon_build_fault((r)->ctx, (r)->options, kind, "%s: video %s: " format, (r)->file,            \
                      (r)->id __VA_OPT__(, ) __VA_ARGS__)

/* Labels list the emotions in class order: `guess` is tried first. */
static int emotion_of(HedonJsonText name, int guess)
{
    if (guess < HEDON_EMOTIONS && hedon_json_text_is(name, hedon_emotion_name(guess))) return guess;
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        if (hedon_json_text_is(name, hedon_emotion_name(i))) return i;
    return -1;
}

/* A value of the wrong type: skipped and counted. */
static int wrong(Reading *r, const char *what, const char *wanted)
{
    const int code = hedon_json_skip(&r->json);
    return code ? code : FAULT(r, HEDON_FAULT_VALUE, "%s is not %s", what, wanted);
}

static int read_emotion(Reading *r, Label *label, HedonJsonText name, int guess)
{
    const int emotion = emotion_of(name, guess);
    if (emotion < 0) {
        const int length = name.size < 40 ? (int)name.size : 40;
        char copy[41];
        snprintf(copy, sizeof(copy), "%.*s", length, name.data);
        const int code = hedon_json_skip(&r->json);
        return code ? code : FAULT(r, HEDON_FAULT_UNKNOWN_EMOTION, "unknown emotion '%s'", copy);
    }
    const char *known = hedon_emotion_name(emotion);
    if (label->seen >> emotion & 1) {
        label->bad = 1;
        const int code = hedon_json_skip(&r->json);
        return code ? code : FAULT(r, HEDON_FAULT_VALUE, "%s is given twice", known);
    }
    label->seen |= 1u << emotion;
    if (hedon_json_peek(&r->json) != '0') {
        label->bad = 1;
        return wrong(r, known, "a number");
    }
    double *value = &label->value[emotion];
    const int code = hedon_json_real(&r->json, value);
    if (code || (*value >= 0 && *value <= 1)) return code;
    label->bad = 1;
    return FAULT(r, HEDON_FAULT_RANGE, "%s is %g, outside 0..1", known, *value);
}

static int read_emotions(Reading *r, Label *label)
{
    if (hedon_json_peek(&r->json) != '{') return wrong(r, "\"emotions\"", "an object");
    HedonJsonText name;
    int guess = 0, more, code = hedon_json_begin_object(&r->json);
    while (!code && (more = hedon_json_next_key(&r->json, &name)))
        code = more < 0 ? more : read_emotion(r, label, name, guess++);
    return code;
}

static int read_top(Reading *r, Label *label)
{
    if (hedon_json_peek(&r->json) != '[') return wrong(r, "\"topK\"", "an array");
    int more, code = hedon_json_begin_array(&r->json);
    label->top_count = 0;
    while (!code && (more = hedon_json_next_element(&r->json))) {
        HedonJsonText name;
        if (more < 0) return more;
        if (hedon_json_peek(&r->json) != '"') {
            code = wrong(r, "topK", "of names");
            continue;
        }
        if ((code = hedon_json_text(&r->json, &name))) break;
        const int emotion = emotion_of(name, HEDON_EMOTIONS);
        if (emotion < 0)
            code = FAULT(r, HEDON_FAULT_UNKNOWN_EMOTION, "unknown emotion in topK: '%.*s'",
                         name.size < 40 ? (int)name.size : 40, name.data);
        if (label->top_count < HEDON_TOP) label->top[label->top_count] = emotion;
        label->top_count++;
    }
    return code;
}

static int read_file(Reading *r, Label *label)
{
    HedonJsonText file;
    if (hedon_json_peek(&r->json) != '"') return wrong(r, "\"file\"", "a string");
    const int code = hedon_json_text(&r->json, &file);
    if (code) return code;
    if (!hedon_build_inside(file))
        return FAULT(r, HEDON_FAULT_VALUE, "\"file\" leads out of the dataset's folder");
    return hedon_build_path(r->ctx, r->dataset, file, &label->path);
}

static int read_label(Reading *r, Label *label)
{
    HedonJsonText key;
    int more, code = hedon_json_begin_object(&r->json);
    while (!code && (more = hedon_json_next_key(&r->json, &key))) {
        if (more < 0) return more;
        code = hedon_json_text_is(key, "emotions") ? read_emotions(r, label)
               : hedon_json_text_is(key, "topK")   ? read_top(r, label)
               : hedon_json_text_is(key, "file")   ? read_file(r, label)
                                                   : hedon_json_skip(&r->json);
    }
    return code;
}

/* topK names the most intense, strongest first; among equals any order and any choice is right. */
static int top_is_right(const Label *label)
{
    unsigned taken = 0;
    if (label->top_count != HEDON_TOP) return 0;
    for (int k = 0; k < HEDON_TOP; k++) {
        const int named = label->top[k];
        if (named < 0 || taken >> named & 1) return 0;
        for (int i = 0; i < HEDON_EMOTIONS; i++)
            if (!(taken >> i & 1) && label->value[i] > label->value[named]) return 0;
        taken |= 1u << named;
    }
    return 1;
}

static int missing_emotion(Reading *r, const Label *label)
{
    const unsigned all = (1u << HEDON_EMOTIONS) - 1;
    const char *first = hedon_emotion_name(__builtin_ctz(~label->seen));
    const int count = __builtin_popcount(~label->seen & all);
    return count == HEDON_EMOTIONS ? FAULT(r, HEDON_FAULT_MISSING_EMOTION, "no emotions")
                                   : FAULT(r, HEDON_FAULT_MISSING_EMOTION, "%s is missing%s", first,
                                           count > 1 ? ", and others" : "");
}

static int keep_label(Reading *r, const Label *label, HedonDatasetItem *item)
{
    int code = 0;
    const int complete = label->seen == (1u << HEDON_EMOTIONS) - 1;
    item->path = label->path;
    for (int k = 0; k < HEDON_TOP && k < label->top_count; k++) item->top[k] = label->top[k];
    if (!code && !complete) code = missing_emotion(r, label);
    if (code || !complete || label->bad) return code;
    code = hedon_build_intensities(r->ctx, r->dataset, item, label->value);
    /* Nothing is trained on topK: a poor one is for the check to find, not a reason to stop. */
    if (!code && r->options && r->options->faults && !top_is_right(label))
        code = FAULT(r, HEDON_FAULT_TOP, "topK is not the three most intense, strongest first");
    return code;
}

/* Whether an id can be a file's name. */
static int id_is_usable(HedonJsonText id)
{
    return id.size > 0 && id.size <= 255 && !memchr(id.data, '/', id.size);
}

static int read_entry(Reading *r, HedonJsonText id, HedonSplit split)
{
    HedonDatasetItem *item;
    int is_new, code;
    r->id = "?";
    if (!id_is_usable(id)) {
        code = hedon_json_skip(&r->json);
        return code ? code : FAULT(r, HEDON_FAULT_VALUE, "an id that cannot be a file's name");
    }
    if ((code = hedon_build_item(r->ctx, r->dataset, id, split, &item, &is_new))) return code;
    r->id = item->id;
    if (!is_new) {
        if ((code = hedon_json_skip(&r->json))) return code;
        return item->split == split
                   ? FAULT(r, HEDON_FAULT_DUPLICATE_ID, "labelled twice")
                   : FAULT(r, HEDON_FAULT_SHARED_ID, "is in %s too", hedon_split_name(item->split));
    }
    Label label = {.top = {-1, -1, -1}};
    const int kind = hedon_json_peek(&r->json);
    code = kind == '{' ? read_label(r, &label) : wrong(r, "the label", "an object");
    return code ? code : keep_label(r, &label, item);
}

static int read_split(Reading *r, HedonSplit split)
{
    HedonJsonText id;
    int more, code = hedon_json_begin_object(&r->json);
    while (!code && (more = hedon_json_next_key(&r->json, &id)))
        code = more < 0 ? more : read_entry(r, id, split);
    return code ? code : hedon_json_finish(&r->json);
}

static int open_split(Reading *r, HedonSplit split)
{
    const char *path;
    const HedonJsonText name = {r->file, strlen(r->file)};
    int code = hedon_build_path(r->ctx, r->dataset, name, &path);
    if (code) return code;
    code = hedon_json_open(r->ctx, &r->json, path);
    if (!code) code = read_split(r, split);
    const int of_reader = code && code == r->json.code;
    hedon_json_close(&r->json);
    return of_reader ? hedon_build_file_fault(r->ctx, r->options, r->file, code) : code;
}

static int vce_open(HedonContext *ctx, HedonDataset *dataset, const char *dir,
                    const HedonDatasetOptions *options)
{
    static const char *const files[] = {"train_labels.json", "test_labels.json"};
    int found = 0, code = 0;
    for (int split = 0; split < 2 && !code; split++) {
        Reading r = {.ctx = ctx, .dataset = dataset, .options = options, .file = files[split]};
        const int there = hedon_build_has_file(dir, files[split]);
        found += there;
        if (there || (options && options->faults)) code = open_split(&r, (HedonSplit)split);
    }
    if (!code && !found)
        return hedon_fail(ctx, HEDON_ENOENT,
                          "neither train_labels.json nor test_labels.json is there");
    if (!code) code = hedon_build_metadata(ctx, dataset, options);
    return code ? code : hedon_build_default_paths(ctx, dataset);
}

static int vce_detect(const char *dir)
{
    return hedon_build_has_file(dir, "train_labels.json") ||
           hedon_build_has_file(dir, "test_labels.json");
}

const HedonDatasetKind hedon_dataset_vce = {
    .name = "vce",
    .summary =
        "27 intensities a video: train_labels.json, test_labels.json, metadata.json, videos/",
    .detect = vce_detect,
    .open = vce_open,
};
