/* A run's log read back, for its curves and its report. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/report.h"

static int append(HedonCurve *curve, double step, const json_t *value)
{
    if (!json_is_number(value)) return 0;
    if ((curve->count & (curve->count - 1)) == 0) { /* room doubles at powers of two */
        const size_t room = curve->count ? 2 * (size_t)curve->count : 1;
        double *steps = hedon_realloc(curve->step, room, sizeof(double));
        if (steps) curve->step = steps;
        double *values = hedon_realloc(curve->value, room, sizeof(double));
        if (values) curve->value = values;
        if (!steps || !values) return HEDON_ENOMEM;
    }
    curve->step[curve->count] = step;
    curve->value[curve->count++] = json_number_value(value);
    return 0;
}

static int take(HedonRunHistory *history, json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    const double step = json_number_value(json_object_get(event, "step"));
    if (!kind) return 0;
    if (!strcmp(kind, "start") && !history->start) history->start = json_incref(event);
    if (!strcmp(kind, "broken")) history->broken++;
    if (!strcmp(kind, "step")) return append(&history->loss, step, json_object_get(event, "loss"));
    if (strcmp(kind, "epoch")) return 0;
    if (json_is_true(json_object_get(event, "best")))
        history->best_epoch = json_integer_value(json_object_get(event, "epoch"));
    if (json_array_append(history->epochs, event)) return HEDON_ENOMEM;
    const int code = append(&history->top3, step, json_object_get(event, "held_top3"));
    return code ? code : append(&history->pairs, step, json_object_get(event, "held_pairs"));
}

int hedon_history_read(HedonContext *ctx, HedonRunHistory *history, const HedonRunFolder *folder)
{
    char path[4096], *line = NULL;
    size_t room = 0;
    int code = 0;
    *history = (HedonRunHistory){.epochs = json_array()};
    FILE *log = fopen(hedon_run_folder_path(folder, "log.jsonl", path), "rbe");
    if (!log) {
        hedon_history_free(history);
        return hedon_fail_errno(ctx, "cannot read %s", path);
    }
    while (!code && getline(&line, &room, log) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        if (event) code = take(history, event);
        json_decref(event);
    }
    free(line);
    fclose(log);
    if (!code) return 0;
    hedon_history_free(history);
    return hedon_fail_memory(ctx);
}

void hedon_history_free(HedonRunHistory *history)
{
    HedonCurve *curves[] = {&history->loss, &history->top3, &history->pairs};
    for (int i = 0; i < 3; i++) {
        hedon_free(curves[i]->step);
        hedon_free(curves[i]->value);
    }
    json_decref(history->epochs);
    json_decref(history->start);
    *history = (HedonRunHistory){0};
}
