/* metadata.json of VCE and V2V, which have the same one: V2V's has 61,046 entries for 26,670
 * videos, so entries that no label names are passed over.
 *
 *   {"00000": {"codec_name": "h264", "duration": "12.000000", "file": "videos/00000.mp4",
 *              "frame_rate": "30/1", "height": 320, "number_of_frames": "360", "width": 256}, ...}
 *
 * Numbers are strings where ffprobe prints them so; either is taken. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "datasets/build.h"

static const char name[] = "metadata.json";

typedef struct Entry {
    double duration_s, frame_rate, frames, width, height; /* NaN: not said */
    const char *path;
    const char *wrong; /* the key whose value is of the wrong type; NULL: none */
} Entry;

/* "12.000000", or a ratio "30000/1001"; NaN when it is neither. */
static double number_of_text(HedonJsonText text)
{
    char copy[64], *end;
    if (!text.size || text.size >= sizeof(copy)) return NAN;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    if (strspn(copy, "0123456789.eE+-/") != text.size) return NAN;
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = strtod_l(copy, &end, c);
    if (end != copy && *end == '/') {
        char *denominator = end + 1;
        const double below = strtod_l(denominator, &end, c);
        value = end == denominator || !(below > 0) ? NAN : value / below;
    } else if (end == copy) {
        value = NAN;
    }
    freelocale(c);
    return *end || !isfinite(value) || value < 0 ? NAN : value;
}

/* A quantity as a number or as a string; "N/A", as ffprobe says, is not said. */
static int read_quantity(HedonJsonReader *json, double *value, int *wrong)
{
    HedonJsonText text;
    int code;
    switch (hedon_json_peek(json)) {
    case '0':
        code = hedon_json_real(json, value);
        *wrong |= !code && *value < 0;
        return code;
    case '"':
        code = hedon_json_text(json, &text);
        if (code || hedon_json_text_is(text, "N/A")) return code;
        *value = number_of_text(text);
        *wrong |= isnan(*value);
        return 0;
    default:
        *wrong = 1;
        return hedon_json_skip(json);
    }
}

static int read_entry(HedonContext *ctx, HedonDataset *dataset, HedonJsonReader *json, Entry *entry)
{
    HedonJsonText key;
    int more, code = hedon_json_begin_object(json);
    const struct {
        const char *key;
        double *value;
    } quantities[] = {
        {"duration", &entry->duration_s},     {"frame_rate", &entry->frame_rate},
        {"number_of_frames", &entry->frames}, {"width", &entry->width},
        {"height", &entry->height},
    };
    while (!code && (more = hedon_json_next_key(json, &key))) {
        if (more < 0) return more;
        size_t q = 0;
        while (q < 5 && !hedon_json_text_is(key, quantities[q].key)) q++;
        int wrong = 0;
        if (q < 5) {
            code = read_quantity(json, quantities[q].value, &wrong);
            if (wrong) entry->wrong = quantities[q].key;
        } else if (hedon_json_text_is(key, "file") && hedon_json_peek(json) == '"') {
            HedonJsonText file;
            code = hedon_json_text(json, &file);
            if (!code && !hedon_build_inside(file))
                entry->wrong = "file";
            else if (!code)
                code = hedon_build_path(ctx, dataset, file, &entry->path);
        } else {
            code = hedon_json_skip(json);
        }
    }
    return code;
}

static int64_t whole(double value, double most)
{
    return value >= 0 && value <= most ? (int64_t)value : 0;
}

static int read_all(HedonContext *ctx, HedonDataset *dataset, const HedonDatasetOptions *options,
                    HedonJsonReader *json)
{
    HedonJsonText id;
    int more, code = hedon_json_begin_object(json);
    while (!code && (more = hedon_json_next_key(json, &id))) {
        if (more < 0) return more;
        HedonDatasetItem *item = hedon_build_find(dataset, id);
        if (!item) {
            code = hedon_json_skip(json);
            continue;
        }
        Entry entry = {NAN, NAN, NAN, NAN, NAN, NULL, NULL};
        if (hedon_json_peek(json) == '{') {
            code = read_entry(ctx, dataset, json, &entry);
        } else {
            code = hedon_json_skip(json);
            entry.wrong = "the entry";
        }
        if (code) break;
        if (entry.wrong)
            code = hedon_build_fault(ctx, options, HEDON_FAULT_VALUE,
                                     "%s: video %s: %s is not what it should be", name, item->id,
                                     entry.wrong);
        item->has_metadata = 1;
        item->duration_s = entry.duration_s;
        item->frame_rate = entry.frame_rate;
        item->frames = whole(entry.frames, 1e15);
        item->width = (int)whole(entry.width, 1e6);
        item->height = (int)whole(entry.height, 1e6);
        if (!item->path) item->path = entry.path;
    }
    return code ? code : hedon_json_finish(json);
}

static int report_unknown(HedonContext *ctx, const HedonDataset *dataset,
                          const HedonDatasetOptions *options)
{
    int code = 0;
    for (int64_t i = 0; i < dataset->count && !code; i++)
        if (!dataset->items[i].has_metadata)
            code = hedon_build_fault(ctx, options, HEDON_FAULT_UNKNOWN_ID,
                                     "%s: video %s is not in it", name, dataset->items[i].id);
    return code;
}

int hedon_build_metadata(HedonContext *ctx, HedonDataset *dataset,
                         const HedonDatasetOptions *options)
{
    const int checking = options && options->faults;
    if (!checking && !hedon_build_has_file(dataset->dir, name)) return 0;
    const char *path;
    int code = hedon_build_path(ctx, dataset, (HedonJsonText){name, strlen(name)}, &path);
    if (code) return code;
    HedonJsonReader json;
    code = hedon_json_open(ctx, &json, path);
    if (!code) code = read_all(ctx, dataset, options, &json);
    const int of_reader = code && code == json.code;
    hedon_json_close(&json);
    if (of_reader) return hedon_build_file_fault(ctx, options, name, code);
    return !code && checking ? report_unknown(ctx, dataset, options) : code;
}
