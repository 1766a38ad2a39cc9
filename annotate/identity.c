#include "annotate/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/json.h"
#include "score/scorer.h"
#include "score/wording.h"

static void write_seconds(HedonJson *json, const char *key, double seconds)
{
    if (seconds > 0)
        hedon_json_number(json, key, seconds);
    else
        hedon_json_null(json, key); /* the model's own */
}

static void write_settings(HedonJson *json, const HedonScorer *scorer)
{
    const HedonScorerOptions *options = &scorer->options;
    const double window_s = options->timeline ? options->window_s : 0;
    const double stride_s = options->timeline ? options->stride_s : 0;
    hedon_json_object(json, NULL);
    write_seconds(json, "window", window_s);
    write_seconds(json, "stride", stride_s > 0 ? stride_s : window_s);
    hedon_json_bool(json, "timeline", options->timeline);
    /* bits differ on other devices than the usual one, and in other arithmetic */
    const char *backend = scorer->backend->name;
    if (strcmp(backend, "cpu")) hedon_json_string(json, "device", backend);
    if (options->device.precision != HEDON_F32)
        hedon_json_string(json, "precision", hedon_dtype_name(options->device.precision));
    hedon_json_end_object(json);
}

static void write_model(HedonJson *json, const HedonScorer *scorer)
{
    const HedonModelInfo *info = scorer->info;
    hedon_json_object(json, NULL);
    hedon_json_string(json, "name", info->name);
    hedon_json_string(json, "sha256", info->sha256);
    hedon_json_string(json, "trained_on", info->trained_on);
    hedon_json_string(json, "caveat", info->caveat);
    hedon_json_bool(json, "human_trained", info->human_trained);
    hedon_score_write_test_metric(json, info);
    if (info->reference_name) {
        hedon_json_object(json, "reference");
        hedon_json_string(json, "name", info->reference_name);
        hedon_json_integer(json, "videos", info->reference_count);
        hedon_json_end_object(json);
    } else {
        hedon_json_null(json, "reference");
    }
    hedon_json_string(json, "warning", hedon_scorer_warning(scorer));
    hedon_json_string(json, "notes", hedon_scorer_notes(scorer));
    hedon_json_end_object(json);
}

static int make(HedonContext *ctx, const HedonScorer *scorer,
                void (*write)(HedonJson *json, const HedonScorer *scorer), const char **text)
{
    size_t size;
    char *written;
    *text = NULL;
    FILE *out = hedon_wording_open(ctx, &written, &size);
    if (!out) return HEDON_ENOMEM;
    HedonJson json = {.out = out};
    write(&json, scorer);
    const int code = hedon_wording_close(ctx, out, &written);
    *text = written;
    return code;
}

int hedon_identity(HedonContext *ctx, const HedonScorer *scorer, HedonStoreRun *run)
{
    *run = (HedonStoreRun){0};
    snprintf(run->model_name, sizeof(run->model_name), "%s", scorer->info->name);
    snprintf(run->model_sha256, sizeof(run->model_sha256), "%s", scorer->info->sha256);
    int code = make(ctx, scorer, write_model, &run->model);
    if (!code) code = make(ctx, scorer, write_settings, &run->settings);
    if (code) hedon_identity_clear(run);
    return code;
}

void hedon_identity_clear(HedonStoreRun *run)
{
    free((char *)run->model);
    free((char *)run->settings);
    *run = (HedonStoreRun){0};
}
