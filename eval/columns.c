#include "eval/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/json_reader.h"

enum { MOST_CATEGORIES = 1000 };

static double positive(double value)
{
    return value > 0 ? value : NAN;
}

static double of_item(const HedonDatasetItem *item, const char *name)
{
    if (!strcmp(name, "duration")) return positive(item->duration_s);
    if (!strcmp(name, "frame_rate")) return positive(item->frame_rate);
    if (!strcmp(name, "frames")) return positive((double)item->frames);
    if (!strcmp(name, "width")) return positive(item->width);
    if (!strcmp(name, "height")) return positive(item->height);
    if (!strcmp(name, "pixels")) return positive((double)item->width * item->height);
    return NAN;
}

/* ---- metadata.json: {"00000": {NAME: VALUE, ...}, ...} */

typedef struct Reading {
    const HedonDataset *dataset;
    const char *name;
    HedonColumn *column;
    const char **text; /* of each item */
    HedonJsonReader reader;
} Reading;

/* The item of an id that is not terminated; -1. */
static int64_t find(const HedonDataset *dataset, HedonJsonText id)
{
    char copy[256];
    if (id.size >= sizeof(copy)) return -1;
    memcpy(copy, id.data, id.size);
    copy[id.size] = 0;
    return hedon_dataset_find(dataset, copy);
}

static int read_value(HedonContext *ctx, Reading *reading, int64_t item)
{
    HedonJsonText text;
    const int kind = hedon_json_peek(&reading->reader);
    if (item < 0 || (kind != '"' && kind != '0')) return hedon_json_skip(&reading->reader);
    if (kind == '0') return hedon_json_real(&reading->reader, &reading->column->value[item]);
    const int code = hedon_json_text(&reading->reader, &text);
    if (code || !text.size) return code;
    reading->text[item] =
        hedon_arena_printf(&reading->column->arena, "%.*s", (int)text.size, text.data);
    return reading->text[item] ? 0 : hedon_fail_memory(ctx);
}

static int read_entry(HedonContext *ctx, Reading *reading, int64_t item)
{
    HedonJsonText key;
    if (hedon_json_peek(&reading->reader) != '{') return hedon_json_skip(&reading->reader);
    int more = hedon_json_begin_object(&reading->reader);
    if (more) return more;
    while ((more = hedon_json_next_key(&reading->reader, &key)) > 0) {
        const int code = hedon_json_text_is(key, reading->name) ? read_value(ctx, reading, item)
                                                                : hedon_json_skip(&reading->reader);
        if (code) return code;
    }
    return more;
}

static int read_metadata(HedonContext *ctx, Reading *reading)
{
    char path[4096];
    HedonJsonText id;
    snprintf(path, sizeof(path), "%s/metadata.json", hedon_dataset_dir(reading->dataset));
    int code = hedon_json_open(ctx, &reading->reader, path);
    if (!code) code = hedon_json_begin_object(&reading->reader);
    while (!code) {
        const int more = hedon_json_next_key(&reading->reader, &id);
        if (more <= 0) {
            code = more;
            break;
        }
        code = read_entry(ctx, reading, find(reading->dataset, id));
    }
    hedon_json_close(&reading->reader);
    return code;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Words become their places in the sorted list of different words. */
static int make_categories(HedonContext *ctx, Reading *reading, int64_t count)
{
    HedonColumn *column = reading->column;
    int64_t words = 0;
    column->category = hedon_malloc((size_t)count, sizeof(*column->category));
    if (!column->category) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < count; i++)
        if (reading->text[i]) column->category[words++] = reading->text[i];
    qsort(column->category, (size_t)words, sizeof(*column->category), compare_texts);
    for (int64_t i = 0; i < words; i++)
        if (!i || strcmp(column->category[i], column->category[column->categories - 1]))
            column->category[column->categories++] = column->category[i];
    for (int64_t i = 0; i < count; i++) {
        if (!reading->text[i]) continue;
        const char **found = bsearch(&reading->text[i], column->category,
                                     (size_t)column->categories, sizeof(*found), compare_texts);
        column->value[i] = (double)(found - column->category);
    }
    return 0;
}

/* Numbers in quotes are numbers if all of them are. */
static int take_texts(HedonContext *ctx, Reading *reading, int64_t count)
{
    int64_t texts = 0, numbers = 0;
    for (int64_t i = 0; i < count; i++) {
        char *end;
        if (!reading->text[i]) continue;
        const double value = strtod(reading->text[i], &end);
        texts++;
        numbers += end != reading->text[i] && !*end;
        reading->column->value[i] = value;
    }
    return texts > numbers ? make_categories(ctx, reading, count) : 0;
}

int hedon_column_load(HedonContext *ctx, HedonColumn *out, const HedonDataset *dataset,
                      const char *name)
{
    const int64_t count = hedon_dataset_size(dataset);
    int known = 0, code = 0;
    memset(out, 0, sizeof(*out));
    out->value = hedon_malloc((size_t)count, sizeof(*out->value));
    if (!out->value) return hedon_fail_memory(ctx);
    for (int64_t i = 0; i < count; i++) {
        out->value[i] = of_item(hedon_dataset_item(dataset, i), name);
        known |= !isnan(out->value[i]);
    }
    if (known) return 0;
    Reading reading = {.dataset = dataset, .name = name, .column = out};
    reading.text = hedon_calloc((size_t)count, sizeof(*reading.text));
    code = reading.text ? read_metadata(ctx, &reading) : hedon_fail_memory(ctx);
    if (!code) code = take_texts(ctx, &reading, count);
    hedon_free(reading.text);
    for (int64_t i = 0; i < count; i++) known |= !isnan(out->value[i]);
    if (!known && (!code || code == HEDON_ENOENT))
        code = hedon_fail(ctx, HEDON_EINVAL,
                          "no video here has '%s': slices are by duration, frame_rate, frames, "
                          "width, height, pixels, any name of metadata.json, or what 'hedon eval "
                          "--help' lists",
                          name);
    return code;
}

void hedon_column_free(HedonColumn *column)
{
    hedon_free(column->value);
    hedon_free(column->category);
    hedon_arena_free(&column->arena);
    memset(column, 0, sizeof(*column));
}
