#include "score/tally.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "models/emotions.h"

static double sigmoid(double logit)
{
    return 1 / (1 + exp(-logit));
}

int hedon_tally_start(HedonContext *ctx, HedonTally *tally, HedonClipRoles roles,
                      int64_t clip_count, int64_t views_per_clip)
{
    hedon_tally_free(tally);
    tally->roles = roles;
    tally->clip_count = clip_count;
    tally->views_per_clip = views_per_clip;
    tally->clips = hedon_calloc((size_t)roles.timeline, sizeof(*tally->clips));
    return tally->clips ? 0 : hedon_fail_memory(ctx);
}

static int64_t row_of(const HedonTally *tally, int64_t clip)
{
    return tally->roles.row ? tally->roles.row[clip] : clip;
}

void hedon_tally_clip(HedonTally *tally, int64_t clip, double start_s, double end_s)
{
    const int64_t row = row_of(tally, clip);
    if (row == HEDON_NO_ROW) return;
    tally->clips[row].start_s = start_s;
    tally->clips[row].end_s = end_s;
}

/* The spread is that of what people see: intensities, and the utility as it is. */
static void add_to_spread(HedonTally *tally, const float *logits)
{
    for (int i = 0; i < HEDON_TALLY_VALUES; i++) {
        const double value = i < HEDON_EMOTIONS ? sigmoid(logits[i]) : (double)logits[i];
        const double before = value - tally->mean[i];
        tally->mean[i] += before / (double)tally->views;
        tally->square[i] += before * (value - tally->mean[i]);
    }
}

static void add_to_video(HedonTally *tally, const float *logits)
{
    tally->views++;
    for (int i = 0; i < HEDON_TALLY_VALUES; i++) tally->sum[i] += logits[i];
    add_to_spread(tally, logits);
}

/* The mean over the views of the clip under way becomes its row. */
static void finish_clip(HedonTally *tally, HedonScoreClip *row)
{
    double mean[HEDON_TALLY_VALUES] = {0};
    for (int64_t view = 0; view < tally->views_per_clip; view++)
        for (int i = 0; i < HEDON_TALLY_VALUES; i++) mean[i] += tally->last[view][i];
    for (int i = 0; i < HEDON_TALLY_VALUES; i++) mean[i] /= (double)tally->views_per_clip;
    for (int i = 0; tally->has_emotions && i < HEDON_EMOTIONS; i++)
        row->emotions[i] = (float)sigmoid(mean[i]);
    row->utility = mean[HEDON_EMOTIONS];
}

void hedon_tally_view(HedonTally *tally, int64_t clip, int64_t view, const float *emotions,
                      const float *utility)
{
    float *logits = tally->last[view];
    tally->has_emotions = emotions != NULL;
    tally->has_utility = utility != NULL;
    for (int i = 0; i < HEDON_EMOTIONS; i++) logits[i] = emotions ? emotions[i] : 0;
    logits[HEDON_EMOTIONS] = utility ? *utility : 0;
    for (int i = 0; i < HEDON_TALLY_VALUES; i++)
        if (!isfinite(logits[i])) tally->not_finite = 1;
    tally->taken++;
    const int64_t row = row_of(tally, clip);
    if (!tally->roles.row || row == HEDON_NO_ROW) add_to_video(tally, logits);
    if (row != HEDON_NO_ROW && view + 1 == tally->views_per_clip)
        finish_clip(tally, &tally->clips[row]);
}

void hedon_tally_last(const HedonTally *tally, int64_t view, const float **emotions,
                      const float **utility)
{
    *emotions = tally->has_emotions ? tally->last[view] : NULL;
    *utility = tally->has_utility ? &tally->last[view][HEDON_EMOTIONS] : NULL;
}

int hedon_tally_complete(const HedonTally *tally)
{
    return tally->taken == tally->clip_count * tally->views_per_clip;
}

double hedon_percentile(const double *ascending, int64_t count, double x)
{
    int64_t low = 0, high = count; /* values before low are below x, from high on are not */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (ascending[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return 100 * (double)low / (double)count;
}

int hedon_tally_result(HedonContext *ctx, const HedonTally *tally, const HedonModelInfo *model,
                       HedonScore *score)
{
    if (tally->not_finite || !tally->views)
        return hedon_fail(ctx, HEDON_EDATA,
                          "the model's output is not a finite number: its file may be "
                          "damaged; try another --model");
    score->clips = tally->clips;
    score->clip_count = tally->roles.timeline;
    score->views = tally->views;
    score->has_emotions = model->emotions_head >= 0;
    score->has_utility = model->utility_head >= 0;
    const double views = (double)tally->views;
    double deviation[HEDON_TALLY_VALUES] = {0};
    for (int i = 0; tally->views > 1 && i < HEDON_TALLY_VALUES; i++)
        deviation[i] = sqrt(tally->square[i] / (views - 1));
    if (score->has_emotions) {
        for (int i = 0; i < HEDON_EMOTIONS; i++) {
            score->emotions[i] = sigmoid(tally->sum[i] / views);
            score->emotions_sd += deviation[i] / HEDON_EMOTIONS;
        }
        hedon_emotions_top(score->emotions, score->top);
    }
    if (score->has_utility) {
        score->utility = tally->sum[HEDON_EMOTIONS] / views;
        score->utility_sd = deviation[HEDON_EMOTIONS];
        score->has_percentile = model->reference_count > 0;
        if (score->has_percentile)
            score->percentile =
                hedon_percentile(model->reference, model->reference_count, score->utility);
    }
    return 0;
}

void hedon_tally_free(HedonTally *tally)
{
    hedon_free(tally->clips);
    memset(tally, 0, sizeof(*tally));
}
