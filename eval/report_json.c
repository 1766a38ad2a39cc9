/* Schema "hedon.eval/1". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/distribution.h"
#include "eval/study.h"
#include "eval/vce.h"
#include "score/json_writer.h"
#include "score/wording.h"

static const char *const parts[] = {"test", "test", "train", "lists", "holdout"};

static void write_estimate(HedonJson *json, const char *key, double value,
                           const HedonInterval *interval)
{
    hedon_json_object(json, key);
    hedon_json_number(json, "value", value);
    if (interval) {
        hedon_json_number(json, "low", interval->low);
        hedon_json_number(json, "high", interval->high);
        hedon_json_number(json, "sd", interval->sd);
    }
    hedon_json_end_object(json);
}

static void write_metrics(HedonJson *json, const char *key, const HedonMetric *metrics, int count,
                          const double *value, const HedonInterval *interval)
{
    hedon_json_object(json, key);
    for (int m = 0; m < count; m++)
        write_estimate(json, metrics[m].key, value[m], interval ? &interval[m] : NULL);
    hedon_json_end_object(json);
}

static void write_bins(HedonJson *json, const char *key, const HedonCalibrationBin *bins)
{
    hedon_json_array(json, key);
    for (int b = 0; b < HEDON_CALIBRATION_BINS; b++) {
        hedon_json_object(json, NULL);
        hedon_json_number(json, "predicted", bins[b].predicted);
        hedon_json_number(json, "observed", bins[b].observed);
        hedon_json_integer(json, "count", bins[b].count);
        hedon_json_end_object(json);
    }
    hedon_json_end_array(json);
}

static void write_file_counts(HedonJson *json, const HedonOutputs *outputs)
{
    hedon_json_integer(json, "videos", outputs->count);
    hedon_json_integer(json, "extra", outputs->extra);
    hedon_json_integer(json, "duplicates", outputs->duplicates);
    hedon_json_integer(json, "empty", outputs->empty);
    hedon_json_integer(json, "failed", outputs->failed);
    if (outputs->width > 1) hedon_json_string(json, "scale", hedon_scale_name(outputs->scale));
}

static void write_emotions(HedonJson *json, const HedonResult *result)
{
    hedon_json_object(json, "emotions");
    for (int e = 0; e < HEDON_EMOTIONS; e++) {
        const int at = HEDON_VCE_METRICS + e * HEDON_VCE_EMOTION_METRICS;
        write_metrics(json, hedon_emotion_name(e), hedon_vce_emotion_metrics,
                      HEDON_VCE_EMOTION_METRICS, result->value + at, result->interval + at);
    }
    hedon_json_end_object(json);
}

static void write_result(HedonJson *json, const HedonStudy *study, const HedonResult *result,
                         int full)
{
    const HedonEvalTask *task = study->task;
    const int is_vce = task == &hedon_eval_vce;
    hedon_json_object(json, NULL);
    hedon_json_string(json, "name", result->name);
    if (result->note) hedon_json_string(json, "note", result->note);
    if (result->outputs && result->outputs->warning)
        hedon_json_string(json, "warning", result->outputs->warning);
    hedon_json_integer(json, "evaluated", result->rows);
    hedon_json_integer(json, "missing", result->missing);
    if (result->outputs && full) write_file_counts(json, result->outputs);
    if (is_vce) {
        hedon_json_integer(json, "all_zero_labels", result->all_zero);
        hedon_json_integer(json, "all_zero_predictions", result->zero_predictions);
        hedon_json_integer(json, "output_ties", result->output_ties);
    } else if (result->outputs) {
        hedon_json_integer(json, "pairs", result->pairs);
        hedon_json_integer(json, "lists", result->lists);
        hedon_json_integer(json, "units", result->units);
        hedon_json_number(json, "largest_group", result->largest_group);
        hedon_json_number(json, "temperature", result->temperature);
        hedon_json_integer(json, "temperature_pairs", result->temperature_pairs);
    }
    write_metrics(json, "metrics", task->metrics, task->metric_count, result->value,
                  result->interval);
    if (full && is_vce) write_emotions(json, result);
    if (full && (is_vce || result->pairs))
        write_bins(json, is_vce ? "deciles" : "confidence", result->bins);
    hedon_json_end_object(json);
}

static void write_settings(HedonJson *json, const HedonStudy *study)
{
    hedon_json_object(json, "settings");
    hedon_json_integer(json, "bootstrap", study->bootstrap.replicates);
    hedon_json_integer(json, "seed", (int64_t)study->bootstrap.seed);
    hedon_json_number(json, "interval", .95);
    hedon_json_string(json, "unit",
                      study->task == &hedon_eval_vce ? "video"
                      : study->ungrouped             ? "comparison"
                                         : "connected component of the comparison graph");
    hedon_json_number(json, "holdout", study->holdout_share);
    hedon_json_integer(json, "holdout_seed", (int64_t)study->holdout_seed);
    if (study->task == &hedon_eval_vce) {
        hedon_json_number(json, "kl_epsilon", HEDON_KL_EPSILON);
        hedon_json_string(json, "kl", "nats, epsilon added to both and normalised again");
        hedon_json_string(json, "jensen_shannon", "square root of the divergence in base 2");
        hedon_json_string(json, "wasserstein",
                          "exact, by Euclidean distances of the emotions' words in pleasure, "
                          "arousal and dominance, points of 1 to 9");
        hedon_json_string(json, "ties", "of labels and of outputs: first in class order");
    }
    hedon_json_end_object(json);
}

static void write_difference(HedonJson *json, const HedonStudy *study)
{
    if (!study->difference) return;
    hedon_json_object(json, "against");
    hedon_json_string(json, "name", study->against);
    hedon_json_integer(json, "common", study->common);
    hedon_json_string(json, "test", "paired bootstrap, two-sided; Holm over the tested metrics");
    hedon_json_object(json, "metrics");
    for (int m = 0; m < study->task->metric_count; m++) {
        const HedonDifference *difference = &study->difference[m];
        hedon_json_object(json, study->task->metrics[m].key);
        hedon_json_number(json, "difference", difference->value);
        hedon_json_number(json, "low", difference->interval.low);
        hedon_json_number(json, "high", difference->interval.high);
        hedon_json_number(json, "p", difference->p);
        hedon_json_number(json, "p_holm", difference->holm);
        hedon_json_end_object(json);
    }
    hedon_json_end_object(json);
    hedon_json_end_object(json);
}

static void write_spread(HedonJson *json, const HedonStudy *study)
{
    if (!study->mean) return;
    hedon_json_object(json, "spread");
    hedon_json_integer(json, "files", study->subject_count);
    hedon_json_object(json, "metrics");
    for (int m = 0; m < study->task->metric_count; m++) {
        hedon_json_object(json, study->task->metrics[m].key);
        hedon_json_number(json, "mean", study->mean[m]);
        hedon_json_number(json, "sd", study->sd[m]);
        hedon_json_end_object(json);
    }
    hedon_json_end_object(json);
    hedon_json_end_object(json);
}

static void write_slices(HedonJson *json, const HedonStudy *study)
{
    if (!study->slice_count) return;
    hedon_json_array(json, "slices");
    for (int i = 0; i < study->slice_count; i++) {
        HedonResult result = study->slices[i].result;
        result.name = study->slices[i].name;
        write_result(json, study, &result, 0);
    }
    hedon_json_end_array(json);
}

int hedon_study_json(HedonContext *ctx, const HedonStudy *study, char **text)
{
    size_t size;
    FILE *out = hedon_wording_open(ctx, text, &size);
    if (!out) return HEDON_ENOMEM;
    HedonJson json = {.out = out};
    const int both = study->part == HEDON_PART_DEFAULT && study->task == &hedon_eval_v2v;
    hedon_json_object(&json, NULL);
    hedon_json_string(&json, "schema", "hedon.eval/1");
    hedon_json_string(&json, "task", study->task->name);
    hedon_json_string(&json, "data", hedon_dataset_dir(study->dataset));
    hedon_json_string(&json, "split", both ? "test and lists" : parts[study->part]);
    hedon_json_integer(&json, study->task == &hedon_eval_vce ? "videos" : "comparisons",
                       study->row_count);
    write_settings(&json, study);
    hedon_json_array(&json, "models");
    for (int i = 0; i < study->subject_count; i++) write_result(&json, study, &study->result[i], 1);
    hedon_json_end_array(&json);
    hedon_json_array(&json, "baselines");
    for (int i = study->subject_count; i < study->result_count; i++)
        write_result(&json, study, &study->result[i], 0);
    hedon_json_end_array(&json);
    write_spread(&json, study);
    write_difference(&json, study);
    write_slices(&json, study);
    hedon_json_end_object(&json);
    fputc('\n', out);
    return hedon_wording_close(ctx, out, text);
}
