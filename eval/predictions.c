/* Prediction files of anybody's. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/memory.h"
#include "datasets/table_rows.h"
#include "eval/outputs.h"
#include "score/json_writer.h"

typedef struct Row {
    int64_t item, clip, view, number; /* number: in the file, so that the first of equals stays */
    double value[HEDON_EMOTIONS];
} Row;

typedef struct Reading {
    HedonContext *ctx;
    const HedonDataset *dataset;
    HedonOutputs *outputs;
    HedonTableRows table;
    Row *rows;
    int64_t count, room, line_number;
} Reading;

static const char *field(const HedonTableRows *table, const char *prefix, const char *name)
{
    const size_t length = strlen(prefix);
    for (int i = 0; i < table->count; i++)
        if (!strncmp(table->name[i], prefix, length) && !strcmp(table->name[i] + length, name))
            return table->value[i];
    return NULL;
}

static int fail_row(Reading *reading, const char *what, const char *name)
{
    return hedon_fail(reading->ctx, HEDON_EDATA, "line %lld: %s '%s'",
                      (long long)reading->table.line, what, name);
}

static int parse(Reading *reading, const char *name, const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end || !isfinite(*value))
        return fail_row(reading, "not a number in column", name);
    return 0;
}

/* The id itself, or the name of a video's file without folder and extension. */
static const char *row_id(const HedonTableRows *table, char *buffer, size_t size)
{
    const char *id = field(table, "", "id");
    if (id && *id) return id;
    const char *video = field(table, "", "video");
    if (!video || !*video) return NULL;
    const char *slash = strrchr(video, '/');
    snprintf(buffer, size, "%s", slash ? slash + 1 : video);
    char *dot = strrchr(buffer, '.');
    if (dot) *dot = 0;
    return buffer;
}

static int whole(Reading *reading, const char *name, int64_t *value)
{
    double number = 0;
    const char *text = field(&reading->table, "", name);
    const int code = text && *text ? parse(reading, name, text, &number) : 0;
    *value = (int64_t)fmax(-1e15, fmin(1e15, number));
    return code;
}

/* 0, a failure, or 1: the row has no numbers at all (a video that its maker could not score). */
static int read_values(Reading *reading, double *value)
{
    const HedonTableRows *table = &reading->table;
    const int utility = reading->outputs->width == 1;
    const char *missing = NULL;
    int found = 0;
    for (int i = 0; i < reading->outputs->width; i++) {
        const char *name = utility ? "utility" : hedon_emotion_name(i);
        const char *text = field(table, "", name);
        if (!text) text = field(table, utility ? "wellbeing." : "emotions.", name);
        if (!text || !*text) {
            missing = missing ? missing : name;
            continue;
        }
        found++;
        const int code = parse(reading, name, text, &value[i]);
        if (code) return code;
    }
    if (!missing) return 0;
    if (found || table->format != HEDON_TABLE_JSONL)
        return fail_row(reading, "there is no value for", missing);
    return 1;
}

static int add_row(Reading *reading)
{
    char buffer[256];
    HedonOutputs *outputs = reading->outputs;
    const char *id = row_id(&reading->table, buffer, sizeof(buffer));
    if (!id) return fail_row(reading, "there is no value for", "id");
    Row row = {.item = hedon_dataset_find(reading->dataset, id), .number = reading->count};
    int code = read_values(reading, row.value);
    if (!code) code = whole(reading, "clip", &row.clip);
    if (!code) code = whole(reading, "view", &row.view);
    if (code < 0) return code;
    if (code) {
        outputs->empty++;
        return 0;
    }
    if (row.item < 0) {
        if (!outputs->extra++) snprintf(outputs->extra_id, sizeof(outputs->extra_id), "%.60s", id);
        return 0;
    }
    if (reading->count == reading->room) {
        const int64_t room = reading->room ? 2 * reading->room : 1024;
        Row *rows = hedon_realloc(reading->rows, (size_t)room, sizeof(*rows));
        if (!rows) return hedon_fail_memory(reading->ctx);
        reading->rows = rows;
        reading->room = room;
    }
    reading->rows[reading->count++] = row;
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    if (x->clip != y->clip) return x->clip < y->clip ? -1 : 1;
    if (x->view != y->view) return x->view < y->view ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* Views become their mean; of equal ones the first in the file counts. */
static void gather(Reading *reading)
{
    HedonOutputs *outputs = reading->outputs;
    const int width = outputs->width;
    int64_t views = 0;
    if (reading->count) /* not of NULL */
        qsort(reading->rows, (size_t)reading->count, sizeof(*reading->rows), compare_rows);
    for (int64_t i = 0; i < reading->count; i++) {
        const Row *row = &reading->rows[i], *before = i ? row - 1 : NULL;
        if (before && before->item == row->item && before->clip == row->clip &&
            before->view == row->view) {
            if (!outputs->duplicates++)
                snprintf(outputs->duplicate_id, sizeof(outputs->duplicate_id), "%.60s",
                         hedon_dataset_item(reading->dataset, row->item)->id);
        } else {
            double *value = outputs->value + row->item * width;
            outputs->count += !outputs->present[row->item];
            outputs->present[row->item] = 1;
            for (int k = 0; k < width; k++) value[k] += row->value[k];
            views++;
        }
        const int last = i + 1 == reading->count || row[1].item != row->item;
        for (int k = 0; last && k < width; k++)
            outputs->value[row->item * width + k] /= (double)views;
        if (last) views = 0;
    }
}

static HedonScale guess_scale(const HedonOutputs *outputs)
{
    for (int64_t i = 0; i < outputs->items * outputs->width; i++)
        if (!(outputs->value[i] >= 0 && outputs->value[i] <= 1)) return HEDON_SCALE_LOGITS;
    return HEDON_SCALE_INTENSITIES;
}

static int check_scale(Reading *reading)
{
    HedonOutputs *outputs = reading->outputs;
    if (outputs->width == 1) return 0;
    if (outputs->scale == HEDON_SCALE_AUTO) outputs->scale = guess_scale(outputs);
    if (outputs->scale == HEDON_SCALE_INTENSITIES && guess_scale(outputs) != outputs->scale)
        return hedon_fail(reading->ctx, HEDON_EDATA,
                          "has numbers outside 0..1, which are no intensities: give --scale "
                          "logits or softmax");
    return 0;
}

int hedon_predictions_read(HedonContext *ctx, HedonOutputs **out, const char *path,
                           const HedonDataset *dataset, int width, HedonScale scale)
{
    *out = NULL;
    const int format = hedon_table_format(path);
    if (format < 0)
        return hedon_fail(ctx, HEDON_EINVAL,
                          "predictions are read from .csv, .tsv and .jsonl files");
    Reading reading = {.ctx = ctx, .dataset = dataset};
    reading.outputs = hedon_outputs_new(ctx, path, width, hedon_dataset_size(dataset));
    if (!reading.outputs) return HEDON_ENOMEM;
    reading.outputs->scale = scale;
    int code = hedon_table_open(ctx, &reading.table, path, (HedonTableFormat)format);
    while (!code) {
        const int more = hedon_table_next(&reading.table);
        if (more <= 0) {
            code = more;
            break;
        }
        code = add_row(&reading);
    }
    hedon_table_close(&reading.table);
    if (!code) gather(&reading);
    if (!code) code = check_scale(&reading);
    hedon_free(reading.rows);
    if (code)
        hedon_outputs_free(reading.outputs);
    else
        *out = reading.outputs;
    return code;
}

/* ---- Writing */

static void write_csv_field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_csv_header(FILE *out, int width)
{
    fputs("id,clip,view", out);
    for (int k = 0; k < width; k++)
        fprintf(out, ",%s", width == 1 ? "utility" : hedon_emotion_name(k));
    fputc('\n', out);
}

static void write_csv_row(FILE *out, const char *id, const HedonOutputView *view, int width)
{
    write_csv_field(out, id);
    fprintf(out, ",%lld,%lld", (long long)view->clip, (long long)view->view);
    for (int k = 0; k < width; k++) fprintf(out, ",%.9g", (double)view->value[k]);
    fputc('\n', out);
}

static void write_json_row(FILE *out, const char *id, const HedonOutputView *view, int width)
{
    HedonJson json = {.out = out};
    char number[32];
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "id", id);
    hedon_json_integer(&json, "clip", view->clip);
    hedon_json_integer(&json, "view", view->view);
    if (width > 1) hedon_json_object(&json, "emotions");
    for (int k = 0; k < width; k++) {
        snprintf(number, sizeof(number), "%.9g", (double)view->value[k]);
        hedon_json_raw(&json, width == 1 ? "utility" : hedon_emotion_name(k), number);
    }
    if (width > 1) hedon_json_end_object(&json);
    hedon_json_end_object(&json);
    fputc('\n', out);
}

static void write_view(FILE *out, int json, const char *id, const HedonOutputView *view, int width)
{
    if (json)
        write_json_row(out, id, view, width);
    else
        write_csv_row(out, id, view, width);
}

int hedon_predictions_write(HedonContext *ctx, const HedonOutputs *outputs,
                            const HedonDataset *dataset, const char *path)
{
    HedonAtomicFile *file;
    const int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    FILE *out = hedon_atomic_stream(file);
    const int json = hedon_table_format(path) == HEDON_TABLE_JSONL, width = outputs->width;
    if (!json) write_csv_header(out, width);
    for (int64_t i = 0; i < outputs->view_count; i++)
        write_view(out, json, hedon_dataset_item(dataset, outputs->views[i].item)->id,
                   &outputs->views[i], width);
    for (int64_t i = 0; i < outputs->items && !outputs->views; i++) {
        HedonOutputView mean = {.item = i};
        if (!outputs->present[i]) continue;
        for (int k = 0; k < width; k++) mean.value[k] = (float)outputs->value[i * width + k];
        write_view(out, json, hedon_dataset_item(dataset, i)->id, &mean, width);
    }
    return hedon_atomic_commit(ctx, file);
}
