/* Schema "hedon.score/1"; docs/cli.md explains every key. */
#include <jansson.h>
#include <stdlib.h>

#include "score/json.h"
#include "score/scorer.h"
#include "score/wording.h"

static void write_emotions_f(HedonJson *json, const float *emotions)
{
    hedon_json_object(json, "emotions");
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        hedon_json_number(json, hedon_emotion_name(i), emotions[i]);
    hedon_json_end_object(json);
}

static void write_emotions(HedonJson *json, const HedonScore *score)
{
    if (!score->has_emotions) {
        hedon_json_null(json, "emotions");
        hedon_json_null(json, "top");
        return;
    }
    hedon_json_object(json, "emotions");
    for (int i = 0; i < HEDON_EMOTIONS; i++)
        hedon_json_number(json, hedon_emotion_name(i), score->emotions[i]);
    hedon_json_end_object(json);
    hedon_json_array(json, "top");
    for (int i = 0; i < 3; i++) hedon_json_string(json, NULL, hedon_emotion_name(score->top[i]));
    hedon_json_end_array(json);
}

static void write_wellbeing(HedonJson *json, const HedonModelInfo *info, const HedonScore *score)
{
    if (!score->has_utility) {
        hedon_json_null(json, "wellbeing");
        return;
    }
    hedon_json_object(json, "wellbeing");
    hedon_json_number(json, "utility", score->utility);
    if (score->has_percentile) {
        hedon_json_number(json, "percentile", score->percentile);
        hedon_json_object(json, "reference");
        hedon_json_string(json, "name", info->reference_name);
        hedon_json_integer(json, "videos", info->reference_count);
        hedon_json_end_object(json);
    } else {
        hedon_json_null(json, "percentile");
        hedon_json_null(json, "reference");
    }
    char meaning[512];
    hedon_wording_meaning(meaning, sizeof(meaning), info, score);
    hedon_json_string(json, "meaning", meaning);
    hedon_json_end_object(json);
}

/* A model file's own words: only if they are JSON. */
void hedon_score_write_test_metric(HedonJson *json, const HedonModelInfo *info)
{
    json_t *metric = info->test_metric ? json_loads(info->test_metric, 0, NULL) : NULL;
    char *compact = metric ? json_dumps(metric, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (compact)
        hedon_json_raw(json, "test_metric", compact);
    else
        hedon_json_null(json, "test_metric");
    free(compact);
    json_decref(metric);
}

static void write_reliability(HedonJson *json, const HedonModelInfo *info, const HedonScore *score)
{
    hedon_json_object(json, "reliability");
    hedon_json_bool(json, "human_trained", info->human_trained);
    hedon_score_write_test_metric(json, info);
    if (score->views > 1) {
        hedon_json_object(json, "view_sd");
        hedon_json_integer(json, "views", score->views);
        if (score->has_utility)
            hedon_json_number(json, "utility", score->utility_sd);
        else
            hedon_json_null(json, "utility");
        if (score->has_emotions)
            hedon_json_number(json, "emotions", score->emotions_sd);
        else
            hedon_json_null(json, "emotions");
        hedon_json_end_object(json);
    } else {
        hedon_json_null(json, "view_sd");
    }
    hedon_json_end_object(json);
}

static void write_clips(HedonJson *json, const HedonScore *score)
{
    hedon_json_array(json, "clips");
    for (int64_t i = 0; i < score->clip_count; i++) {
        const HedonScoreClip *clip = &score->clips[i];
        hedon_json_object(json, NULL);
        hedon_json_number(json, "start_s", clip->start_s);
        hedon_json_number(json, "end_s", clip->end_s);
        if (score->has_emotions)
            write_emotions_f(json, clip->emotions);
        else
            hedon_json_null(json, "emotions");
        if (score->has_utility)
            hedon_json_number(json, "utility", clip->utility);
        else
            hedon_json_null(json, "utility");
        hedon_json_end_object(json);
    }
    hedon_json_end_array(json);
}

static const char *precision_name(HedonDtype precision)
{
    return precision == HEDON_F32    ? "fp32"
           : precision == HEDON_BF16 ? "bf16"
           : precision == HEDON_F64  ? "fp64"
                                     : "other";
}

static void write_runtime(HedonJson *json, const HedonScorer *scorer, const HedonScore *score)
{
    hedon_json_object(json, "runtime");
    hedon_json_string(json, "device", scorer->backend_info.device);
    hedon_json_string(json, "precision", precision_name(scorer->options.device.precision));
    hedon_json_string(json, "backend", scorer->backend->name);
    hedon_json_string(json, "preprocessing", scorer->on_device ? "device" : "host");
    hedon_json_object(json, "threads");
    hedon_json_integer(json, "compute", scorer->share.streams * scorer->share.stream_threads);
    hedon_json_integer(json, "decode", scorer->share.workers * scorer->share.decode_threads);
    hedon_json_end_object(json);
    hedon_json_object(json, "seconds");
    hedon_json_number(json, "open", score->open_s);
    hedon_json_number(json, "decode", score->decode_s);
    hedon_json_number(json, "preprocess", score->preprocess_s);
    hedon_json_number(json, "predict", score->predict_s);
    hedon_json_number(json, "total", score->total_s);
    hedon_json_end_object(json);
    hedon_json_end_object(json);
}

void hedon_score_write_json(HedonJson *json, const HedonModelInfo *info, const HedonScore *score)
{
    if (score->code) {
        hedon_json_string(json, "video", score->video);
        hedon_json_string(json, "error", score->error);
        return;
    }
    hedon_json_string(json, "schema", "hedon.score/1");
    hedon_json_string(json, "video", score->video);
    hedon_json_number(json, "duration_s", score->duration_s);
    hedon_json_integer(json, "frames", score->frames);
    hedon_json_bool(json, "damaged", score->damaged);
    hedon_json_integer(json, "lost", score->lost);
    hedon_json_object(json, "model");
    hedon_json_string(json, "name", info->name);
    hedon_json_string(json, "sha256", info->sha256);
    hedon_json_string(json, "trained_on", info->trained_on);
    hedon_json_string(json, "caveat", info->caveat);
    hedon_json_end_object(json);
    write_emotions(json, score);
    write_wellbeing(json, info, score);
    write_reliability(json, info, score);
    write_clips(json, score);
}

int hedon_score_json(HedonContext *ctx, const HedonScorer *scorer, const HedonScore *score,
                     char **text)
{
    size_t size;
    FILE *out = hedon_wording_open(ctx, text, &size);
    if (!out) return HEDON_ENOMEM;
    HedonJson json = {.out = out};
    hedon_json_object(&json, NULL);
    hedon_score_write_json(&json, scorer->info, score);
    if (!score->code) write_runtime(&json, scorer, score);
    hedon_json_end_object(&json);
    fputc('\n', out);
    return hedon_wording_close(ctx, out, text);
}
