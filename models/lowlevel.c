/* lowlevel: what colour, brightness and motion alone say, by published regressions. No training.
 * docs/lowlevel.md tells the whole story; [V94], [S99], [D98], [Y17], [W13] are references there.
 *
 *   clip -> 7 statistics -> pleasure, arousal, dominance -> utility and 27 emotions
 *
 * Both arrows are linear, so that the model is an ordinary graph (lowlevel_graph.c); here are its
 * numbers. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/emotion_words.h"
#include "models/model_private.h"
#include "models/zoo.h"

enum { DIMENSIONS = HEDON_PAD, FEATURES = HEDON_COLOUR_MOTION_FEATURES };

/* What counts as zero and as one standard deviation of each statistic. The regressions are on
 * standardised variables of colour patches; there is no such table for videos, so these are our own
 * choice: round figures for everyday footage at 8 frames a second. A statistic without a line has
 * no weight below. */
static const struct {
    double mean, deviation;
} usual[FEATURES] = {
    [HEDON_FEATURE_BRIGHTNESS] = {0.42, 0.18},
    [HEDON_FEATURE_SATURATION] = {0.35, 0.20},
    [HEDON_FEATURE_MOTION] = {0.05, 0.10},
    [HEDON_FEATURE_FLICKER] = {0.01, 0.05},
};

/* Standardised coefficients. Brightness and saturation: [V94], abstract. Motion raises arousal and
 * has little effect on valence by itself [S99, D98]; no coefficient is published, the size
 * (saturation's) is our choice. Flicker is unpleasant [Y17]; its size is our choice too. Contrast,
 * warmth and colourfulness are measured but carry no weight: we know no regression for them. */
static const double effect[DIMENSIONS][FEATURES] = {
    [HEDON_PLEASURE] = {[HEDON_FEATURE_BRIGHTNESS] = 0.69,
                        [HEDON_FEATURE_SATURATION] = 0.22,
                        [HEDON_FEATURE_FLICKER] = -0.30},
    [HEDON_AROUSAL] = {[HEDON_FEATURE_BRIGHTNESS] = -0.31,
                       [HEDON_FEATURE_SATURATION] = 0.60,
                       [HEDON_FEATURE_MOTION] = 0.60},
    [HEDON_DOMINANCE] = {[HEDON_FEATURE_BRIGHTNESS] = -0.76, [HEDON_FEATURE_SATURATION] = 0.32},
};

/* An emotion's logit is the log density, at the clip's pleasure, arousal and dominance, of a round
 * Gaussian about its word, with what all emotions share left out:
 *
 *   logit_k = (p . r_k - |r_k|^2 / 2) / spread + rest
 *
 * That form, the variance and the constant (which puts a middling clip's intensities near .1) are
 * our choice. */
static const double spread = 2.0, rest = -0.5;

/* Utilities of the reference clips, ascending; made by tools/lowlevel-reference. */
static const double reference[] = {
#include "models/lowlevel_reference.inc"
};

/* standardise, then weigh: W (x - mean) / deviation as W' x + b' */
static void fill_dimensions(float *weight, float *bias)
{
    for (int d = 0; d < DIMENSIONS; d++) {
        double offset = 0;
        for (int f = 0; f < FEATURES; f++) {
            const double slope = usual[f].deviation > 0 ? effect[d][f] / usual[f].deviation : 0;
            weight[d * FEATURES + f] = (float)slope;
            offset -= slope * usual[f].mean;
        }
        bias[d] = (float)offset;
    }
}

static void fill_emotions(float *weight, float *bias)
{
    for (int k = 0; k < HEDON_EMOTIONS; k++) {
        double square = 0;
        for (int d = 0; d < DIMENSIONS; d++) {
            const double r = hedon_emotion_word_standard(k, d);
            weight[k * DIMENSIONS + d] = (float)(r / spread);
            square += r * r;
        }
        bias[k] = (float)(rest - square / (2 * spread));
    }
}

/* Pleasantness of watching is pleasure, as it comes. */
static void fill_utility(float *weight)
{
    weight[HEDON_PLEASURE] = 1;
}

static float *values_of(const HedonModel *model, const char *name)
{
    return hedon_model_parameter(model, name)->data;
}

/* The hash of the file that saving this model would write. */
static int hash_definition(HedonContext *ctx, HedonModel *model)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream) return hedon_fail_memory(ctx);
    int code = hedon_model_write(ctx, model, stream);
    if (fclose(stream) && !code) code = hedon_fail_memory(ctx);
    if (!code) hedon_sha256(model->sha256, bytes, size);
    free(bytes);
    return code;
}

/* The same statistics with one weight: brightness as it is measured. */
static void fill_brightness(const HedonModel *model)
{
    const HedonTensor *weight = hedon_model_parameter(model, "pad.weight");
    memset(weight->data, 0, DIMENSIONS * FEATURES * sizeof(float));
    ((float *)weight->data)[HEDON_PLEASURE * FEATURES + HEDON_FEATURE_BRIGHTNESS] = 1;
    memset(values_of(model, "pad.bias"), 0, DIMENSIONS * sizeof(float));
    fill_utility(values_of(model, "head.utility.weight"));
}

/* The parameters allocated, nothing filled in. */
static int open_empty(HedonContext *ctx, HedonModel **out, int with_emotions)
{
    HedonModel *model;
    *out = NULL;
    int code = hedon_model_new(ctx, &model, &hedon_lowlevel);
    if (!code && with_emotions)
        code = hedon_model_add_head(ctx, model, "emotions", HEDON_EMOTIONS, 1);
    if (!code) code = hedon_model_add_head(ctx, model, "utility", 1, 0);
    if (!code) code = hedon_model_declare(ctx, model, NULL);
    if (!code)
        for (int i = 0; i < model->parameter_count && !code; i++)
            code = hedon_model_allocate(ctx, model, i);
    if (code)
        hedon_model_close(model);
    else
        *out = model;
    return code;
}

static int finish(HedonContext *ctx, HedonModel **out, HedonModel *model)
{
    const int code = hash_definition(ctx, model);
    if (code)
        hedon_model_close(model);
    else
        *out = model;
    return code;
}

int hedon_lowlevel_open(HedonContext *ctx, HedonModel **out)
{
    HedonModel *model;
    *out = NULL;
    const int code = open_empty(ctx, &model, 1);
    if (code) return code;
    fill_dimensions(values_of(model, "pad.weight"), values_of(model, "pad.bias"));
    fill_emotions(values_of(model, "head.emotions.weight"), values_of(model, "head.emotions.bias"));
    fill_utility(values_of(model, "head.utility.weight"));
    model->info.trained_on = "published formulas, no training";
    model->info.caveat = "this model sees only colour, brightness and motion, not what is shown";
    model->info.reference_name = "256 synthetic clips (ffmpeg lavfi, seed 1)";
    model->info.reference = reference;
    model->info.reference_count = sizeof(reference) / sizeof(reference[0]);
    return finish(ctx, out, model);
}

int hedon_brightness_open(HedonContext *ctx, HedonModel **out)
{
    HedonModel *model;
    *out = NULL;
    const int code = open_empty(ctx, &model, 0);
    if (code) return code;
    fill_brightness(model);
    model->info.name = "brightness";
    model->info.trained_on = "nothing";
    model->info.caveat = "this model sees only how bright the pictures are";
    return finish(ctx, out, model);
}
