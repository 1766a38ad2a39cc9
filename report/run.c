#include "report/run.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

static int fits(const HedonStoreRun *run, const char *name)
{
    if (!name) return 1;
    char *end;
    const long long number = strtoll(name, &end, 10);
    if (*name && !*end && number == run->id) return 1;
    if (!strcmp(name, run->model_name)) return 1;
    return strlen(name) >= 6 && !strncmp(name, run->model_sha256, strlen(name));
}

static int none_fits(HedonContext *ctx, const HedonStoreRun *runs, int count, const char *name)
{
    char list[512];
    size_t used = 0;
    if (!count)
        return hedon_fail(ctx, HEDON_EINVAL, "has no runs yet: 'hedon annotate' makes the first");
    for (int i = 0; i < count && used < sizeof(list) - 1; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%lld (%s)", i ? ", " : "",
                                 (long long)runs[i].id, runs[i].model_name);
    return hedon_fail(ctx, HEDON_EINVAL, "has no run '%s'; there is %s", name, list);
}

/* A member of the model's description, whether it stands under "model" or beside it. */
static const json_t *member(const json_t *description, const char *key)
{
    const json_t *value = json_object_get(description, key);
    return value ? value : json_object_get(json_object_get(description, "model"), key);
}

static const char *text_of(const json_t *description, const char *key)
{
    const json_t *value = member(description, key);
    return json_is_string(value) ? json_string_value(value) : "";
}

/* The strings of the description in one block. */
typedef struct Block {
    char *text;
    size_t used;
} Block;

static const char *keep(Block *block, const char *text)
{
    char *copy = block->text + block->used;
    strcpy(copy, text);
    block->used += strlen(text) + 1;
    return copy;
}

static int describe(HedonContext *ctx, HedonReportRun *out, const HedonStoreRun *run)
{
    json_t *description = json_loads(run->model ? run->model : "", 0, NULL);
    if (!json_is_object(description)) {
        json_decref(description);
        return hedon_fail(ctx, HEDON_EDATA, "says of run %lld's model what is not a JSON object",
                          (long long)run->id);
    }
    const json_t *reference = member(description, "reference");
    const json_t *metric = member(description, "test_metric");
    char *metric_text = json_is_object(metric) ? json_dumps(metric, JSON_COMPACT) : NULL;
    const char *reference_name = text_of(reference, "name");
    const char *warning = text_of(description, "warning"), *notes = text_of(description, "notes");
    const char *trained_on = text_of(description, "trained_on");
    const char *caveat = text_of(description, "caveat");
    json_t *parsed = json_loads(run->settings ? run->settings : "", 0, NULL);
    const char *settings = parsed ? run->settings : "{}";
    json_decref(parsed);
    Block block = {.text =
                       hedon_calloc(16 + sizeof(run->model_name) + sizeof(run->model_sha256) +
                                        strlen(trained_on) + strlen(caveat) + strlen(warning) +
                                        strlen(notes) + strlen(reference_name) + strlen(settings) +
                                        (metric_text ? strlen(metric_text) : 0),
                                    1)};
    out->text = block.text;
    if (block.text) {
        const json_t *human = member(description, "human_trained");
        HedonModelInfo *info = &out->info;
        info->name = keep(&block, run->model_name);
        info->sha256 = keep(&block, run->model_sha256);
        info->trained_on = keep(&block, trained_on);
        info->caveat = keep(&block, caveat);
        info->human_trained = human ? json_is_true(human) : !*warning;
        info->test_metric = metric_text ? keep(&block, metric_text) : NULL;
        info->reference_name = *reference_name ? keep(&block, reference_name) : NULL;
        info->reference_count = json_integer_value(json_object_get(reference, "videos"));
        out->settings = keep(&block, settings);
        out->warning = *warning ? (char *)keep(&block, warning) : NULL;
        out->notes = (char *)keep(&block, notes);
    }
    free(metric_text);
    json_decref(description);
    return block.text ? 0 : hedon_fail_memory(ctx);
}

int hedon_report_run_of(HedonContext *ctx, HedonReportRun *out, const HedonStoreRun *run)
{
    *out = (HedonReportRun){.id = run->id,
                            .todo = run->todo,
                            .leased = run->leased,
                            .done = run->done,
                            .failed = run->failed};
    return describe(ctx, out, run);
}

int hedon_report_run_find(HedonContext *ctx, HedonReportRun *out, HedonStore *store,
                          const char *name)
{
    HedonStoreRun *runs;
    int count;
    *out = (HedonReportRun){0};
    int code = hedon_store_runs(ctx, store, &runs, &count);
    if (code) return code;
    const HedonStoreRun *found = NULL;
    int others = 0;
    for (int i = 0; i < count; i++) {
        if (!fits(&runs[i], name)) continue;
        others += found != NULL;
        found = &runs[i];
    }
    code = found ? hedon_report_run_of(ctx, out, found) : none_fits(ctx, runs, count, name);
    out->others = others;
    hedon_store_runs_free(runs, count);
    return code;
}

int hedon_report_run_exists(HedonContext *ctx, HedonStore *store, const char *name)
{
    HedonStoreRun *runs;
    int count, exists = 0;
    const int code = hedon_store_runs(ctx, store, &runs, &count);
    if (code) return code;
    for (int i = 0; i < count; i++) exists |= fits(&runs[i], name);
    hedon_store_runs_free(runs, count);
    return exists;
}

void hedon_report_run_clear(HedonReportRun *run)
{
    hedon_free(run->text);
    *run = (HedonReportRun){0};
}

void hedon_report_caveat(char *line, size_t size, const HedonReportRun *run, const char *what)
{
    snprintf(line, size,
             "Predicted %s, by model %s with these labels: %s; nobody's happiness. Ranking low "
             "demotes grief, news and protest too.",
             what, run->info.name, run->info.trained_on[0] ? run->info.trained_on : "not said");
}

int hedon_report_measure(HedonContext *ctx, int *measure, const char *name)
{
    const size_t length = strlen(name);
    int found = 0;
    *measure = HEDON_REPORT_UTILITY;
    if (!strcasecmp(name, "wellbeing") || !strcasecmp(name, "utility")) return 0;
    if ((*measure = hedon_store_emotion(name)) >= 0) return 0;
    for (int i = 0; i < HEDON_EMOTIONS && length; i++) {
        if (strncasecmp(name, hedon_emotion_name(i), length)) continue;
        *measure = i;
        found++;
    }
    if (found == 1) return 0;
    return hedon_fail(
        ctx, HEDON_EINVAL, "%s '%s': give wellbeing or one of the 27 emotions, such as Joy",
        found ? "several emotions begin with" : "there is nothing to rank by called", name);
}

const char *hedon_report_measure_name(int measure)
{
    return measure == HEDON_REPORT_UTILITY ? "utility" : hedon_emotion_name(measure);
}

double hedon_report_value(const HedonScore *score, int measure)
{
    return measure == HEDON_REPORT_UTILITY ? score->utility : score->emotions[measure];
}

int hedon_report_has(const HedonScore *score, int measure)
{
    return !score->code &&
           (measure == HEDON_REPORT_UTILITY ? score->has_utility : score->has_emotions);
}
